// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A recording on its way through the pipeline: what replay and report have in common. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/log.h"
#include "page_file.h"
#include "progress.h"
#include "stop.h"
#include "unseen.h"

/// The reading of a file is over soon, unlike a trace or what one sends through a pipe: it may take
/// some 55 MB more, if there are so many. They are those of 2,000 connections a second that stay in
/// TIME_WAIT for its minute.
#define AWAKE_MAX (1u << 17)

/// What a command does once its file is open, beside reading it and printing.
static const unsigned int needs[_CT_COMMAND_MAX] = {
	[CT_COMMAND_REPORT] = CT_CONFINE_SPOOL,
};

/// It goes to a file of its own, and not to stdout.
static bool has_page(const struct ct_options *options)
{
	return options->html_path && strcmp(options->html_path, "-") != 0;
}

/**
 * Without the wait for somebody who writes to a FIFO: a signal that came just before it would not
 * end that.
 *
 * @return the descriptor, whose read() waits; -errno.
 */
static int open_input(const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY;
	struct stat status;
	bool is_fifo = stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
	_cleanup_(ct_closep) int fd = open(path, flags | (is_fifo ? O_NONBLOCK : 0));

	if (fd < 0 || (is_fifo && fcntl(fd, F_SETFL, 0) < 0))
		return -errno;
	return CT_TAKE_FD(fd);
}

/// Until there is something to read, or will never be: what is no FIFO says that at once.
static int await_writer(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) ? ct_stop_wait_readable(fd) : 0;
}

/// Nothing of the file is looked at before this process has given up what it does not need for
/// that.
int ct_file_open(const struct ct_options *options, struct ct_recording_reader **ret)
{
	const struct ct_confinement what = {
		.needs = needs[options->command] | (has_page(options) ? CT_CONFINE_EMPTY : 0),
	};
	_cleanup_(ct_closep) int fd = open_input(options->file);
	char err[CT_RECORDING_ERR_LEN] = "";
	int r = fd < 0 ? fd : 0;

	if (r == 0) {
		(void)ct_confine_self(&what); /* no user is asked for */
		r = await_writer(fd);
	}
	if (r == 0)
		r = ct_recording_open_fd(CT_TAKE_FD(fd), err, ret);
	if (r == 0)
		return CT_EXIT_DONE;
	if (r == -EINTR && ct_stop_is_wanted()) {
		ct_warn("interrupted: nothing of the recording '%s' was read", options->file);
		return CT_EXIT_DONE;
	}
	if (*err)
		ct_error("'%s' %s", options->file, err);
	else
		ct_error("cannot open the recording '%s': %s", options->file, strerror(-r));
	return ct_exit_of_open(r);
}

void ct_file_tell_interrupted(const struct ct_options *options,
			      const struct ct_recording_reader *reader)
{
	uint64_t done_bytes, size_bytes;

	ct_recording_position(reader, &done_bytes, &size_bytes);
	if (size_bytes)
		ct_warn("interrupted: %.0f %% of the recording '%s' was read, and no more is told "
			"of it",
			(double)done_bytes / (double)size_bytes * 100, options->file);
	else
		ct_warn("interrupted: the recording '%s' was not read to its end, and no more is "
			"told of it",
			options->file);
}

/// A limit stopped the recorder before its stream was over: what is open then is nothing that watch
/// would have printed, but a report, and a doctor, is of every connection.
static int tell_open(const struct ct_options *options, const struct ct_recording_info *info,
		     struct ct_feed *feed)
{
	struct ct_event end = {
		.kind = CT_EVENT_END,
		.ts_ns = info->last_ts_ns,
		.generation = CT_GENERATION_ANY,
	};

	if ((options->command != CT_COMMAND_REPORT && options->command != CT_COMMAND_DOCTOR) ||
	    info->has_end || !info->has_index || info->damaged_frames)
		return 0;
	return ct_feed_record(feed, &end, CT_EVENT_CORE_SIZE);
}

/// A page is not worth less than it seems: a signal at any time leaves none. Of all else what is
/// read to its end is told.
static bool is_interrupted(const struct ct_page_file *page, int r)
{
	return ct_stop_is_wanted() && (page->stream || r == -EINTR);
}

