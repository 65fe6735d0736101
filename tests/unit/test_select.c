// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The conditions: each on a connection that meets it, and on one that does not. */
#include "../../src/select/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/builders.h"

/// The one process that selections by pid ask for.
#define PID 4242

static enum ct_verdict match(const struct ct_select *select, const struct ct_conn *conn)
{
	struct ct_pid *pids = NULL, pid = {.pid = PID};
	struct ct_subject subject = {
		.select = select, .id = &conn->id, .conn = conn, .now_ns = BEGAN + 10 * S};
	enum ct_verdict verdict;

	if (select->pids.n)
		HASH_ADD(hh, pids, pid, sizeof(pid.pid), &pid);
	subject.pids = pids;
	verdict = ct_select_match(&subject);
	HASH_CLEAR(hh, pids);
	return verdict;
}

static enum ct_verdict match_packet(const struct ct_select *select, const struct ct_conn_id *id)
{
	struct ct_subject subject = {.select = select, .id = id};

	return ct_select_match(&subject);
}

#define PORTS(first, last)                                                \
	{                                                                 \
		.ranges = (struct ct_port_range[]){{first, last}}, .n = 1 \
	}
#define VALUES(...)                                                        \
	{                                                                  \
		.values = (uint32_t[]){__VA_ARGS__},                       \
		.n = sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
	}
#define IDS(...)                                                           \
	{                                                                  \
		.values = (uint64_t[]){__VA_ARGS__},                       \
		.n = sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), \
	}

static void nothing_asked_for_selects_everything(void **state)
{
	struct ct_select select = {};
	struct ct_conn conn = a_conn();
	struct ct_conn_id id = an_ipv6_id();

	assert_int_equal(match(&select, &conn), CT_YES);
	id.cookie = 0;
	assert_int_equal(match_packet(&select, &id), CT_YES);
}

static void condition_of_any_kind_is_one(void **state)
{
	static struct ct_cidr host;
	static char *comm = "nginx";
	static struct ct_expression expression;
	const struct ct_select nothing[] = {{}, {.ipv4 = true, .ipv6 = true}, {.follow = true}};
	const struct ct_select something[] = {
		{.pids = VALUES(1)},
		{.ports = PORTS(80, 80)},
		{.lports = PORTS(80, 80)},
		{.rports = PORTS(80, 80)},
		{.hosts = &host, .n_hosts = 1},
		{.comms = &comm, .n_comms = 1},
		{.uids = VALUES(0)},
		{.netns = VALUES(1)},
		{.ipv4 = true},
		{.ipv6 = true},
		{.roles = 1 << CT_ROLE_ACTIVE},
		{.states = 1 << CT_STATE_CLOSE_WAIT},
		{.flags = 1 << CT_FLAG_GAP},
		{.min_age_ns = 1},
		{.cgroups = IDS(1)},
		{.expression = &expression},
	};

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		assert_true(ct_select_is_empty(&nothing[i]));
	for (size_t i = 0; i < sizeof(something) / sizeof(something[0]); i++)
		assert_false(ct_select_is_empty(&something[i]));
}

static void remote_port_is_judged_at_once(void **state)
{
	struct ct_select yes = {.rports = PORTS(80, 80)}, no = {.rports = PORTS(81, 90)};
	struct ct_conn conn = a_conn();

	conn.id.lport = 0;
	assert_int_equal(match(&yes, &conn), CT_YES);
	assert_int_equal(match(&no, &conn), CT_NO);
}

static void local_port_waits_until_it_is_known(void **state)
{
	struct ct_select yes = {.lports = PORTS(45000, 46000)}, no = {.lports = PORTS(80, 80)};
	struct ct_conn conn = a_conn();

	assert_int_equal(match(&yes, &conn), CT_YES);
	assert_int_equal(match(&no, &conn), CT_NO);
	conn.id.lport = 0;
	assert_int_equal(match(&yes, &conn), CT_UNDECIDED);
	assert_int_equal(match(&no, &conn), CT_UNDECIDED);
}

static void port_is_that_of_either_end(void **state)
{
	struct ct_select remote = {.ports = PORTS(80, 80)}, local = {.ports = PORTS(45678, 45678)},
			 no = {.ports = PORTS(81, 45677)};
	struct ct_conn conn = a_conn();

	assert_int_equal(match(&remote, &conn), CT_YES);
	assert_int_equal(match(&local, &conn), CT_YES);
	assert_int_equal(match(&no, &conn), CT_NO);
	conn.id.lport = 0;
	assert_int_equal(match(&remote, &conn), CT_YES);
	assert_int_equal(match(&no, &conn), CT_UNDECIDED);
}

