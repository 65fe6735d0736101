// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/hidden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conntrace/count.h"
#include "support/events.h"

struct comparison {
	const struct e2e_loss *loss;
	bool gives_reasons;
	const json_t *whole;
	const json_t *less;
	struct e2e_loss_tally tally;
};

/// A word is in a list of words.
static bool is_among(const char *const *list, size_t max, const char *word)
{
	for (size_t i = 0; i < max && list[i]; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/// A flag is in a text of flags; NULL has none.
static bool is_in(const char *flags, const char *flag)
{
	const char *at = flags ? strstr(flags, flag) : NULL;

	return at && (at[strlen(flag)] == ' ' || !at[strlen(flag)]);
}

static bool is_missing_with(const struct e2e_loss *loss, const json_t *event, const char *key)
{
	char both[64];

	snprintf(both, sizeof(both), "%s=%s", e2e_event_text(event, "event"),
		 e2e_event_text(event, key));
	return is_among(loss->missing, E2E_LOSS_MISSING_MAX, both);
}

static bool may_be_missing(const struct comparison *comparison, const json_t *event)
{
	const struct e2e_loss *loss = comparison->loss;
	const char *kind = e2e_event_text(event, "event");

	if (loss->missing_of && strcmp(e2e_event_text(event, "comm"), loss->missing_of) == 0)
		return true;
	if (loss->nobodys_resets && !comparison->gives_reasons && strcmp(kind, "rst") == 0 &&
	    json_is_null(json_object_get(event, "conn")))
		return true;
	return is_among(loss->missing, E2E_LOSS_MISSING_MAX, kind) ||
	       is_missing_with(loss, event, "direction") ||
	       is_missing_with(loss, event, "segment") || is_missing_with(loss, event, "to");
}

/// Measured by each tracer on its own: only whether it is known can be compared.
static bool is_measured(const char *key)
{
	size_t len = strlen(key);

	return strcmp(key, "ts") == 0 || (len > 3 && strcmp(key + len - 3, "_ns") == 0) ||
	       (len > 3 && strcmp(key + len - 3, "_us") == 0);
}

static bool is_allowed(const struct e2e_loss *loss, const char *word)
{
	return is_among(loss->allowed, E2E_LOSS_ALLOWED_MAX, word) ||
	       is_among(loss->bare_allowed, E2E_LOSS_BARE_MAX, word);
}

/// less NULL: the key is not there.
static bool is_less_and_allowed(const struct e2e_loss *loss, const char *key, const json_t *less)
{
	char both[64];

	if (!less || json_is_null(less) || json_is_array(less))
		return is_allowed(loss, key);
	if (!json_is_string(less))
		return false;
	snprintf(both, sizeof(both), "%s=%s", key, json_string_value(less));
	return is_allowed(loss, both);
}

static char *dump(const json_t *value)
{
	return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("not there");
}

static void count_wrong(struct comparison *comparison, const char *key, const json_t *whole,
			const json_t *less)
{
	char *with = dump(whole), *without = dump(less);

	print_message("without %s: %s is %s, with it %s\n", e2e_loss_name(comparison->loss), key,
		      without, with);
	free(with);
	free(without);
	comparison->tally.wrong++;
}

static bool is_alike(const struct e2e_loss *loss, const char *key, const json_t *whole,
		     const json_t *less);

/// The keys of both.
static bool are_members_alike(const struct e2e_loss *loss, const json_t *whole, const json_t *less)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)whole, key, value)
	{
		if (!is_alike(loss, key, value, json_object_get(less, key)))
			return false;
	}
	json_object_foreach((json_t *)less, key, value)
	{
		if (!json_object_get(whole, key) && !is_alike(loss, key, NULL, value))
			return false;
	}
	return true;
}

static bool are_elements_alike(const struct e2e_loss *loss, const char *key, const json_t *whole,
			       const json_t *less)
{
	bool alike = json_array_size(whole) == json_array_size(less);

	for (size_t i = 0; alike && i < json_array_size(whole); i++)
		alike = is_alike(loss, key, json_array_get(whole, i), json_array_get(less, i));
	return alike;
}

static const char *flag_name(const json_t *flag)
{
	return json_is_string(flag) ? json_string_value(flag) : e2e_event_text(flag, "flag");
}

/// A flag that is raised with the event at hand, and not one of those that a summary lists.
static bool is_moved(const struct e2e_loss *loss, const json_t *flags, size_t i)
{
	const json_t *flag = json_array_get(flags, i);

	return json_is_string(flag) && is_in(loss->moved, flag_name(flag));
}

/// Those of WHOLE, in turn, but for what the loss takes away or lets another event raise.
static bool are_flags_alike(const struct e2e_loss *loss, const json_t *whole, const json_t *less)
{
	size_t next = 0;

	for (size_t i = 0; i < json_array_size(whole); i++) {
		const json_t *flag = json_array_get(whole, i), *other = json_array_get(less, next);

		if (other && strcmp(flag_name(other), flag_name(flag)) == 0) {
			if (!is_in(loss->moved, flag_name(flag)) &&
			    !is_alike(loss, "flag", flag, other))
				return false;
			next++;
		} else if (!is_in(loss->flags, flag_name(flag)) &&
			   !is_in(loss->bare_flags, flag_name(flag))) {
			return false;
		}
	}
	while (is_moved(loss, less, next))
		next++;
	return next == json_array_size(less);
}

