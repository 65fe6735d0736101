// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that `list` is a table for people, which tells of each socket the timer that is running,
// what it has left and what nobody has answered: as ss does, and of an idle connection that none
// is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/job.h"
#include "support/pair.h"
#include "support/ss.h"

#define WAIT_MS		  20000
#define POLL_MS		  20
#define KEEPALIVE_TIME_S  77
#define MORE_THAN_BUFFERS (32 * 1024 * 1024)
#define FIN_TIMEOUT	  "120" /// more than TIME_WAIT's minute: the full socket waits for the rest
#define SS_CUTS_MS	  1000	/// ss tells whole seconds where there are many
#define NS_PER_MS	  1000000LL

/// What ss says before and behind the look, and the look.
struct look {
	struct e2e_ss_row before;
	struct e2e_ss_row behind;
	json_t *listed; /// owned
	const json_t *row;
};

static void look_end(struct look *look)
{
	json_decref(look->listed);
}

/// Listens at the far end. Connections are told apart by the client's port.
static void listen_far(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_add_far(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), pair);
}

/// The one that is looked at.
static void connect_far(struct e2e *e2e, struct e2e_pair *pair)
{
	listen_far(e2e, pair);
	e2e_pair_connect(pair, E2E_FAR_HOST);
}

static struct look look_at(struct e2e *e2e, const struct e2e_netns *netns, const char *conn)
{
	struct look look;

	e2e_ss_row_of(netns, conn, &look.before);
	look.listed = E2E_CONNTRACE_JSON("list", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_ss_row_of(netns, conn, &look.behind);
	look.row = e2e_events_one(look.listed, "{s:s, s:s}", "event", "found", "conn", conn);
	return look;
}

/// ss has this timer on the socket, which has gone off in vain so often at least.
static void wait_timer(const struct e2e_netns *netns, const char *conn, const char *timer,
		       unsigned in_vain)
{
	int64_t until_ms = e2e_now_ms() + e2e_patience(WAIT_MS);
	struct e2e_ss_row row;

	for (;;) {
		e2e_ss_row_of(netns, conn, &row);
		if (!strcmp(row.timer, timer) && row.retransmits >= in_vain)
			return;
		if (e2e_now_ms() > until_ms)
			fail_msg("ss has the timer '%s' after %u, wanted %s", row.timer,
				 row.retransmits, timer);
		e2e_sleep_ms(POLL_MS);
	}
}

/// The timer was set before the look and has not gone off since: it has what lies between.
static void assert_runs_down(const struct look *look, const char *name)
{
	int64_t most_ms = (int64_t)look->before.timer_ms + SS_CUTS_MS;
	int64_t least_ms = (int64_t)look->behind.timer_ms - SS_CUTS_MS;

	e2e_assert_has(look->row, "{s:s}", "timer", name);
	assert_in_range(e2e_event_number(look->row, "expires_in_ns"),
			(least_ms > 0 ? least_ms : 0) * NS_PER_MS, most_ms * NS_PER_MS);
}

/// It may have gone off once more while it was looked at.
static void assert_in_vain(const struct look *look, const char *name, const char *key)
{
	e2e_assert_has(look->row, "{s:s}", "timer", name);
	assert_in_range(e2e_event_number(look->row, key), look->before.retransmits,
			look->behind.retransmits);
	assert_true(e2e_event_number(look->row, key) > 0);
	assert_in_range(e2e_event_number(look->row, "expires_in_ns"), 0,
			120000 * NS_PER_MS); /* TCP_RTO_MAX */
}

/// Of so many seconds: from ten minutes on ss cuts to whole minutes, and of one second every time
/// that is told would do.
static void set_keepalive(const struct e2e_pair *pair)
{
	e2e_actor_set_keepalive(pair->client, pair->client_fd);
	e2e_actor_set(pair->client, pair->client_fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_TIME_S);
}

static void keepalive_timer_is_told_with_what_it_has_left(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct look look;

	connect_far(e2e, &pair);
	set_keepalive(&pair);
	wait_timer(&e2e->home, pair.client_conn, "keepalive", 0);
	look = look_at(e2e, &e2e->home, pair.client_conn);

	assert_runs_down(&look, "keepalive");
	e2e_assert_has(look.row, "{s:i}", "unanswered", 0);
	look_end(&look);
}

/// Its peer has no keepalive, and nothing that waits for an answer.
static void idle_connection_has_no_timer(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct look look;

	connect_far(e2e, &pair);
	e2e_pair_exchange(&pair, 100, 100);
	e2e_actor_set_keepalive(pair.client, pair.client_fd);
	wait_timer(&e2e->far, pair.server_conn, "", 0);
	look = look_at(e2e, &e2e->far, pair.server_conn);

	e2e_assert_has(look.row, "{s:s}", "timer", "none");
	assert_null(json_object_get(look.row, "expires_in_ns"));
	assert_null(json_object_get(look.row, "timeouts"));
	assert_null(json_object_get(look.row, "unanswered"));
	look_end(&look);
}

static void retransmission_timer_is_told_with_its_timeouts(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct look look;

	connect_far(e2e, &pair);
	e2e_pair_exchange(&pair, 100, 100);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair.port));
	e2e_actor_send(pair.client, pair.client_fd, 100);
	wait_timer(&e2e->home, pair.client_conn, "on", 2);
	look = look_at(e2e, &e2e->home, pair.client_conn);

	assert_in_vain(&look, "rto", "timeouts");
	assert_null(json_object_get(look.row, "unanswered"));
	look_end(&look);
}

