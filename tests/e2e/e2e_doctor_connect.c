// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows what the doctor finds of connect() calls that fail: given up by their process, ended by
// ICMP, or before a listener whose queue nobody looked at.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/attempt.h"
#include "support/doctor.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define WAIT_MS	     10000
#define POLL_MS	     20
#define MS_NS	     1000000LL
#define GIVEN_UP     3
#define PATIENCE_MS  300
#define SYN_AGAIN_MS 1000 /// RFC 6298 2.1
#define WAITING	     2
#define AT_ONCE_MS   10 /// as the doctor has it

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * MS_NS + now.tv_nsec;
}

static bool has_id(const json_t *findings, const char *id)
{
	for (size_t i = 0; i < json_array_size(findings); i++)
		if (strcmp(e2e_event_text(json_array_get(findings, i), "id"), id) == 0)
			return true;
	return false;
}

/// A listener there that nothing of the client's gets to.
static void listen_in_vain(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), pair);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair->port));
}

/// Its SYN is on its way; the descriptor goes to pair->client_fd.
static void ask_for_it(struct e2e_pair *pair, const char *host)
{
	struct e2e_addr to = {.port = pair->port};

	snprintf(to.host, sizeof(to.host), "%s", host);
	pair->client_fd = e2e_actor_begin_connect(pair->client, NULL, &to);
}

/// … and was sent again.
static void ask_again(struct e2e *e2e, struct e2e_pair *pair, const char *host)
{
	long long limit_ns = now_ns() + WAIT_MS * MS_NS;

	ask_for_it(pair, host);
	pair->client_conn = e2e_actor_conn(pair->client, pair->client_fd);
	while (e2e_ss_retransmits(&e2e->home, pair->client_conn) < 1) {
		if (now_ns() > limit_ns)
			fail_msg("%s was not sent again", pair->client_conn);
		e2e_sleep_ms(POLL_MS);
	}
}

/// Each time before the SYN is sent again.
static void give_up(struct e2e_pair *pair, int times)
{
	for (int i = 0; i < times; i++) {
		long long began_ns = now_ns();

		ask_for_it(pair, E2E_FAR_HOST);
		e2e_sleep_ms(PATIENCE_MS);
		e2e_actor_close(pair->client, pair->client_fd);
		if (now_ns() - began_ns > SYN_AGAIN_MS * MS_NS)
			e2e_again("the SYN was sent again");
	}
}

static void connect_that_is_given_up_again_and_again_is_found(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	const json_t *finding;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	doctor = e2e_doctor_start(e2e);
	listen_in_vain(e2e, &pair);
	give_up(&pair, GIVEN_UP);
	finding = e2e_doctor_only_finding(doctor, "syn-unanswered");

	e2e_assert_has(finding, "{s:s, s:i}", "confidence", "low", "count", GIVEN_UP);
	assert_in_range(e2e_event_number(json_object_get(finding, "evidence"), "shortest_ns"),
			PATIENCE_MS * MS_NS, SYN_AGAIN_MS * MS_NS);
}

/// In the end it answers.
static void connect_that_is_given_up_while_another_is_answered_is_innocent(void **state)
{
	struct e2e *e2e = *state;
	const char *want = e2e_format(e2e, "nothing found, %d connections seen in ", GIVEN_UP + 2);
	struct e2e_tracer *doctor;
	struct e2e_pair pair;
	size_t bytes;
	char *told;

	e2e_add_far(e2e);
	doctor = E2E_TRACE(e2e, "doctor", "--duration", "1h", "-P", e2e_port_text(e2e, 0),
			   "--netns", e2e_format(e2e, "%lu,%lu", e2e->home.inum, e2e->far.inum));
	listen_in_vain(e2e, &pair);
	give_up(&pair, GIVEN_UP);
	e2e_netns_undrop(&e2e->far);
	e2e_pair_connect(&pair, E2E_FAR_HOST);
	e2e_tracer_stop(doctor, 0);

	told = e2e_file_read(doctor->out_path, &bytes);
	if (strncmp(told, want, strlen(want)) != 0)
		fail_msg("not \"%s\": %s", want, told);
	free(told);
}

/// The error comes while connect() runs still, and no event tells of it.
static void connect_that_this_host_rejects_is_found(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = e2e_doctor_start(e2e);
	struct e2e_pair pair = {.client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
				.port = e2e_port(0)};
	const json_t *finding;

	e2e_netns_forbid_out(&e2e->home, pair.port, "reject with icmp host-unreachable");
	for (int i = 0; i < GIVEN_UP; i++) {
		long long began_ns = now_ns();

		ask_for_it(&pair, "127.0.0.1");
		e2e_actor_close(pair.client, pair.client_fd);
		if (now_ns() - began_ns > AT_ONCE_MS * MS_NS)
			e2e_again("it was not closed at once");
	}
	e2e_netns_permit_out(&e2e->home);
	e2e_tracer_stop(doctor, 0);
	if (has_id(e2e_tracer_events(doctor), "refused"))
		e2e_again("an error came when connect() was over");
	finding = e2e_doctor_only_of(e2e_tracer_events(doctor), "syn-unanswered");

	e2e_assert_has(finding, "{s:s, s:s, s:i}", "severity", "note", "confidence", "low", "count",
		       GIVEN_UP);
	assert_non_null(strstr(e2e_event_text(finding, "summary"),
			       " or a firewall on this host rejects them "));
}

