// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that names which processes and cgroups have given themselves are told escaped, in every
// output, and do nothing to whoever reads it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/hostile.h"
#include "support/pair.h"
#include "support/quiet.h"

#define COMM_WIDTH	10 /// of the table's column, and of the wide one's
#define COMM_WIDTH_WIDE 15

#define CSV_COLUMNS_MAX 128

/// Connections of one process that has had each of the names.
struct lives {
	const char *recording;
	const char *conns[HOSTILE_NAMES];
	bool utf8; /// the locale takes it
};

static int64_t run_rename(const struct e2e_job *job)
{
	return prctl(PR_SET_NAME, job->from.host) ? -errno : 0;
}

static void live(struct e2e *e2e, struct lives *lives)
{
	struct e2e_pair pair;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		struct e2e_job job = {.run = run_rename};

		strcpy(job.from.host, hostile_names[i].comm);
		e2e_actor_run(pair.client, &job);
		e2e_pair_connect(&pair, "127.0.0.1");
		lives->conns[i] = pair.client_conn;
		e2e_pair_close(&pair);
	}
}

/// Whether a cell of a column begins with as much of the name as it is sure to show.
static bool is_in_column(const char *text, const char *name, int width)
{
	char cell[128];
	int n = 0, chars = 0;

	for (; name[n]; n++)
		if (((unsigned char)name[n] & 0xc0) != 0x80 && chars++ == width - 1)
			break;
	snprintf(cell, sizeof(cell), " %.*s", n, name);
	return strstr(text, cell);
}

/// Each line behind the first begins with its time of day: none was torn by a name.
static void check_lines(const char *text)
{
	for (const char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1)
		if (strlen(line) < 15 || line[2] != ':' || line[5] != ':' || line[8] != '.')
			fail_msg("a line that does not begin with a time: %s", line);
}

static void check_table_of(const struct lives *lives, const char *text, size_t bytes, int width)
{
	e2e_assert_quiet(text, bytes, lives->utf8, "");
	check_lines(text);
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		const char *name = hostile_text(&hostile_names[i], lives->utf8);

		if (!is_in_column(text, name, width))
			fail_msg("%s is not in: %s", name, text);
	}
}

static void check_table(const struct lives *lives, const char *text, size_t bytes)
{
	check_table_of(lives, text, bytes, COMM_WIDTH);
}

static void check_wide(const struct lives *lives, const char *text, size_t bytes)
{
	check_table_of(lives, text, bytes, COMM_WIDTH_WIDE);
}

static void check_json(const struct lives *lives, const char *text, size_t bytes)
{
	json_t *events = e2e_events_parse(text, bytes);

	e2e_assert_quiet(text, bytes, true, "");
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		size_t of_conn = e2e_events_count(events, "{s:s}", "conn", lives->conns[i]);
		size_t of_name = e2e_events_count(events, "{s:s, s:s}", "conn", lives->conns[i],
						  "comm", hostile_json(&hostile_names[i]));

		if (!of_name || of_name != of_conn)
			fail_msg("%zu of %zu events have the name %s", of_name, of_conn,
				 hostile_names[i].utf8);
	}
	json_decref(events);
}

/// Takes a line apart where it is; returns the number of cells, each without its quotes.
static size_t split_csv(char **text, char *cells[CSV_COLUMNS_MAX])
{
	char *from = *text, *to = *text;
	bool quoted = false;
	size_t n = 1;

	cells[0] = to;
	for (;; from++) {
		assert_true(*from);
		if (*from == '"' && quoted && from[1] == '"') {
			*to++ = *from++;
		} else if (*from == '"') {
			quoted = !quoted;
		} else if (*from == ',' && !quoted) {
			*to++ = '\0';
			assert_true(n < CSV_COLUMNS_MAX);
			cells[n++] = to;
		} else if (*from == '\r' && !quoted) {
			assert_true(from[1] == '\n');
			*to = '\0';
			*text = from + 2;
			return n;
		} else {
			*to++ = *from;
		}
	}
}

static size_t column_of(char *const cells[], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(cells[i], name) == 0)
			return i;
	fail_msg("no column %s", name);
	return 0;
}

