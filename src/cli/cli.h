/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the subcommands share. All of it prints its own errors, a line each, and returns exit codes.
 */
#pragma once

#include <errno.h>
#include <stdio.h>

#include "conntrace/buf.h"
#include "conntrace/confine.h"
#include "conntrace/pipeline.h"
#include "conntrace/recording.h"
#include "conntrace/session.h"
#include "options.h"

/// The exit codes of the contract. With `-- CMD` also CMD's own, or 128 + N after signal N.
enum ct_exit {
	CT_EXIT_DONE = 0,
	CT_EXIT_FAILED = 1,
	CT_EXIT_USAGE = 2,
	CT_EXIT_UNSUPPORTED = 3, /// not permitted, or not supported here
	CT_EXIT_FOUND = 4,	 /// doctor's --fail-on
	CT_EXIT_LOST = 5,	 /// under --strict
};

/// What it means that a file could not be opened or made, -errno.
static inline enum ct_exit ct_exit_of_open(int error)
{
	return error == -EACCES || error == -EPERM ? CT_EXIT_UNSUPPORTED : CT_EXIT_FAILED;
}

int ct_cmd_watch(struct ct_options *options);
int ct_cmd_record(struct ct_options *options);
int ct_cmd_replay(struct ct_options *options);
int ct_cmd_report(struct ct_options *options);
int ct_cmd_list(struct ct_options *options);
int ct_cmd_info(struct ct_options *options);
int ct_cmd_check(struct ct_options *options);
int ct_cmd_doctor(struct ct_options *options);

/// Prints the script that completes command lines in SHELL; NULL: how it is used.
int ct_cmd_completion(const char *shell);

/// ct_sink_output_new(), ct_sink_report_new(), ct_sink_html_new(), ct_sink_list_new(),
/// ct_sink_doctor_new()
typedef int (*ct_sink_new_fn)(const struct ct_output_options *options,
			      const struct ct_session *session, FILE *out,
			      struct ct_sink **ret_sink, const char **ret_bad_field);

/**
 * Traces until a limit, a signal or the end of CMD.
 *
 * @new_sink for stdout; NULL: nothing is printed.
 * @write_path of the recording; NULL: nothing is recorded.
 */
int ct_live_run(struct ct_options *options, ct_sink_new_fn new_sink, const char *write_path);

/// Sends options->file through the pipeline to a sink on stdout, or to the page of --html.
int ct_file_run(struct ct_options *options, ct_sink_new_fn new_sink);

/// Opens options->file; *ret is the caller's, unchanged unless it returns CT_EXIT_DONE, and then
/// too if a signal ended the wait for somebody who writes it: that is told.
int ct_file_open(const struct ct_options *options, struct ct_recording_reader **ret);

/// Says that a signal ended the reading of options->file, and how much of it was read.
void ct_file_tell_interrupted(const struct ct_options *options,
			      const struct ct_recording_reader *reader);

/// Makes the sink that the options ask for, on stdout, and gives it to the pipeline.
int ct_output_add_sink(struct ct_options *options, ct_sink_new_fn new_sink,
		       const struct ct_session *session, struct ct_pipeline *pipeline);

/// The same, with something else in place of stdout.
int ct_output_add_sink_to(struct ct_options *options, ct_sink_new_fn new_sink,
			  const struct ct_session *session, FILE *out,
			  struct ct_pipeline *pipeline);

/// Stdout could not be written, R is why; a reader that is gone is no failure.
int ct_output_failed(int r);

/// Nobody reads stdout any more: that shows at the next write only, and that may never come.
bool ct_output_is_unread(void);

/// Writes all of BUF to stdout.
int ct_output_write(const struct ct_buf *buf);

/// Whether the locale takes UTF-8.
bool ct_output_utf8(void);

/// A pipeline at the end of a source, with a note of which of the two failed.
struct ct_feed {
	struct ct_pipeline *pipeline;
	int error; /// the first -errno of the pipeline; 0: what failed is the source
};

/// A ct_record_fn, its context a struct ct_feed.
int ct_feed_record(void *feed, const void *bytes, size_t len);

/// Says how long the doctor looks if nobody has said so, once it is known that it may.
void ct_doctor_tell_duration(const struct ct_options *options);

struct ct_source_live;
struct ct_last_owners;

/// The end of what the doctor watches. What was silent when he came may have spoken since: all that
/// is there is handed over once more, and by OWNERS (NULL: they are not known) who has it. 0; as
/// ct_source_live_finish() what must end the run.
int ct_doctor_finish(const struct ct_options *options, struct ct_source_live *source,
		     struct ct_last_owners *owners, struct ct_feed *feed);

/// "ring 3, recursion 1": what was lost by where, as far as there is room.
#define CT_LOSSES_STRLEN 256
void ct_list_losses(const uint64_t lost_at[_CT_LOST_MAX], char *text, size_t len);

/// Says what --strict wants to know, and what nobody should miss: WHEN it was lost ("" or " when
/// …"), and how not to lose what a full ring buffer did not take. CT_EXIT_DONE or CT_EXIT_LOST.
int ct_tell_losses(const struct ct_options *options, const struct ct_pipeline_stats *stats,
		   const char *when, const char *advice);

/// Fills in everything: the machine, the two clocks as of now, the words of the call.
void ct_session_begin(char *const command_line[], struct ct_session *ret);

/// Times are told by the wall clock of now from here on: it may have been set since the session
/// began, or the machine have slept. Times since the beginning stay as they are.
void ct_session_follow_clock(struct ct_session *session);

/// Whether the processes here have the numbers that the tracer tells: those of the first pid
/// namespace.
bool ct_pids_are_ours(void);

/// Those of --pid that there are not are told. If there are no others, what would wait for them is
/// refused: an exit code.
int ct_pids_check(const struct ct_options *options);

/// The way to whoever set NOTIFY_SOCKET, sd_notify(3): a descriptor of the caller's, or -1.
int ct_notify_open(void);

/// READY=1 to that; nothing if FD is -1.
void ct_notify_ready(int fd);

/// Says which capabilities are missing, and for what; nothing if none is.
void ct_tell_privileges(void);

/// Whether files can still be made where PATH is once WHAT has been given up, which it is not yet:
/// an exit code; what is wrong is printed. What would be wrong with the directory without that as
/// well is for those to say who open the file.
int ct_confine_check_folder(const struct ct_confinement *what, const char *path);

/// Without the right to become another user, --user is refused before anything is begun.
int ct_confine_check_user(const struct ct_user *user);

/// Gives up what the rest of the run does not need. What cannot be given up is told, and only a
/// user that cannot be become is a failure.
int ct_confine_self(const struct ct_confinement *what);
