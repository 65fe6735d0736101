// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what is lost is told: by its place, in the stream, in what is made of a recording and
// at the exit, everywhere the same number; and that no life which it may touch looks whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define CHURN	     500
#define SETTLE_MS    500
#define WAIT_MS	     10000
#define EXIT_RUNTIME 1
#define EXIT_LOST    5

/// Behind the last frame, and of it in there: doc/FORMAT.md.
#define INDEX_BYTES	  96
#define INDEX_ENTRY_BYTES 32
#define TRAILER_BYTES	  48

#define FRAME_MS 1200 /// what comes so much later is in another frame
#define SLOW_MS	 800  /// and so much later it may be

/// As many as the kernel side can follow, bpf/follow.bpf.h; those of one option are a long
/// argument.
#define FOLLOWED_MAX	65536
#define PIDS_PER_OPTION 15000
#define PID_LEN		8
#define HIGHEST_PID	4194303 /* PID_MAX_LIMIT, include/linux/threads.h */
#define FOLLOW_OPTIONS	(FOLLOWED_MAX / PIDS_PER_OPTION + 1)

/// What a tracer says at its exit: so many, and so many of them at one place.
struct said {
	long long events;
	long long at;
};

static struct said said_at_exit(const struct e2e_tracer *tracer, const char *where)
{
	char *text = e2e_tracer_stderr(tracer), *line = strstr(text, " lost ("), *place;
	struct said said = {0};

	if (!line)
		fail_msg("no word of a loss: %s", text);
	place = strstr(line, where);
	if (!place || sscanf(place + strlen(where), " %lld", &said.at) != 1)
		fail_msg("no loss at %s: %s", where, text);
	while (line > text && line[-1] != '\n')
		line--;
	if (sscanf(line, "conntrace: warning: %lld event", &said.events) != 1)
		fail_msg("no number of what was lost: %s", text);
	free(text);
	return said;
}

/// Told in the stream. where NULL: at any place.
static long long told(const json_t *events, const char *where)
{
	long long lost = 0;
	size_t index;
	json_t *event;

	json_array_foreach((json_t *)events, index, event)
	{
		if (strcmp(e2e_event_text(event, "event"), "lost") == 0 &&
		    (!where || strcmp(e2e_event_text(event, "where"), where) == 0))
			lost += e2e_event_number(event, "events");
	}
	return lost;
}

static bool has_states(const json_t *life, const char *const states[])
{
	const json_t *history = json_object_get(life, "history");
	size_t n = 0;

	for (; states[n]; n++)
		if (strcmp(e2e_event_text(json_array_get(history, n), "state"), states[n]))
			return false;
	return json_array_size(history) == n;
}

static bool is_whole(const json_t *life)
{
	static const char *const client[] = {"SYN_SENT",  "ESTABLISHED", "FIN_WAIT1",
					     "FIN_WAIT2", "TIME_WAIT",	 NULL};
	static const char *const server[] = {"SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK",
					     NULL};

	return strcmp(e2e_event_text(life, "end"), "fin") == 0 &&
	       (has_states(life, client) || has_states(life, server));
}

/// Every life is whole, or says that it is not.
static void assert_whole_or_gap(const json_t *lives)
{
	size_t index, touched = 0;
	json_t *life;

	json_array_foreach((json_t *)lives, index, life)
	{
		if (strcmp(e2e_event_text(life, "event"), "close"))
			continue;
		if (e2e_event_number(life, "gaps") > 0) {
			touched++;
			continue;
		}
		if (!is_whole(life))
			fail_msg("neither whole nor with a gap: %s",
				 json_dumps(life, JSON_COMPACT));
	}
	assert_true(touched > 0);
}

/// The tracer is stopped while its ring of one page runs over, and then not.
static void overflow(struct e2e *e2e, const struct e2e_tracer *tracer)
{
	e2e_churn(e2e, e2e_port(0), 10);
	kill(tracer->pid, SIGSTOP);
	e2e_churn(e2e, e2e_port(0), CHURN);
	kill(tracer->pid, SIGCONT);
	e2e_churn(e2e, e2e_port(0), CHURN);
	e2e_sleep_ms(SETTLE_MS);
}