static void check_csv(const struct lives *lives, const char *text, size_t bytes)
{
	char *copy = strdup(text), *rest = copy;
	char *cells[CSV_COLUMNS_MAX];
	bool seen[HOSTILE_NAMES] = {false};
	size_t columns, conn, comm;

	e2e_assert_quiet(text, bytes, true, "\r");
	assert_non_null(copy);
	columns = split_csv(&rest, cells);
	conn = column_of(cells, columns, "conn");
	comm = column_of(cells, columns, "comm");
	while (*rest) {
		assert_int_equal(split_csv(&rest, cells), columns);
		for (size_t i = 0; i < HOSTILE_NAMES; i++) {
			if (strcmp(cells[conn], lives->conns[i]) != 0)
				continue;
			assert_string_equal(cells[comm], hostile_csv(&hostile_names[i]));
			seen[i] = true;
		}
	}
	for (size_t i = 0; i < HOSTILE_NAMES; i++)
		if (!seen[i])
			fail_msg("%s is not in: %s", hostile_names[i].utf8, text);
	free(copy);
}

/// The text of a report, in which no name is cut.
static void check_report(const struct lives *lives, const char *text, size_t bytes)
{
	e2e_assert_quiet(text, bytes, lives->utf8, "");
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		const char *name = hostile_text(&hostile_names[i], lives->utf8);
		char word[128];

		snprintf(word, sizeof(word), " %s ", name);
		if (!strstr(text, word))
			fail_msg("%s is not in: %s", name, text);
	}
}

struct format {
	const char *name;
	void (*check)(const struct lives *lives, const char *text, size_t bytes);
};

static const struct format formats[] = {
	{"table", check_table},
	{"wide", check_wide},
	{"json", check_json},
	{"csv", check_csv},
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/// Runs a command on the recording and looks at what it prints.
static void check_output(const struct lives *lives, const char *const argv[],
			 void (*check)(const struct lives *lives, const char *text, size_t bytes))
{
	struct e2e_output output;

	e2e_conntrace(argv, &output);
	if (output.status || output.err_bytes)
		fail_msg("%s exited %d: %s", argv[0], output.status, output.err);
	check(lives, output.out, output.out_bytes);
	e2e_output_free(&output);
}

static void watch_shows_them_escaped(void **state)
{
	struct e2e *e2e = *state;
	const struct format *format = e2e->argument;
	struct lives lives = {.recording = e2e_path(e2e, "names.ctr"), .utf8 = e2e_use_utf8()};
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "-o", format->name, "--utc", "-w",
					      lives.recording, "-P", e2e_port_text(e2e, 0));
	struct e2e_output again;
	size_t bytes;
	char *text;

	live(e2e, &lives);
	e2e_tracer_stop(tracer, 0);
	text = e2e_file_read(tracer->out_path, &bytes);
	format->check(&lives, text, bytes);
	E2E_CONNTRACE(&again, "replay", lives.recording, "-o", format->name, "--utc");
	assert_int_equal(again.status, 0);
	assert_string_equal(again.out, text);
	e2e_output_free(&again);
	free(text);
}

/// A pattern that matches a name and nothing else, glob(7).
static const char *pattern_of(struct e2e *e2e, const char *name)
{
	char pattern[64], *to = pattern;

	for (; *name; name++) {
		if (strchr("*?[\\", *name))
			*to++ = '\\';
		*to++ = *name;
	}
	*to = '\0';
	return e2e_format(e2e, "%s", pattern);
}

static void check_selection(struct e2e *e2e, const struct lives *lives)
{
	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		json_t *events = E2E_CONNTRACE_JSON("replay", lives->recording, "--json", "-c",
						    pattern_of(e2e, hostile_names[i].comm));

		e2e_assert_only(events, lives->conns[i]);
		assert_true(json_array_size(events) > 0);
		json_decref(events);
	}
}

