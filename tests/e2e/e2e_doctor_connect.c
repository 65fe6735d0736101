// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows what the doctor finds of connect() calls that fail before a
// listener whose queue nobody looked at.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define WAIT_MS 10000
#define POLL_MS 20
#define MS_NS	1000000LL
#define WAITING 2

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * MS_NS + now.tv_nsec;
}

/// It found this and nothing else.
static const json_t *only_of(const json_t *findings, const char *id)
{
	for (size_t i = 0; i < json_array_size(findings); i++)
		print_message("%s: %s\n", e2e_event_text(json_array_get(findings, i), "id"),
			      e2e_event_text(json_array_get(findings, i), "summary"));
	assert_int_equal(json_array_size(findings), 1);
	return e2e_events_one(findings, "{s:s, s:s}", "event", "finding", "id", id);
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

	finding = only_of(findings, "syn-unanswered");
	e2e_assert_has(finding, "{s:s, s:[s]}", "confidence", "medium", "connections",
		       pair.client_conn);
	e2e_assert_has(json_object_get(finding, "evidence"), "{s:i}", "answered_others", WAITING);
	json_decref(findings);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(full_listener_is_not_said_to_be_silent_by_a_recording),
};

E2E_MAIN("doctor_connect", tests)