static void hosts_are_networks_of_either_end(void **state)
{
	static const char *const yes[] = {"10.0.0.1", "10.0.0.2/32", "10.0.0.0/8", "0.0.0.0/0"};
	static const char *const no[] = {"10.0.0.3", "192.168.0.0/16", "::/0"};
	struct ct_conn conn = a_conn();
	struct ct_cidr cidr;
	struct ct_select select = {.hosts = &cidr, .n_hosts = 1};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_int_equal(ct_cidr_parse(yes[i], &cidr), 0);
		assert_int_equal(match(&select, &conn), CT_YES);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_int_equal(ct_cidr_parse(no[i], &cidr), 0);
		assert_int_equal(match(&select, &conn), CT_NO);
	}
}

static void family_is_asked_for_by_one_of_two(void **state)
{
	struct ct_select four = {.ipv4 = true}, six = {.ipv6 = true},
			 both = {.ipv4 = true, .ipv6 = true};
	struct ct_conn v4 = a_conn(), v6 = a_conn();

	v6.id = an_ipv6_id();
	assert_int_equal(match(&four, &v4), CT_YES);
	assert_int_equal(match(&four, &v6), CT_NO);
	assert_int_equal(match(&six, &v4), CT_NO);
	assert_int_equal(match(&six, &v6), CT_YES);
	assert_int_equal(match(&both, &v4), CT_YES);
	assert_int_equal(match(&both, &v6), CT_YES);
}

static void netns_uid_and_role_are_compared(void **state)
{
	struct ct_select netns = {.netns = VALUES(1, 4026531840)}, uid = {.uids = VALUES(0, 1000)},
			 role = {.roles = 1U << CT_ROLE_ACTIVE};
	struct ct_conn conn = a_conn(), other = a_conn();

	other.id.netns = 7;
	other.id.uid = 33;
	other.id.role = CT_ROLE_PASSIVE;
	assert_int_equal(match(&netns, &conn), CT_YES);
	assert_int_equal(match(&netns, &other), CT_NO);
	assert_int_equal(match(&uid, &conn), CT_YES);
	assert_int_equal(match(&uid, &other), CT_NO);
	assert_int_equal(match(&role, &conn), CT_YES);
	assert_int_equal(match(&role, &other), CT_NO);
}

static void uid_waits_until_it_is_known(void **state)
{
	struct ct_select select = {.uids = VALUES(0)};
	struct ct_conn conn = a_conn();

	conn.id.uid_known = false;
	conn.id.uid = 0;
	assert_int_equal(match(&select, &conn), CT_UNDECIDED);
}

static void cgroup_is_one_of_those_asked_for(void **state)
{
	struct ct_select select = {.cgroups = IDS(7, 77, 4294967296 * 77)},
			 other = {.cgroups = IDS(76, 78)};
	struct ct_conn conn = a_conn();

	conn.id.cgroup = 77;
	assert_int_equal(match(&select, &conn), CT_YES);
	assert_int_equal(match(&other, &conn), CT_NO);
	conn.id.cgroup = 4294967296 * 77;
	assert_int_equal(match(&select, &conn), CT_YES);
	conn.id.cgroup = 0;
	assert_int_equal(match(&select, &conn), CT_UNDECIDED);
	conn.phase = CT_PHASE_MINI; /* and nobody will tell any more */
	assert_int_equal(match(&select, &conn), CT_NO);
}

/// From no to yes, in the order of the enum.
static const enum ct_verdict verdicts[] = {CT_NO,	  CT_PROVISIONAL_NO, CT_UNDECIDED,
					   CT_YES_SO_FAR, CT_PROVISIONAL,    CT_YES};
#define N_VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

/// N no, n no by a weak owner, u undecided, s so far yes, y yes by a weak owner, Y yes.
static const char letters[] = "NnusyY";

static void and_or_and_not_are_those_of_the_table(void **state)
{
	/* clang-format off */
	static const char *const and[N_VERDICTS] = {
		/*        NnusyY */
		/* N */ "NNNNNN",
		/* n */ "Nnnnnn",
		/* u */ "Nnuuuu",
		/* s */ "Nnusss",
		/* y */ "Nnusyy",
		/* Y */ "NnusyY",
	};
	static const char *const or[N_VERDICTS] = {
		/* N */ "NnusyY",
		/* n */ "nnusyY",
		/* u */ "uuusyY",
		/* s */ "ssssyY",
		/* y */ "yyyyyY",
		/* Y */ "YYYYYY",
	};
	static const char not[] = "YysunN";
	/* clang-format on */

	for (size_t i = 0; i < N_VERDICTS; i++) {
		enum ct_verdict a = verdicts[i];

		assert_int_equal(letters[ct_verdict_not(a)], not [i]);
		for (size_t j = 0; j < N_VERDICTS; j++) {
			enum ct_verdict b = verdicts[j];

			assert_int_equal(letters[ct_verdict_and(a, b)], and[i][j]);
			assert_int_equal(letters[ct_verdict_or(a, b)], or [i][j]);
		}
	}
}

