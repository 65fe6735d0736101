// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that each condition selects whole lives, from their first transition on, and nothing of
// anybody else's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define NOBODY	 65534
#define WAIT_MS	 10000
#define ARGS_MAX 8

/// The lives of the stage: a plain one over IPv4 and one over IPv6 that the client resets.
enum life {
	CLIENT,
	SERVER,
	LISTENER,
	RESETTER,
	RESET_SERVER,
	RESET_LISTENER,
	LIVES,
};

#define LIFE(life) (1u << (life))
#define PLAIN	   (LIFE(CLIENT) | LIFE(SERVER) | LIFE(LISTENER))
#define RESET	   (LIFE(RESETTER) | LIFE(RESET_SERVER) | LIFE(RESET_LISTENER))

static const char *const paths[LIVES] = {
	[CLIENT] =
		"CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT",
	[SERVER] =
		"LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE_WAIT CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE",
	[LISTENER] = "CLOSE>LISTEN",
	[RESETTER] = "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>CLOSE",
	[RESET_SERVER] = "LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE",
	[RESET_LISTENER] = "CLOSE>LISTEN",
};

/// What is asked for, and the lives that answer to it. In the arguments @P0 and @P1 stand for the
/// ports of the plain and the reset pair, @CLIENT, @SERVER, @RESETTER, @RESET_SERVER for pids,
/// @HOME and @HOST for namespaces.
struct selection {
	unsigned lives;
	const char *args[ARGS_MAX];
};

struct stage {
	struct e2e *e2e;
	struct e2e_pair plain;
	struct e2e_pair reset;
	const char *conns[LIVES];
};

static void stage_set(struct stage *stage, struct e2e *e2e)
{
	*stage = (struct stage){
		.e2e = e2e,
		.plain = {.port = e2e_port(0)},
		.reset = {.port = e2e_port(1)},
	};
	stage->plain.server = e2e_actor_start(e2e, &e2e->home, "ct-server");
	stage->plain.client = e2e_actor_start(e2e, &e2e->home, "ct-client");
	stage->reset.server = e2e_actor_start(e2e, &e2e->home, "ct-other-srv");
	stage->reset.client = e2e_actor_start(e2e, &e2e->home, "ct-other-cli");
	e2e_actor_set_uid(stage->reset.client, NOBODY);
	e2e_churn_noise(e2e, e2e_port(2));
}

/// Both listeners, both connections open at the same time, and their ends.
static void stage_play(struct stage *stage)
{
	struct e2e_pair *plain = &stage->plain;
	struct e2e_pair *reset = &stage->reset;

	plain->listen_fd = e2e_actor_listen(plain->server, "127.0.0.1", plain->port);
	reset->listen_fd = e2e_actor_listen(reset->server, "::1", reset->port);
	e2e_pair_connect(plain, "127.0.0.1");
	e2e_pair_connect(reset, "::1");
	e2e_pair_exchange(plain, 100, 100);
	e2e_pair_exchange(reset, 100, 100);
	e2e_actor_set_linger0(reset->client, reset->client_fd);
	e2e_actor_close(reset->client, reset->client_fd);
	e2e_actor_try_receive(reset->server, reset->server_fd, 1);
	e2e_actor_close(reset->server, reset->server_fd);
	e2e_pair_close(plain);

	stage->conns[CLIENT] = plain->client_conn;
	stage->conns[SERVER] = plain->server_conn;
	stage->conns[LISTENER] = e2e_actor_conn(plain->server, plain->listen_fd);
	stage->conns[RESETTER] = reset->client_conn;
	stage->conns[RESET_SERVER] = reset->server_conn;
	stage->conns[RESET_LISTENER] = e2e_actor_conn(reset->server, reset->listen_fd);
}

static unsigned long host_netns_inum(void)
{
	struct stat st;

	assert_int_equal(fstat(e2e_netns_host_fd(), &st), 0);
	return st.st_ino;
}

