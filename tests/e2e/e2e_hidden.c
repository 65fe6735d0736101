// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that the loss of a hook degrades what it serves and nothing else, and that this is told.
// One tracer has all hooks, beside it others lack one each, or two; they see the same connections.
// What each may lose is in tests/support/hidden_losses.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "conntrace/count.h"
#include "support/capability.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/hidden.h"
#include "support/pair.h"

#define WAIT_MS	    20000
#define OPTIONS_MAX 4
#define ARGS_MAX    20

/// A whole tracer and, by the table's rows, those without.
struct run {
	struct e2e *e2e;
	const struct e2e_loss_table *table;
	const char *options[OPTIONS_MAX];
	struct e2e_tracer *whole;
	struct e2e_tracer *without[E2E_TRACERS_MAX];
};

/// A pair across two namespaces. Where FIN_WAIT2 of a mini-socket ends with TIME_WAIT, it depends
/// on the kernel's timer wheel by which hook it is told that the one became the other.
static void run_begin(struct run *run, struct e2e_pair *ret_pair)
{
	e2e_add_far(run->e2e);
	e2e_netns_sysctl("ipv4/tcp_fin_timeout", "10");
	e2e_pair_listen(run->e2e, E2E_FAR_HOST, e2e_port(0), ret_pair);
}

/// loss NULL: without none.
static struct e2e_tracer *start_tracer(const struct run *run, const struct e2e_loss *loss)
{
	const char *port = e2e_format(run->e2e, "%u-%u", e2e_port(0), e2e_port(3));
	const char *argv[ARGS_MAX] = {"watch", "--json", "-P", port, "-H", E2E_FAR_HOST};
	size_t n = 6;

	for (size_t i = 0; i < OPTIONS_MAX && run->options[i]; i++)
		argv[n++] = run->options[i];
	for (size_t i = 0; loss && i < E2E_LOSS_HOOKS_MAX && loss->hooks[i]; i++) {
		argv[n++] = "--hide-hook";
		argv[n++] = loss->hooks[i];
	}
	return e2e_tracer_start(run->e2e, argv);
}

static void run_start(struct run *run)
{
	assert_true(run->table->n < E2E_TRACERS_MAX);
	run->whole = start_tracer(run, NULL);
	for (size_t i = 0; i < run->table->n; i++)
		run->without[i] = start_tracer(run, &run->table->losses[i]);
}

static void run_wait(const struct run *run, const char *conn, const char *key, const char *value)
{
	e2e_tracer_wait_event(run->whole, WAIT_MS, "{s:s, s:s}", "conn", conn, key, value);
}

/// Stops them and compares.
static void run_judge(struct run *run)
{
	json_t *told = E2E_CONNTRACE_JSON("check", "--json");
	bool gives_reasons = e2e_has_full_capability(run->e2e, "resets sent");
	const json_t *whole;

	e2e_tracer_stop(run->whole, 0);
	whole = e2e_tracer_events(run->whole);
	for (size_t i = 0; i < run->table->n; i++)
		e2e_tracer_stop(run->without[i], 0);
	e2e_assert_no_loss(whole);
	for (size_t i = 0; i < run->table->n; i++) {
		const struct e2e_loss *loss = &run->table->losses[i];
		struct e2e_loss_tally tally = e2e_loss_compare(loss, gives_reasons, whole,
							       e2e_tracer_events(run->without[i]));

		print_message("without %s: %u differences\n", e2e_loss_name(loss), tally.less);
		assert_int_equal(tally.wrong, 0);
		if (loss->tells_all)
			assert_int_equal(tally.less, 0);
		else if (e2e_loss_is_given(loss, json_array_get(told, 0)))
			assert_true(tally.less > 0);
	}
	json_decref(told);
}

/// Its client will not hear of its server again, and dies of that.
static void begin_silence(struct e2e *e2e, struct e2e_pair *silent)
{
	e2e_pair_connect(silent, E2E_FAR_HOST);
	e2e_pair_exchange(silent, 100, 100);
	e2e_actor_set_keepalive(silent->client, silent->client_fd);
	e2e_netns_drop(&e2e->home, e2e_format(e2e, "tcp sport %u", silent->port));
	e2e_actor_send(silent->server, silent->server_fd, 100);
}

static void end_silence(struct e2e_pair *silent)
{
	(void)e2e_actor_try_receive(silent->client, silent->client_fd, 1);
	e2e_actor_close(silent->client, silent->client_fd);
}

static void live_plainly(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, 1000, 2000);
	e2e_pair_close(pair);
}

