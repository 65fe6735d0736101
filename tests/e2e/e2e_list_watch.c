// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that `list --watch` lists what is there in each of its rounds and nothing that has gone,
// with programs that were loaded once, and that a terminal has one table in one place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/bpf_objects.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"
#include "support/passing.h"
#include "support/privileges.h"
#include "support/terminal.h"

#define WAIT_MS	 30000
#define POLL_MS	 20
#define ARGS_MAX 16
#define ROWS	 8
#define COLUMNS	 60
#define PAIRS	 3

#define SECOND_NS    1000000000LL
#define EXIT_RUNTIME 1

/// A list that goes on.
struct list {
	struct e2e *e2e;
	pid_t pid;
	const char *out_path;
	const char *err_path;
};

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

/// `conntrace list ARGV… -P PORT` with stdout to OUT_FD, or to a file if that is -1.
static struct list start(struct e2e *e2e, int out_fd, const char *const argv[])
{
	struct list list = {.e2e = e2e,
			    .out_path = e2e_path(e2e, "list.out"),
			    .err_path = e2e_path(e2e, "list.err")};
	const char *words[ARGS_MAX] = {e2e_program(), "list", "-P", e2e_port_text(e2e, 0)};
	int own_out_fd = create(list.out_path), err_fd = create(list.err_path);

	for (size_t i = 0; argv[i]; i++) {
		assert_true(4 + i < ARGS_MAX - 1);
		words[4 + i] = argv[i];
	}
	list.pid = e2e_process_spawn(&(struct e2e_spawn){
		.argv = words,
		.netns_fd = e2e_netns_host_fd(),
		.out_fd = out_fd < 0 ? own_out_fd : out_fd,
		.err_fd = err_fd,
	});
	e2e_track(e2e, list.pid);
	close(own_out_fd);
	close(err_fd);
	return list;
}

#define START(e2e, out_fd, ...) start(e2e, out_fd, (const char *const[]){__VA_ARGS__, NULL})

static void expect_end(struct list *list, int want_status)
{
	int status = e2e_process_wait(list->pid, e2e_patience(WAIT_MS), "conntrace list");
	size_t bytes;

	e2e_untrack(list->e2e, list->pid);
	if (status != want_status)
		fail_msg("conntrace list exited %d, wanted %d: %s", status, want_status,
			 e2e_file_read(list->err_path, &bytes));
}

static void stop(struct list *list)
{
	kill(list->pid, SIGINT);
	expect_end(list, 0);
}

/// The whole lines of stdout so far. The caller owns the array.
static json_t *listed(const struct list *list)
{
	size_t bytes;
	char *text = e2e_file_read(list->out_path, &bytes);
	const char *end = strrchr(text, '\n');
	json_t *events = e2e_events_parse(text, end ? (size_t)(end + 1 - text) : 0);

	free(text);
	return events;
}

static size_t count(const struct list *list, const char *conn, const char *state)
{
	json_t *events = listed(list);
	size_t n = e2e_events_count(events, "{s:s, s:s, s:s}", "event", "found", "conn", conn,
				    "state", state);

	json_decref(events);
	return n;
}

static void wait_listed(const struct list *list, const char *conn, const char *state, size_t times)
{
	for (int waited_ms = 0; count(list, conn, state) < times; waited_ms += POLL_MS) {
		if (waited_ms > e2e_patience(WAIT_MS))
			fail_msg("%s in %s was not listed %zu times", conn, state, times);
		e2e_sleep_ms(POLL_MS);
	}
}

/// The listener is there in each round: two more, and one of them began behind this call.
static void wait_rounds(const struct list *list, const char *listener)
{
	wait_listed(list, listener, "LISTEN", count(list, listener, "LISTEN") + 2);
}

static const char *listen_on(struct e2e *e2e, struct e2e_pair *pair)
{
	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), pair);
	return e2e_actor_conn(pair->server, pair->listen_fd);
}

