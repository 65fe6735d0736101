// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Commands that are to work: not those of a process that has ended, nor by one that let go.
#include "conntrace/count.h"
#include "unit/doctor_fixture.h"

#define OTHER_NETNS 4026532208 /// the tracer's
#define OTHER_PID   5151

/// curl's process has ended, the other one is where it was.
static enum ct_process_place find_one_ended(uint32_t pid, uint32_t netns)
{
	assert_int_equal(netns, an_id().netns);
	return pid == an_id().pid ? CT_PROCESS_ENDED : CT_PROCESS_THERE;
}

static enum ct_process_place find_none(uint32_t pid, uint32_t netns)
{
	(void)pid;
	(void)netns;
	return CT_PROCESS_ENDED;
}

/// The numbers are those of other processes by now.
static enum ct_process_place find_elsewhere(uint32_t pid, uint32_t netns)
{
	(void)pid;
	(void)netns;
	return CT_PROCESS_ELSEWHERE;
}

/// Somebody else in the namespace.
enum another {
	NOBODY = 0,
	CONNECTED, /// at the end
	LISTENING, /// when tracing began
};

struct question {
	enum ct_process_place (*find_process)(uint32_t pid, uint32_t netns);
	uint64_t netns; /// the tracer's
	enum another another;
};

static void doctor_finds_listener(struct ct_sink *sink, const struct ct_conn_id *id)
{
	const struct ct_update update = {.kind = CT_UPDATE_FOUND,
					 .ts_ns = BEGAN,
					 .has_id = true,
					 .id = *id,
					 .found = {.state = CT_STATE_LISTEN}};

	assert_int_equal(sink->ops->update(sink, &update), 0);
}

static bool confirms(struct question question, struct patient patient, const char *command)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON,
						  .find_process = question.find_process};
	struct patient other = standing_in(CT_STATE_ESTABLISHED, 1);
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_session session = a_session();
	struct ct_sink *sink;
	char key[256];

	session.netns = question.netns;
	sink = doctor_begin(&printed, &session, options);
	other.conn.id.pid = OTHER_PID;
	if (question.another == CONNECTED)
		doctor_sees(sink, &other);
	if (question.another == LISTENING)
		doctor_finds_listener(sink, &other.conn.id);
	for (int i = 0; i < 3; i++)
		doctor_sees(sink, &patient);
	doctor_concludes(&printed, sink);
	snprintf(key, sizeof(key), "\"confirm\":\"%s\"", command);
	return strstr(printed.text, key);
}

/// Of nobody's socket: it has gone.
static struct patient unanswered(void)
{
	struct patient patient = gone(S, CT_STATE_SYN_SENT);

	patient.conn.retransmits = 2;
	return patient;
}

#define IN_SS "ss -tanpo 'dst 10.0.0.2:80'"
#define LEFT                                                                            \
	IN_SS " # in network namespace 4026531840: process 4242 has left it or ended, " \
	      "no other one in it is known"

static void namespace_of_an_ended_process_is_entered_by_another(void **state)
{
	assert_true(confirms((struct question){NULL, OTHER_NETNS, CONNECTED}, unanswered(),
			     "nsenter -t 4242 -n " IN_SS));
	assert_true(confirms((struct question){find_one_ended, OTHER_NETNS, CONNECTED},
			     unanswered(), "nsenter -t 5151 -n " IN_SS));
	assert_true(confirms((struct question){find_one_ended, OTHER_NETNS, LISTENING},
			     unanswered(), "nsenter -t 5151 -n " IN_SS));
}

static void namespace_without_any_known_process_is_named(void **state)
{
	assert_true(confirms((struct question){find_one_ended, OTHER_NETNS, NOBODY}, unanswered(),
			     LEFT));
	assert_true(
		confirms((struct question){find_none, OTHER_NETNS, CONNECTED}, unanswered(), LEFT));
	assert_true(confirms((struct question){find_elsewhere, OTHER_NETNS, CONNECTED},
			     unanswered(), LEFT));
}

