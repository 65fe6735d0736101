// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that the doctor does not accuse, live, who lets go of what its peer has closed, and that he
// does who closes on one that may still read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/slow_link.h"
#include "support/ss.h"

#define LONG_WAY_MS 45
#define STALE_MS    300
#define REQUEST	    200
#define GOODBYE	    24 /// a close_notify of TLS 1.3

/// Played on a pair that listens, while the doctor watches both ends.
struct scene {
	void (*play)(struct e2e_pair *pair);
	const char *finding;  /// by id: this one and no other; NULL: none at all
	const char *severity; /// of it, and so on
	const char *confidence;
	const char *says; /// its sentence has this
	int slow_ms;	  /// the way takes so long; 0: through the loopback device
};

static void connect_and_talk(struct e2e_pair *pair)
{
	const struct scene *scene = pair->client->e2e->argument;

	e2e_pair_connect(pair, scene->slow_ms ? E2E_SLOW_FAR_HOST : "127.0.0.1");
	e2e_pair_exchange(pair, 100, 100);
}

/// The client lets go of what the server has closed, and says goodbye before, as TLS does.
static void say_goodbye(struct e2e_pair *pair)
{
	const struct scene *scene = pair->client->e2e->argument;
	int64_t began_ms;

	connect_and_talk(pair);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_sleep_ms(STALE_MS);
	began_ms = e2e_now_ms();
	e2e_actor_send(pair->client, pair->client_fd, GOODBYE);
	e2e_actor_close(pair->client, pair->client_fd);
	if (scene->slow_ms && e2e_now_ms() - began_ms >= 2 * scene->slow_ms)
		e2e_again("the reset was there before the close");
	e2e_sleep_ms(4 * LONG_WAY_MS);
}

/// It reads the end of file at once: by the time of the reset it has closed as well.
static void use_again(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_sleep_ms(STALE_MS);
	e2e_actor_send(pair->client, pair->client_fd, REQUEST);
	(void)e2e_actor_try_receive(pair->client, pair->client_fd, 1);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_sleep_ms(4 * LONG_WAY_MS);
}

/// The server has read all of it when the client aborts; the client has not been told so.
static void abort_what_was_read(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_netns_drop_acks(&pair->client->e2e->home, "sport", pair->port);
	e2e_actor_send(pair->client, pair->client_fd, REQUEST);
	e2e_actor_receive(pair->server, pair->server_fd, REQUEST);
	e2e_actor_close(pair->client, pair->client_fd);
	(void)e2e_actor_try_receive(pair->server, pair->server_fd, 1);
	e2e_actor_close(pair->server, pair->server_fd);
}