/// The server closes with something unread.
static void live_to_reset(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_actor_send(pair->client, pair->client_fd, 100);
	e2e_actor_wait_readable(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	(void)e2e_actor_try_receive(pair->client, pair->client_fd, 1);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// One life each: a graceful one, one reset for unread data, one refused, one that dies of silence,
/// one that had to send again, one that was there before.
static void hook_that_is_hidden_degrades_its_capability_alone(void **state)
{
	struct run run = {.e2e = *state, .table = &e2e_losses_plain};
	struct e2e_pair pair, silent, before;

	run_begin(&run, &pair);
	e2e_pair_listen(run.e2e, E2E_FAR_HOST, e2e_port(1), &silent);
	e2e_pair_listen(run.e2e, E2E_FAR_HOST, e2e_port(2), &before);
	e2e_pair_connect(&before, E2E_FAR_HOST);
	run_start(&run);
	begin_silence(run.e2e, &silent);
	live_plainly(&pair);
	live_to_reset(&pair);
	e2e_actor_connect_fails(pair.client, E2E_FAR_HOST, e2e_port(3), ECONNREFUSED);
	e2e_pair_close(&before);
	end_silence(&silent);
	run_wait(&run, silent.client_conn, "event", "close");
	run_judge(&run);
}

/// The first SYN-ACK is lost.
static void hook_of_synacks_that_is_hidden_degrades_that_alone(void **state)
{
	struct run run = {.e2e = *state, .table = &e2e_losses_synack};
	struct e2e_pair pair;

	run_begin(&run, &pair);
	run_start(&run);
	e2e_netns_shell(
		&run.e2e->home,
		"nft 'add table inet ct_e2e; add chain inet ct_e2e in { type filter hook input priority 0; }; "
		"add rule inet ct_e2e in tcp flags syn limit rate over 1/day burst 1 packets accept; "
		"add rule inet ct_e2e in tcp flags syn drop'");
	live_plainly(&pair);
	run_wait(&run, pair.server_conn, "event", "close");
	run_judge(&run);
}

/// The server only receives, then it only sends: each makes it the owner of what it listened for.
static void hook_of_sends_or_receives_that_is_hidden_degrades_that_alone(void **state)
{
	struct run run = {.e2e = *state, .table = &e2e_losses_io, .options = {"--io-owner"}};
	struct e2e_pair pair;

	run_begin(&run, &pair);
	run_start(&run);
	e2e_pair_connect(&pair, E2E_FAR_HOST);
	e2e_pair_exchange(&pair, 100, 0);
	e2e_pair_close(&pair);
	e2e_pair_connect(&pair, E2E_FAR_HOST);
	e2e_pair_exchange(&pair, 0, 100);
	e2e_pair_close(&pair);
	run_wait(&run, pair.server_conn, "event", "close");
	run_judge(&run);
}

/// A process of the selection connects, and so does a child that it has had since.
static void hook_of_forks_that_is_hidden_degrades_children_alone(void **state)
{
	struct run run = {.e2e = *state, .table = &e2e_losses_follow};
	struct e2e_pair pair;

	run_begin(&run, &pair);
	run.options[0] = "--follow";
	run.options[1] = "-p";
	run.options[2] = e2e_format(run.e2e, "%d", pair.client->pid);
	run_start(&run);
	live_plainly(&pair);
	pair.client = e2e_actor_fork(pair.client, "ct-child");
	live_plainly(&pair);
	run_wait(&run, pair.client_conn, "to", "TIME_WAIT");
	run_judge(&run);
}

static unsigned compare_levels(const struct e2e_loss_table *table, const json_t *whole)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < table->n; i++) {
		const struct e2e_loss *loss = &table->losses[i];
		json_t *less = E2E_CONNTRACE_JSON("check", "--json", "--hide-hook", loss->hooks[0],
						  loss->hooks[1] ? "--hide-hook" : NULL,
						  loss->hooks[1]);

		wrong += e2e_loss_compare_levels(loss, whole, json_array_get(less, 0));
		json_decref(less);
	}
	return wrong;
}

static void check_tells_what_is_lost_without_a_hook(void **state)
{
	static const struct e2e_loss_table *const tables[] = {&e2e_losses_plain, &e2e_losses_synack,
							      &e2e_losses_io, &e2e_losses_follow};
	json_t *whole = E2E_CONNTRACE_JSON("check", "--json");
	unsigned wrong = 0;

	for (size_t i = 0; i < CT_COUNT(tables); i++)
		wrong += compare_levels(tables[i], json_array_get(whole, 0));
	json_decref(whole);
	assert_int_equal(wrong, 0);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(hook_that_is_hidden_degrades_its_capability_alone),
	E2E_TEST(hook_of_synacks_that_is_hidden_degrades_that_alone),
	E2E_TEST(hook_of_sends_or_receives_that_is_hidden_degrades_that_alone),
	E2E_TEST(hook_of_forks_that_is_hidden_degrades_children_alone),
	E2E_TEST(check_tells_what_is_lost_without_a_hook),
};

E2E_MAIN("hidden", tests)
