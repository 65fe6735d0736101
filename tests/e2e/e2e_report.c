// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that the text of a report has its parts in order, and in them the numbers of the
// connections that were made.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/ss.h"

#define LIVES	     3
#define CLIENT_BYTES 100
#define SERVER_BYTES 200
#define EXIT_USAGE   2

/// A recording of LIVES plain lives, one that the client resets, and one that is refused.
struct recorded {
	const char *path;
	struct e2e_pair pair;
	json_t *lives; /// owned: the summaries
};

static void connect_and_talk(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_pair_exchange(pair, CLIENT_BYTES, SERVER_BYTES);
}

static void record(struct e2e *e2e, struct recorded *ret)
{
	struct e2e_pair *pair = &ret->pair;
	struct e2e_tracer *tracer;

	ret->path = e2e_path(e2e, "report.ctr");
	tracer = E2E_TRACE(e2e, "record", "-w", ret->path, "-P",
			   e2e_format(e2e, "%u,%u", e2e_port(0), e2e_port(1)));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), pair);
	for (int i = 0; i < LIVES; i++) {
		connect_and_talk(pair);
		e2e_pair_close(pair);
	}
	connect_and_talk(pair);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_try_receive(pair->server, pair->server_fd, 1);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_connect_fails(pair->client, "127.0.0.1", e2e_port(1), ECONNREFUSED);
	e2e_ss_wait_none(&e2e->home, "state last-ack sport = :%u", e2e_port(0));
	e2e_tracer_stop(tracer, 0);
	ret->lives = E2E_CONNTRACE_JSON("report", "--json", ret->path);
	e2e_assert_no_loss(ret->lives);
}

static size_t flagged(const json_t *lives, const char *port_key, unsigned port)
{
	const json_t *life;
	size_t n = 0, i;

	json_array_foreach((json_t *)lives, i, life)
		n += e2e_event_number(life, port_key) == (long long)port &&
		     json_array_size(json_object_get(life, "flags")) > 0;
	return n;
}

/// Of the table with these heads the line that begins with these words; what stands behind them.
static const char *find_row(const char *text, const char *heads, const char *words)
{
	const char *line = strstr(text, heads);

	if (!line)
		fail_msg("no table '%s' in: %s", heads, text);
	while (line && *line && *line != '\n') { /* an empty line ends it */
		const char *word = line + strspn(line, " ");

		if (strncmp(word, words, strlen(words)) == 0 && word[strlen(words)] == ' ')
			return word + strlen(words);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	fail_msg("no line '%s' in: %s", words, text);
	return NULL;
}

static void assert_group(const char *text, const char *heads, const char *words,
			 size_t want_connections, size_t want_flagged, const char *want_sums)
{
	const char *row = find_row(text, heads, words);
	size_t connections, flags, open;
	int n = 0;

	assert_int_equal(sscanf(row, "%zu %zu %zu %n", &connections, &flags, &open, &n), 3);
	assert_int_equal(connections, want_connections);
	assert_int_equal(flags, want_flagged);
	assert_int_equal(open, 0);
	for (const char *want = want_sums; *want; want++) {
		for (; row[n] == ' ' && row[n - 1] == ' '; n++) /* columns */
			;
		if (row[n++] != *want)
			fail_msg("not '%s' in '%.*s'", want_sums, (int)strcspn(row, "\n"), row);
	}
}

static void assert_in_order(const char *text, const char *const parts[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(text, parts[i]);

		if (!at)
			fail_msg("no '%s', or not where it belongs, in: %s", parts[i], text);
		text = at + 1;
	}
}

static void parts_are_there_in_their_order(void **state)
{
	static const char *const parts[] = {
		"Recorded on ", "No event was lost.\n",
		"\nFINDINGS: ", "\nPEER ",
		"PID COMM ",	"PORT ROLE ",
		"\nTIME ",	"\nTHE WORST LIVES: ",
		"\nTROUBLE: 3", "\nEND ",
		"\nFLAG ",	" events lost, ",
	};
	struct e2e_output output;
	struct recorded recorded;

	record(*state, &recorded);
	json_decref(recorded.lives);
	E2E_CONNTRACE(&output, "report", recorded.path);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "");
	assert_in_order(output.out, parts, sizeof(parts) / sizeof(parts[0]));
	e2e_output_free(&output);
}