/// What a recording tells: nobody looks where the process is.
static void end_that_closed_the_connection_is_known_of_a_recording(void **state)
{
	struct patient patient = unanswered();

	patient.conn.closed_how = CT_HOW_EXIT;
	assert_true(confirms((struct question){NULL, OTHER_NETNS, CONNECTED}, patient,
			     "nsenter -t 5151 -n " IN_SS));
	assert_true(confirms((struct question){NULL, OTHER_NETNS, NOBODY}, patient, LEFT));
	assert_true(confirms((struct question){NULL, an_id().netns, NOBODY}, patient, IN_SS));
}

static void unknown_process_is_no_obstacle_where_another_is_known(void **state)
{
	struct patient patient = unanswered();

	patient.conn.id.pid = 0;
	assert_true(confirms((struct question){NULL, OTHER_NETNS, CONNECTED}, patient,
			     "nsenter -t 5151 -n " IN_SS));
}

static void sockets_of_an_ended_process_are_looked_for_by_address(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 1);

	assert_true(confirms((struct question){NULL, an_id().netns, NOBODY}, patient,
			     "ss -tanpo state close-wait | grep pid=4242,"));
	assert_true(confirms((struct question){find_none, an_id().netns, NOBODY}, patient,
			     "ss -tanpo state close-wait 'dst 10.0.0.2:80'"));
}

/// Its process goes on, but ss shows nobody's name with it.
static void socket_that_was_closed_is_looked_for_by_address(void **state)
{
	struct patient patient = standing_in(CT_STATE_FIN_WAIT1, 590);

	patient.conn.rto_streak = 2;
	patient.conn.retransmits = 2;
	patient.conn.rto_since_ns = BEGAN + 591 * S;
	patient.conn.rto_last_ns = BEGAN + 597 * S;
	patient.conn.closed_how = CT_HOW_SHUTDOWN;
	assert_true(confirms((struct question){NULL, an_id().netns, NOBODY}, patient,
			     "ss -tanpo state fin-wait-1 | grep pid=4242,"));
	patient.conn.closed_how = CT_HOW_CLOSE;
	assert_true(confirms((struct question){NULL, an_id().netns, NOBODY}, patient,
			     "ss -tanpo state fin-wait-1 'dst 10.0.0.2:80'"));
	patient.conn.closed_how = CT_HOW_UNKNOWN; /* found as an orphan */
	patient.conn.sock_flags = CT_SOCK_ORPHAN;
	assert_true(confirms((struct question){NULL, an_id().netns, NOBODY}, patient,
			     "ss -tanpo state fin-wait-1 'dst 10.0.0.2:80'"));
}

static void successor_of_an_ended_process_is_watched_by_its_port(void **state)
{
	struct patient patient = gone(S, CT_STATE_ESTABLISHED);

	patient.conn.reset.direction = CT_DIRECTION_SENT;
	patient.conn.reset.cause = CT_RESET_CAUSE_LINGER0;
	assert_true(confirms((struct question){NULL, an_id().netns, NOBODY}, patient,
			     "conntrace -p 4242 --flag rst-sent"));
	assert_true(confirms((struct question){find_none, an_id().netns, NOBODY}, patient,
			     "conntrace -P 80 --flag rst-sent"));
	patient.conn.closed_how = CT_HOW_EXIT;
	assert_true(confirms((struct question){NULL, an_id().netns, NOBODY}, patient,
			     "conntrace -P 80 --flag rst-sent"));
}

/// Two were reset for CAUSE, the one closed by FIRST_HOW, the other by HOW.
static void ask_of_resets(struct printed *printed, uint8_t cause, uint8_t first_how, uint8_t how)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);
	struct patient patient = gone(S, CT_STATE_ESTABLISHED);

	patient.conn.reset = (struct ct_reset){
		.direction = CT_DIRECTION_SENT, .cause = cause, .unread = 26, .unacked = 4};
	patient.conn.closed_how = first_how;
	doctor_sees(sink, &patient);
	patient.conn.closed_how = how;
	doctor_sees(sink, &patient);
	doctor_concludes(printed, sink);
}