/// No event tells of a SYN that does not get out; its socket has counted it when it closes.
static void connect_that_this_host_drops_is_found(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor = e2e_doctor_start(e2e);
	struct e2e_pair pair = {.client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
				.port = e2e_port(0)};
	const json_t *finding;

	e2e_netns_forbid_out(&e2e->home, pair.port, "drop");
	ask_again(e2e, &pair, "127.0.0.1");
	e2e_actor_close(pair.client, pair.client_fd);
	e2e_netns_permit_out(&e2e->home);
	finding = e2e_doctor_only_finding(doctor, "syn-unanswered");

	e2e_assert_has(finding, "{s:s, s:[s]}", "severity", "warn", "connections",
		       pair.client_conn);
	assert_non_null(strstr(e2e_event_text(finding, "summary"),
			       ": 1 connect() call sent the SYN again"));
}

/// The first SYN is lost: an error that comes while connect() runs still does not end it.
static void connect_that_icmp_ends_is_found(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *doctor;
	const json_t *finding;
	struct e2e_pair pair;

	e2e_add_far(e2e);
	doctor = e2e_doctor_start(e2e);
	listen_in_vain(e2e, &pair);
	ask_again(e2e, &pair, E2E_FAR_HOST);
	e2e_netns_shell(&e2e->far,
			"nft 'insert rule inet ct_e2e in tcp dport %u reject with icmp "
			"host-unreachable'",
			pair.port);
	assert_int_equal(e2e_actor_finish_connect(pair.client, pair.client_fd), EHOSTUNREACH);
	finding = e2e_doctor_only_finding(doctor, "refused");

	e2e_assert_has(finding, "{s:s, s:[s]}", "confidence", "high", "connections",
		       pair.client_conn);
	e2e_assert_has(json_object_get(finding, "evidence"), "{s:i}", "unreachable", 1);
	assert_non_null(strstr(e2e_event_text(finding, "summary"), " failed with EHOSTUNREACH: "));
}

/// A recording has no second look at the listener: that it is there, and has answered, is known.
static void full_listener_is_not_said_to_be_silent_by_a_recording(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "x.ctr");
	struct e2e_tracer *recorder = E2E_TRACE(e2e, "record", "-w", path, "-P",
						e2e_port_text(e2e, 0));
	struct e2e_pair pair = {.server = e2e_actor_start(e2e, &e2e->home, "ct-server"),
				.client = e2e_actor_start(e2e, &e2e->home, "ct-client"),
				.port = e2e_port(0)};
	struct e2e_output output;
	const json_t *finding;
	json_t *findings;

	pair.listen_fd = e2e_actor_listen_with(pair.server, "127.0.0.1", pair.port,
					       &(struct e2e_listen){.backlog = WAITING - 1});
	for (int i = 0; i < WAITING; i++)
		e2e_actor_connect(pair.client, "127.0.0.1", pair.port);
	ask_again(e2e, &pair, "127.0.0.1");
	e2e_tracer_stop(recorder, 0);
	E2E_CONNTRACE(&output, "doctor", path, "--json");
	findings = e2e_events_parse(output.out, output.out_bytes);
	e2e_output_free(&output);

	finding = e2e_doctor_only_of(findings, "syn-unanswered");
	e2e_assert_has(finding, "{s:s, s:[s]}", "confidence", "medium", "connections",
		       pair.client_conn);
	e2e_assert_has(json_object_get(finding, "evidence"), "{s:i}", "answered_others", WAITING);
	json_decref(findings);
}

/// JSON has findings and nothing else. That there was a look is told beside it, as loud as asked
/// for.
static void nothing_found_is_no_line_of_json_and_is_said_all_the_same(void **state)
{
	struct e2e *e2e = *state;
	const char *port = e2e_port_text(e2e, 0);
	struct e2e_output told, quiet;

	E2E_CONNTRACE(&told, "doctor", "--json", "--duration", "0.1", "-P", port);
	E2E_CONNTRACE(&quiet, "doctor", "--json", "--duration", "0.1", "-P", port, "-q");
	assert_int_equal(told.status, 0);
	assert_string_equal(told.out, "");
	assert_non_null(strstr(told.err, "conntrace: nothing found, 0 connections seen in "));
	assert_non_null(strstr(told.err, " may be too short for "));
	assert_int_equal(quiet.status, 0);
	assert_string_equal(quiet.out, "");
	assert_string_equal(quiet.err, "");
	e2e_output_free(&told);
	e2e_output_free(&quiet);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(connect_that_is_given_up_again_and_again_is_found),
	E2E_TEST(connect_that_is_given_up_while_another_is_answered_is_innocent),
	E2E_TEST(connect_that_this_host_rejects_is_found),
	E2E_TEST(connect_that_this_host_drops_is_found),
	E2E_TEST(connect_that_icmp_ends_is_found),
	E2E_TEST(full_listener_is_not_said_to_be_silent_by_a_recording),
	E2E_TEST(nothing_found_is_no_line_of_json_and_is_said_all_the_same),
};

E2E_MAIN("doctor_connect", tests)