/// A pool drops what the server has closed, and never reads what came with that.
static void drop_with_goodbye_unread(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_send(pair->server, pair->server_fd, GOODBYE);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_ss_wait_none(&pair->client->e2e->home, "state established dport = :%u", pair->port);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// The server closes with a request unread, whose end it knows of.
static void leave_request_unread(struct e2e_pair *pair)
{
	e2e_ss_wait_none(&pair->client->e2e->home, "state established sport = :%u", pair->port);
	e2e_actor_close(pair->server, pair->server_fd);
}

/// The client has half closed, reads its answer, and waits for its end.
static void answer_and_leave_unread(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_send(pair->client, pair->client_fd, REQUEST);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_ss_wait_none(&pair->client->e2e->home, "state established sport = :%u", pair->port);
	e2e_actor_send(pair->server, pair->server_fd, 100);
	e2e_actor_receive(pair->client, pair->client_fd, 100);
	leave_request_unread(pair);
	assert_int_equal(e2e_actor_try_receive(pair->client, pair->client_fd, 1), ECONNRESET);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// The client is gone, and nobody can tell the server so.
static void leave_unread_of_one_that_is_gone(struct e2e_pair *pair)
{
	connect_and_talk(pair);
	e2e_actor_send(pair->client, pair->client_fd, REQUEST);
	e2e_actor_close(pair->client, pair->client_fd);
	leave_request_unread(pair);
}

static void judge(const struct scene *scene, struct e2e_tracer *doctor)
{
	const json_t *events = e2e_tracer_events(doctor), *finding;

	for (size_t i = 0; i < json_array_size(events); i++)
		print_message("%s: %s\n", e2e_event_text(json_array_get(events, i), "id"),
			      e2e_event_text(json_array_get(events, i), "summary"));
	assert_int_equal(json_array_size(events), 1);
	finding = e2e_events_one(events, "{s:s, s:s, s:s, s:s, s:i}", "event", "finding", "id",
				 scene->finding, "severity", scene->severity, "confidence",
				 scene->confidence, "count", 1);
	assert_non_null(strstr(e2e_event_text(finding, "summary"), scene->says));
}

static void judge_innocent(const struct e2e_tracer *doctor)
{
	static const char want[] = "nothing found, 2 connections seen in ";
	size_t bytes;
	char *told = e2e_file_read(doctor->out_path, &bytes);

	if (strncmp(told, want, strlen(want)) != 0)
		fail_msg("not \"%s\": %s", want, told);
	free(told);
}

static struct e2e_tracer *start_doctor(struct e2e *e2e, const struct scene *scene)
{
	const char *netns = e2e->far.fd < 0
				    ? e2e_format(e2e, "%lu", e2e->home.inum)
				    : e2e_format(e2e, "%lu,%lu", e2e->home.inum, e2e->far.inum);

	return E2E_TRACE(e2e, "doctor", scene->finding ? "--json" : "-otable", "--duration", "1h",
			 "-P", e2e_port_text(e2e, 0), "--netns", netns);
}

static void scene_is_judged(void **state)
{
	struct e2e *e2e = *state;
	const struct scene *scene = e2e->argument;
	struct e2e_tracer *doctor;
	struct e2e_pair pair;

	if (scene->slow_ms) {
		e2e_add_far(e2e);
		e2e_add_slow_link(e2e, scene->slow_ms);
	}
	doctor = start_doctor(e2e, scene);
	e2e_pair_listen(e2e, "0.0.0.0", e2e_port(0), &pair);
	scene->play(&pair);
	e2e_tracer_stop(doctor, 0);
	if (scene->finding)
		judge(scene, doctor);
	else
		judge_innocent(doctor);
}

#define SCENE(name, ...) E2E_TEST_WITH(name, scene_is_judged, (&(struct scene){__VA_ARGS__}))

static const struct CMUnitTest tests[] = {
	SCENE("goodbye_to_what_the_peer_has_closed_is_innocent", .play = say_goodbye,
	      .slow_ms = LONG_WAY_MS),
	SCENE("request_to_what_the_peer_has_closed_is_found", .play = use_again,
	      .slow_ms = LONG_WAY_MS, .finding = "stale-pool-reuse", .severity = "warn",
	      .confidence = "medium", .says = "sent on 1 connection that the peer had closed"),
	SCENE("goodbye_that_is_reset_at_once_is_no_more_than_a_note", .play = say_goodbye,
	      .finding = "stale-pool-reuse", .severity = "note", .confidence = "low",
	      .says = "may have been a goodbye"),
	SCENE("goodbye_that_a_pool_never_reads_is_innocent", .play = drop_with_goodbye_unread),
	SCENE("unread_request_of_one_that_still_reads_is_found", .play = answer_and_leave_unread,
	      .finding = "unread-data-reset", .severity = "warn", .confidence = "medium",
	      .says = "with 200 B unread when the peer's FIN had come"),
	SCENE("unread_request_of_one_that_may_be_gone_is_no_more_than_a_note",
	      .play = leave_unread_of_one_that_is_gone, .finding = "unread-data-reset",
	      .severity = "note", .confidence = "low", .says = "one that has closed loses nothing"),
	SCENE("linger0_before_the_ack_has_thrown_nothing_away_for_sure",
	      .play = abort_what_was_read, .finding = "linger0-reset", .severity = "warn",
	      .confidence = "medium",
	      .says = "200 B not acknowledged, which the peer may not have"),
};

E2E_MAIN("doctor_reset", tests)
