// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A SYN that nobody answers, where the listener is here and its accept queue was full.
#include "unit/doctor_fixture.h"
#include "unit/found_fixture.h"

#include "conntrace/count.h"

#define SERVICE	    8080
#define OTHER_NETNS 4026532208
#define MAX	    4

/// A client on loopback that waits for an answer to its SYN.
static struct patient a_client(void)
{
	struct patient patient = standing_in(CT_STATE_SYN_SENT, 0);

	patient.steps[0] = (struct ct_step){NOW - 7 * S, CT_NS_UNKNOWN, CT_STATE_SYN_SENT,
					    CT_BASIS_SEEN};
	patient.conn.history.n_steps = 1;
	patient.conn.retransmits = 3;
	patient.conn.id.rport = SERVICE;
	set_addr(patient.conn.id.laddr, AF_INET, "127.0.0.1");
	set_addr(patient.conn.id.raddr, AF_INET, "127.0.0.1");
	return patient;
}

/// A handshake at the same port that found no room.
static struct patient a_handshake(void)
{
	struct patient patient = a_client();

	patient.steps[0].state = CT_STATE_SYN_RECV;
	patient.conn.id.role = CT_ROLE_PASSIVE;
	patient.conn.id.lport = SERVICE;
	patient.conn.id.rport = 45678;
	patient.conn.phase = CT_PHASE_REQUEST;
	patient.conn.request.acked = CT_ACKED_NO_ROOM;
	return patient;
}

/// A row of a listener, as the second look at it has it: nothing of it is printed.
static void look_at(struct ct_sink *sink, uint8_t family, const char *address, uint32_t netns,
		    uint32_t backlog)
{
	const struct ct_event event = {.kind = CT_EVENT_FOUND,
				       .state = CT_STATE_LISTEN,
				       .found = {.backlog = backlog, .backlog_max = MAX}};
	struct ct_update row = a_found_listener();

	row.kind = CT_UPDATE_SILENT;
	row.id.netns = netns;
	row.id.family = family;
	set_addr(row.id.laddr, family, address);
	row.id.lport = SERVICE;
	row.event = &event;
	assert_int_equal(sink->ops->update(sink, &row), 0);
}

/// Workers with a listener each at one address, as by SO_REUSEPORT: the one of PID.
static void look_at_worker(struct ct_sink *sink, uint32_t pid, uint32_t backlog)
{
	const struct ct_event event = {.kind = CT_EVENT_FOUND,
				       .state = CT_STATE_LISTEN,
				       .found = {.backlog = backlog, .backlog_max = MAX}};
	struct ct_update row = a_found_listener();

	row.kind = CT_UPDATE_SILENT;
	row.id.pid = pid;
	row.event = &event;
	assert_int_equal(sink->ops->update(sink, &row), 0);
}

/// The one that the client asks.
static void look(struct ct_sink *sink, uint32_t netns, uint32_t backlog)
{
	look_at(sink, AF_INET, "127.0.0.1", netns, backlog);
}

/// What the doctor says when all that was seen is a listener that had so many waiting.
static void ask_of_listener(struct printed *printed, uint32_t backlog)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);

	look(sink, an_id().netns, backlog);
	doctor_concludes(printed, sink);
}

/// What the doctor says of a client, and of a handshake if there was one, when the listener had so
/// many waiting.
static void ask_with(struct printed *printed, struct patient client,
		     const struct patient *handshake, uint32_t netns, uint32_t backlog)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);
	struct patient other;

	doctor_sees(sink, &client);
	if (handshake) {
		other = *handshake;
		doctor_sees(sink, &other);
	}
	look(sink, netns, backlog);
	doctor_concludes(printed, sink);
	assert_true(is_told(printed, "syn-unanswered"));
}

static void fullest_of_workers_at_one_port_is_named(void **state)
{
	static const struct {
		uint32_t backlogs[3]; /// of the workers 1, 2 and 3, in this order
		const char *pid;
	} cases[] = {
		{{9, 0, 0}, "\"pid\":1,"},
		{{0, 9, 0}, "\"pid\":2,"},
		{{6, 9, 7}, "\"pid\":2,"},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
		const struct ct_session session = a_session();
		_cleanup_(printed_fini) struct printed printed = {};
		struct ct_sink *sink = doctor_begin(&printed, &session, options);

		for (uint32_t worker = 0; worker < 3; worker++)
			look_at_worker(sink, 1 + worker, cases[i].backlogs[worker]);
		doctor_concludes(&printed, sink);
		assert_true(is_told(&printed, "accept-overflow"));
		assert_non_null(strstr(printed.text, cases[i].pid));
	}
}