/// An argument with its @NAMEs replaced. Borrowed from the fixture.
static const char *expand(const struct stage *stage, const char *arg)
{
	// Longer names before those that they begin with.
	const struct {
		const char *name;
		unsigned long value;
	} names[] = {
		{"@RESET_SERVER", (unsigned long)stage->reset.server->pid},
		{"@RESETTER", (unsigned long)stage->reset.client->pid},
		{"@SERVER", (unsigned long)stage->plain.server->pid},
		{"@CLIENT", (unsigned long)stage->plain.client->pid},
		{"@P0", stage->plain.port},
		{"@P1", stage->reset.port},
		{"@HOME", stage->e2e->home.inum},
		{"@HOST", host_netns_inum()},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *at = strstr(arg, names[i].name);

		if (at)
			return expand(stage,
				      e2e_format(stage->e2e, "%.*s%lu%s", (int)(at - arg), arg,
						 names[i].value, at + strlen(names[i].name)));
	}
	return arg;
}

static struct e2e_tracer *stage_trace(const struct stage *stage, const struct selection *selection)
{
	const char *argv[ARGS_MAX + 3] = {"watch", "--json"};
	size_t n = 2;

	for (size_t i = 0; i < ARGS_MAX && selection->args[i]; i++)
		argv[n++] = expand(stage, selection->args[i]);
	return e2e_tracer_start(stage->e2e, argv);
}

static void selects_whole_lives_and_no_others(void **state)
{
	struct e2e *e2e = *state;
	const struct selection *selection = e2e->argument;
	struct e2e_tracer *tracer;
	struct stage stage;
	const char *wanted[LIVES + 1];
	size_t n = 0;

	stage_set(&stage, e2e);
	tracer = stage_trace(&stage, selection);
	stage_play(&stage);
	if (selection->lives & LIFE(CLIENT))
		e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", stage.conns[CLIENT],
				      "to", "TIME_WAIT");
	if (selection->lives & LIFE(SERVER))
		e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", stage.conns[SERVER],
				      "from", "LAST_ACK");
	e2e_tracer_stop(tracer, 0);

	for (size_t life = 0; life < LIVES; life++) {
		if (selection->lives & LIFE(life))
			wanted[n++] = stage.conns[life];
	}
	wanted[n] = NULL;
	e2e_assert_no_loss(e2e_tracer_events(tracer));
	e2e_assert_only_list(e2e_tracer_events(tracer), wanted);
	for (size_t life = 0; life < LIVES; life++) {
		if (selection->lives & LIFE(life))
			e2e_assert_path(e2e_tracer_events(tracer), stage.conns[life], paths[life]);
	}
}

#define SELECTS(name, lives, ...)                              \
	E2E_TEST_WITH(name, selects_whole_lives_and_no_others, \
		      (&(struct selection){lives, {__VA_ARGS__}}))

