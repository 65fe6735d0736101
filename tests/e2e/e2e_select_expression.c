// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that expressions mean the same in every command, that a life is selected by how long it
// lasts and by the cgroup of its socket, and that conditions which nothing can meet are named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define WAIT_MS	     20000
#define MIN_AGE	     "5s"
#define YOUNG_MAX_MS 4000

static const char active_path[] = "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 "
				  "FIN_WAIT1>FIN_WAIT2 FIN_WAIT2>TIME_WAIT";
static const char passive_path[] = "LISTEN>SYN_RECV SYN_RECV>ESTABLISHED ESTABLISHED>CLOSE_WAIT "
				   "CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSE";

static void stop_after_time_wait(struct e2e_tracer *tracer, const char *conn)
{
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", conn, "to", "TIME_WAIT");
	e2e_tracer_stop(tracer, 0);
	e2e_assert_no_loss(e2e_tracer_events(tracer));
}

/// "( sport = :P or dport = :P )", P the first port of this test.
static const char *own_port(struct e2e *e2e)
{
	return e2e_format(e2e, "( sport = :%u or dport = :%u )", e2e_port(0), e2e_port(0));
}

static void list_takes_an_expression(void **state)
{
	struct e2e *e2e = *state;
	const char *netns = e2e_format(e2e, "%lu", e2e->home.inum);
	struct e2e_pair pair;
	json_t *events;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	events = E2E_CONNTRACE_JSON("list", "--json", "--netns", netns, own_port(e2e),
				    "and not state listening", "and src 127.0.0.0/8");

	e2e_assert_only(events, pair.client_conn, pair.server_conn);
	assert_int_equal(e2e_events_count(events, "{s:s}", "event", "found"), 2);
	json_decref(events);
	events = E2E_CONNTRACE_JSON("list", "--json", "--netns", netns, own_port(e2e),
				    "comm != ct-server");
	e2e_assert_only(events, pair.client_conn);
	e2e_events_one(events, "{s:s, s:s}", "event", "found", "conn", pair.client_conn);
	json_decref(events);
}

#define SILENT_MS 400

/// As long as it was silent it was there; a listener is never silent, and may be of any age.
static void list_knows_the_age_of_what_was_silent(void **state)
{
	struct e2e *e2e = *state;
	const char *netns = e2e_format(e2e, "%lu", e2e->home.inum);
	struct e2e_output output;
	struct e2e_pair pair;
	json_t *events;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_sleep_ms(SILENT_MS);
	events = E2E_CONNTRACE_JSON("list", "--json", "--netns", netns, own_port(e2e),
				    "and age >= 300ms and not state listening");
	e2e_assert_only(events, pair.client_conn, pair.server_conn);
	json_decref(events);
	E2E_CONNTRACE(&output, "list", "--json", "--netns", netns, own_port(e2e),
		      "and age >= 300ms");
	assert_non_null(strstr(output.err, "whether 1 socket had the age that was asked for"));
	e2e_output_free(&output);
	E2E_CONNTRACE(&output, "list", "--json", "--netns", netns, own_port(e2e), "age < 1h");
	assert_int_equal(output.out_bytes, 0);
	assert_non_null(strstr(output.err, "whether 3 sockets had the age that was asked for"));
	e2e_output_free(&output);
}

/// What watch tells by an expression, replay and report tell of a recording of more.
static void replay_and_report_take_an_expression_behind_the_file(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "all.ctr");
	const char *own = own_port(e2e), *rest = "comm ~ ct-cl* and not flag rst-sent";
	struct e2e_tracer *watch = E2E_TRACE(e2e, "watch", "--json", own, rest);
	struct e2e_tracer *record = E2E_TRACE(e2e, "record", "-w", path, "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair;
	json_t *events;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	stop_after_time_wait(watch, pair.client_conn);
	e2e_tracer_stop(record, 0);

	e2e_assert_only(e2e_tracer_events(watch), pair.client_conn);
	e2e_assert_path(e2e_tracer_events(watch), pair.client_conn, active_path);
	events = E2E_CONNTRACE_JSON("replay", path, "--json", own, rest);
	e2e_assert_no_loss(events);
	e2e_assert_only(events, pair.client_conn);
	e2e_assert_path(events, pair.client_conn, active_path);
	json_decref(events);
	events = E2E_CONNTRACE_JSON("report", path, "--json", own, "state last-ack");
	assert_int_equal(json_array_size(events), 1);
	e2e_assert_only(events, pair.server_conn);
	json_decref(events);
}