static bool blames_the_queue(const struct printed *printed)
{
	bool blames = strstr(printed->text, "the accept queue at that port was seen full");

	/* one of the two */
	assert_int_equal(!strstr(printed->text, "127.0.0.1:8080 does not answer: "), blames);
	return blames;
}

static void listener_without_room_is_told_in_place_of_silence(void **state)
{
	const struct patient client = a_client(), handshake = a_handshake();
	_cleanup_(printed_fini) struct printed printed = {};

	ask_with(&printed, client, &handshake, client.conn.id.netns, 0);
	assert_true(is_told(&printed, "accept-overflow"));
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"syn-unanswered\",\"severity\":\"warn\",\"confidence\":\"medium\","
		"\"summary\":\"127.0.0.1:8080 had no room: 1 connect() call sent the SYN again, "
		"the longest waited for 7.00 s; the accept queue at that port was seen full, and "
		"then the kernel drops a SYN without a word, see accept-overflow\""));
	assert_int_equal(times_told(&printed, "\"confirm\":\"ss -tln 'sport = :8080'\""), 2);
}

static void look_at_the_listener_tells_it_too(void **state)
{
	const struct patient client = a_client();
	_cleanup_(printed_fini) struct printed printed = {};

	ask_with(&printed, client, NULL, client.conn.id.netns, MAX + 1);
	assert_true(blames_the_queue(&printed));
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"accept-overflow\",\"severity\":\"crit\",\"confidence\":\"high\","
		"\"summary\":\"curl[4242] accepts too slowly at port 8080: 5 connections waited "
		"for accept() when looked at, more than the backlog of 4, and then the kernel "
		"drops each SYN; on this host 3 were sent again\""));
	assert_non_null(strstr(printed.text, "\"synack_timeouts\":0,\"syns_sent_again\":3}"));
}

/// What waits is known, and whether anybody was dropped is not.
static void full_listener_is_an_overflow_without_any_handshake(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_listener(&printed, MAX + 1);
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"accept-overflow\",\"severity\":\"warn\",\"confidence\":\"medium\""));
	assert_non_null(strstr(printed.text, "\"count\":5}],"));
	assert_non_null(strstr(printed.text, "\"count\":5,\"connections\":[],\"evidence\":{"
					     "\"handshakes_without_room\":0,\"backlog\":5,"
					     "\"backlog_max\":4,\"synack_timeouts\":0}"));
	assert_non_null(strstr(printed.text, "\"confirm\":\"ss -tln 'sport = :8080'\""));
}

static void listener_that_is_busy_and_has_room_is_none(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_listener(&printed, MAX);
	assert_false(is_told(&printed, "accept-overflow"));
}

/// The handshakes tell it, and the listener not once more.
static void full_listener_with_its_handshakes_is_one_finding(void **state)
{
	const struct patient client = a_client(), handshake = a_handshake();
	_cleanup_(printed_fini) struct printed printed = {};

	ask_with(&printed, client, &handshake, client.conn.id.netns, MAX + 1);
	assert_int_equal(times_told(&printed, "\"id\":\"accept-overflow\""), 1);
	assert_non_null(strstr(printed.text, "the accept queue was full for 1 handshake\""));
	assert_non_null(strstr(printed.text, "\"syns_sent_again\":3}"));
}

static void listener_that_had_room_is_not_blamed(void **state)
{
	const struct patient client = a_client();
	_cleanup_(printed_fini) struct printed printed = {};

	ask_with(&printed, client, NULL, client.conn.id.netns, MAX);
	assert_false(blames_the_queue(&printed));
	assert_non_null(strstr(printed.text, "; neither an answer nor a refusal came\""));
}

static void listener_at_another_port_or_elsewhere_is_not_blamed(void **state)
{
	_cleanup_(printed_fini) struct printed netns = {}, port = {}, host = {};
	struct patient client = a_client();

	ask_with(&netns, client, NULL, OTHER_NETNS, MAX + 1);
	assert_false(blames_the_queue(&netns));
	client.conn.id.rport++;
	ask_with(&port, client, NULL, client.conn.id.netns, MAX + 1);
	assert_null(strstr(port.text, "seen full"));
	client = a_client();
	set_addr(client.conn.id.raddr, AF_INET, "10.0.0.2");
	ask_with(&host, client, NULL, client.conn.id.netns, MAX + 1);
	assert_null(strstr(host.text, "seen full"));
	assert_non_null(strstr(host.text, "10.0.0.2:8080 does not answer: "));
}

struct listener {
	uint8_t family;
	const char *address;
	uint32_t backlog;
};