static void recording_shows_them_escaped_to_all_who_read_it(void **state)
{
	struct e2e *e2e = *state;
	struct lives lives = {.recording = e2e_path(e2e, "names.ctr"), .utf8 = e2e_use_utf8()};
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", lives.recording, "-P",
					      e2e_port_text(e2e, 0));

	live(e2e, &lives);
	e2e_tracer_stop(tracer, 0);
	check_selection(e2e, &lives);
	/* twice, the second time in ASCII */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < FORMATS; i++) {
			const char *const replay[] = {"replay",	       lives.recording, "-o",
						      formats[i].name, "--utc",		NULL};

			check_output(&lives, replay, formats[i].check);
		}
		check_output(&lives, (const char *const[]){"report", lives.recording, NULL},
			     check_report);
		check_output(&lives,
			     (const char *const[]){"report", lives.recording, "-o", "wide", NULL},
			     check_report);
		check_output(&lives,
			     (const char *const[]){"report", lives.recording, "--json", NULL},
			     check_json);
		check_output(&lives,
			     (const char *const[]){"report", lives.recording, "-o", "csv", NULL},
			     check_csv);
		setenv("LC_ALL", "C", 1);
		lives.utf8 = false;
	}
}

/// Where the kernel's only tree of cgroups v2 is, without a place in the file system; -errno.
static int open_cgroups(const char *place)
{
	int fd = -1, err = 0;

	assert_int_equal(mkdir(place, 0755), 0);
	if (mount("none", place, "cgroup2", 0, NULL))
		return -errno;
	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = errno;
	/* at once: what cleans up behind a test must not find it */
	assert_int_equal(umount2(place, MNT_DETACH), 0);
	return fd < 0 ? -err : fd;
}

static struct {
	int tree_fd;
	char name[64];
} own_cgroup;

/// Behind the test, when nobody is in it any more.
static void remove_cgroup(void)
{
	unlinkat(own_cgroup.tree_fd, own_cgroup.name, AT_REMOVEDIR);
}

/// Moves an actor into a cgroup of that name. Returns its id; 0 when none can be made here.
static uint64_t enter_cgroup(struct e2e *e2e, pid_t pid, const char *name)
{
	const char *procs, *text = e2e_format(e2e, "%d\n", pid);
	struct stat st;
	int fd;

	own_cgroup.tree_fd = open_cgroups(e2e_path(e2e, "cgroups"));
	if (own_cgroup.tree_fd < 0)
		return 0;
	snprintf(own_cgroup.name, sizeof(own_cgroup.name), "%s.%d", name, getpid());
	if (mkdirat(own_cgroup.tree_fd, own_cgroup.name, 0755))
		return 0;
	atexit(remove_cgroup);
	procs = e2e_format(e2e, "%s/cgroup.procs", own_cgroup.name);
	fd = openat(own_cgroup.tree_fd, procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fstatat(own_cgroup.tree_fd, own_cgroup.name, &st, 0))
		return 0;
	close(fd);
	return st.st_ino;
}

/// A cgroup is told by its number: nobody has to look at its name.
static void cgroup_with_a_hostile_name_is_a_number(void **state)
{
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
	uint64_t id;
	size_t bytes;
	char *text;

	e2e_pair_listen(e2e, "127.0.0.1", e2e_port(0), &pair);
	id = enter_cgroup(e2e, pair.client->pid, "ct\x1b[2J<b>\"\xff");
	if (!id)
		e2e_skip("no cgroup v2 can be made here: %s", strerror(errno));
	tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_connect(&pair, "127.0.0.1");
	e2e_pair_close(&pair);
	e2e_tracer_stop(tracer, 0);
	text = e2e_file_read(tracer->out_path, &bytes);
	e2e_assert_quiet(text, bytes, true, "");
	assert_null(strstr(text, "[2J"));
	free(text);
	e2e_assert_has(e2e_events_nth(e2e_tracer_events(tracer), 0, "{s:s, s:s}", "conn",
				      pair.client_conn, "to", "ESTABLISHED"),
		       "{s:I}", "cgroup", (json_int_t)id);
}

#define WATCH(name, index)                                                           \
	E2E_TEST_WITH("watch_shows_them_escaped_in_" name, watch_shows_them_escaped, \
		      (void *)&formats[index])
static const struct CMUnitTest tests[] = {
	WATCH("the_table", 0),
	WATCH("wide", 1),
	WATCH("json", 2),
	WATCH("csv", 3),
	E2E_TEST(recording_shows_them_escaped_to_all_who_read_it),
	E2E_TEST(cgroup_with_a_hostile_name_is_a_number),
};

E2E_MAIN("hostile_names", tests)