/// The client resets it as soon as it has done its work.
static void abort_early(struct e2e_pair *pair)
{
	e2e_pair_connect(pair, "127.0.0.1");
	e2e_pair_exchange(pair, 100, 100);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_try_receive(pair->server, pair->server_fd, 1);
	e2e_actor_close(pair->server, pair->server_fd);
}

/// A reset is a finding about the end that sends it, and none about the other.
static void doctor_takes_an_expression_live_and_behind_the_file(void **state)
{
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "all.ctr"), *own = own_port(e2e);
	struct e2e_tracer *with = E2E_TRACE(e2e, "doctor", "--json", "--duration", "1h", own,
					    "and comm = ct-client");
	struct e2e_tracer *without = E2E_TRACE(e2e, "doctor", "--json", "--duration", "1h", own,
					       "and comm != ct-client");
	struct e2e_tracer *record = E2E_TRACE(e2e, "record", "-w", path, "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair;
	json_t *events;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	abort_early(&pair);
	e2e_tracer_stop(with, 0);
	e2e_tracer_stop(without, 0);
	e2e_tracer_stop(record, 0);

	e2e_events_one(e2e_tracer_events(with), "{s:s, s:[s]}", "id", "linger0-reset",
		       "connections", pair.client_conn);
	assert_int_equal(json_array_size(e2e_tracer_events(with)), 1);
	assert_int_equal(json_array_size(e2e_tracer_events(without)), 0);
	events = E2E_CONNTRACE_JSON("doctor", path, "--json", "comm = ct-client");
	e2e_events_one(events, "{s:s, s:[s]}", "id", "linger0-reset", "connections",
		       pair.client_conn);
	json_decref(events);
	events = E2E_CONNTRACE_JSON("doctor", path, "--json", "-q", "comm != ct-client");
	assert_int_equal(json_array_size(events), 0);
	json_decref(events);
}

static void expression_may_be_all_that_is_said(void **state)
{
	struct e2e_output output;

	E2E_CONNTRACE(&output, "sport", "=", ":80", "rport", "=", "9");
	assert_int_equal(output.status, 2);
	assert_string_equal(output.out, "");
	assert_non_null(strstr(output.err, "'rport' at character 13: no condition"));
	e2e_output_free(&output);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/// Neither end has a TIME_WAIT.
static void live_short(struct e2e_pair *pair)
{
	uint64_t began_ms = now_ms();

	abort_early(pair);
	if (now_ms() - began_ms > YOUNG_MAX_MS)
		e2e_again("a life that was to be short took %d ms", (int)(now_ms() - began_ms));
}

static void life_that_lasts_is_selected_whole_and_a_short_one_is_not(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--min-age", MIN_AGE, "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_pair pair, young;
	const char *listener;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	listener = e2e_actor_conn(pair.server, pair.listen_fd);
	e2e_pair_connect(&pair, "127.0.0.1");
	young = pair;
	live_short(&young);
	/* nothing happens to it meanwhile: time alone releases what was held */
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", pair.client_conn, "to",
			      "ESTABLISHED");
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "conn", pair.server_conn, "to",
			      "ESTABLISHED");
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	stop_after_time_wait(tracer, pair.client_conn);

	e2e_assert_only(e2e_tracer_events(tracer), listener, pair.client_conn, pair.server_conn);
	e2e_assert_path(e2e_tracer_events(tracer), listener, "CLOSE>LISTEN");
	e2e_assert_path(e2e_tracer_events(tracer), pair.client_conn, active_path);
	e2e_assert_path(e2e_tracer_events(tracer), pair.server_conn, passive_path);
}

/// Where a hierarchy of cgroup v2 is mounted, or now is: in the mount namespace of the tests.
static const char *cgroup_root(struct e2e *e2e)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const char *root = NULL;
	struct mntent *mount_entry;

	assert_non_null(mounts);
	while (!root && (mount_entry = getmntent(mounts)))
		if (strcmp(mount_entry->mnt_type, "cgroup2") == 0)
			root = e2e_format(e2e, "%s", mount_entry->mnt_dir);
	endmntent(mounts);
	if (root)
		return root;
	if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL))
		e2e_skip("cgroup v2 cannot be mounted: %s", strerror(errno));
	return "/sys/fs/cgroup";
}

