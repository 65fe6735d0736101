// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/e2e.h"
#include "support/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DUMP_EVENTS_MAX 80
#define FLAGS_MAX	32
#define TEXT_BYTES	2048

json_t *e2e_events_parse(const char *text, size_t bytes)
{
	json_t *events = json_array();
	const char *end = text + bytes;

	for (const char *line = text, *newline; line < end; line = newline + 1) {
		json_error_t error = {0};
		json_t *event;

		newline = memchr(line, '\n', (size_t)(end - line));
		if (!newline)
			fail_msg("the last line is cut: %s", line);
		event = json_loadb(line, (size_t)(newline - line), JSON_REJECT_DUPLICATES, &error);
		if (!json_is_object(event))
			fail_msg("no JSON object (%s): %.*s", error.text, (int)(newline - line),
				 line);
		json_array_append_new(events, event);
	}
	return events;
}

bool e2e_event_matches(const json_t *event, const json_t *pattern)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)pattern, key, value)
	{
		if (!json_equal(json_object_get(event, key), value))
			return false;
	}
	return true;
}

const char *e2e_event_text(const json_t *event, const char *key)
{
	const json_t *value = json_object_get(event, key);

	if (!value)
		return "(none)";
	return json_is_string(value) ? json_string_value(value) : "(null)";
}

long long e2e_event_number(const json_t *event, const char *key)
{
	const json_t *value = json_object_get(event, key);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

json_t *e2e_events_pattern(const char *pattern, va_list args)
{
	json_error_t error;
	json_t *wanted = json_vpack_ex(&error, 0, pattern, args);

	if (!wanted)
		fail_msg("bad pattern %s: %s", pattern, error.text);
	return wanted;
}

/// Count of the matches; the nth goes to *ret_nth and its position to *ret_position, both unchanged
/// if there is none.
static size_t scan(const json_t *events, const json_t *wanted, size_t nth, json_t **ret_nth,
		   long *ret_position)
{
	size_t count = 0;
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		if (!e2e_event_matches(event, wanted))
			continue;
		if (count++ == nth) {
			*ret_nth = event;
			*ret_position = (long)index;
		}
	}
	return count;
}

/// scan() with the pattern still to be packed.
static size_t scan_packed(const json_t *events, const char *pattern, va_list args, size_t nth,
			  json_t **ret_nth, long *ret_position)
{
	json_t *wanted = e2e_events_pattern(pattern, args);
	size_t count = scan(events, wanted, nth, ret_nth, ret_position);

	json_decref(wanted);
	return count;
}

size_t e2e_events_count(const json_t *events, const char *pattern, ...)
{
	json_t *first;
	long position;
	size_t count;
	va_list args;

	va_start(args, pattern);
	count = scan_packed(events, pattern, args, 0, &first, &position);
	va_end(args);
	return count;
}

json_t *e2e_events_nth(const json_t *events, size_t nth, const char *pattern, ...)
{
	json_t *found = NULL;
	long position;
	va_list args;

	va_start(args, pattern);
	scan_packed(events, pattern, args, nth, &found, &position);
	va_end(args);
	return found;
}

long e2e_events_position(const json_t *events, const char *pattern, ...)
{
	json_t *found;
	long position = -1;
	va_list args;

	va_start(args, pattern);
	scan_packed(events, pattern, args, 0, &found, &position);
	va_end(args);
	return position;
}

static void print_event(const json_t *event)
{
	char *text = json_dumps(event, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);

	print_error("  %s\n", text ? text : "(not printable)");
	free(text);
}

/// Prints the events of a connection, or of all when conn is NULL; the newest are left out when
/// there are very many.
static void dump(const json_t *events, const char *conn)
{
	size_t index, printed = 0, left_out = 0;
	json_t *event;

	print_error("events of %s:\n", conn ? conn : "all connections");
	json_array_foreach((json_t *)events, index, event)
	{
		if (conn && strcmp(e2e_event_text(event, "conn"), conn))
			continue;
		if (printed == DUMP_EVENTS_MAX) {
			left_out++;
			continue;
		}
		print_event(event);
		printed++;
	}
	if (left_out)
		print_error("  … and %zu more\n", left_out);
}

