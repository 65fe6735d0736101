// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that replay prints what watch printed, and that a recording which was cut gives back every
// whole frame.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/recording.h"

#define ARGS_MAX 4
#define FRAME_MS 1100 /// longer than a frame may span
#define LIVES	 4
#define WAIT_MS	 10000
#define POLL_MS	 50

/// A plain life, a half-close, a reset and a refusal.
static void play(struct e2e *e2e, struct e2e_pair *ret_pair)
{
	struct e2e_pair *pair = ret_pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), pair);
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_send(pair->server, pair->server_fd, 1000);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive(pair->client, pair->client_fd, 1000);
	e2e_actor_close(pair->client, pair->client_fd);

	e2e_pair_connect(pair, "127.0.0.1");
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_try_receive(pair->server, pair->server_fd, 1);
	e2e_actor_close(pair->server, pair->server_fd);

	e2e_actor_connect_fails(pair->client, "127.0.0.1", e2e_port(1), ECONNREFUSED);

	e2e_pair_connect(pair, "127.0.0.1");
	e2e_pair_exchange(pair, 100, 100);
	e2e_pair_close(pair);
}

/// Two texts are the same; if not, the first line that differs is printed.
static void assert_same_text(const char *replayed, const char *watched)
{
	size_t line = 1;
	size_t at = 0;

	if (!strcmp(replayed, watched))
		return;
	for (size_t i = 0; replayed[i] && replayed[i] == watched[i]; i++) {
		if (watched[i] == '\n') {
			line++;
			at = i + 1;
		}
	}
	print_error("watch:  %.*s\n", (int)strcspn(watched + at, "\n"), watched + at);
	print_error("replay: %.*s\n", (int)strcspn(replayed + at, "\n"), replayed + at);
	fail_msg("they differ in line %zu", line);
}

/// Others' traffic goes on, is not selected and not recorded, and must not show in what is printed
/// when. argument: the output options, NULL-terminated.
static void replay_prints_what_watch_printed(void **state)
{
	struct e2e *e2e = *state;
	const char *const *options = e2e->argument;
	const char *recording = e2e_path(e2e, "watched.ctr");
	const char *watch_argv[ARGS_MAX + 6] = {
		"watch", "-w", recording, "-P",
		e2e_format(e2e, "%s,%s", e2e_port_text(e2e, 0), e2e_port_text(e2e, 1))};
	const char *replay_argv[ARGS_MAX + 3] = {"replay", recording};
	struct e2e_output replayed;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	char *watched;
	size_t bytes;

	for (size_t i = 0; options[i]; i++) {
		watch_argv[5 + i] = options[i];
		replay_argv[2 + i] = options[i];
	}
	e2e_churn_noise(e2e, e2e_port(2));
	tracer = e2e_tracer_start(e2e, watch_argv);
	play(e2e, &pair);
	e2e_sleep_ms(500);
	e2e_tracer_stop(tracer, 0);
	e2e_conntrace(replay_argv, &replayed);

	watched = e2e_file_read(tracer->out_path, &bytes);
	assert_int_equal(replayed.status, 0);
	assert_string_equal(replayed.err, "");
	assert_non_null(strstr(watched, "FIN_WAIT1"));
	assert_non_null(strstr(watched, "127.0.0.1"));
	assert_same_text(replayed.out, watched);
	free(watched);
	e2e_output_free(&replayed);
}

/// Replays RECORDING as JSON: it is what the tracer printed, and NEEDLE is in it.
static void assert_json_replay(const struct e2e_tracer *tracer, const char *recording,
			       const char *needle)
{
	struct e2e_output replayed;
	size_t bytes;
	char *watched = e2e_file_read(tracer->out_path, &bytes);

	E2E_CONNTRACE(&replayed, "replay", "--json", recording);
	assert_int_equal(replayed.status, 0);
	assert_string_equal(replayed.err, "");
	assert_non_null(strstr(watched, needle));
	assert_same_text(replayed.out, watched);
	free(watched);
	e2e_output_free(&replayed);
}

/// Updates that are held until a flag chooses their connection, among them one that time alone has
/// made, come at their places in the replay too: the half-close is told while the connection is
/// still undecided, the reset at its end decides.
static void replay_of_what_was_held_is_byte_for_byte(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "held.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--flag", "rst-sent", "-w",
					      recording, "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_actor_shutdown(pair.client, pair.client_fd, SHUT_WR);
	e2e_sleep_ms(3500);
	e2e_actor_set_linger0(pair.server, pair.server_fd);
	e2e_actor_close(pair.server, pair.server_fd);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s}", "event", "close");
	e2e_tracer_stop(tracer, 0);
	assert_json_replay(tracer, recording, "{\"event\":\"flag\"");
}