static void connection_is_listed_from_when_it_comes_to_when_it_goes(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	const char *listener = listen_on(e2e, &pair);
	struct list list = START(e2e, -1, "--json", "--watch", "0.2");
	size_t listed_times;
	json_t *events;

	wait_listed(&list, listener, "LISTEN", 1);
	e2e_pair_connect(&pair, "127.0.0.1");
	wait_listed(&list, pair.client_conn, "ESTABLISHED", 2);
	wait_listed(&list, pair.server_conn, "ESTABLISHED", 2);
	e2e_actor_set_linger0(pair.client, pair.client_fd);
	e2e_actor_close(pair.client, pair.client_fd);
	wait_rounds(&list, listener);
	listed_times = count(&list, pair.client_conn, "ESTABLISHED");
	wait_rounds(&list, listener);
	assert_int_equal(count(&list, pair.client_conn, "ESTABLISHED"), listed_times);
	stop(&list);

	events = listed(&list);
	e2e_assert_only(events, listener, pair.client_conn, pair.server_conn);
	/* the first walk over files may have been before there was one of it */
	e2e_assert_has(e2e_events_nth(events, 0, "{s:s}", "conn", pair.client_conn), "{s:s, s:n}",
		       "state", "ESTABLISHED", "in_state_min_ns");
	e2e_assert_has(e2e_events_nth(events, 1, "{s:s}", "conn", pair.client_conn),
		       "{s:s, s:s, s:i, s:s}", "state", "ESTABLISHED", "owner", "scan", "pid",
		       pair.client->pid, "comm", pair.client->comm);
	json_decref(events);
}

static size_t count_owned(const struct list *list, const char *conn, const struct e2e_actor *who)
{
	json_t *events = listed(list);
	size_t n = e2e_events_count(events, "{s:s, s:s, s:i, s:s}", "conn", conn, "owner", "scan",
				    "pid", (int)who->pid, "comm", who->comm);

	json_decref(events);
	return n;
}

static size_t count_unowned(const struct list *list, const char *conn)
{
	json_t *events = listed(list);
	size_t n = e2e_events_count(events, "{s:s, s:s, s:n, s:n}", "conn", conn, "owner",
				    "unknown", "pid", "comm");

	json_decref(events);
	return n;
}

static void wait_owned(const struct list *list, const char *conn, const struct e2e_actor *who,
		       size_t times)
{
	for (int waited_ms = 0; count_owned(list, conn, who) < times; waited_ms += POLL_MS) {
		if (waited_ms > e2e_patience(WAIT_MS))
			fail_msg("%s was not listed %zu times as %s's", conn, times, who->comm);
		e2e_sleep_ms(POLL_MS);
	}
}

static void wait_unowned(const struct list *list, const char *conn)
{
	for (int waited_ms = 0; !count_unowned(list, conn); waited_ms += POLL_MS) {
		if (waited_ms > e2e_patience(WAIT_MS))
			fail_msg("%s was never listed as nobody's", conn);
		e2e_sleep_ms(POLL_MS);
	}
}

/// Passed on to a child, left in a UNIX socket, taken out again: whoever has it in a round.
static void owner_is_who_has_it_in_each_round(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_passage passage;
	struct e2e_actor *heir;
	struct e2e_pair pair;
	struct list list;
	size_t times;

	listen_on(e2e, &pair);
	e2e_pair_connect(&pair, "127.0.0.1");
	passage = e2e_passage_open(pair.client);
	list = START(e2e, -1, "--json", "--watch", "0.2");
	wait_owned(&list, pair.client_conn, pair.client, 1);

	heir = e2e_actor_fork(pair.client, "ct-heir");
	e2e_actor_close(pair.client, pair.client_fd);
	wait_owned(&list, pair.client_conn, heir, 1);
	times = count_owned(&list, pair.client_conn, pair.client);

	e2e_passage_give(&passage, heir, pair.client_fd);
	e2e_actor_close(heir, pair.client_fd);
	wait_unowned(&list, pair.client_conn);

	e2e_passage_take(&passage, pair.client);
	wait_owned(&list, pair.client_conn, pair.client, times + 1);
	stop(&list);
}

