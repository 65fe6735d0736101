// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A finding names the process whose connections it rests on, where it is one; else the first ones.
#include "unit/doctor_fixture.h"

#include "conntrace/count.h"

#define CGROUP UINT64_C(7071)

/// Who has a connection. One of a service that there is trouble with, whoever it is.
struct who {
	uint32_t pid;
	const char *comm;
	uint64_t cgroup;
	uint8_t owner; /// enum ct_owner
};

static const struct who curl = {4242, "curl", CGROUP, CT_OWNER_CONNECT};

/// It was refused: it is over.
static struct patient refused_to(const struct who *who)
{
	struct patient patient = gone(S, CT_STATE_SYN_SENT);

	patient.conn.history.n_steps = 1;
	patient.conn.end = CT_END_REFUSED;
	patient.conn.id.pid = who->pid;
	patient.conn.id.owner = who->owner;
	patient.conn.id.cgroup = who->cgroup;
	memset(patient.conn.id.comm, 0, sizeof(patient.conn.id.comm));
	strcpy(patient.conn.id.comm, who->comm);
	return patient;
}

/// It stands before a closed window: it is there.
static struct patient stalled_of(const struct who *who)
{
	struct patient patient = standing_in(CT_STATE_ESTABLISHED, 1);

	patient.conn.id = refused_to(who).conn.id;
	patient.conn.window_probes_sent = 3;
	return patient;
}

static void ask_of(struct printed *printed, enum ct_output_format format,
		   struct patient (*patient_of)(const struct who *), const struct who *who,
		   size_t n)
{
	const struct ct_output_options options = {.format = format};
	const struct ct_session session = a_session();
	struct ct_sink *sink = doctor_begin(printed, &session, options);

	for (size_t i = 0; i < n; i++) {
		struct patient patient = patient_of(&who[i]);

		doctor_sees(sink, &patient);
	}
	doctor_concludes(printed, sink);
}

static void assert_told(enum ct_output_format format,
			struct patient (*patient_of)(const struct who *), const struct who *who,
			size_t n, const char *text)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask_of(&printed, format, patient_of, who, n);
	if (!strstr(printed.text, text))
		fail_msg("no %s in %s", text, printed.text);
}

#define SERVICE "\"address\":\"10.0.0.2\",\"port\":80,"

static void only_process_is_named_beside_the_service(void **state)
{
	const struct who who[] = {curl, curl, curl};

	assert_told(CT_OUTPUT_JSON, refused_to, who, CT_COUNT(who),
		    "\"culprit\":{\"pid\":4242,\"comm\":\"curl\",\"owner\":\"connect\","
		    "\"cgroup\":7071," SERVICE "\"processes\":[{\"pid\":4242,\"comm\":\"curl\","
		    "\"owner\":\"connect\",\"cgroup\":7071,\"count\":3}],\"netns\":4026531840}");
	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    "      finding   refused, confidence high\n"
		    "      process   curl[4242], cgroup 7071\n"
		    "      evidence  ");
}

/// No address, whose fault it is not.
static void process_that_is_to_blame_has_its_cgroup(void **state)
{
	struct patient patient = standing_in(CT_STATE_CLOSE_WAIT, 590);
	_cleanup_(printed_fini) struct printed printed = {};

	patient.conn.id.cgroup = CGROUP;
	ask(&printed, CT_OUTPUT_JSON, &patient, 3, NULL);
	assert_non_null(strstr(printed.text,
			       "\"culprit\":{\"pid\":4242,\"comm\":\"curl\",\"owner\":\"connect\","
			       "\"cgroup\":7071,\"address\":null,\"port\":null,"));
}

/// Each by itself: workers of one name are of one service.
static void only_what_differs_is_null(void **state)
{
	static const struct {
		struct who other;
		const char *told;
	} cases[] = {
		{{4243, "curl", CGROUP, CT_OWNER_CONNECT},
		 "\"culprit\":{\"pid\":null,\"comm\":\"curl\",\"owner\":null,\"cgroup\":7071,"},
		{{4242, "wget", CGROUP, CT_OWNER_CONNECT},
		 "\"culprit\":{\"pid\":4242,\"comm\":null,\"owner\":\"connect\",\"cgroup\":7071,"},
		{{4242, "curl", CGROUP + 1, CT_OWNER_CONNECT},
		 "\"culprit\":{\"pid\":4242,\"comm\":\"curl\",\"owner\":\"connect\","
		 "\"cgroup\":null,"},
		{{0, "", CGROUP, CT_OWNER_UNKNOWN},
		 "\"culprit\":{\"pid\":null,\"comm\":null,\"owner\":null,\"cgroup\":7071,"},
	};

	for (size_t i = 0; i < CT_COUNT(cases); i++) {
		const struct who one_way[] = {curl, curl, cases[i].other};
		const struct who other_way[] = {cases[i].other, curl, curl};

		assert_told(CT_OUTPUT_JSON, refused_to, one_way, CT_COUNT(one_way), cases[i].told);
		if (i == 0 || i == 3)
			assert_told(CT_OUTPUT_JSON, refused_to, other_way, CT_COUNT(other_way),
				    cases[i].told);
	}
}