/// What is open when the limit is reached is not printed then, nor by the replay; it is reported.
static void replay_of_what_a_limit_ended_is_byte_for_byte(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "limited.ctr");
	struct e2e_output reported;
	char *said;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--count", "4", "-w",
					      recording, "-P", e2e_port_text(e2e, 0));
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_close(&pair);
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 0);
	assert_json_replay(tracer, recording, "SYN_SENT");
	said = e2e_tracer_stderr(tracer);
	assert_non_null(strstr(said, " events recorded to ")); /* of how many nobody has counted */
	free(said);
	E2E_CONNTRACE(&reported, "report", "--json", recording);
	assert_non_null(strstr(reported.out, "{\"event\":\"close\""));
	e2e_output_free(&reported);
}

/// What tells of a half-open handshake is its SYN-ACK, sent again: an event of two lines. A limit
/// parts them, and the recording has the event whole.
static void limit_in_the_midst_of_an_event_leaves_it_whole_in_the_recording(void **state)
{
	struct e2e *e2e = *state;
	const char *recording = e2e_path(e2e, "midst.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--count", "1", "-w",
					      recording, "--role", "passive", "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair;
	json_t *replayed;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_netns_drop_acks(&e2e->home, "dport", e2e_port(0));
	e2e_actor_connect(pair.client, "127.0.0.1", e2e_port(0));
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 0);
	assert_int_equal(json_array_size(e2e_tracer_events(tracer)), 1);
	replayed = E2E_CONNTRACE_JSON("replay", "--json", recording);
	assert_int_equal(json_array_size(replayed), 2);
	assert_true(json_equal(json_array_get(replayed, 0),
			       json_array_get(e2e_tracer_events(tracer), 0)));
	e2e_assert_has(json_array_get(replayed, 1), "{s:s}", "event", "retransmit");
	json_decref(replayed);
}

/// Records LIVES connections, each in a frame of its own.
static const char *record_frames(struct e2e *e2e, struct e2e_tracer **ret_tracer)
{
	const char *recording = e2e_path(e2e, "frames.ctr");
	struct e2e_pair pair;

	*ret_tracer = E2E_TRACE(e2e, "record", "-w", recording, "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	for (int i = 0; i < LIVES; i++) {
		e2e_pair_connect(&pair, "127.0.0.1");
		e2e_pair_exchange(&pair, 100, 100);
		e2e_pair_close(&pair);
		e2e_sleep_ms(FRAME_MS);
	}
	return recording;
}

static void recording_is_a_zstd_stream(void **state)
{
	struct e2e_tracer *tracer;
	struct e2e_output output;
	const char *recording = record_frames(*state, &tracer);

	e2e_tracer_stop(tracer, 0);
	e2e_process_run((const char *const[]){"zstd", "-dc", recording, NULL}, &output);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "");
	assert_true(output.out_bytes > 0);
	e2e_output_free(&output);
}

static void info_finds_a_whole_recording_whole(void **state)
{
	struct e2e_tracer *tracer;
	struct e2e_output output;
	const char *recording = record_frames(*state, &tracer);

	e2e_tracer_stop(tracer, 0);
	E2E_CONNTRACE(&output, "info", recording);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "");
	assert_true(output.out_bytes > 0);
	e2e_output_free(&output);
}

/// One line on stderr that begins with the program's name and names the file.
static void assert_complains_of(const struct e2e_output *output, const char *file)
{
	if (strncmp(output->err, "conntrace: ", 11) || !strstr(output->err, file) ||
	    strchr(output->err, '\n') != output->err + output->err_bytes - 1)
		fail_msg("no line about %s on stderr: `%s`", file, output->err);
}

/// How many leading events of `part` are those of `whole`. What follows them may only be summaries
/// of what was open when the recording ends, and the loss that stands for what is missing.
static size_t assert_prefix(const json_t *part, const json_t *whole)
{
	size_t n = 0;

	while (n < json_array_size(part) &&
	       json_equal(json_array_get(part, n), json_array_get(whole, n)))
		n++;
	for (size_t i = n; i < json_array_size(part); i++) {
		const char *event = e2e_event_text(json_array_get(part, i), "event");

		if (strcmp(event, "close") && strcmp(event, "lost"))
			fail_msg("event %zu of the cut recording (%s) is not that of the whole one",
				 i, event);
	}
	return n;
}

