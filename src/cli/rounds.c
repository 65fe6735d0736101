// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each round is a stream of its own, with a table that knows of nothing yet and a sink that prints
 * what it is given; the programs stay where they are, and are walked with once more. On a terminal
 * a round takes the place of the one before it.
 */
#include "rounds.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/log.h"
#include "conntrace/names.h"
#include "conntrace/sink_list.h"
#include "conntrace/sink_list_memory.h"
#include "conntrace/sink_words.h"
#include "conntrace/text.h"
#include "conntrace/timefmt.h"
#include "screen.h"
#include "stop.h"
#include "terminal.h"
#include "unseen.h"

#define NS_PER_MS 1000000ull

/// Longest wait in one go: how late a signal may be noticed that came just before it.
#define WAIT_MS 100

struct run {
	const struct ct_rounds *what;
	struct ct_list_memory *memory;	 /// owned
	struct ct_pipeline_stats losses; /// of all rounds; unknown_ages: of the last one
	uint64_t n;			 /// rounds that are over
	uint64_t due_ns;		 /// when the next one is, CLOCK_MONOTONIC
	uint64_t stop_ns;		 /// CT_NS_UNKNOWN: no limit
	bool draws;			 /// on a terminal, in one place
	bool unread;			 /// nobody takes what is printed: nothing more is said
	char note[512];			 /// what the last round could not look at, "" nothing
	int status;			 /// an exit code, once it is over
};

static void run_fini(struct run *run)
{
	run->what->options->output.memory = NULL;
	ct_list_memory_free(&run->memory);
}

static bool prints_table(const struct run *run)
{
	enum ct_output_format format = run->what->options->output.format;

	return format == CT_OUTPUT_TABLE || format == CT_OUTPUT_WIDE;
}

static void add_losses(struct run *run, const struct ct_pipeline *pipeline)
{
	struct ct_pipeline_stats stats;

	ct_pipeline_stats(pipeline, &stats);
	run->losses.lost += stats.lost;
	run->losses.evicted += stats.evicted;
	run->losses.unknown_ages = stats.unknown_ages; /* of this one */
	for (size_t i = 0; i < _CT_LOST_MAX; i++)
		run->losses.lost_at[i] += stats.lost_at[i];
}

/// Children come and go: they are those of this moment.
static int find_children(const struct run *run)
{
	struct ct_select *select = &run->what->options->select;

	if (!select->follow || !run->n)
		return 0;
	select->pids.n = run->what->n_pids;
	return ct_descendants_add(&select->pids);
}

/// One look at everything, to the end of its stream.
static int walk(const struct run *run, struct ct_feed *feed, char *note, size_t note_len)
{
	struct ct_source_live *source = run->what->source;
	uint64_t records = 1, end_ns;
	int r = ct_source_live_snapshot(source, ct_feed_record, feed, note, note_len);

	while (r == 0 && records) /* what the ring still holds belongs to this round */
		r = ct_source_live_poll(source, 0, CT_NS_UNKNOWN, ct_feed_record, feed, &records);
	if (r == 0)
		r = ct_source_live_part(source, ct_feed_record, feed, &end_ns);
	return r;
}

static void fail(struct run *run, const struct ct_feed *feed, const char *note, int r)
{
	run->status = CT_EXIT_FAILED;
	if (feed->error) {
		run->status = ct_output_failed(r);
		run->unread = true;
		return;
	}
	if (*note)
		ct_error("%s", note);
	else
		ct_error("cannot list what is connected: %s", strerror(-r));
	if (r == -ENOTSUP)
		run->status = CT_EXIT_UNSUPPORTED;
}

/// Its lines are cut where the screen ends: each is one line.
static int new_drawn(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct ct_output_options chosen = *options;

	chosen.width = SIZE_MAX;
	return ct_sink_list_new(&chosen, session, out, ret_sink, ret_bad_field);
}

/// A round that goes to OUT. True if it was whole: otherwise the run is over, and has its status.
static bool look(struct run *run, FILE *out)
{
	_cleanup_(ct_pipeline_free) struct ct_pipeline *pipeline = NULL;
	struct ct_options *options = run->what->options;
	const struct ct_pipeline_config config = {
		.select = &options->select,
		.capabilities = &run->what->session->capabilities,
	};
	struct ct_feed feed = {};
	char note[sizeof(run->note)] = "";
	int r = find_children(run);

	if (r == 0)
		r = ct_pipeline_new(&config, &pipeline);
	if (r) {
		fail(run, &feed, "", r);
		return false;
	}
	run->status = ct_output_add_sink_to(options, run->draws ? new_drawn : ct_sink_list_new,
					    run->what->session, out, pipeline);
	if (run->status != CT_EXIT_DONE)
		return false;
	feed.pipeline = pipeline;
	r = walk(run, &feed, note, sizeof(note));
	if (r == 0)
		r = feed.error = ct_pipeline_finish(pipeline);
	add_losses(run, pipeline);
	if (r)
		fail(run, &feed, note, r);
	else if (!run->draws && strcmp(run->note, note) != 0 && *note)
		ct_warn("%s", note);
	memcpy(run->note, note, sizeof(note));
	return r == 0;
}