static void processes_are_counted_apart(void **state)
{
	const struct who nginx = {10, "nginx", 0, CT_OWNER_ACTOR};
	const struct who nobody = {0, "", CGROUP, CT_OWNER_UNKNOWN};
	const struct who who[] = {curl, nginx, curl, nobody};

	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    "      processes curl[4242], cgroup 7071: 2 connections\n"
		    "                nginx[10], cgroup not known: 1 connection\n"
		    "                an unknown process, cgroup 7071: 1 connection\n"
		    "      evidence  ");
	assert_told(CT_OUTPUT_JSON, refused_to, who, CT_COUNT(who),
		    "\"processes\":[{\"pid\":4242,\"comm\":\"curl\",\"owner\":\"connect\","
		    "\"cgroup\":7071,\"count\":2},{\"pid\":10,\"comm\":\"nginx\",\"owner\":"
		    "\"actor\",\"cgroup\":null,\"count\":1},{\"pid\":null,\"comm\":null,"
		    "\"owner\":null,\"cgroup\":7071,\"count\":1}],\"netns\":");
}

static void nothing_is_said_of_a_process_that_nobody_knows(void **state)
{
	const struct who nobody = {0, "", 0, CT_OWNER_UNKNOWN};

	assert_told(CT_OUTPUT_TABLE, refused_to, &nobody, 1,
		    "      process   an unknown process, cgroup not known\n");
	assert_told(CT_OUTPUT_JSON, refused_to, &nobody, 1,
		    "\"culprit\":{\"pid\":null,\"comm\":null,\"owner\":null,\"cgroup\":null,"
		    "\"address\":\"10.0.0.2\"");
}

#define FIRST_FOUR                                             \
	"      processes curl[1], cgroup 7071: 1 connection\n" \
	"                curl[2], cgroup 7071: 1 connection\n" \
	"                curl[3], cgroup 7071: 1 connection\n" \
	"                curl[4], cgroup 7071: 1 connection\n"

static void processes_behind_the_first_are_counted_together(void **state)
{
	struct who who[CROWD / 10];

	for (size_t i = 0; i < CT_COUNT(who); i++) {
		who[i] = curl;
		who[i].pid = 1 + i;
	}
	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    FIRST_FOUR "                others, called curl too, of the same cgroup: 596 "
			       "connections\n"
			       "      evidence  ");
}

/// It is compared all the same.
static void process_that_is_only_counted_may_be_another_one(void **state)
{
	struct who who[5];

	for (size_t i = 0; i < CT_COUNT(who); i++) {
		who[i] = curl;
		who[i].pid = 1 + i;
	}
	who[4].cgroup++;
	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    FIRST_FOUR "                others, called curl too: 1 connection\n");
	assert_told(CT_OUTPUT_JSON, refused_to, who, CT_COUNT(who),
		    "\"culprit\":{\"pid\":null,\"comm\":\"curl\",\"owner\":null,\"cgroup\":null,");
	who[4] = (struct who){5, "wget", CGROUP, CT_OWNER_CONNECT};
	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    FIRST_FOUR "                others, of the same cgroup: 1 connection\n");
}

/// A process may change its name. Of what is over, the number may have been another process's.
static void threads_are_of_one_process_and_successors_are_not(void **state)
{
	const struct who who[] = {{7, "main", CGROUP, CT_OWNER_CONNECT},
				  {7, "pool-1", CGROUP, CT_OWNER_CONNECT}};

	assert_told(CT_OUTPUT_TABLE, stalled_of, who, CT_COUNT(who),
		    "      process   main[7] (under other names, too), cgroup 7071\n");
	assert_told(CT_OUTPUT_JSON, stalled_of, who, CT_COUNT(who),
		    "\"processes\":[{\"pid\":7,\"comm\":null,\"owner\":\"connect\",\"cgroup\":7071,"
		    "\"count\":2}],\"netns\":");
	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    "      processes main[7], cgroup 7071: 1 connection\n"
		    "                pool-1[7], cgroup 7071: 1 connection\n");
}

static void owner_is_as_certain_as_the_least_of_them(void **state)
{
	const struct who who[] = {curl, {4242, "curl", CGROUP, CT_OWNER_INHERITED}, curl};

	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    "      process   curl[~4242], cgroup 7071\n");
	assert_told(CT_OUTPUT_JSON, refused_to, who, CT_COUNT(who),
		    "\"culprit\":{\"pid\":4242,\"comm\":\"curl\",\"owner\":\"inherited\",");
}

static bool says(const char *words, struct patient patient)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, 2, NULL);
	return strstr(printed.text, words);
}

