// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <cmocka.h>

#define CANCELLED 0xcafe

static void passive_close_is_closed_by_the_peer(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_ESTABLISHED));
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, to(&life, CT_STATE_CLOSE));
	let_go(world, &life);
	assert_told(&world->told, "LISTEN>SYN_RECV ?", "SYN_RECV>ESTABLISHED 1ms",
		    "ESTABLISHED>CLOSE_WAIT 1ms", "CLOSE_WAIT>LAST_ACK 1ms by close()",
		    "LAST_ACK>CLOSE 1ms",
		    "fin by remote: SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK");
}

static void simultaneous_open_and_close_are_one_life(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, to(&life, CT_STATE_SYN_RECV));
	take(world, to(&life, CT_STATE_ESTABLISHED));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_FIN_WAIT1));
	take(world, to(&life, CT_STATE_CLOSING));
	take(world, mini(&life, CT_TIMER_START, CT_STATE_TIME_WAIT));
	take(world, to(&life, CT_STATE_CLOSE));
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "CLOSE>SYN_SENT ? by connect()", "SYN_SENT>SYN_RECV 1ms",
		    "SYN_RECV>ESTABLISHED 1ms", "ESTABLISHED>FIN_WAIT1 1ms by close()",
		    "FIN_WAIT1>CLOSING 1ms", "CLOSING>TIME_WAIT 1ms",
		    "fin by both: SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT");
}

static void linger0_is_told_though_its_reset_comes_after_the_close(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	life.core.sock_flags |= CT_SOCK_LINGER | CT_SOCK_LINGER0;
	event = does(&life, CT_HOW_CLOSE, CT_STATE_CLOSE);
	event.to.unacked = 77;
	take(world, event);
	event = reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_STATE);
	event.context = CT_CONTEXT_PROCESS;
	event.reset.how = CT_HOW_CLOSE;
	event.reset.actor_pid = event.pid;
	take(world, event);
	assert_int_equal(world->last.reset.unacked, 77);
	let_go(world, &life);
	assert_told(&world->told, "ESTABLISHED>CLOSE 1ms by close()",
		    "rst sent app linger0 in ESTABLISHED",
		    "rst-sent by local: SYN_SENT ESTABLISHED");
}

static void reset_of_the_peer_after_the_close_still_decides_the_end(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE));
	life.core.ts_ns += CT_TABLE_GRACE_NS / 2;
	take(world, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	let_go(world, &life);
	assert_told(&world->told, "ESTABLISHED>CLOSE 1ms", "rst received peer peer in ESTABLISHED",
		    "rst-received by remote: SYN_RECV ESTABLISHED");
}

static void reset_after_the_grace_period_is_told_without_a_life(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE));
	let_go(world, &life);
	told_forget(&world->told);
	take(world, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	assert_true(world->last.has_id);
	assert_int_equal(world->last.id.lport, 80);
	take(world, over(life.core.ts_ns));
	assert_told(&world->told, "rst received peer peer in CLOSE");
}

static void refused_connection_ends_refused(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	take(world, reset(&life, CT_DIRECTION_RECEIVED, CT_RESET_REASON_NONE));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = ECONNREFUSED;
	take(world, event);
	let_go(world, &life);
	assert_told(&world->told, "CLOSE>SYN_SENT ? by connect()",
		    "rst received peer refused in SYN_SENT", "SYN_SENT>CLOSE 2ms",
		    "refused by remote: SYN_SENT");
}

/// RFC 9293 3.5.1, figure 9: the peer has a half-open connection of before; it is reset, and ours
/// goes on.
static void reset_that_the_connection_survives_is_not_its_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	event = reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_INVALID_ACK_SEQUENCE);
	event.reset.answered = 1;
	take(world, event);
	take(world, to(&life, CT_STATE_ESTABLISHED));
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	take(world, to(&life, CT_STATE_CLOSE));
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "fin by remote: SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK");
}