/// Prints the pattern and the events of the connection that it names, if it names one.
static void dump_for(const json_t *events, const json_t *wanted)
{
	print_error("pattern:\n");
	print_event(wanted);
	dump(events, json_string_value(json_object_get(wanted, "conn")));
}

json_t *e2e_events_one_at(const char *file, int line, const json_t *events, const char *pattern,
			  ...)
{
	json_t *found = NULL, *wanted;
	long position;
	size_t count;
	va_list args;

	va_start(args, pattern);
	wanted = e2e_events_pattern(pattern, args);
	va_end(args);
	count = scan(events, wanted, 0, &found, &position);
	if (count != 1) {
		dump_for(events, wanted);
		print_error("wanted one match, found %zu\n", count);
		_fail(file, line);
	}
	json_decref(wanted);
	return found;
}

void e2e_assert_none_at(const char *file, int line, const json_t *events, const char *pattern, ...)
{
	json_t *found = NULL, *wanted;
	long position;
	va_list args;

	va_start(args, pattern);
	wanted = e2e_events_pattern(pattern, args);
	va_end(args);
	if (scan(events, wanted, 0, &found, &position)) {
		dump_for(events, wanted);
		print_error("wanted no match, found:\n");
		print_event(found);
		_fail(file, line);
	}
	json_decref(wanted);
}

/// Appends to a list of words in a buffer of TEXT_BYTES; what does not fit is cut.
static void append_word(char *list, const char *word)
{
	size_t length = strlen(list);

	snprintf(list + length, TEXT_BYTES - length, "%s%s", length ? " " : "", word);
}

void e2e_assert_path_at(const char *file, int line, const json_t *events, const char *conn,
			const char *want)
{
	char path[TEXT_BYTES] = "";
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		char step[64];

		if (strcmp(e2e_event_text(event, "conn"), conn) ||
		    strcmp(e2e_event_text(event, "event"), "state"))
			continue;
		snprintf(step, sizeof(step), "%s>%s", e2e_event_text(event, "from"),
			 e2e_event_text(event, "to"));
		append_word(path, step);
	}
	if (strcmp(path, want)) {
		dump(events, conn);
		print_error("path of %s\n  is     %s\n  wanted %s\n", conn, path, want);
		_fail(file, line);
	}
}

/// The flags of one connection, gathered without repetition.
struct flag_set {
	const char *names[FLAGS_MAX];
	size_t count;
};

static void flag_set_add(struct flag_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!strcmp(set->names[i], name))
			return;
	}
	assert_true(set->count < FLAGS_MAX);
	set->names[set->count++] = name;
}