/// What is true as it stands, and so at the end, is that by the operators of two values.
static void as_it_stands_all_is_true_or_not(void **state)
{
	for (size_t i = 0; i < N_VERDICTS; i++) {
		enum ct_verdict a = verdicts[i];

		assert_int_equal(ct_verdict_is_true(a), i >= N_VERDICTS / 2);
		assert_int_equal(ct_verdict_is_true(ct_verdict_not(a)), !ct_verdict_is_true(a));
		for (size_t j = 0; j < N_VERDICTS; j++) {
			enum ct_verdict b = verdicts[j];

			assert_int_equal(ct_verdict_is_true(ct_verdict_and(a, b)),
					 ct_verdict_is_true(a) && ct_verdict_is_true(b));
			assert_int_equal(ct_verdict_is_true(ct_verdict_or(a, b)),
					 ct_verdict_is_true(a) || ct_verdict_is_true(b));
		}
	}
}

static void owner_is_judged_by_how_certain_it_is(void **state)
{
	static const struct {
		enum ct_owner owner;
		uint32_t pid;
		enum ct_verdict verdict;
	} rows[] = {
		{CT_OWNER_UNKNOWN, 0, CT_UNDECIDED},
		{CT_OWNER_INHERITED, PID, CT_PROVISIONAL},
		{CT_OWNER_INHERITED, PID + 1, CT_PROVISIONAL_NO},
		{CT_OWNER_CONNECT, PID, CT_YES},
		{CT_OWNER_CONNECT, PID + 1, CT_NO},
		{CT_OWNER_ACTOR, PID, CT_YES},
		{CT_OWNER_IO, PID + 1, CT_NO},
		{CT_OWNER_LISTEN, PID, CT_YES},
		{CT_OWNER_SCAN, PID, CT_YES},
		{CT_OWNER_SCAN, PID + 1, CT_PROVISIONAL_NO}, /* PID may have it too */
	};
	struct ct_select select = {.pids = VALUES(PID)};
	struct ct_conn conn = a_conn();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		conn.id.owner = (uint8_t)rows[i].owner;
		conn.id.pid = rows[i].pid;
		assert_int_equal(match(&select, &conn), rows[i].verdict);
	}
}

static void comm_is_a_glob_and_joins_the_pid_by_and(void **state)
{
	char *globs[] = {"ngin?", "cu*"};
	struct ct_select comm = {.comms = globs, .n_comms = 2},
			 both = {.comms = globs, .n_comms = 2, .pids = VALUES(PID)};
	struct ct_conn conn = a_conn();

	assert_int_equal(match(&comm, &conn), CT_YES);
	assert_int_equal(match(&both, &conn), CT_YES);
	strcpy(conn.id.comm, "wget");
	assert_int_equal(match(&comm, &conn), CT_NO);
	assert_int_equal(match(&both, &conn), CT_NO);
	strcpy(conn.id.comm, "curl");
	conn.id.pid = 1;
	assert_int_equal(match(&comm, &conn), CT_YES);
	assert_int_equal(match(&both, &conn), CT_NO);
}

static void state_is_one_of_all_it_lived_in_and_may_still_come(void **state)
{
	struct ct_select lived = {.states = 1U << CT_STATE_SYN_SENT},
			 to_come = {.states = 1U << CT_STATE_TIME_WAIT},
			 closed = {.states = 1U << CT_STATE_CLOSE};
	struct ct_conn conn = a_conn();

	assert_int_equal(match(&lived, &conn), CT_YES);
	assert_int_equal(match(&to_come, &conn), CT_UNDECIDED);
	assert_int_equal(match(&closed, &conn), CT_UNDECIDED);
	conn.phase = CT_PHASE_CLOSED;
	assert_int_equal(match(&closed, &conn), CT_YES);
}