#define WHY_IT_ENDED                                                                         \
	"look into why the process ended: journalctl and dmesg tell of a crash, of the OOM " \
	"killer and of a restart\""

/// Nobody can tell a process that was killed how to close.
static void reset_by_the_end_of_a_process_is_not_its_way_to_close(void **state)
{
	static const struct {
		uint8_t cause;
		const char *summary, *remedy;
	} resets[] = {
		{CT_RESET_CAUSE_LINGER0,
		 " open, which SO_LINGER 0 made a reset: 52 B unread were thrown away",
		 "leave SO_LINGER alone"},
		{CT_RESET_CAUSE_UNREAD_DATA, ", with 52 B unread: the peer is told",
		 "shutdown(SHUT_WR), then read"},
	};

	for (size_t i = 0; i < CT_COUNT(resets); i++) {
		_cleanup_(printed_fini) struct printed ended = {}, mixed = {}, closed = {};

		ask_of_resets(&ended, resets[i].cause, CT_HOW_EXIT, CT_HOW_EXIT);
		assert_non_null(strstr(ended.text,
				       "\"summary\":\"curl[4242] ended with 2 connections open,"));
		assert_non_null(strstr(ended.text, resets[i].summary));
		assert_non_null(strstr(ended.text, "\"remedy\":\"" WHY_IT_ENDED));
		assert_non_null(strstr(ended.text, "\"closed_by_exit\":2"));
		ask_of_resets(&mixed, resets[i].cause, CT_HOW_CLOSE, CT_HOW_EXIT);
		assert_non_null(strstr(
			mixed.text,
			"curl[4242] closed 2 connections (1 of them by the end of the process) "));
		assert_non_null(strstr(mixed.text, resets[i].remedy));
		assert_non_null(strstr(mixed.text, "; and " WHY_IT_ENDED));
		ask_of_resets(&closed, resets[i].cause, CT_HOW_CLOSE, CT_HOW_CLOSE);
		assert_non_null(
			strstr(closed.text, "\"summary\":\"curl[4242] closed 2 connections with"));
		assert_non_null(strstr(closed.text, resets[i].remedy));
		assert_null(strstr(closed.text, "look into"));
		assert_null(strstr(closed.text, "closed_by_exit"));
	}
}

static struct patient aborted(void)
{
	struct patient patient = gone(S, CT_STATE_ESTABLISHED);

	patient.conn.reset.direction = CT_DIRECTION_SENT;
	patient.conn.reset.cause = CT_RESET_CAUSE_LINGER0;
	return patient;
}

/// What the doctor says of PATIENT.
static void says(struct printed *printed, struct ct_output_options options, struct patient patient)
{
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);

	doctor_sees(sink, &patient);
	doctor_concludes(printed, sink);
}

#define NEXT "  # shows the next one, when it comes\n"

static void tracer_is_called_as_it_was_called(void **state)
{
	struct ct_output_options options = {.program = "build/conntrace", .utf8 = true};
	_cleanup_(printed_fini) struct printed plain = {}, quoted = {};

	says(&plain, options, aborted());
	assert_non_null(
		strstr(plain.text, " confirm   build/conntrace -p 4242 --flag rst-sent" NEXT));
	options.program = "/opt/my tools/conntrace";
	says(&quoted, options, aborted());
	assert_non_null(strstr(
		quoted.text, " confirm   '/opt/my tools/conntrace' -p 4242 --flag rst-sent" NEXT));
}