/// One that nobody saw begin, and whose timer is not seen either.
static void handshake_that_never_has_a_child_is_forgotten(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, synack_again(&life));
	take(world, tick(life.core.ts_ns + 129 * S));
	assert_int_equal(world->forgotten, 0);
	take(world, tick(life.core.ts_ns + 131 * S));
	assert_int_equal(world->forgotten, 1);
	assert_told(&world->told, "retransmit synack synack 1", "unknown by ?: SYN_RECV [gap]");
}

static void silence_of_the_peer_ends_in_a_timeout(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 0));
	take(world, retransmitted(&life, CT_RETRANSMIT_RTO, CT_SEGMENT_DATA, 0));
	take(world, failed(&life, ETIMEDOUT));
	event = to(&life, CT_STATE_CLOSE);
	event.context = CT_CONTEXT_RETRANSMIT;
	event.to.sk_err = ETIMEDOUT;
	take(world, event);
	let_go(world, &life);
	assert_told(&world->told, "retransmit rto data 1", "retransmit rto data 2",
		    "error ETIMEDOUT", "ESTABLISHED>CLOSE 4ms",
		    "timeout by ?: SYN_SENT ESTABLISHED");
}

/// A report that comes when all is done, and when the process has fetched the error.
static void error_that_was_fetched_before_its_report_is_that_of_the_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = EHOSTUNREACH;
	take(world, event);
	told_forget(&world->told);
	take(world, failed(&life, 0));
	assert_told(&world->told, "error EHOSTUNREACH");
	take(world, failed(&life, 0));
	assert_silence(&world->told);
}

/// What it has outlived is told, and is not what ends it.
static void error_of_before_is_not_that_of_the_end(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	take(world, failed(&life, EHOSTUNREACH));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = ETIMEDOUT;
	take(world, event);
	told_forget(&world->told);
	take(world, failed(&life, 0));
	assert_told(&world->told, "error ETIMEDOUT");
}

/// A socket's error queue, or what ended it was reported before.
static void report_without_an_error_is_none(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	take(world, failed(&life, 0));
	assert_silence(&world->told);
	take(world, failed(&life, ETIMEDOUT));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = ETIMEDOUT;
	take(world, event);
	take(world, failed(&life, 0));
	assert_told(&world->told, "error ETIMEDOUT", "ESTABLISHED>CLOSE 3ms");
}

static void fin_that_is_never_acknowledged_is_a_timeout_and_not_a_fin(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	establish(world, &life);
	take(world, to(&life, CT_STATE_CLOSE_WAIT));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_LAST_ACK));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = ETIMEDOUT;
	take(world, event);
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "timeout by remote: SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK");
}

static void dead_keepalive_decides_the_end_over_the_reset_it_sends(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	for (uint32_t i = 1; i <= 3; i++)
		take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_SENT, i));
	event = reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_KEEPALIVE_TIMEOUT);
	event.context = CT_CONTEXT_KEEPALIVE;
	take(world, event);
	take(world, probe(&life, CT_PROBE_KEEPALIVE, CT_PROBE_DEAD, 3));
	event = to(&life, CT_STATE_CLOSE);
	event.context = CT_CONTEXT_KEEPALIVE;
	event.to.sk_err = ETIMEDOUT;
	take(world, event);
	assert_int_equal(world->conn->keepalives_sent, 3);
	let_go(world, &life);
	assert_told(&world->told, "probe keepalive sent 1", "probe keepalive sent 2",
		    "probe keepalive sent 3", "rst sent stack keepalive-timeout in ESTABLISHED",
		    "probe keepalive dead 3", "ESTABLISHED>CLOSE 6ms",
		    "keepalive-dead by ?: SYN_SENT ESTABLISHED");
}