/// Reset by a close() with SO_LINGER 0.
static struct patient thrown_away(void)
{
	struct patient patient = gone(S, CT_STATE_FIN_WAIT1);

	patient.conn.id.role = CT_ROLE_PASSIVE;
	patient.conn.reset = (struct ct_reset){.direction = CT_DIRECTION_SENT,
					       .cause = CT_RESET_CAUSE_LINGER0};
	return patient;
}

static void reset_is_not_blamed_on_who_has_the_listener(void **state)
{
	struct patient patient = thrown_away();

	assert_true(
		says("\"summary\":\"curl[4242] closed 2 connections with SO_LINGER 0", patient));
	assert_true(says("\"confirm\":\"conntrace -p 4242 --flag rst-sent\"", patient));
	patient.conn.id.owner = CT_OWNER_INHERITED;
	assert_true(says("\"summary\":\"2 connections that came through the listener of "
			 "curl[~4242] were closed with SO_LINGER 0",
			 patient));
	assert_true(says("\"confirm\":\"conntrace -P 45678 --flag rst-sent\"", patient));
}

static void silence_is_not_held_by_who_has_the_listener(void **state)
{
	struct patient patient = found_in(CT_STATE_ESTABLISHED, 185 * S);

	assert_true(says("\"summary\":\"curl[4242] holds 2 connections that had been silent when "
			 "last looked at, ",
			 patient));
	patient.conn.id.owner = CT_OWNER_INHERITED;
	assert_true(says("\"summary\":\"2 connections that came through the listener of "
			 "curl[~4242] had been silent when last looked at, ",
			 patient));
	assert_true(says("; which process has them, if any does, is not known\"", patient));
}

static void who_has_the_listener_need_not_be_who_accepts(void **state)
{
	struct patient patient = standing_in(CT_STATE_SYN_RECV, 590);

	patient.conn.id.role = CT_ROLE_PASSIVE;
	patient.conn.phase = CT_PHASE_REQUEST;
	patient.conn.request.acked = CT_ACKED_NO_ROOM;
	assert_true(says("\"summary\":\"curl[4242] accepts too slowly at port 45678: ", patient));
	patient.conn.id.owner = CT_OWNER_INHERITED;
	assert_true(says("\"summary\":\"connections to port 45678, whose listener is of "
			 "curl[~4242], are accepted too slowly: ",
			 patient));
}

/// The process with the finding is the one that has to wait.
static void who_sends_is_not_taken_for_who_reads(void **state)
{
	const struct who who[] = {curl, {5, "wget", CGROUP, CT_OWNER_CONNECT}};
	struct patient patient = stalled_of(&curl);

	assert_true(says("\"summary\":\"10.0.0.2:80 reads too slowly what curl[4242] sends: the "
			 "window was closed on 2 connections",
			 patient));
	patient.conn.id.role = CT_ROLE_PASSIVE;
	assert_true(says("\"summary\":\"the other side of port 45678 reads too slowly what "
			 "curl[4242] sends: ",
			 patient));
	patient.conn.id.owner = CT_OWNER_INHERITED; /* it may be another one that sends */
	assert_true(says(" reads too slowly what is sent to it: ", patient));
	assert_told(CT_OUTPUT_JSON, stalled_of, who, CT_COUNT(who),
		    "\"summary\":\"10.0.0.2:80 reads too slowly what is sent to it: ");
}

static void names_cannot_act_on_the_terminal(void **state)
{
	struct who who[6];

	for (size_t i = 0; i < CT_COUNT(who); i++)
		who[i] = (struct who){1 + i, "a\x1b[2J\n", CGROUP, CT_OWNER_CONNECT};
	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    "      processes a\\x1b[2J\\x0a[1], cgroup 7071: 1 connection\n");
	assert_told(CT_OUTPUT_TABLE, refused_to, who, CT_COUNT(who),
		    "others, called a\\x1b[2J\\x0a too, of the same cgroup: 2 connections\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_process_is_named_beside_the_service),
		cmocka_unit_test(process_that_is_to_blame_has_its_cgroup),
		cmocka_unit_test(only_what_differs_is_null),
		cmocka_unit_test(processes_are_counted_apart),
		cmocka_unit_test(nothing_is_said_of_a_process_that_nobody_knows),
		cmocka_unit_test(processes_behind_the_first_are_counted_together),
		cmocka_unit_test(process_that_is_only_counted_may_be_another_one),
		cmocka_unit_test(threads_are_of_one_process_and_successors_are_not),
		cmocka_unit_test(owner_is_as_certain_as_the_least_of_them),
		cmocka_unit_test(reset_is_not_blamed_on_who_has_the_listener),
		cmocka_unit_test(silence_is_not_held_by_who_has_the_listener),
		cmocka_unit_test(who_has_the_listener_need_not_be_who_accepts),
		cmocka_unit_test(who_sends_is_not_taken_for_who_reads),
		cmocka_unit_test(names_cannot_act_on_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