/// The very events are in it, and whose they are.
static void recording_is_read_again(void **state)
{
	struct ct_output_options options = {.recording = "a b.ctr", .utf8 = true};
	_cleanup_(printed_fini) struct printed spaced = {}, dashed = {}, ended = {}, json = {};
	struct patient patient = aborted();

	says(&spaced, options, patient);
	assert_non_null(strstr(spaced.text, " confirm   conntrace replay 'a b.ctr' -p 4242 --flag "
					    "rst-sent\n"));
	options.recording = "-x.ctr";
	says(&dashed, options, patient);
	assert_non_null(strstr(dashed.text, "conntrace replay ./-x.ctr -p 4242 --flag rst-sent\n"));
	patient.conn.closed_how = CT_HOW_EXIT;
	says(&ended, options, patient);
	assert_non_null(strstr(ended.text, "conntrace replay ./-x.ctr -p 4242 --flag rst-sent\n"));
	options.format = CT_OUTPUT_JSON;
	says(&json, options, patient);
	assert_non_null(strstr(json.text, "\"confirm\":\"conntrace replay ./-x.ctr -p 4242 --flag "
					  "rst-sent\""));
}

/// A state may last.
static void ss_is_asked_of_a_recording_too(void **state)
{
	const struct ct_output_options options = {.recording = "a.ctr", .program = "./conntrace"};
	_cleanup_(printed_fini) struct printed printed = {};

	says(&printed, options, standing_in(CT_STATE_CLOSE_WAIT, 1));
	assert_non_null(strstr(printed.text, " confirm   ss -tanpo state close-wait | grep "
					     "pid=4242,\n"));
}

/// What the doctor says of two connections of one pid: before and behind a change of its name.
static void ask_of_both(struct printed *printed, struct patient patient, const char *name)
{
	const struct ct_output_options options = {.format = CT_OUTPUT_JSON};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);

	doctor_sees(sink, &patient);
	snprintf(patient.conn.id.comm, sizeof(patient.conn.id.comm), "%s", name);
	doctor_sees(sink, &patient);
	doctor_concludes(printed, sink);
}

static void successor_with_the_same_number_is_another_culprit(void **state)
{
	struct patient patient = gone(S, CT_STATE_ESTABLISHED);
	_cleanup_(printed_fini) struct printed two = {}, one = {};

	patient.conn.reset.direction = CT_DIRECTION_SENT;
	patient.conn.reset.cause = CT_RESET_CAUSE_LINGER0;
	ask_of_both(&two, patient, "nginx");
	assert_int_equal(times_told(&two, "\"id\":\"linger0-reset\""), 2);
	assert_int_equal(times_told(&two, "\"summary\":\"curl[4242] closed 1 connection "), 1);
	assert_int_equal(times_told(&two, "\"summary\":\"nginx[4242] closed 1 connection "), 1);
	ask_of_both(&one, patient, patient.conn.id.comm);
	assert_int_equal(times_told(&one, "\"summary\":\"curl[4242] closed 2 connections "), 1);
}

/// Nobody else can hold them: it has called itself something else meanwhile.
static void what_is_still_held_is_of_the_one_that_lives(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of_both(&printed, standing_in(CT_STATE_CLOSE_WAIT, 1), "nginx");
	assert_int_equal(times_told(&printed, "\"id\":\"close-wait-leak\""), 1);
	assert_int_equal(times_told(&printed, "\"count\":2,"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(namespace_of_an_ended_process_is_entered_by_another),
		cmocka_unit_test(namespace_without_any_known_process_is_named),
		cmocka_unit_test(end_that_closed_the_connection_is_known_of_a_recording),
		cmocka_unit_test(unknown_process_is_no_obstacle_where_another_is_known),
		cmocka_unit_test(sockets_of_an_ended_process_are_looked_for_by_address),
		cmocka_unit_test(socket_that_was_closed_is_looked_for_by_address),
		cmocka_unit_test(reset_by_the_end_of_a_process_is_not_its_way_to_close),
		cmocka_unit_test(successor_with_the_same_number_is_another_culprit),
		cmocka_unit_test(what_is_still_held_is_of_the_one_that_lives),
		cmocka_unit_test(successor_of_an_ended_process_is_watched_by_its_port),
		cmocka_unit_test(tracer_is_called_as_it_was_called),
		cmocka_unit_test(recording_is_read_again),
		cmocka_unit_test(ss_is_asked_of_a_recording_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