/// The client's window is closed: it does not read.
static void persist_timer_is_told_with_its_probes(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct look look;

	e2e_netns_sysctl("ipv4/tcp_rmem", "4096 1048576 1048576"); /* see e2e_window.c */
	connect_far(e2e, &pair);
	e2e_actor_begin_send(pair.server, pair.server_fd, MORE_THAN_BUFFERS);
	wait_timer(&e2e->far, pair.server_conn, "persist", 0);
	e2e_netns_drop(&e2e->far, e2e_format(e2e, "tcp dport %u", pair.port)); /* no answers */
	wait_timer(&e2e->far, pair.server_conn, "persist", 2);
	look = look_at(e2e, &e2e->far, pair.server_conn);

	assert_in_vain(&look, "persist", "unanswered");
	assert_null(json_object_get(look.row, "timeouts"));
	look_end(&look);
}

static void time_wait_is_its_timer(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct look look;

	connect_far(e2e, &pair);
	e2e_pair_close(&pair);
	wait_timer(&e2e->home, pair.client_conn, "timewait", 0);
	look = look_at(e2e, &e2e->home, pair.client_conn);

	e2e_assert_has(look.row, "{s:s}", "state", "TIME_WAIT");
	assert_runs_down(&look, "time-wait");
	look_end(&look);
}

/// What ss calls keepalive is the end of the wait for a FIN, where no process holds the socket.
static void orphan_in_fin_wait2_waits_for_the_fin(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct look look;

	e2e_netns_sysctl("ipv4/tcp_fin_timeout", FIN_TIMEOUT);
	connect_far(e2e, &pair);
	e2e_actor_close(pair.client, pair.client_fd);
	wait_timer(&e2e->home, pair.client_conn, "keepalive", 0);
	look = look_at(e2e, &e2e->home, pair.client_conn);

	e2e_assert_has(look.row, "{s:s}", "state", "FIN_WAIT2");
	assert_runs_down(&look, "fin-wait2");
	assert_null(json_object_get(look.row, "unanswered"));
	look_end(&look);
}

/// The nearest: a process holds it still, and its keepalive timer is one.
static void held_fin_wait2_has_its_keepalive_timer(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct look look;

	connect_far(e2e, &pair);
	set_keepalive(&pair);
	e2e_actor_shutdown(pair.client, pair.client_fd, SHUT_WR);
	e2e_ss_wait_none(&e2e->home, "state fin-wait-1 dport = :%u", pair.port);
	look = look_at(e2e, &e2e->home, pair.client_conn);

	e2e_assert_has(look.row, "{s:s}", "state", "FIN_WAIT2");
	assert_runs_down(&look, "keepalive");
	look_end(&look);
}

/// A row in this state. What is looked for in vain may have gone before the look: TIME_WAIT lasts a
/// minute, and on a machine that has other things to do a program may take that long to begin.
static void assert_row(struct e2e *e2e, const struct e2e_output *output, const char *state,
		       const char *conn)
{
	struct e2e_ss_row rows[64];
	size_t n = e2e_ss(&e2e->home, rows, sizeof(rows) / sizeof(rows[0]));

	if (strstr(output->out, state))
		return;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].conn, conn))
			fail_msg("ss has %s in %s, and list has not:\n%s%s", conn, rows[i].state,
				 output->out, output->err);
	e2e_again("%s was over before it was listed", state);
}

static void list_is_a_table_for_people(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair, half;
	struct e2e_output output;

	listen_far(e2e, &pair);
	half = pair;
	e2e_pair_connect(&half, E2E_FAR_HOST);
	e2e_actor_shutdown(half.client, half.client_fd, SHUT_WR);
	e2e_pair_connect(&pair, E2E_FAR_HOST);
	e2e_pair_close(&pair);
	e2e_ss_wait_none(&e2e->far, "state last-ack sport = :%u", pair.port);
	E2E_CONNTRACE(&output, "list", "-P", e2e_port_text(e2e, 0));

	assert_int_equal(output.status, 0);
	assert_ptr_equal(strstr(output.out, "STATE "), output.out);
	assert_non_null(strstr(output.out, "LISTEN"));
	assert_non_null(strstr(output.out, "ct-server"));
	assert_non_null(strstr(output.out, "[half-close-local]"));
	assert_row(e2e, &output, "TIME_WAIT", pair.client_conn);
	assert_null(strchr(output.out, '{'));
	e2e_output_free(&output);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(list_is_a_table_for_people),
	E2E_TEST(keepalive_timer_is_told_with_what_it_has_left),
	E2E_TEST(idle_connection_has_no_timer),
	E2E_TEST(retransmission_timer_is_told_with_its_timeouts),
	E2E_TEST(persist_timer_is_told_with_its_probes),
	E2E_TEST(time_wait_is_its_timer),
	E2E_TEST(orphan_in_fin_wait2_waits_for_the_fin),
	E2E_TEST(held_fin_wait2_has_its_keepalive_timer),
};

E2E_MAIN("list", tests)