static const struct CMUnitTest tests[] = {
	SELECTS("port_is_of_either_end", PLAIN, "-P", "@P0"),
	SELECTS("port_range_is_inclusive", PLAIN | RESET, "-P", "@P0-@P1"),
	SELECTS("lport_is_of_the_own_end", LIFE(SERVER) | LIFE(LISTENER), "-L", "@P0"),
	SELECTS("rport_is_of_the_other_end", LIFE(CLIENT), "-D", "@P0"),
	SELECTS("pid_of_a_client", LIFE(CLIENT), "-p", "@CLIENT"),
	SELECTS("pid_of_a_server", LIFE(SERVER) | LIFE(LISTENER), "-p", "@SERVER"),
	SELECTS("pids_in_a_list_mean_or", LIFE(CLIENT) | LIFE(RESETTER), "-p", "@CLIENT,@RESETTER"),
	SELECTS("pid_repeated_means_or", LIFE(CLIENT) | LIFE(RESETTER), "-p", "@CLIENT", "-p",
		"@RESETTER"),
	SELECTS("pid_and_port_mean_and", LIFE(RESET_SERVER) | LIFE(RESET_LISTENER), "-p",
		"@SERVER,@RESET_SERVER", "-P", "@P1"),
	SELECTS("pid_with_a_port_of_others_selects_nothing", 0, "-p", "@CLIENT", "-P", "@P1"),
	SELECTS("comm_is_a_glob", LIFE(CLIENT), "-c", "ct-cl*"),
	SELECTS("uid_is_of_the_owner", LIFE(RESETTER), "-u", "65534"),
	SELECTS("only_ipv4", PLAIN, "-4", "-P", "@P0,@P1"),
	SELECTS("only_ipv6", RESET, "-6", "-P", "@P0,@P1"),
	SELECTS("host_is_a_cidr_block", PLAIN, "-H", "127.0.0.0/8", "-P", "@P0,@P1"),
	SELECTS("host_of_ipv6", RESET, "-H", "::1/128", "-P", "@P0,@P1"),
	SELECTS("host_elsewhere_selects_nothing", 0, "-H", "10.0.0.0/8", "-P", "@P0,@P1"),
	SELECTS("netns_of_the_test", PLAIN | RESET, "--netns", "@HOME", "-P", "@P0,@P1"),
	SELECTS("netns_of_a_process", PLAIN | RESET, "--netns", "@CLIENT", "-P", "@P0,@P1"),
	SELECTS("netns_of_others_selects_nothing", 0, "--netns", "@HOST", "-P", "@P0,@P1"),
	SELECTS("role_active", LIFE(CLIENT) | LIFE(RESETTER), "--role", "active", "-P", "@P0,@P1"),
	SELECTS("role_passive", LIFE(SERVER) | LIFE(RESET_SERVER), "--role", "passive", "-P",
		"@P0,@P1"),
	SELECTS("state_at_any_time_of_the_life", LIFE(SERVER), "--state", "CLOSE_WAIT", "-P",
		"@P0,@P1"),
	SELECTS("state_of_a_mini_socket", LIFE(CLIENT), "--state", "TIME_WAIT", "-P", "@P0,@P1"),
	SELECTS("flag_rst_sent", LIFE(RESETTER), "--flag", "rst-sent", "-P", "@P0,@P1"),
	SELECTS("flags_in_a_list_mean_or", LIFE(RESETTER) | LIFE(RESET_SERVER), "--flag",
		"rst-sent,rst-received", "-P", "@P0,@P1"),
	SELECTS("flag_that_nobody_raises_selects_nothing", 0, "--flag", "keepalive-dead", "-P",
		"@P0,@P1"),
	SELECTS("expression_of_words", LIFE(CLIENT), "state", "time-wait", "dport", "=", ":@P0"),
	SELECTS("expression_in_one_word", LIFE(CLIENT) | LIFE(RESETTER),
		"dport = :@P0 or dst [::1]:@P1"),
	SELECTS("expression_of_what_never_came", LIFE(LISTENER) | LIFE(RESET_LISTENER),
		"not state established and ( sport = :@P0 or sport = :@P1 )"),
	SELECTS("expression_of_owners", LIFE(CLIENT) | LIFE(RESET_SERVER) | LIFE(RESET_LISTENER),
		"comm ~ ct-cl* or pid = @RESET_SERVER"),
	SELECTS("expression_that_leaves_an_owner_out", LIFE(CLIENT),
		"( sport = :@P0 or dport = :@P0 ) and comm != ct-server"),
	SELECTS("expression_of_flags", LIFE(RESETTER),
		"flag rst-sent and not flag rst-received and dport = :@P1"),
	SELECTS("expression_and_options_mean_and", LIFE(CLIENT), "-P", "@P0,@P1",
		"src 127.0.0.0/8 and not dport = :@P1 and not sport = :@P0"),
};

E2E_MAIN("select", tests)