/// `flags` is a list of names on an event and a list of objects in a summary.
static void flag_set_add_event(struct flag_set *set, const json_t *event)
{
	size_t index;
	json_t *flag;

	json_array_foreach(json_object_get(event, "flags"), index, flag)
	{
		flag_set_add(set, json_is_object(flag) ? e2e_event_text(flag, "flag")
						       : json_string_value(flag));
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/// Gathers the flags of a connection, sorted; false when there is no event of it.
static bool flag_set_fill(struct flag_set *set, const json_t *events, const char *conn)
{
	bool is_there = false;
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		if (strcmp(e2e_event_text(event, "conn"), conn))
			continue;
		is_there = true;
		flag_set_add_event(set, event);
	}
	qsort(set->names, set->count, sizeof(set->names[0]), compare_names);
	return is_there;
}

void e2e_assert_flags_at(const char *file, int line, const json_t *events, const char *conn,
			 const char *want)
{
	struct flag_set set = {.count = 0};
	bool is_there = flag_set_fill(&set, events, conn);
	char flags[TEXT_BYTES] = "";

	for (size_t i = 0; i < set.count; i++)
		append_word(flags, set.names[i]);
	if (!is_there || strcmp(flags, want)) {
		dump(events, conn);
		print_error("flags of %s\n  are    [%s]\n  wanted [%s]\n", conn, flags, want);
		_fail(file, line);
	}
}

void e2e_assert_flag_at(const char *file, int line, const json_t *events, const char *conn,
			const char *want)
{
	struct flag_set set = {.count = 0};

	flag_set_fill(&set, events, conn);
	for (size_t i = 0; i < set.count; i++) {
		if (!strcmp(set.names[i], want))
			return;
	}
	dump(events, conn);
	print_error("%s has no flag %s\n", conn, want);
	_fail(file, line);
}

void e2e_assert_history_at(const char *file, int line, const json_t *summary, const char *want)
{
	char history[TEXT_BYTES] = "";
	size_t index;
	json_t *step;

	json_array_foreach(json_object_get(summary, "history"), index, step)
	{
		append_word(history, e2e_event_text(step, "state"));
	}
	if (strcmp(history, want)) {
		print_event(summary);
		print_error("history\n  is     %s\n  wanted %s\n", history, want);
		_fail(file, line);
	}
}

void e2e_assert_has_at(const char *file, int line, const json_t *event, const char *pattern, ...)
{
	json_t *wanted;
	va_list args;

	va_start(args, pattern);
	wanted = e2e_events_pattern(pattern, args);
	va_end(args);
	if (!e2e_event_matches(event, wanted)) {
		print_error("wanted:\n");
		print_event(wanted);
		print_error("in:\n");
		print_event(event);
		_fail(file, line);
	}
	json_decref(wanted);
}

/// All that was told of a connection, by its ports: a part of it may have no name.
static void dump_both_ends(const json_t *events, const json_t *of)
{
	json_int_t lport = e2e_event_number(of, "lport"), rport = e2e_event_number(of, "rport");
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		json_int_t port = e2e_event_number(event, "lport");

		if ((port == lport || port == rport) &&
		    port + e2e_event_number(event, "rport") == lport + rport)
			print_event(event);
	}
}

void e2e_assert_no_loss_at(const char *file, int line, const json_t *events)
{
	size_t index;
	json_t *event;

	/* it is told, and nobody's fault: the program was interrupted by what it should have told
	 */
	if (e2e_events_count(events, "{s:s, s:s}", "event", "lost", "where", "recursion"))
		e2e_again("the kernel skipped a program");
	json_array_foreach((json_t *)events, index, event)
	{
		if (!strcmp(e2e_event_text(event, "event"), "lost") ||
		    e2e_event_number(event, "gaps") > 0) {
			print_error("something was lost:\n");
			print_event(event);
			print_error("of both ends was told:\n");
			dump_both_ends(events, event);
			_fail(file, line);
		}
	}
}

static bool is_one_of(const char *conn, const char *const conns[])
{
	for (size_t i = 0; conns[i]; i++) {
		if (!strcmp(conn, conns[i]))
			return true;
	}
	return false;
}

void e2e_assert_only_at(const char *file, int line, const json_t *events, const char *const conns[])
{
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		if (!is_one_of(e2e_event_text(event, "conn"), conns)) {
			print_error("an event of a connection that was not asked for:\n");
			print_event(event);
			_fail(file, line);
		}
	}
}

void e2e_assert_life_flags(const json_t *life, const char *want)
{
	json_t *alone = json_pack("[O]", life);

	e2e_assert_flags(alone, e2e_event_text(life, "conn"), want);
	json_decref(alone);
}

json_t *e2e_events_summaries(const json_t *events)
{
	json_t *ret = json_object(), *event;
	size_t index;

	json_array_foreach((json_t *)events, index, event)
	{
		const json_t *conn = json_object_get(event, "conn");

		if (json_is_string(conn) && !strcmp(e2e_event_text(event, "event"), "close") &&
		    !json_object_get(ret, json_string_value(conn)))
			json_object_set(ret, json_string_value(conn), event);
	}
	return ret;
}