/// What went to stdout before stays; a report of a part would look like one of all.
static int interrupted(const struct ct_options *options, const struct ct_recording_reader *reader,
		       struct ct_feed *feed, const struct ct_page_file *page)
{
	if (page->stream)
		ct_warn("interrupted: no page is written");
	else
		ct_file_tell_interrupted(options, reader);
	if (!page->stream && !feed->error)
		(void)ct_pipeline_flush(feed->pipeline);
	feed->error = -EINTR;
	return CT_EXIT_DONE;
}

/// Prints what is whole and fails all the same when something is missing: a script must notice. Who
/// interrupts it knows.
static int pump(const struct ct_options *options, struct ct_recording_reader *reader,
		struct ct_feed *feed, struct ct_recording_info *info, struct ct_page_file *page)
{
	int r = ct_progress_read(options, reader, ct_feed_record, feed, info);
	bool is_whole = r == 0;

	if (r == 0)
		r = tell_open(options, info, feed);
	if (r == CT_PIPELINE_STOP)
		r = 0;
	if (is_interrupted(page, r))
		return interrupted(options, reader, feed, page);
	if (r && !feed->error) {
		ct_error("cannot read the recording '%s': %s", options->file, strerror(-r));
		return CT_EXIT_FAILED;
	}
	if (r == 0 && ct_page_file_begin(page) != CT_EXIT_DONE)
		return CT_EXIT_FAILED;
	if (r == 0)
		r = feed->error = ct_pipeline_finish(feed->pipeline);
	if (is_interrupted(page, r))
		return interrupted(options, reader, feed, page);
	if (r == 0)
		r = feed->error = ct_page_file_finish(page);
	if (r)
		return page->stream ? ct_page_file_failed(page, r) : ct_output_failed(r);
	if (is_whole && *info->problem) {
		ct_error("the recording '%s' is not whole: %s", options->file, info->problem);
		return CT_EXIT_FAILED;
	}
	return CT_EXIT_DONE;
}

/// What a pipe or somebody's descriptor gave is gone once it is read, or another one's by then.
static bool can_be_read_again(const char *path)
{
	static const char *const of_this_process[] = {"/dev/", "/proc/"};
	struct stat status;

	for (size_t i = 0; i < CT_COUNT(of_this_process); i++)
		if (strncmp(path, of_this_process[i], strlen(of_this_process[i])) == 0)
			return false;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int ct_file_run(struct ct_options *options, ct_sink_new_fn new_sink)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	_cleanup_(ct_pipeline_free) struct ct_pipeline *pipeline = NULL;
	struct ct_pipeline_config config = {
		.select = &options->select,
		.max_updates = options->count,
		.max_awake = can_be_read_again(options->file) ? AWAKE_MAX : 0,
	};
	_cleanup_(ct_page_file_fini) struct ct_page_file page = CT_PAGE_FILE_NONE;
	struct ct_recording_info info = {};
	struct ct_pipeline_stats stats;
	struct ct_feed feed = {};
	int r = CT_EXIT_DONE;

	ct_stop_catch();
	if (!has_page(options)) /* what is half a page is taken away first */
		ct_stop_insist();
	if (can_be_read_again(options->file)) /* not to be looked for later */
		options->output.recording = options->file;
	if (has_page(options))
		r = ct_page_file_open(&page, options->html_path, options->force, options->file);
	if (r == CT_EXIT_DONE)
		r = ct_file_open(options, &reader);
	if (r != CT_EXIT_DONE || !reader)
		return r;
	options->output.problem = info.problem;
	config.capabilities = &ct_recording_session(reader)->capabilities;
	r = ct_pipeline_new(&config, &pipeline);
	if (r) {
		ct_error("cannot read the recording '%s': %s", options->file, strerror(-r));
		return CT_EXIT_FAILED;
	}
	ct_unseen_tell(options, config.capabilities, "in this recording");
	feed.pipeline = pipeline;
	r = ct_output_add_sink_to(options, new_sink, ct_recording_session(reader),
				  page.stream ?: stdout, pipeline);
	if (r == CT_EXIT_DONE)
		r = pump(options, reader, &feed, &info, &page);
	if (r != CT_EXIT_DONE || feed.error)
		return r;
	ct_pipeline_stats(pipeline, &stats);
	return ct_tell_losses(options, &stats, " when this was recorded", "");
}