static void dead_window_probe_is_a_timeout_and_no_dead_keepalive(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	take(world, probe(&life, CT_PROBE_WINDOW, CT_PROBE_SENT, 1));
	take(world, probe(&life, CT_PROBE_WINDOW, CT_PROBE_DEAD, 1));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = ETIMEDOUT;
	take(world, event);
	assert_int_equal(world->conn->window_probes_sent, 1);
	assert_int_equal(world->conn->keepalives_sent, 0);
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "timeout by ?: SYN_SENT ESTABLISHED");
}

static void connection_that_ss_destroys_is_killed(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	establish(world, &life);
	event = reset(&life, CT_DIRECTION_SENT, CT_RESET_REASON_TCP_STATE);
	event.context = CT_CONTEXT_PROCESS;
	event.reset.how = CT_HOW_OTHER;
	event.reset.actor_pid = 999;
	take(world, event);
	event = does(&life, CT_HOW_OTHER, CT_STATE_CLOSE);
	event.to.actor_pid = 999;
	event.to.sk_err = ECONNABORTED;
	take(world, event);
	let_go(world, &life);
	assert_told(&world->told, "rst sent stack killed in ESTABLISHED", "ESTABLISHED>CLOSE 2ms",
		    "killed by local: SYN_SENT ESTABLISHED");
}

static void aborted_handshake_of_the_stack_is_not_a_kill(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_event event;

	establish(world, &life);
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = ECONNABORTED;
	take(world, event);
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "unknown by ?: SYN_RECV ESTABLISHED");
}

static void router_that_says_no_makes_it_unreachable(void **state)
{
	struct world *world = *state;
	struct life life = a_client();
	struct ct_event event;

	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	event = to(&life, CT_STATE_CLOSE);
	event.to.sk_err = EHOSTUNREACH;
	take(world, event);
	told_forget(&world->told);
	let_go(world, &life);
	assert_told(&world->told, "unreachable by ?: SYN_SENT");
}

static void v4_mapped_addresses_are_ipv4(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	static const uint8_t laddr[16] = {10, 0, 0, 2}, raddr[16] = {10, 0, 0, 1};

	life.core.family = AF_INET6;
	set_addr(life.core.laddr, AF_INET6, "::ffff:10.0.0.2");
	set_addr(life.core.raddr, AF_INET6, "::ffff:10.0.0.1");
	establish(world, &life);
	assert_int_equal(world->id.family, AF_INET);
	assert_memory_equal(world->id.laddr, laddr, 16);
	assert_memory_equal(world->id.raddr, raddr, 16);
}

static void ipv6_stays_ipv6(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	life.core.family = AF_INET6;
	set_addr(life.core.laddr, AF_INET6, "2001:db8::2");
	set_addr(life.core.raddr, AF_INET6, "::1");
	establish(world, &life);
	assert_int_equal(world->id.family, AF_INET6);
	assert_memory_equal(world->id.laddr, life.core.laddr, 16);
}

static void local_port_becomes_known_after_syn_sent(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	life.core.lport = 0;
	take(world, does(&life, CT_HOW_CONNECT, CT_STATE_SYN_SENT));
	assert_int_equal(world->id.lport, 0);
	life.core.lport = 45678;
	take(world, to(&life, CT_STATE_ESTABLISHED));
	life.core.lport = 0; /* an unbound port at → CLOSE */
	take(world, to(&life, CT_STATE_CLOSE));
	assert_int_equal(world->id.lport, 45678);
}

static void owner_is_told_with_comm_and_uid(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	establish(world, &life);
	take(world, owned(&life, 4711, "a comm of 16 cha", CT_OWNER_ACTOR));
	assert_int_equal(world->id.pid, 4711);
	assert_int_equal(world->id.owner, CT_OWNER_ACTOR);
	assert_string_equal(world->id.comm, "a comm of 16 cha");
	assert_true(world->id.uid_known && world->id.uid == 1000);
	assert_silence(&world->told);
}