/// "14:03:22, every 2.00 s: 213 sockets, 120 ESTABLISHED, 93 TIME_WAIT"
static void put_head(const struct run *run, struct ct_buf *frame)
{
	const struct ct_output_options *options = &run->what->options->output;
	const uint64_t *counts = ct_list_memory_counts(run->memory);
	char clock[CT_TIME_CLOCK_STRLEN];
	uint64_t sockets = 0;

	for (unsigned int state = 0; state < _CT_STATE_MAX; state++)
		sockets += counts[state];
	ct_time_clock((int64_t)ct_clock_ns(CLOCK_REALTIME), options->utc, clock);
	ct_buf_printf(frame, "%.*s, every ", (int)strcspn(clock, "."), clock);
	ct_words_duration(options, frame, run->what->options->watch_ns);
	ct_buf_puts(frame, ": ");
	ct_words_count(frame, sockets, "socket");
	for (unsigned int state = 0; state < _CT_STATE_MAX; state++)
		if (counts[state])
			ct_buf_printf(frame, ", %" PRIu64 " %s", counts[state],
				      ct_state_name(state));
	ct_buf_putc(frame, '\n');
	if (!*run->note)
		return;
	ct_buf_puts(frame, "warning: "); /* on stderr the next round would be drawn over it */
	ct_text_escape(frame, run->note, strlen(run->note), options->utf8);
	ct_buf_putc(frame, '\n');
}

static int draw(const struct run *run, const char *text, size_t len)
{
	_cleanup_(ct_buf_fini) struct ct_buf frame = {}, drawn = {};
	struct ct_terminal_size screen;

	put_head(run, &frame);
	ct_buf_append(&frame, text, len);
	if (frame.error)
		return ct_output_write(&frame);
	ct_terminal_size(STDOUT_FILENO, &screen);
	ct_screen_draw(&drawn, frame.data, frame.len, &screen);
	return ct_output_write(&drawn);
}

/// What has been said so far goes up, and stays where the terminal keeps what went before.
static int clear_screen(void)
{
	_cleanup_(ct_buf_fini) struct ct_buf lines = {};
	struct ct_terminal_size screen;

	ct_terminal_size(STDOUT_FILENO, &screen);
	ct_buf_fill(&lines, '\n', screen.rows);
	return ct_output_write(&lines);
}

static bool look_and_draw(struct run *run)
{
	_cleanup_(ct_freep) char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct ct_feed none = {};
	bool is_whole;

	if (!out) {
		fail(run, &none, "", -errno);
		return false;
	}
	is_whole = look(run, out);
	if (fclose(out) == 0 && is_whole)
		run->status = draw(run, text, len);
	return is_whole && run->status == CT_EXIT_DONE;
}

static bool look_and_print(struct run *run)
{
	struct ct_options *options = run->what->options;

	options->output.headless = run->n && options->output.format == CT_OUTPUT_CSV;
	if (run->n && prints_table(run))
		(void)putc('\n', stdout); /* a failure shows when the table is flushed */
	return look(run, stdout);
}

/// False if that was all: the run has its status.
static bool list_once(struct run *run)
{
	if (run->n)
		ct_session_follow_clock(run->what->session);
	ct_list_memory_turn(run->memory);
	if (!(run->draws ? look_and_draw(run) : look_and_print(run)))
		return false;
	run->n++;
	return true;
}

/// Until it is time, or what is printed is read by nobody any more. False if that was all.
static bool await_next(struct run *run)
{
	uint64_t count = run->what->options->count, now = ct_clock_ns(CLOCK_MONOTONIC);
	struct pollfd out = {.fd = STDOUT_FILENO};
	bool from_process;

	if (count && run->n >= count)
		return false;
	if (__builtin_add_overflow(run->due_ns, run->what->options->watch_ns, &run->due_ns))
		run->due_ns = CT_NS_UNKNOWN;
	if (run->due_ns < now) /* it takes longer than that */
		run->due_ns = now;
	for (; !ct_stop_take(&from_process); now = ct_clock_ns(CLOCK_MONOTONIC)) {
		uint64_t until_ns = run->due_ns < run->stop_ns ? run->due_ns : run->stop_ns;

		if (now >= run->stop_ns)
			return false;
		if (now >= run->due_ns)
			return true;
		if (until_ns - now > WAIT_MS * NS_PER_MS)
			until_ns = now + WAIT_MS * NS_PER_MS;
		run->unread = poll(&out, 1, (int)((until_ns - now) / NS_PER_MS) + 1) > 0;
		if (run->unread)
			return false;
	}
	return false;
}

int ct_rounds_run(const struct ct_rounds *rounds)
{
	struct ct_options *options = rounds->options;
	_cleanup_(run_fini) struct run run = {
		.what = rounds,
		.due_ns = ct_clock_ns(CLOCK_MONOTONIC),
		.stop_ns = CT_NS_UNKNOWN,
	};
	int r = ct_list_memory_new(&run.memory);

	if (r) {
		ct_error("cannot list what is connected: %s", strerror(-r));
		return CT_EXIT_FAILED;
	}
	if (options->duration_ns &&
	    __builtin_add_overflow(run.due_ns, options->duration_ns, &run.stop_ns))
		run.stop_ns = CT_NS_UNKNOWN;
	options->output.memory = run.memory;
	run.draws = prints_table(&run) && ct_terminal_can(STDOUT_FILENO, CT_TERMINAL_MOVES);
	if (run.draws)
		run.status = clear_screen();
	if (run.status != CT_EXIT_DONE)
		return run.status;
	while (list_once(&run) && await_next(&run))
		;
	if (run.status != CT_EXIT_DONE || run.unread)
		return run.status;
	ct_unseen_tell_ages(options, run.losses.unknown_ages);
	return ct_tell_losses(options, &run.losses, "", ": a larger --buffer holds more");
}