static void connections_are_counted_by_what_is_asked_for(void **state)
{
	const size_t made = LIVES + 1;
	struct e2e *e2e = *state;
	struct e2e_output output;
	struct recorded recorded;
	size_t active, passive;

	record(e2e, &recorded);
	active = flagged(recorded.lives, "rport", e2e_port(0));
	passive = flagged(recorded.lives, "lport", e2e_port(0));
	assert_in_range(active, 1, made);
	assert_in_range(passive, 1, made);
	json_decref(recorded.lives);

	E2E_CONNTRACE(&output, "report", recorded.path, "--by", "port");
	assert_group(output.out, "PORT ROLE ", e2e_format(e2e, "%u active", e2e_port(0)), made,
		     active, "400 B 800 B ");
	assert_group(output.out, "PORT ROLE ", e2e_format(e2e, "%u passive", e2e_port(0)), made,
		     passive, "800 B 400 B ");
	assert_group(output.out, "PORT ROLE ", e2e_format(e2e, "%u active", e2e_port(1)), 1, 1,
		     "0 B 0 B ");
	assert_null(strstr(output.out, "\nPEER "));
	e2e_output_free(&output);

	E2E_CONNTRACE(&output, "report", recorded.path, "--by", "process");
	assert_group(output.out, "PID COMM ",
		     e2e_format(e2e, "%d ct-client", recorded.pair.client->pid), made + 1,
		     active + 1, "400 B 800 B ");
	e2e_output_free(&output);
}

/// Of how many a time is known.
struct times {
	size_t known;
	size_t unknown;
};

static void add_time(struct times *times, const json_t *value)
{
	times->known += json_is_integer(value);
	times->unknown += json_is_null(value);
}

static struct times times_of(const json_t *lives, const char *key)
{
	struct times times = {0};
	const json_t *life;
	size_t i;

	json_array_foreach((json_t *)lives, i, life) add_time(&times, json_object_get(life, key));
	return times;
}

static struct times times_in(const json_t *lives, const char *state)
{
	struct times times = {0};
	json_t *life, *step;
	size_t i, k;

	json_array_foreach((json_t *)lives, i, life)
		json_array_foreach(json_object_get(life, "history"), k,
				   step) if (strcmp(e2e_event_text(step, "state"), state) == 0)
			add_time(&times, json_object_get(step, "for_ns"));
	return times;
}

static void assert_times(const char *text, const char *name, struct times want, size_t want_all)
{
	struct times got;
	const char *row = find_row(text, "TIME  ", name);

	assert_int_equal(sscanf(row, "%zu %zu", &got.known, &got.unknown), 2);
	assert_int_equal(got.known, want.known);
	assert_int_equal(got.unknown, want.unknown);
	assert_int_equal(got.known + got.unknown, want_all);
}

/// Each connection has two ends here, but for the one that was refused.
static void times_are_those_of_the_connections_that_were_made(void **state)
{
	static const struct {
		const char *name;
		size_t n;
	} states[] = {
		{"SYN_SENT", LIVES + 2}, {"SYN_RECV", LIVES + 1}, {"ESTABLISHED", 2 * (LIVES + 1)},
		{"FIN_WAIT1", LIVES},	 {"CLOSE_WAIT", LIVES},	  {"LAST_ACK", LIVES},
		{"TIME_WAIT", LIVES},
	};
	struct times handshakes;
	struct e2e_output output;
	struct recorded recorded;

	record(*state, &recorded);
	E2E_CONNTRACE(&output, "report", recorded.path);
	assert_times(output.out, "lifetime", times_of(recorded.lives, "duration_ns"),
		     2 * (LIVES + 1) + 1);
	handshakes = times_of(recorded.lives, "handshake_us");
	handshakes.unknown--; /* there was none */
	assert_in_range(handshakes.known, LIVES + 1, 2 * (LIVES + 1));
	assert_times(output.out, "handshake", handshakes, 2 * (LIVES + 1));
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		assert_times(output.out, states[i].name, times_in(recorded.lives, states[i].name),
			     states[i].n);
	json_decref(recorded.lives);
	e2e_output_free(&output);
}

