// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/log.h"
#include "conntrace/sink_words.h"
#include "conntrace/timefmt.h"
#include "terminal.h"

#define NS_PER_S UINT64_C(1000000000)

/// What a Ctrl-C leaves behind the line: "^C".
#define ECHO_COLUMNS 2

/// What is over sooner needs no line.
#define FIRST_NS  NS_PER_S
#define PERIOD_NS (NS_PER_S / 5)

/*
 * So wide is no line: where a terminal takes anything at all it takes 256 bytes at once, and nobody
 * has to wait for the rest of them (WAKEUP_CHARS in drivers/tty/n_tty.c; a pty's room is a multiple
 * of that, drivers/tty/tty_buffer.c).
 */
#define COLUMNS_MOST 250

static const enum ct_progress_stdout prints[_CT_COMMAND_MAX] = {
	[CT_COMMAND_WATCH] = CT_PROGRESS_PRINTS_MEANWHILE,
	[CT_COMMAND_RECORD] = CT_PROGRESS_PRINTS_NOTHING,
	[CT_COMMAND_REPLAY] = CT_PROGRESS_PRINTS_MEANWHILE,
	[CT_COMMAND_REPORT] = CT_PROGRESS_PRINTS_AT_END,
	[CT_COMMAND_LIST] = CT_PROGRESS_PRINTS_MEANWHILE,
	[CT_COMMAND_INFO] = CT_PROGRESS_PRINTS_AT_END,
	[CT_COMMAND_CHECK] = CT_PROGRESS_PRINTS_AT_END,
	[CT_COMMAND_DOCTOR] = CT_PROGRESS_PRINTS_AT_END,
};

enum ct_progress_stdout ct_progress_stdout_of(const struct ct_options *options)
{
	enum ct_output_format format = options->output.format;

	/* a line a connection, as it ends */
	if (options->command == CT_COMMAND_REPORT &&
	    (format == CT_OUTPUT_JSON || format == CT_OUTPUT_CSV))
		return CT_PROGRESS_PRINTS_MEANWHILE;
	return prints[options->command];
}

bool ct_progress_may_show(enum ct_progress_stdout how, mode_t stdout_mode, bool is_terminal)
{
	if (how == CT_PROGRESS_PRINTS_NOTHING)
		return true;
	if (S_ISFIFO(stdout_mode) || S_ISSOCK(stdout_mode))
		return false;
	return how == CT_PROGRESS_PRINTS_AT_END || !is_terminal;
}

static bool may_show(const struct ct_options *options)
{
	struct stat out;

	if (options->verbosity < CT_LOG_NORMAL || options->child_argv ||
	    !ct_terminal_can(STDERR_FILENO, CT_TERMINAL_REWRITES) || fstat(STDOUT_FILENO, &out) < 0)
		return false;
	return ct_progress_may_show(ct_progress_stdout_of(options), out.st_mode,
				    isatty(STDOUT_FILENO));
}

void ct_progress_begin(struct ct_progress *progress, const struct ct_options *options)
{
	*progress = (struct ct_progress)CT_PROGRESS_NONE;
	if (!may_show(options))
		return;
	progress->fd = STDERR_FILENO;
	progress->group = getpgrp();
	progress->began_ns = ct_clock_ns(CLOCK_MONOTONIC);
	progress->due_ns = progress->began_ns + FIRST_NS;
}

bool ct_progress_is_due(const struct ct_progress *progress, uint64_t now_ns)
{
	return progress->fd >= 0 && now_ns >= progress->due_ns;
}

/// The shell has the terminal, or another of its jobs. Who cannot tell is alone with it.
static bool is_in_background(const struct ct_progress *progress)
{
	pid_t group = tcgetpgrp(progress->fd);

	return group >= 0 && group != progress->group;
}

/// In one go, so that nothing comes in between. What cannot be written is no loss; and nobody waits
/// for a terminal that takes nothing (Ctrl-S, a link that hangs): a tracer has better things to do.
static void put(struct ct_progress *progress, struct ct_buf *line, size_t shown)
{
	struct pollfd terminal = {.fd = progress->fd, .events = POLLOUT};
	ssize_t n;

	if (line->error || poll(&terminal, 1, 0) != 1 || !(terminal.revents & POLLOUT))
		return;
	n = write(progress->fd, line->data, line->len);
	(void)n;
	progress->shown = shown;
}

static void clear(void *context)
{
	_cleanup_(ct_buf_fini) struct ct_buf line = {};
	struct ct_progress *progress = context;
	int saved = errno;

	if (!progress->shown)
		return;
	ct_buf_putc(&line, '\r');
	ct_buf_fill(&line, ' ', progress->shown + ECHO_COLUMNS);
	ct_buf_putc(&line, '\r');
	put(progress, &line, 0);
	errno = saved;
}

void ct_progress_show(struct ct_progress *progress, uint64_t now_ns, const char *text)
{
	_cleanup_(ct_buf_fini) struct ct_buf line = {};
	struct ct_terminal_size terminal;
	size_t len = strlen(text), columns;

	progress->due_ns = now_ns + PERIOD_NS;
	if (is_in_background(progress))
		return;
	ct_terminal_size(progress->fd, &terminal);
	/* in the last one many terminals go on */
	columns = terminal.columns > 1 + ECHO_COLUMNS ? terminal.columns - 1 - ECHO_COLUMNS : 1;
	columns = columns < COLUMNS_MOST ? columns : COLUMNS_MOST;
	len = len < columns ? len : columns;
	ct_log_make_room(clear, progress);
	ct_buf_putc(&line, '\r');
	ct_buf_append(&line, text, len);
	if (progress->shown > len)
		ct_buf_fill(&line, ' ', progress->shown - len);
	put(progress, &line, len);
}

void ct_progress_end(struct ct_progress *progress)
{
	if (progress->fd < 0)
		return;
	clear(progress);
	ct_log_make_room(NULL, NULL);
	progress->fd = -1;
}

/// Whole seconds: fractions would only flicker.
static void put_seconds(struct ct_buf *buf, uint64_t ns)
{
	char text[CT_DURATION_STRLEN];

	if (ns < 60 * NS_PER_S)
		ct_buf_printf(buf, "%" PRIu64 " s", ns / NS_PER_S);
	else
		ct_buf_puts(buf, ct_duration_format(ns, false, text));
}

void ct_progress_put_trace(struct ct_buf *buf, const struct ct_progress_trace *trace)
{
	ct_buf_puts(buf, trace->records ? "conntrace: recording: " : "conntrace: watching: ");
	ct_words_count(buf, trace->events, "event");
	ct_buf_printf(buf, ", %" PRIu64 " lost, ", trace->lost);
	if (trace->records) {
		ct_words_bytes(buf, trace->bytes);
		if (trace->files > 1)
			ct_buf_printf(buf, " in file %" PRIu64, trace->files);
		ct_buf_puts(buf, ", ");
	}
	put_seconds(buf, trace->elapsed_ns);
	if (!trace->duration_ns)
		return;
	ct_buf_puts(buf, " of ");
	put_seconds(buf, trace->duration_ns);
}

void ct_progress_put_share(struct ct_buf *buf, uint64_t done_bytes, uint64_t size_bytes)
{
	if (!size_bytes)
		return;
	if (done_bytes > size_bytes) /* it grows */
		done_bytes = size_bytes;
	ct_buf_printf(buf, "conntrace: %u %% of ",
		      (unsigned int)((double)done_bytes * 100 / (double)size_bytes));
	ct_words_bytes(buf, size_bytes);
	ct_buf_puts(buf, " read");
}
