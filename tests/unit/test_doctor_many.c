// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What only many lives together tell: an age at which all are closed, ports that many wait on.
#include "unit/doctor_fixture.h"

#include "conntrace/count.h"

#define RACERS 5

/// What the doctor says of N like this one, each of which CHANGE has made a little different.
static void ask_of_each(struct printed *printed, struct patient like, size_t n,
			void (*change)(struct patient *patient, size_t i))
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);

	for (size_t i = 0; i < n; i++) {
		struct patient patient = like;

		patient.conn.id.cookie = 0x100 + i;
		change(&patient, i);
		doctor_sees(sink, &patient);
	}
	doctor_concludes(printed, sink);
}

static bool finds_in(const char *id, struct patient like, size_t n,
		     void (*change)(struct patient *patient, size_t i))
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_each(&printed, like, n, change);
	return is_told(&printed, id);
}

/// Of a client whose server closes when it was idle for so long.
static struct patient closed_by_server(uint64_t age_ns)
{
	struct patient patient = gone(age_ns, CT_STATE_CLOSE_WAIT);

	patient.conn.fin_received = true;
	patient.conn.closed_by = CT_CLOSED_BY_REMOTE;
	patient.conn.counters.segments_in = 6;
	patient.conn.counters.segments_out = 5;
	return patient;
}

/// The oldest is a twentieth older than the youngest.
static void differ_a_little(struct patient *patient, size_t i)
{
	patient->steps[1].for_ns += patient->steps[1].for_ns * i / 100;
}

/// … a quarter.
static void differ(struct patient *patient, size_t i)
{
	patient->steps[1].for_ns += patient->steps[1].for_ns * i / 16;
}

static void ages_that_are_one_are_a_race_and_others_are_not(void **state)
{
	struct patient patient = closed_by_server(60 * S);

	assert_true(finds_in("keepalive-race", patient, RACERS, differ_a_little));
	assert_false(finds_in("keepalive-race", patient, RACERS, differ));
}

static void race_is_told_with_what_is_not_known_of_it(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_each(&printed, closed_by_server(60 * S), RACERS, differ_a_little);
	assert_non_null(strstr(
		printed.text,
		"\"id\":\"keepalive-race\",\"severity\":\"note\",\"confidence\":\"low\","
		"\"summary\":\"5 connections with 10.0.0.2:80 were closed by the peer 1m01s "
		"after they were made, as an idle time-out would (nginx's upstreams, AWS "
		"application load balancers have such a one). This is their age: for how long "
		"they had been idle no event tells\""));
	assert_non_null(strstr(printed.text, "\"closed_by_peer\":5,\"closed_by_reset\":0,"
					     "\"ended_with_reset\":0,"
					     "\"most_segments\":11}"));
	assert_non_null(strstr(printed.text,
			       "\"confirm\":\"conntrace -H 10.0.0.2 -D 80 --state CLOSE_WAIT\""));
}

static void race_is_watched_where_it_is_seen_from(void **state)
{
	struct patient patient = closed_by_server(60 * S);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.id.role = CT_ROLE_PASSIVE;
	patient.conn.id.lport = 8080;
	patient.conn.closed_by = CT_CLOSED_BY_LOCAL;
	ask_of_each(&printed, patient, RACERS, differ_a_little);
	assert_non_null(strstr(printed.text, "5 connections with port 8080 were closed by this "
					     "side 1m01s after they were made"));
	assert_non_null(
		strstr(printed.text, "\"confirm\":\"conntrace -L 8080 --state FIN_WAIT1\""));
}

/// Downloads of one size take one time, and are closed when they are done.
static void lives_that_may_have_been_busy_to_their_end_are_no_race(void **state)
{
	struct patient patient = closed_by_server(2 * S);

	patient.conn.counters.segments_in = 18;
	patient.conn.counters.segments_out = 17;
	assert_true(finds_in("keepalive-race", patient, RACERS, differ_a_little));
	patient.conn.counters.segments_in = 20;
	assert_false(finds_in("keepalive-race", patient, RACERS, differ_a_little));
	patient = closed_by_server(60 * S);
	patient.conn.counters.segments_in = 300; /* a page of some size, and then a minute */
	assert_true(finds_in("keepalive-race", patient, RACERS, differ_a_little));
	patient.conn.counters.segments_in = 700;
	assert_false(finds_in("keepalive-race", patient, RACERS, differ_a_little));
}

static void segments_that_are_not_known_are_not_told(void **state)
{
	struct patient patient = closed_by_server(60 * S);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.counted = false;
	ask_of_each(&printed, patient, RACERS, differ_a_little);
	assert_true(is_told(&printed, "keepalive-race"));
	assert_null(strstr(printed.text, "most_segments"));
}