/// The kernel has it begin as a copy of its listener.
static void connection_accepted_between_two_rounds_is_not_its_listeners(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_actor *heir;
	struct e2e_pair pair;
	const char *listener = listen_on(e2e, &pair), *conn;
	struct list list;
	json_t *events;

	heir = e2e_actor_fork(pair.server, "ct-heir");
	list = START(e2e, -1, "--json", "--watch", "0.2");
	wait_owned(&list, listener, pair.server, 1);
	e2e_actor_connect(pair.client, "127.0.0.1", e2e_port(0));
	conn = e2e_actor_conn(heir, e2e_actor_accept(heir, pair.listen_fd));
	wait_owned(&list, conn, heir, 1);
	stop(&list);

	events = listed(&list);
	assert_true(e2e_events_count(events, "{s:s, s:s}", "conn", conn, "role", "passive") > 0);
	e2e_assert_none(events, "{s:s, s:s}", "conn", conn, "role", "listener");
	e2e_assert_none(events, "{s:s, s:s, s:i}", "conn", conn, "owner", "scan", "pid",
			(int)pair.server->pid);
	json_decref(events);
}

/// At least since the round in which it was first seen so; and each line says when that was.
static void age_grows_from_round_to_round(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	const char *listener = listen_on(e2e, &pair);
	struct list list = START(e2e, -1, "--json", "--watch", "0.2");
	json_t *events;
	long long first_ns;

	wait_listed(&list, listener, "LISTEN", 3);
	stop(&list);
	events = listed(&list);
	first_ns = e2e_event_number(e2e_events_nth(events, 0, "{s:s}", "conn", listener), "ts_ns");
	e2e_assert_has(e2e_events_nth(events, 0, "{s:s}", "conn", listener), "{s:n, s:n}", "age_ns",
		       "in_state_min_ns");
	for (size_t i = 1; i < 3; i++) {
		const json_t *event = e2e_events_nth(events, i, "{s:s}", "conn", listener);
		long long ts_ns = e2e_event_number(event, "ts_ns");
		long long age_ns = e2e_event_number(event, "in_state_min_ns");

		assert_true(ts_ns > first_ns);
		assert_true(age_ns > 0);
		/* by the wall clock, which may be slewed, the same */
		assert_true(llabs(ts_ns - first_ns - age_ns) < SECOND_NS / 2);
	}
	json_decref(events);
}