/// Either may be NULL: the key is not there.
static bool is_alike(const struct e2e_loss *loss, const char *key, const json_t *whole,
		     const json_t *less)
{
	if (is_less_and_allowed(loss, key, less))
		return true;
	if (!whole || !less)
		return strcmp(key, "flags") == 0 && are_flags_alike(loss, whole, less);
	if (is_measured(key))
		return json_is_null(whole) == json_is_null(less);
	if (strcmp(key, "flags") == 0)
		return are_flags_alike(loss, whole, less);
	if (json_is_object(whole) && json_is_object(less))
		return are_members_alike(loss, whole, less);
	if (json_is_array(whole) && json_is_array(less))
		return are_elements_alike(loss, key, whole, less);
	return json_equal(whole, less);
}

/// Alike, and not the same. Times within differ by what each tracer measured.
static bool says_less(const json_t *whole, const json_t *less)
{
	if (!whole || !less)
		return true;
	if (json_is_null(whole) || json_is_null(less))
		return json_is_null(whole) != json_is_null(less);
	if (json_is_array(whole))
		return json_array_size(whole) != json_array_size(less);
	return json_is_string(whole) && !json_equal(whole, less);
}

static void compare_key(struct comparison *comparison, const char *key, const json_t *whole,
			const json_t *less)
{
	if (is_alike(comparison->loss, key, whole, less))
		comparison->tally.less += strcmp(key, "ts") != 0 && says_less(whole, less);
	else
		count_wrong(comparison, key, whole, less);
}

static void compare_event(struct comparison *comparison, const json_t *whole, const json_t *less)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)whole, key, value)
		compare_key(comparison, key, value, json_object_get(less, key));
	json_object_foreach((json_t *)less, key, value)
	{
		if (!json_object_get(whole, key))
			compare_key(comparison, key, NULL, value);
	}
}

/// They tell of the same thing.
static bool is_same(const struct e2e_loss *loss, const json_t *whole, const json_t *less)
{
	static const char *const keys[] = {"event", "from", "to", "direction", "errno", "segment"};

	for (size_t i = 0; i < CT_COUNT(keys); i++) {
		const json_t *other = json_object_get(less, keys[i]);

		if (strcmp(e2e_event_text(whole, keys[i]), e2e_event_text(less, keys[i])) != 0 &&
		    !(other && is_less_and_allowed(loss, keys[i], other)))
			return false;
	}
	return true;
}

/// Next event of a connection from *at on, *at behind it; NULL: no more. Summaries apart: they come
/// by the time that has passed, each tracer's own.
static const json_t *next_of(const json_t *events, const char *conn, bool summary, size_t *at)
{
	while (*at < json_array_size(events)) {
		const json_t *event = json_array_get(events, (*at)++);

		if (strcmp(e2e_event_text(event, "conn"), conn) == 0 &&
		    (strcmp(e2e_event_text(event, "event"), "close") == 0) == summary)
			return event;
	}
	return NULL;
}

/// What one tracer tells of a connection is what the whole one does, less what was to be lost.
static void compare_conn(struct comparison *comparison, const char *conn, bool summary)
{
	size_t at = 0, at_less = 0;
	const json_t *event, *other = next_of(comparison->less, conn, summary, &at_less);

	while ((event = next_of(comparison->whole, conn, summary, &at))) {
		if (other && is_same(comparison->loss, event, other)) {
			compare_event(comparison, event, other);
			other = next_of(comparison->less, conn, summary, &at_less);
		} else if (may_be_missing(comparison, event)) {
			comparison->tally.less++;
		} else {
			count_wrong(comparison, conn, event, other);
		}
	}
	for (; other; other = next_of(comparison->less, conn, summary, &at_less))
		count_wrong(comparison, conn, NULL, other);
}

static bool is_told_before(const json_t *events, const char *conn, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if (strcmp(e2e_event_text(json_array_get(events, i), "conn"), conn) == 0)
			return true;
	return false;
}

/// Each connection that is told of in EVENTS and, if there are OTHERS, not in those.
static void compare_each(struct comparison *comparison, const json_t *events, const json_t *others)
{
	for (size_t i = 0; i < json_array_size(events); i++) {
		const char *conn = e2e_event_text(json_array_get(events, i), "conn");

		if (is_told_before(events, conn, i) ||
		    is_told_before(others, conn, json_array_size(others)))
			continue;
		compare_conn(comparison, conn, false);
		compare_conn(comparison, conn, true);
	}
}

struct e2e_loss_tally e2e_loss_compare(const struct e2e_loss *loss, bool gives_reasons,
				       const json_t *whole, const json_t *less)
{
	struct e2e_loss here = *loss;
	struct comparison comparison = {
		.loss = &here, .gives_reasons = gives_reasons, .whole = whole, .less = less};

	if (gives_reasons) {
		here.bare_allowed[0] = NULL;
		here.bare_flags = NULL;
	}
	compare_each(&comparison, whole, NULL);
	compare_each(&comparison, less, whole);
	return comparison.tally;
}