/// Of a client whose idle connection was ended by a reset of this cause.
static struct patient ended_by_reset(uint64_t age_ns, uint8_t direction, uint8_t cause)
{
	struct patient patient = gone(age_ns, CT_STATE_ESTABLISHED);
	bool is_sent = direction == CT_DIRECTION_SENT;

	patient.conn.history.n_steps = 2;
	patient.conn.fin_sent = false;
	patient.conn.end = is_sent ? CT_END_RST_SENT : CT_END_RST_RECEIVED;
	patient.conn.closed_by = is_sent ? CT_CLOSED_BY_LOCAL : CT_CLOSED_BY_REMOTE;
	patient.conn.reset = (struct ct_reset){.direction = direction, .cause = cause};
	return patient;
}

static void resets_at_one_age_are_a_race_too(void **state)
{
	struct patient patient = ended_by_reset(240 * S, CT_DIRECTION_RECEIVED,
						CT_RESET_CAUSE_PEER);
	_cleanup_(printed_fini) struct printed printed = {};

	assert_false(finds_in("keepalive-race", patient, RACERS, differ));
	ask_of_each(&printed, patient, RACERS, differ_a_little);
	assert_non_null(
		strstr(printed.text,
		       "\"id\":\"keepalive-race\",\"severity\":\"note\",\"confidence\":\"low\""));
	assert_non_null(strstr(printed.text, "were closed by the peer 4m04s after they were made, "
					     "as an idle time-out would (Azure load balancers "
					     "have such a one); 5 of them by a reset, which may "
					     "be that of a load balancer or NAT between. This is"));
	assert_non_null(strstr(printed.text, "\"closed_by_reset\":5,\"ended_with_reset\":0}"));
	assert_non_null(strstr(printed.text,
			       "\"confirm\":\"conntrace -H 10.0.0.2 -D 80 --flag rst-received\""));
}

/// Data or a probe: it came because we sent something, not because it was time.
static void resets_that_answer_are_no_race(void **state)
{
	struct patient patient = ended_by_reset(60 * S, CT_DIRECTION_RECEIVED, CT_RESET_CAUSE_PEER);

	assert_true(finds_in("keepalive-race", patient, RACERS, differ_a_little));
	patient.conn.reset.unacked = 10;
	assert_false(finds_in("keepalive-race", patient, RACERS, differ_a_little));
	patient.conn.reset.unacked = 0;
	patient.conn.keepalives_sent = 1;
	assert_false(finds_in("keepalive-race", patient, RACERS, differ_a_little));
	patient.conn.keepalives_sent = 0;
	patient.conn.end = CT_END_TIMEOUT;
	assert_false(finds_in("keepalive-race", patient, RACERS, differ_a_little));
}

/// … of a server: which of its own resets are those of an idle time-out.
static void own_resets_at_one_age_are_a_race_by_their_cause(void **state)
{
	static const struct {
		uint8_t cause;
		bool is_race;
	} cases[] = {
		{CT_RESET_CAUSE_LINGER0, true},
		{CT_RESET_CAUSE_UNREAD_DATA, false},
		{CT_RESET_CAUSE_ABORT, false},
		{CT_RESET_CAUSE_KILLED, false},
		{CT_RESET_CAUSE_DATA_TO_CLOSED, false},
		{CT_RESET_CAUSE_KEEPALIVE_TIMEOUT, false},
		{CT_RESET_CAUSE_BACKLOG_OVERFLOW, false},
		{CT_RESET_CAUSE_UNKNOWN, false},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		struct patient patient = ended_by_reset(60 * S, CT_DIRECTION_SENT, cases[i].cause);
		_cleanup_(printed_fini) struct printed printed = {};

		patient.conn.id.role = CT_ROLE_PASSIVE;
		patient.conn.id.lport = 8080;
		ask_of_each(&printed, patient, RACERS, differ_a_little);
		assert_int_equal(is_told(&printed, "keepalive-race"), cases[i].is_race);
		if (cases[i].is_race)
			assert_non_null(
				strstr(printed.text, "5 of them by a reset. This is their age"));
		if (cases[i].is_race)
			assert_non_null(strstr(printed.text, "-L 8080 --flag rst-sent\""));
	}
}

static void reset_every_second_one(struct patient *patient, size_t i)
{
	if (i % 2)
		*patient = ended_by_reset(60 * S, CT_DIRECTION_RECEIVED, CT_RESET_CAUSE_PEER);
	patient->conn.id.cookie = 0x100 + i;
}