/// The flag is told in the order in which the kernel told of the reset: a moment before the end, or
/// behind it.
static void reset_is_a_timeline(void **state)
{
	static const char *const states[] = {"\n       0.000000  SYN_SENT ", "  ESTABLISHED  "};
	struct e2e *e2e = *state;
	struct e2e_output output;
	struct recorded recorded;
	char *timeline, *end;

	record(e2e, &recorded);
	json_decref(recorded.lives);
	E2E_CONNTRACE(&output, "report", recorded.path);
	timeline = strstr(output.out, "\nTHE WORST LIVES: ");
	assert_non_null(timeline);
	timeline = strstr(timeline, e2e_format(e2e, "\n127.0.0.1:%u ", recorded.pair.client_port));
	assert_non_null(timeline);
	assert_true(timeline < strstr(output.out, "\nTROUBLE: "));
	end = strstr(timeline, "\n\n");
	assert_non_null(end);
	*end = '\0';
	assert_in_order(timeline, states, sizeof(states) / sizeof(states[0]));
	timeline = strstr(timeline, "  ESTABLISHED  ");
	assert_non_null(strstr(timeline, "  [rst-sent]  cause linger0, by app"));
	assert_non_null(strstr(timeline, "  rst-sent after "));
	e2e_output_free(&output);
}

/// What stands behind BEFORE in the text, to the end of its line.
static const char *line_behind(struct e2e *e2e, const char *text, const char *before)
{
	const char *at = strstr(text, before);

	assert_non_null(at);
	at += strlen(before);
	return e2e_format(e2e, "%.*s", (int)strcspn(at, "\n"), at);
}

/// Nothing happened, and that for a time that is the same whoever is asked.
static void idle_recording_lasts_until_it_was_ended(void **state)
{
	static const char seen[] = "nothing found, 0 connections seen in ";
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "idle.ctr");
	struct e2e_output info, doctor, report;
	const char *span;

	e2e_tracer_stop(
		E2E_TRACE(e2e, "record", "-w", path, "-P", e2e_format(e2e, "%u", e2e_port(0))), 0);
	E2E_CONNTRACE(&info, "info", path);
	E2E_CONNTRACE(&doctor, "doctor", path);
	E2E_CONNTRACE(&report, "report", path);
	span = line_behind(e2e, info.out, "\nspan          ");
	assert_string_not_equal(span, "not known");
	assert_string_not_equal(span, "0 ns");
	assert_string_equal(line_behind(e2e, doctor.out, seen), span);
	assert_string_equal(line_behind(e2e, report.out, seen), span);
	e2e_output_free(&info);
	e2e_output_free(&doctor);
	e2e_output_free(&report);
}

/// One by one, and in the doctor's order.
static void findings_are_the_doctors(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_output output;
	struct recorded recorded;
	json_t *findings;
	const char *at;

	record(e2e, &recorded);
	json_decref(recorded.lives);
	findings = E2E_CONNTRACE_JSON("doctor", "--json", recorded.path);
	e2e_events_one(findings, "{s:s}", "id", "linger0-reset");
	e2e_events_one(findings, "{s:s}", "id", "refused");
	E2E_CONNTRACE(&output, "report", recorded.path);
	at = strstr(output.out, e2e_format(e2e, "\nFINDINGS: %zu\n", json_array_size(findings)));
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const char *id = e2e_event_text(json_array_get(findings, i), "id");

		assert_non_null(at);
		at = strstr(at, e2e_format(e2e, "\n      finding   %s, confidence ", id));
	}
	assert_non_null(at);
	assert_true(at < strstr(output.out, "\nPEER "));
	json_decref(findings);
	e2e_output_free(&output);
}

/// What other programs read stays as it is.
static void json_and_csv_count_nothing_together(void **state)
{
	static const char *const formats[] = {"json", "csv"};
	struct e2e *e2e = *state;
	struct e2e_output output;

	for (size_t i = 0; i < 2; i++) {
		E2E_CONNTRACE(&output, "report", e2e_path(e2e, "x.ctr"), "-o", formats[i], "--by",
			      "peer");
		assert_int_equal(output.status, EXIT_USAGE);
		assert_string_equal(output.out, "");
		assert_memory_equal(output.err, "conntrace: ", 11);
		assert_non_null(strstr(output.err, "--by"));
		assert_ptr_equal(strchr(output.err, '\n'), output.err + output.err_bytes - 1);
		e2e_output_free(&output);
	}
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(parts_are_there_in_their_order),
	E2E_TEST(connections_are_counted_by_what_is_asked_for),
	E2E_TEST(times_are_those_of_the_connections_that_were_made),
	E2E_TEST(reset_is_a_timeline),
	E2E_TEST(idle_recording_lasts_until_it_was_ended),
	E2E_TEST(findings_are_the_doctors),
	E2E_TEST(json_and_csv_count_nothing_together),
};

E2E_MAIN("report", tests)