static void comm_of_another_pid_is_not_kept(void **state)
{
	struct world *world = *state;
	struct life life = a_server();

	take(world, owned(&life, 80, "nginx", CT_OWNER_INHERITED));
	take(world, to(&life, CT_STATE_SYN_RECV));
	assert_string_equal(world->id.comm, "nginx");
	life.core.pid = 81; /* and who that is was lost */
	take(world, to(&life, CT_STATE_ESTABLISHED));
	assert_string_equal(world->id.comm, "");
}

static void counters_are_kept_for_the_summary(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	establish(world, &life);
	take(world, counted(&life, 5, 7, 2));
	assert_true(world->conn->counted);
	assert_int_equal(world->conn->counters.bytes_received, 7);
	assert_silence(&world->told);
}

static void listener_is_no_connection(void **state)
{
	struct world *world = *state;
	struct life life = a_server();
	struct ct_conn_table_stats stats;

	life.core.role = CT_ROLE_LISTENER;
	life.core.state = CT_STATE_CLOSE;
	take(world, does(&life, CT_HOW_OTHER, CT_STATE_LISTEN));
	take(world, does(&life, CT_HOW_CLOSE, CT_STATE_CLOSE));
	let_go(world, &life);
	assert_told(&world->told, "CLOSE>LISTEN ? by another call", "LISTEN>CLOSE 1ms by close()");
	ct_conn_table_stats(world->table, &stats);
	assert_int_equal(stats.connections, 0);
	assert_int_equal(stats.live, 0);
}

static void what_the_listener_of_updates_answers_stops_the_table(void **state)
{
	struct world *world = *state;
	struct life life = a_client();

	world->fails = CANCELLED;
	assert_int_equal(try_take(world, to(&life, CT_STATE_SYN_SENT)), CANCELLED);
	assert_int_equal(try_take(world, over(life.core.ts_ns)), CANCELLED);
}

static void freed_table_discards_what_is_in_it(void **state)
{
	struct world *world = *state;
	struct life client = a_client(), server = a_server();

	establish(world, &client);
	establish(world, &server);
	world_bound(world, 1);
	assert_int_equal(world->discarded, 2);
	assert_silence(&world->told);
}

#define test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(passive_close_is_closed_by_the_peer),
		test(simultaneous_open_and_close_are_one_life),
		test(linger0_is_told_though_its_reset_comes_after_the_close),
		test(reset_of_the_peer_after_the_close_still_decides_the_end),
		test(reset_after_the_grace_period_is_told_without_a_life),
		test(refused_connection_ends_refused),
		test(reset_that_the_connection_survives_is_not_its_end),
		test(handshake_that_never_has_a_child_is_forgotten),
		test(silence_of_the_peer_ends_in_a_timeout),
		test(error_that_was_fetched_before_its_report_is_that_of_the_end),
		test(error_of_before_is_not_that_of_the_end),
		test(report_without_an_error_is_none),
		test(fin_that_is_never_acknowledged_is_a_timeout_and_not_a_fin),
		test(dead_keepalive_decides_the_end_over_the_reset_it_sends),
		test(dead_window_probe_is_a_timeout_and_no_dead_keepalive),
		test(connection_that_ss_destroys_is_killed),
		test(aborted_handshake_of_the_stack_is_not_a_kill),
		test(router_that_says_no_makes_it_unreachable),
		test(v4_mapped_addresses_are_ipv4),
		test(ipv6_stays_ipv6),
		test(local_port_becomes_known_after_syn_sent),
		test(owner_is_told_with_comm_and_uid),
		test(comm_of_another_pid_is_not_kept),
		test(counters_are_kept_for_the_summary),
		test(listener_is_no_connection),
		test(what_the_listener_of_updates_answers_stops_the_table),
		test(freed_table_discards_what_is_in_it),
	};

	return cmocka_run_group_tests_name("conn_table", tests, NULL, NULL);
}