static void full_ring_is_told_alike_in_the_stream_and_at_the_exit(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--strict", "--buffer",
					      "4096", "-P", e2e_port_text(e2e, 0));
	struct said said;
	json_t *events;

	overflow(e2e, tracer);
	/* at once: what is found missing at the end alone would come too late */
	assert_true(e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "event", "lost", "where",
					  "ring"));
	e2e_tracer_stop(tracer, EXIT_LOST);
	events = e2e_tracer_events(tracer);
	said = said_at_exit(tracer, "ring");
	assert_true(said.at > CHURN);
	assert_int_equal(told(events, "ring"), said.at);
	assert_int_equal(told(events, NULL), said.events);
	assert_whole_or_gap(events);
}

/// What cannot be read any more is not what the recorder lost: each is counted once, by its name.
static void assert_damage_is_no_loss(struct e2e *e2e, const char *recording, long long frames)
{
	const char *damaged = e2e_path(e2e, "damaged.ctr");
	long long sum = 0, lost, decode;
	struct e2e_output output;
	json_t *parsed, *events;
	const json_t *info;
	const char *key;
	json_t *value;
	size_t bytes;
	char *file = e2e_file_read(recording, &bytes);

	file[bytes - INDEX_BYTES - (size_t)frames * INDEX_ENTRY_BYTES - 1] ^= 1;
	e2e_file_write(damaged, file, bytes);
	free(file);
	E2E_CONNTRACE(&output, "info", "--json", damaged);
	assert_int_equal(output.status, EXIT_RUNTIME);
	parsed = e2e_events_parse(output.out, output.out_bytes);
	info = json_array_get(parsed, 0);
	e2e_output_free(&output);
	json_object_foreach(json_object_get(info, "lost_at"), key, value)
		sum += json_integer_value(value);
	lost = e2e_event_number(info, "lost");
	assert_int_equal(lost, sum);
	assert_null(json_object_get(json_object_get(info, "lost_at"), "decode"));
	assert_true(e2e_event_number(info, "unreadable") > 0);

	E2E_CONNTRACE(&output, "replay", "--json", damaged);
	events = e2e_events_parse(output.out, output.out_bytes);
	decode = told(events, "decode");
	assert_int_equal(e2e_event_number(info, "unreadable"), decode);
	assert_int_equal(told(events, NULL), lost + decode);
	e2e_output_free(&output);
	json_decref(events);
	json_decref(parsed);
}

static void full_ring_is_told_alike_of_a_recording(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "small.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "--strict", "--buffer", "4096", "-w",
					      recording, "-P", e2e_port_text(e2e, 0));
	struct e2e_output output;
	struct said said;
	json_t *info, *events;
	long long frames;

	overflow(e2e, tracer);
	e2e_tracer_stop(tracer, EXIT_LOST);
	said = said_at_exit(tracer, "ring");
	info = E2E_CONNTRACE_JSON("info", "--json", recording);
	assert_int_equal(e2e_event_number(json_array_get(info, 0), "lost"), said.events);
	assert_int_equal(
		e2e_event_number(json_object_get(json_array_get(info, 0), "lost_at"), "ring"),
		said.at);
	assert_int_equal(e2e_event_number(json_array_get(info, 0), "unreadable"), 0);
	frames = e2e_event_number(json_array_get(info, 0), "frames");
	json_decref(info);
	assert_damage_is_no_loss(e2e, recording, frames);

	E2E_CONNTRACE(&output, "report", recording);
	assert_non_null(strstr(output.out, e2e_format(e2e, "LOST %lld events: ", said.events)));
	assert_non_null(strstr(output.out, e2e_format(e2e, " %lld events lost, ", said.events)));
	e2e_output_free(&output);

	E2E_CONNTRACE(&output, "replay", "--json", "--strict", recording);
	assert_int_equal(output.status, EXIT_LOST);
	events = e2e_events_parse(output.out, output.out_bytes);
	assert_int_equal(told(events, NULL), said.events);
	assert_whole_or_gap(events);
	json_decref(events);
	e2e_output_free(&output);
}