static void programs_are_loaded_once_and_privileges_are_given_up(void **state)
{
	static struct e2e_bpf_objects first, later;
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	const char *listener = listen_on(e2e, &pair);
	struct list list = START(e2e, -1, "--json", "--watch", "0.2");

	wait_listed(&list, listener, "LISTEN", 1);
	assert_int_equal(e2e_privileges_of(list.pid).seccomp, 2);
	e2e_bpf_of_process(list.pid, &first);
	assert_true(first.n[E2E_BPF_PROGRAM] > 0);
	wait_rounds(&list, listener);
	e2e_bpf_of_process(list.pid, &later);
	assert_int_equal(later.n[E2E_BPF_PROGRAM], first.n[E2E_BPF_PROGRAM]);
	assert_memory_equal(later.ids[E2E_BPF_PROGRAM], first.ids[E2E_BPF_PROGRAM],
			    first.n[E2E_BPF_PROGRAM] * sizeof(first.ids[0][0]));
	stop(&list);
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/// Read by a program or kept in a file: nothing is drawn.
static void tables_follow_each_other_when_there_is_no_terminal(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct list list;
	size_t bytes;
	char *text;

	listen_on(e2e, &pair);
	list = START(e2e, -1, "--watch", "0.1", "--count", "3");
	expect_end(&list, 0);
	text = e2e_file_read(list.out_path, &bytes);
	assert_int_equal(strncmp(text, "STATE ", strlen("STATE ")), 0);
	assert_int_equal(occurrences(text, "\n\nSTATE "), 2);
	assert_int_equal(occurrences(text, "\nLISTEN "), 3);
	assert_null(strchr(text, '\033'));
	free(text);
}

static void csv_names_its_columns_once(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct list list;
	size_t bytes;
	char *text;

	listen_on(e2e, &pair);
	list = START(e2e, -1, "-o", "csv", "--fields", "conn,state", "--watch", "0.1", "--count",
		     "3");
	expect_end(&list, 0);
	text = e2e_file_read(list.out_path, &bytes);
	assert_int_equal(strncmp(text, "conn,state\r\n", strlen("conn,state\r\n")), 0);
	assert_int_equal(occurrences(text, "conn,state"), 1);
	assert_int_equal(occurrences(text, ",LISTEN\r\n"), 3);
	assert_int_equal(occurrences(text, "\n"), 4);
	free(text);
}

static void duration_ends_it(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	const char *listener = listen_on(e2e, &pair);
	struct list list = START(e2e, -1, "--json", "--watch", "1h", "--duration", "1s");

	expect_end(&list, 0);
	assert_int_equal(count(&list, listener, "LISTEN"), 1);
}

static void reader_that_goes_ends_it_before_the_next_round(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_pair pair;
	struct list list;
	char line[16];
	int ends[2];

	listen_on(e2e, &pair);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	list = START(e2e, ends[1], "--watch", "1h");
	close(ends[1]);
	assert_true(read(ends[0], line, sizeof(line)) > 0);
	close(ends[0]);
	expect_end(&list, 0);
}

static void round_that_cannot_be_printed_ends_it_with_one_line(void **state)
{
	static const char said[] = "conntrace: cannot write to standard output: ";
	struct e2e *e2e = *state;
	int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct e2e_pair pair;
	struct list list;
	size_t bytes;
	char *text, *line;

	assert_true(full_fd >= 0);
	listen_on(e2e, &pair);
	list = START(e2e, full_fd, "--watch", "0.1");
	close(full_fd);
	expect_end(&list, EXIT_RUNTIME);
	text = e2e_file_read(list.err_path, &bytes);
	line = strstr(text, said);
	assert_non_null(line);
	assert_string_equal(strchr(line, '\n'), "\n");
	assert_int_equal(occurrences(text, said), 1);
	free(text);
}

/// Looks at one frame: no row is too long, there are not too many, the head counts. Rows end with
/// "\r\n".
static void assert_frame(const char *frame, size_t len)
{
	size_t rows = 0, columns = 0;
	bool in_sequence = false;

	for (size_t i = 0; i < len; i++) {
		if (in_sequence) {
			in_sequence = frame[i] < '@' || frame[i] == '[';
		} else if (frame[i] == '\033') {
			in_sequence = true;
		} else if (frame[i] == '\n') {
			rows++;
			columns = 0;
		} else if (frame[i] != '\r' && (frame[i] & 0xc0) != 0x80) {
			columns++;
			assert_true(columns <= COLUMNS);
		}
	}
	assert_int_equal(rows, ROWS - 1);
}

static void terminal_has_one_table_in_one_place(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_terminal terminal;
	struct e2e_pair pair;
	const char *frame, *next;
	struct list list;

	listen_on(e2e, &pair);
	for (unsigned i = 0; i < PAIRS; i++)
		e2e_pair_connect(&pair, "127.0.0.1");
	e2e_terminal_open(ROWS, COLUMNS, &terminal);
	list = START(e2e, terminal.fd, "--watch", "200ms", "--count", "2");
	expect_end(&list, 0);
	frame = e2e_terminal_text(&terminal);
	assert_int_equal(occurrences(frame, "\033[H"), 2);
	/* what stood on the screen has gone up before the first is drawn */
	assert_int_equal(strspn(frame, "\r\n"), strlen("\r\n") * ROWS);
	frame += strspn(frame, "\r\n");
	assert_int_equal(strncmp(frame, "\033[H", strlen("\033[H")), 0);
	assert_int_equal(occurrences(frame, ", every 200 ms: 7 sockets, 6 ESTABLISHED, 1 LISTEN"),
			 2);
	assert_int_equal(occurrences(frame, " more\r\n"), 2);
	next = strstr(frame + 1, "\033[H");
	assert_frame(frame, (size_t)(next - frame));
	assert_frame(next, strlen(next));
	e2e_terminal_close(&terminal);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(connection_is_listed_from_when_it_comes_to_when_it_goes),
	E2E_TEST(owner_is_who_has_it_in_each_round),
	E2E_TEST(connection_accepted_between_two_rounds_is_not_its_listeners),
	E2E_TEST(age_grows_from_round_to_round),
	E2E_TEST(programs_are_loaded_once_and_privileges_are_given_up),
	E2E_TEST(tables_follow_each_other_when_there_is_no_terminal),
	E2E_TEST(csv_names_its_columns_once),
	E2E_TEST(duration_ends_it),
	E2E_TEST(reader_that_goes_ends_it_before_the_next_round),
	E2E_TEST(round_that_cannot_be_printed_ends_it_with_one_line),
	E2E_TEST(terminal_has_one_table_in_one_place),
};

E2E_MAIN("list_watch", tests)