static void flag_is_one_of_all_that_were_raised_and_may_still_come(void **state)
{
	struct ct_select select = {.flags = 1U << CT_FLAG_RST_SENT | 1U << CT_FLAG_TIMEOUT};
	struct ct_conn conn = a_conn();

	conn.flags = 1U << CT_FLAG_RETRANSMIT;
	assert_int_equal(match(&select, &conn), CT_UNDECIDED);
	conn.flags |= 1U << CT_FLAG_TIMEOUT;
	assert_int_equal(match(&select, &conn), CT_YES);
}

static void packet_of_no_connection_has_neither_owner_nor_states(void **state)
{
	struct ct_select port = {.ports = PORTS(80, 80)}, states = {.states = 1U << CT_STATE_CLOSE},
			 flags = {.flags = 1U << CT_FLAG_RST_SENT}, pid = {.pids = VALUES(PID)};
	struct ct_conn_id id = an_id();

	id.owner = CT_OWNER_UNKNOWN;
	assert_int_equal(match_packet(&port, &id), CT_YES);
	assert_int_equal(match_packet(&states, &id), CT_NO);
	assert_int_equal(match_packet(&flags, &id), CT_NO);
	assert_int_not_equal(match_packet(&pid, &id), CT_YES);
}

static void one_no_outweighs_all_that_is_undecided(void **state)
{
	struct ct_select select = {
		.lports = PORTS(1, 2), .flags = 1U << CT_FLAG_GAP, .rports = PORTS(443, 443)};
	struct ct_conn conn = a_conn();

	conn.id.lport = 0;
	assert_int_equal(match(&select, &conn), CT_NO);
	conn.id.rport = 443;
	assert_int_equal(match(&select, &conn), CT_UNDECIDED);
}

static void undecided_outweighs_provisional(void **state)
{
	struct ct_select select = {.pids = VALUES(PID), .flags = 1U << CT_FLAG_GAP};
	struct ct_conn conn = a_conn();

	conn.id.owner = CT_OWNER_INHERITED;
	assert_int_equal(match(&select, &conn), CT_UNDECIDED);
	conn.flags = 1U << CT_FLAG_GAP;
	assert_int_equal(match(&select, &conn), CT_PROVISIONAL);
}

static void only_pid_and_comm_ask_for_the_owner(void **state)
{
	char *glob = "x";
	struct ct_select pid = {.pids = VALUES(1)}, comm = {.comms = &glob, .n_comms = 1},
			 uid = {.uids = VALUES(1)};

	assert_true(ct_select_by_owner(&pid));
	assert_true(ct_select_by_owner(&comm));
	assert_false(ct_select_by_owner(&uid));
}

static void freed_selection_is_empty(void **state)
{
	struct ct_select select = {};

	select.comms = calloc(1, sizeof(*select.comms));
	assert_non_null(select.comms);
	select.comms[0] = strdup("curl");
	select.n_comms = 1;
	select.pids.values = malloc(4);
	select.cgroups.values = malloc(8);
	select.expression = calloc(1, sizeof(*select.expression));
	select.ports.ranges = malloc(4);
	select.hosts = malloc(sizeof(*select.hosts));
	ct_select_fini(&select);
	assert_int_equal(select.n_comms, 0);
	assert_null(select.expression);
	ct_select_fini(&select);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_asked_for_selects_everything),
		cmocka_unit_test(condition_of_any_kind_is_one),
		cmocka_unit_test(remote_port_is_judged_at_once),
		cmocka_unit_test(local_port_waits_until_it_is_known),
		cmocka_unit_test(port_is_that_of_either_end),
		cmocka_unit_test(hosts_are_networks_of_either_end),
		cmocka_unit_test(family_is_asked_for_by_one_of_two),
		cmocka_unit_test(netns_uid_and_role_are_compared),
		cmocka_unit_test(uid_waits_until_it_is_known),
		cmocka_unit_test(cgroup_is_one_of_those_asked_for),
		cmocka_unit_test(and_or_and_not_are_those_of_the_table),
		cmocka_unit_test(as_it_stands_all_is_true_or_not),
		cmocka_unit_test(owner_is_judged_by_how_certain_it_is),
		cmocka_unit_test(comm_is_a_glob_and_joins_the_pid_by_and),
		cmocka_unit_test(state_is_one_of_all_it_lived_in_and_may_still_come),
		cmocka_unit_test(flag_is_one_of_all_that_were_raised_and_may_still_come),
		cmocka_unit_test(packet_of_no_connection_has_neither_owner_nor_states),
		cmocka_unit_test(one_no_outweighs_all_that_is_undecided),
		cmocka_unit_test(undecided_outweighs_provisional),
		cmocka_unit_test(only_pid_and_comm_ask_for_the_owner),
		cmocka_unit_test(freed_selection_is_empty),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
