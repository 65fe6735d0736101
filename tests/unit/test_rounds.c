// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `list --watch` over a source of the test's own, to a reader that stays or goes. */
#include "../../src/cli/rounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../src/cli/child.h"
#include "../../src/cli/stop.h"
#include "conntrace/cleanup.h"
#include "conntrace/sink_list.h"
#include "unit/build_event.h"

#define EVENTS	  5 /// lost in each round
#define HOUR_NS	  (3600 * S)
#define WAITS_MAX 100 /// then a signal ends the run

/// Each look at it has lost some of what there is.
struct ct_source_live {
	unsigned int looks;
};

struct stage {
	struct ct_options options;
	struct ct_session session;
	struct ct_source_live source;
	int saved_out;
	int saved_err;
	int reader_fd; /// of what is printed; -1: gone
	int said_fd;   /// what is said on stderr
	char said[1024];
};

/// Where the run is waiting for its next round, the reader of this stage goes; NULL: it stays.
static struct stage *deserted;
static unsigned int waits;

static int hand_over(struct ct_event event, ct_record_fn fn, void *context)
{
	_cleanup_(ct_freep) void *bytes = event_bytes(&event);

	return fn(context, bytes, event_size(&event));
}

int ct_source_live_snapshot(struct ct_source_live *live, ct_record_fn fn, void *context,
			    char *err_text, size_t err_len)
{
	live->looks++;
	err_text[0] = '\0';
	return hand_over(lost(BEGAN, EVENTS, CT_LOST_RING, CT_UNCOUNTED_ALL), fn, context);
}

int ct_source_live_poll(struct ct_source_live *live, int timeout_ms, uint64_t deadline_ns,
			ct_record_fn fn, void *context, uint64_t *ret_records)
{
	*ret_records = 0;
	return 0;
}

int ct_source_live_part(struct ct_source_live *live, ct_record_fn fn, void *context,
			uint64_t *ret_end_ns)
{
	*ret_end_ns = BEGAN + S;
	return hand_over(over(BEGAN + S), fn, context);
}

int ct_descendants_add(struct ct_u32_list *pids)
{
	return 0;
}

bool ct_stop_is_wanted(void)
{
	return false;
}

int ct_stop_take(bool *ret_from_process)
{
	*ret_from_process = false;
	if (deserted && deserted->reader_fd >= 0)
		ct_closep(&deserted->reader_fd);
	return waits++ < WAITS_MAX ? 0 : SIGINT;
}

static void stage_init(struct stage *stage)
{
	int ends[2];

	*stage = (struct stage){
		.options = {.command = CT_COMMAND_LIST, .strict = true, .watch_ns = HOUR_NS},
		.said_fd = memfd_create("said", MFD_CLOEXEC),
	};
	assert_true(stage->said_fd >= 0);
	assert_int_equal(pipe(ends), 0);
	(void)fflush(stdout);
	stage->saved_out = dup(STDOUT_FILENO);
	stage->saved_err = dup(STDERR_FILENO);
	stage->reader_fd = ends[0];
	assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
	assert_true(dup2(stage->said_fd, STDERR_FILENO) >= 0);
	close(ends[1]);
	deserted = NULL;
	waits = 0;
}

/// The standard streams are as before; what was not taken is nobody's.
static void stage_leave(struct stage *stage)
{
	__fpurge(stdout);
	clearerr(stdout);
	assert_true(dup2(stage->saved_out, STDOUT_FILENO) >= 0);
	assert_true(dup2(stage->saved_err, STDERR_FILENO) >= 0);
	close(stage->saved_out);
	close(stage->saved_err);
	assert_true(pread(stage->said_fd, stage->said, sizeof(stage->said) - 1, 0) >= 0);
	close(stage->said_fd);
	ct_closep(&stage->reader_fd);
}

static int run(struct stage *stage)
{
	const struct ct_rounds rounds = {
		.options = &stage->options, .session = &stage->session, .source = &stage->source};
	int status = ct_rounds_run(&rounds);

	stage_leave(stage);
	return status;
}

static void what_was_lost_in_all_rounds_is_told_at_the_end(void **state)
{
	struct stage stage;

	stage_init(&stage);
	stage.options.watch_ns = MS;
	stage.options.count = 2;
	assert_int_equal(run(&stage), CT_EXIT_LOST);
	assert_int_equal(stage.source.looks, 2);
	assert_non_null(strstr(stage.said, "10 events were lost (ring 10)"));
}

/// As any command has it, under --strict as well.
static void nothing_is_said_behind_a_reader_that_has_gone(void **state)
{
	struct stage stage;

	stage_init(&stage);
	ct_closep(&stage.reader_fd);
	assert_int_equal(run(&stage), CT_EXIT_DONE);
	assert_int_equal(stage.source.looks, 1);
	assert_string_equal(stage.said, "");
}

static void nothing_is_said_behind_a_reader_that_goes_between_two_rounds(void **state)
{
	struct stage stage;

	stage_init(&stage);
	deserted = &stage;
	assert_int_equal(run(&stage), CT_EXIT_DONE);
	assert_int_equal(stage.source.looks, 1);
	assert_string_equal(stage.said, "");
	assert_true(waits < WAITS_MAX);
}

static void signal_ends_it_and_what_was_lost_is_told(void **state)
{
	struct stage stage;

	stage_init(&stage);
	waits = WAITS_MAX;
	assert_int_equal(run(&stage), CT_EXIT_LOST);
	assert_non_null(strstr(stage.said, "5 events were lost (ring 5)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_lost_in_all_rounds_is_told_at_the_end),
		cmocka_unit_test(nothing_is_said_behind_a_reader_that_has_gone),
		cmocka_unit_test(nothing_is_said_behind_a_reader_that_goes_between_two_rounds),
		cmocka_unit_test(signal_ends_it_and_what_was_lost_is_told),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("rounds", tests, NULL, NULL);
}