#define LISTENERS_MAX 2

/// What the doctor says of a client, or of a handshake as well, and of listeners of that port.
static void ask_beside(struct printed *printed, const struct patient *handshake,
		       const struct listener listeners[LISTENERS_MAX])
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);
	struct patient client = a_client(), other;

	doctor_sees(sink, &client);
	if (handshake) {
		other = *handshake;
		doctor_sees(sink, &other);
	}
	for (size_t i = 0; i < LISTENERS_MAX && listeners[i].address; i++)
		look_at(sink, listeners[i].family, listeners[i].address, an_id().netns,
			listeners[i].backlog);
	doctor_concludes(printed, sink);
	assert_true(is_told(printed, "syn-unanswered"));
}

static void listener_at_any_address_is_blamed(void **state)
{
	static const struct listener listeners[][LISTENERS_MAX] = {
		{{AF_INET, "0.0.0.0", MAX + 1}},
		{{AF_INET6, "::", MAX + 1}},
		{{AF_INET6, "::ffff:0.0.0.0", MAX + 1}},
		{{AF_INET6, "::ffff:127.0.0.1", MAX + 1}},
		{{AF_INET, "127.0.0.1", MAX + 1}, {AF_INET, "0.0.0.0", 0}},
	};

	for (size_t i = 0; i < CT_COUNT(listeners); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		ask_beside(&printed, NULL, listeners[i]);
		assert_true(blames_the_queue(&printed));
		assert_int_equal(times_told(&printed, "\"id\":\"accept-overflow\""), 1);
		assert_non_null(strstr(printed.text, "; on this host 3 were sent again\""));
	}
}

/// Full, and not for this client: it has its own finding, and is not said to have dropped any.
static void listener_that_was_not_asked_is_not_blamed(void **state)
{
	static const struct listener listeners[][LISTENERS_MAX] = {
		{{AF_INET, "127.0.0.2", MAX + 1}},
		{{AF_INET6, "::1", MAX + 1}},
		{{AF_INET, "0.0.0.0", MAX + 1}, {AF_INET, "127.0.0.1", 0}},
		{{AF_INET6, "::", MAX + 1}, {AF_INET, "0.0.0.0", MAX}},
	};

	for (size_t i = 0; i < CT_COUNT(listeners); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		ask_beside(&printed, NULL, listeners[i]);
		assert_false(blames_the_queue(&printed));
		assert_non_null(strstr(printed.text, "\"id\":\"accept-overflow\",\"severity\":"
						     "\"warn\",\"confidence\":\"medium\""));
		assert_null(strstr(printed.text, "syns_sent_again\":3}"));
		assert_null(strstr(printed.text, "on this host"));
	}
}

/// A handshake has the address that was asked for, its listener any.
static void handshake_is_of_the_listener_at_any_address(void **state)
{
	static const struct listener any[LISTENERS_MAX] = {{AF_INET, "0.0.0.0", MAX + 1}},
				     room[LISTENERS_MAX] = {{AF_INET, "0.0.0.0", 0}},
				     other[LISTENERS_MAX] = {{AF_INET, "127.0.0.2", MAX + 1}};
	const struct listener *const beside[] = {any, room, other};
	const struct patient handshake = a_handshake();

	for (size_t i = 0; i < CT_COUNT(beside); i++) {
		_cleanup_(printed_fini) struct printed printed = {};

		ask_beside(&printed, &handshake, beside[i]);
		assert_true(blames_the_queue(&printed));
		assert_int_equal(times_told(&printed, "\"id\":\"accept-overflow\""), 1);
		assert_non_null(strstr(printed.text, "queue was full for 1 handshake"));
		assert_non_null(strstr(printed.text, "\"handshakes_without_room\":1,"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_without_room_is_told_in_place_of_silence),
		cmocka_unit_test(look_at_the_listener_tells_it_too),
		cmocka_unit_test(full_listener_is_an_overflow_without_any_handshake),
		cmocka_unit_test(listener_that_is_busy_and_has_room_is_none),
		cmocka_unit_test(full_listener_with_its_handshakes_is_one_finding),
		cmocka_unit_test(listener_that_had_room_is_not_blamed),
		cmocka_unit_test(listener_at_another_port_or_elsewhere_is_not_blamed),
		cmocka_unit_test(listener_at_any_address_is_blamed),
		cmocka_unit_test(listener_that_was_not_asked_is_not_blamed),
		cmocka_unit_test(handshake_is_of_the_listener_at_any_address),
		cmocka_unit_test(fullest_of_workers_at_one_port_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