static void make_cgroup(const char *path)
{
	if (mkdir(path, 0755))
		fail_msg("mkdir %s: %s", path, strerror(errno));
}

static void move_to_cgroup(struct e2e *e2e, const struct e2e_actor *actor, const char *path)
{
	const char *pid = e2e_format(e2e, "%d\n", actor->pid);

	e2e_file_write(e2e_format(e2e, "%s/cgroup.procs", path), pid, strlen(pid));
}

/// A process that has just died may still be counted.
static void remove_cgroup(const char *path)
{
	for (int tries = 0; rmdir(path) && tries < 100; tries++) {
		assert_int_equal(errno, EBUSY);
		e2e_sleep_ms(20);
	}
}

/// The two ways to name a cgroup.
enum cgroup_path { ABSOLUTE, BELOW_THE_MOUNT };

static void cgroup_selects_what_was_made_in_it_and_below(void **state)
{
	struct e2e *e2e = *state;
	const char *root = cgroup_root(e2e);
	const char *name = e2e_format(e2e, "conntrace-test-%d", getpid());
	const char *outer = e2e_format(e2e, "%s/%s", root, name);
	const char *inner = e2e_format(e2e, "%s/inner", outer);
	bool is_absolute = *(const enum cgroup_path *)e2e->argument == ABSOLUTE;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	struct stat st;

	make_cgroup(outer);
	make_cgroup(inner);
	assert_int_equal(stat(inner, &st), 0);
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	move_to_cgroup(e2e, pair.client, inner);
	tracer = E2E_TRACE(e2e, "watch", "--json", "--cgroup", is_absolute ? outer : name, "-P",
			   e2e_port_text(e2e, 0));
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_exchange(&pair, 100, 100);
	e2e_pair_close(&pair);
	stop_after_time_wait(tracer, pair.client_conn);
	e2e_actor_kill(pair.client);
	remove_cgroup(inner);
	remove_cgroup(outer);

	e2e_assert_only(e2e_tracer_events(tracer), pair.client_conn);
	e2e_assert_path(e2e_tracer_events(tracer), pair.client_conn, active_path);
	e2e_events_one(e2e_tracer_events(tracer), "{s:s, s:I}", "to", "SYN_SENT", "cgroup",
		       (json_int_t)st.st_ino);
}

static void condition_that_nothing_can_meet_is_named(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--json", "--hide-hook",
					      "tcp_send_reset", "not flag rst-sent flag gap");
	struct e2e_output output;
	struct e2e_pair pair;
	char *text = e2e_tracer_stderr(tracer);

	assert_non_null(strstr(text, "the flag 'rst-sent' cannot be seen here"));
	assert_null(strstr(text, "'gap'"));
	free(text);
	e2e_tracer_stop(tracer, 0);

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	E2E_CONNTRACE(&output, "list", "--min-age", "1h", "--netns",
		      e2e_format(e2e, "%lu", e2e->home.inum));
	assert_int_equal(output.status, 0);
	assert_non_null(strstr(output.err, "whether 3 sockets had the age that was asked for"));
	e2e_output_free(&output);
}

#define BY_CGROUP(name, path)                                             \
	E2E_TEST_WITH(name, cgroup_selects_what_was_made_in_it_and_below, \
		      (&(enum cgroup_path){path}))

static const struct CMUnitTest tests[] = {
	E2E_TEST(list_takes_an_expression),
	E2E_TEST(list_knows_the_age_of_what_was_silent),
	E2E_TEST(replay_and_report_take_an_expression_behind_the_file),
	E2E_TEST(doctor_takes_an_expression_live_and_behind_the_file),
	E2E_TEST(expression_may_be_all_that_is_said),
	E2E_TEST(life_that_lasts_is_selected_whole_and_a_short_one_is_not),
	BY_CGROUP("cgroup_is_named_by_its_directory", ABSOLUTE),
	BY_CGROUP("cgroup_is_named_below_the_mount", BELOW_THE_MOUNT),
	E2E_TEST(condition_that_nothing_can_meet_is_named),
};

E2E_MAIN("select_expression", tests)