/// And what came behind a FIN is not the close.
static void resets_and_fins_are_counted_apart(void **state)
{
	struct patient patient = closed_by_server(60 * S);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.reset.direction = CT_DIRECTION_RECEIVED;
	ask_of_each(&printed, patient, RACERS, reset_every_second_one);
	assert_non_null(
		strstr(printed.text,
		       "; 2 of them by a reset, which may be that of a load "
		       "balancer or NAT between; 3 of them ended with a reset behind the FIN. "));
	assert_non_null(strstr(printed.text, "\"closed_by_reset\":2,\"ended_with_reset\":3"));
	assert_non_null(strstr(printed.text, "-D 80 --state CLOSE_WAIT\""));
}

/// Each has left TIME_WAIT when the next one enters it.
static void wait_one_after_the_other(struct patient *patient, size_t i)
{
	uint64_t at_ns = BEGAN + i * 50 * MS;

	patient->steps[2].at_ns = at_ns;
	patient->conn.closed_ns = at_ns + 40 * MS;
}

static void wait_at_one_time(struct patient *patient, size_t i)
{
	uint64_t at_ns = BEGAN + i * 50 * MS;

	patient->steps[2].at_ns = at_ns;
	patient->conn.closed_ns = BEGAN + CROWD * 50 * MS;
}

/// A tenth of them at a time are not too many, whatever their number is in all.
static void ports_that_are_taken_one_after_the_other_are_enough(void **state)
{
	struct patient patient = gone(S, CT_STATE_TIME_WAIT);

	assert_true(finds_in("time-wait-pressure", patient, CROWD, wait_at_one_time));
	assert_false(finds_in("time-wait-pressure", patient, CROWD, wait_one_after_the_other));
}

/// Two in three are there at a time: those that began within 4000 * 50 ms.
static void wait_for_most_of_it(struct patient *patient, size_t i)
{
	uint64_t at_ns = BEGAN + i * 50 * MS;

	patient->steps[2].at_ns = at_ns;
	patient->conn.closed_ns = at_ns + 4000 * 50 * MS - MS;
}

static void ports_are_counted_at_their_most(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_each(&printed, gone(S, CT_STATE_TIME_WAIT), CROWD, wait_for_most_of_it);
	assert_non_null(strstr(printed.text, "\"time_wait_peak\":4000,"));
}

/// The ports are those of one address towards one service.
static void ports_are_looked_for_by_both_ends_of_the_route(void **state)
{
	struct patient patient = gone(S, CT_STATE_TIME_WAIT);
	_cleanup_(printed_fini) struct printed waiting = {}, none = {}, unknown = {};

	ask_of_each(&waiting, patient, CROWD, wait_at_one_time);
	assert_non_null(strstr(waiting.text, "\"confirm\":\"ss -tanpo state time-wait "
					     "'src 10.0.0.1 and dst 10.0.0.2:80'\""));
	assert_non_null(strstr(waiting.text, "SO_REUSEADDR is for bind()"));
	patient.conn.history.n_steps = 1;
	patient.conn.id.lport = 0;
	patient.conn.closed_how = CT_HOW_CONNECT;
	ask(&none, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(none.text, "\"confirm\":\"ss -tanpo "
					  "'src 10.0.0.1 and dst 10.0.0.2:80'\""));
	memset(patient.conn.id.laddr, 0, sizeof(patient.conn.id.laddr));
	ask(&unknown, CT_OUTPUT_JSON, &patient, 1, NULL);
	assert_non_null(strstr(unknown.text, "\"confirm\":\"ss -tanpo 'dst 10.0.0.2:80'\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages_that_are_one_are_a_race_and_others_are_not),
		cmocka_unit_test(race_is_told_with_what_is_not_known_of_it),
		cmocka_unit_test(race_is_watched_where_it_is_seen_from),
		cmocka_unit_test(lives_that_may_have_been_busy_to_their_end_are_no_race),
		cmocka_unit_test(segments_that_are_not_known_are_not_told),
		cmocka_unit_test(resets_at_one_age_are_a_race_too),
		cmocka_unit_test(resets_that_answer_are_no_race),
		cmocka_unit_test(own_resets_at_one_age_are_a_race_by_their_cause),
		cmocka_unit_test(resets_and_fins_are_counted_apart),
		cmocka_unit_test(ports_that_are_taken_one_after_the_other_are_enough),
		cmocka_unit_test(ports_are_counted_at_their_most),
		cmocka_unit_test(ports_are_looked_for_by_both_ends_of_the_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