/// Replays the first `bytes` of a recording; returns how many events came back. *ret_whole is what
/// the whole gives.
static size_t replay_cut(struct e2e *e2e, const char *recording, size_t bytes, const json_t *whole)
{
	const char *cut = e2e_path(e2e, "cut.ctr");
	struct e2e_output output;
	size_t size, events;
	char *data = e2e_file_read(recording, &size);
	json_t *part;

	assert_true(bytes < size);
	e2e_file_write(cut, data, bytes);
	free(data);
	E2E_CONNTRACE(&output, "replay", "--json", cut);
	assert_in_range(output.status, 0, 1);
	assert_complains_of(&output, cut);
	part = e2e_events_parse(output.out, output.out_bytes);
	events = assert_prefix(part, whole);
	json_decref(part);
	e2e_output_free(&output);
	return events;
}

static void cut_recording_gives_back_its_whole_frames(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	const char *recording = record_frames(e2e, &tracer);
	size_t size, last, all;
	json_t *whole;

	e2e_tracer_stop(tracer, 0);
	free(e2e_file_read(recording, &size));
	whole = E2E_CONNTRACE_JSON("replay", "--json", recording);
	all = json_array_size(whole);

	last = all;
	for (size_t eighths = 7; eighths > 0; eighths--) {
		size_t events = replay_cut(e2e, recording, size * eighths / 8, whole);

		assert_true(events <= last);
		last = events;
	}
	assert_in_range(replay_cut(e2e, recording, size / 2, whole), 1, all - 1);
	assert_int_equal(replay_cut(e2e, recording, size - 1, whole), all);
	assert_int_equal(replay_cut(e2e, recording, 3, whole), 0);
	json_decref(whole);
}

/// Connections that are told to be over.
static size_t count_ends(const json_t *events)
{
	return e2e_events_count(events, "{s:s, s:s, s:s}", "event", "state", "from", "LAST_ACK",
				"to", "CLOSE");
}

static void wait_for_all_ends(const char *recording)
{
	size_t ends = 0;

	for (int waited_ms = 0; ends < LIVES && waited_ms < WAIT_MS; waited_ms += POLL_MS) {
		json_t *events = e2e_recording_events(recording);

		ends = count_ends(events);
		json_decref(events);
		e2e_sleep_ms(POLL_MS);
	}
}

static void killed_recorder_leaves_a_readable_recording(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	struct e2e_output output;
	const char *recording = record_frames(e2e, &tracer);
	json_t *events;

	wait_for_all_ends(recording);
	kill(tracer->pid, SIGKILL);
	assert_int_equal(e2e_tracer_join(tracer, WAIT_MS), 128 + SIGKILL);
	E2E_CONNTRACE(&output, "replay", "--json", recording);
	assert_complains_of(&output, recording);
	events = e2e_events_parse(output.out, output.out_bytes);
	assert_int_equal(count_ends(events), LIVES);
	json_decref(events);
	e2e_output_free(&output);
}

static void flipped_byte_is_noticed(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	const char *recording = record_frames(e2e, &tracer);
	const char *damaged = e2e_path(e2e, "damaged.ctr");
	struct e2e_output output;
	size_t size;
	char *data;
	json_t *events;

	e2e_tracer_stop(tracer, 0);
	data = e2e_file_read(recording, &size);
	data[size / 2] ^= 0x40;
	e2e_file_write(damaged, data, size);
	E2E_CONNTRACE(&output, "replay", "--json", damaged);
	assert_complains_of(&output, damaged);
	events = e2e_events_parse(output.out, output.out_bytes);
	assert_true(json_array_size(events) > 0);
	json_decref(events);
	e2e_output_free(&output);
	free(data);
}

#define REPLAYS(name, ...)                                                                     \
	E2E_TEST_WITH("replay_of_" name "_is_byte_for_byte", replay_prints_what_watch_printed, \
		      ((const char *[]){__VA_ARGS__, NULL}))

static const struct CMUnitTest tests[] = {
	REPLAYS("table", "-o", "table"),
	REPLAYS("wide", "-o", "wide"),
	REPLAYS("csv", "-o", "csv"),
	REPLAYS("json", "--json"),
	REPLAYS("colours", "--color", "always"),
	REPLAYS("relative_time", "-t"),
	REPLAYS("utc", "-T", "--utc"),
	E2E_TEST(replay_of_what_was_held_is_byte_for_byte),
	E2E_TEST(replay_of_what_a_limit_ended_is_byte_for_byte),
	E2E_TEST(limit_in_the_midst_of_an_event_leaves_it_whole_in_the_recording),
	E2E_TEST(recording_is_a_zstd_stream),
	E2E_TEST(info_finds_a_whole_recording_whole),
	E2E_TEST(cut_recording_gives_back_its_whole_frames),
	E2E_TEST(killed_recorder_leaves_a_readable_recording),
	E2E_TEST(flipped_byte_is_noticed),
};

E2E_MAIN("record_replay", tests)