/// Where the second frame of a whole recording begins.
static size_t second_frame_at(struct e2e *e2e, const char *recording, const char *file,
			      size_t bytes)
{
	json_t *info = E2E_CONNTRACE_JSON("info", "--json", recording);
	long long frames = e2e_event_number(json_array_get(info, 0), "frames");
	size_t entries = bytes - TRAILER_BYTES - (size_t)frames * INDEX_ENTRY_BYTES;
	uint64_t at;

	assert_true(frames >= 2);
	json_decref(info);
	memcpy(&at, file + entries + INDEX_ENTRY_BYTES, sizeof(at));
	return le64toh(at);
}

static bool is_said(struct e2e *e2e, const char *command, const char *path, const char *text)
{
	struct e2e_output output;
	bool is;

	E2E_CONNTRACE(&output, command, path);
	is = strstr(output.out, text) != NULL;
	e2e_output_free(&output);
	return is;
}

/// A connection that is open at the end; its opening is in the first frame.
static void opening_that_is_unreadable_was_not_before_the_trace(void **state)
{
	static const char *const commands[] = {"replay", "report"};
	struct e2e *e2e = *state;
	const char *whole = e2e_path(e2e, "whole.ctr"), *damaged = e2e_path(e2e, "damaged.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", whole, "-P",
					      e2e_port_text(e2e, 0));
	int64_t began_ms = e2e_now_ms();
	struct e2e_pair pair;
	size_t bytes;
	char *file;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	if (e2e_now_ms() - began_ms >= SLOW_MS)
		e2e_again("its opening may be in the second frame");
	e2e_sleep_ms(FRAME_MS);
	e2e_actor_shutdown(pair.client, pair.client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair.server, pair.server_fd);
	e2e_tracer_stop(tracer, 0);
	file = e2e_file_read(whole, &bytes);
	file[second_frame_at(e2e, whole, file, bytes) - 1] ^= 1;
	e2e_file_write(damaged, file, bytes);
	free(file);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_true(is_said(e2e, commands[i], damaged, "opening not seen"));
		assert_false(is_said(e2e, commands[i], damaged, "opened before the trace"));
		assert_false(is_said(e2e, commands[i], damaged, "(found)"));
		assert_false(is_said(e2e, commands[i], whole, "opening not seen"));
	}
	assert_true(is_said(e2e, "doctor", damaged, " unreadable\n"));
	assert_false(is_said(e2e, "doctor", damaged, " lost\n"));
}

/// "4194303,4194302,…": processes that are not there, from the highest on. Borrowed.
static const char *pids_that_are_not(struct e2e *e2e, unsigned first, unsigned n)
{
	char *list = calloc(n, PID_LEN + 1);
	const char *text;
	size_t used = 0;

	assert_non_null(list);
	for (unsigned i = 0; i < n; i++)
		used += (size_t)sprintf(list + used, "%s%u", i ? "," : "", HIGHEST_PID - first - i);
	text = e2e_format(e2e, "%s", list);
	free(list);
	return text;
}

static void child_that_cannot_be_followed_is_told(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_actor *parent = e2e_actor_start(e2e, &e2e->home, "ct-parent");
	const char *argv[5 + 2 * FOLLOW_OPTIONS + 3] = {
		"watch",    "--json", "--strict",
		"--follow", "-p",     e2e_format(e2e, "%d", parent->pid)};
	struct e2e_tracer *tracer;
	struct said said;
	size_t n = 6;

	for (unsigned first = 0; first < FOLLOWED_MAX - 1; first += PIDS_PER_OPTION) {
		unsigned left = FOLLOWED_MAX - 1 - first;

		argv[n++] = "-p";
		argv[n++] = pids_that_are_not(e2e, first,
					      left < PIDS_PER_OPTION ? left : PIDS_PER_OPTION);
	}
	tracer = e2e_tracer_start(e2e, argv);
	e2e_actor_fork(parent, "ct-child");
	e2e_sleep_ms(SETTLE_MS);
	e2e_tracer_stop(tracer, EXIT_LOST);
	said = said_at_exit(tracer, "map");
	assert_true(said.at > 0);
	assert_int_equal(told(e2e_tracer_events(tracer), "map"), said.at);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(full_ring_is_told_alike_in_the_stream_and_at_the_exit),
	E2E_TEST(full_ring_is_told_alike_of_a_recording),
	E2E_TEST(opening_that_is_unreadable_was_not_before_the_trace),
	E2E_TEST(child_that_cannot_be_followed_is_told),
};

E2E_MAIN("losses", tests)
