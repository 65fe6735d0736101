// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A run of the tracer: what watch, record and list have in common. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/log.h"
#include "conntrace/source_live.h"
#include "last_owners.h"
#include "progress.h"
#include "rotate.h"
#include "rounds.h"
#include "stop.h"
#include "tally.h"
#include "unseen.h"

#define NS_PER_MS 1000000ull

/// Longest wait for events: how late a line may be printed, and a limit noticed.
#define POLL_MS 100

/// What a process did last comes a little after its end.
#define DRAIN_MS 50

struct live {
	struct ct_options *options;
	const char *write_path; /// NULL: no recording
	bool printing;		/// to stdout
	struct ct_session session;
	struct ct_pipeline *pipeline;
	struct ct_source_live *source;
	struct ct_last_owners *owners; /// NULL: they are not looked for
	struct ct_feed feed;
	struct ct_child child;
	struct ct_rotate rotate; /// the recording, in one file or several
	size_t first_followed;	 /// in select.pids: from there on their children are, too
	bool blind;		 /// sweeps are not possible any more
	bool lets_go;		 /// CMD begins when all that was wanted is there: it runs on alone
	uint64_t stop_ns;	 /// CLOCK_MONOTONIC; CT_NS_UNKNOWN: no limit
	int notify_fd;
	struct ct_progress progress;
};

static void live_fini(struct live *live)
{
	ct_source_live_close(&live->source);
	ct_last_owners_free(&live->owners);
	ct_pipeline_free(&live->pipeline);
	ct_rotate_fini(&live->rotate);
	ct_child_fini(&live->child);
	ct_closep(&live->notify_fd);
}

/// CMD's own process, and those that --follow asks for, become part of the selection.
static int follow_processes(struct live *live)
{
	struct ct_options *options = live->options;
	struct ct_select *select = &options->select;
	int r = 0;

	live->first_followed = select->follow ? 0 : select->pids.n;
	if (options->child_argv) {
		r = ct_child_start(&live->child, options->child_argv);
		if (r) {
			ct_error("cannot start '%s': %s", options->child_argv[0], strerror(-r));
			return CT_EXIT_FAILED;
		}
		r = ct_u32_list_add(&select->pids, (uint32_t)live->child.pid);
	}
	if (r == 0 && select->follow)
		r = ct_descendants_add(&select->pids);
	if (r) {
		ct_error("cannot look for processes in /proc: %s", strerror(-r));
		return CT_EXIT_FAILED;
	}
	select->follow |= options->child_argv != NULL;
	return CT_EXIT_DONE;
}

/// A recording of everything: what it means is found out when it is read.
static bool is_verbatim(const struct live *live)
{
	return !live->printing && !live->options->count &&
	       ct_select_is_empty(&live->options->select);
}

static struct ct_pipeline_config pipeline_config(const struct live *live)
{
	return (struct ct_pipeline_config){
		.select = &live->options->select,
		.capabilities = &live->session.capabilities,
		.max_updates = live->options->count,
		.verbatim = is_verbatim(live),
	};
}

static int prepare_pipeline(struct live *live, ct_sink_new_fn new_sink)
{
	struct ct_pipeline_config config = pipeline_config(live);
	int r;

	ct_session_begin(live->options->command_line, &live->session);
	r = ct_pipeline_new(&config, &live->pipeline);
	if (r) {
		ct_error("cannot begin to trace: %s", strerror(-r));
		return CT_EXIT_FAILED;
	}
	live->feed.pipeline = live->pipeline;
	if (!new_sink)
		return CT_EXIT_DONE;
	return ct_output_add_sink(live->options, new_sink, &live->session, live->pipeline);
}

/// What is there now is all that is wanted.
static bool lists(const struct live *live)
{
	return live->options->command == CT_COMMAND_LIST;
}

static bool watches_for_doctor(const struct live *live)
{
	return live->options->command == CT_COMMAND_DOCTOR;
}

/// Without the kernel's iterator there is nothing to list, and no table that would look like it.
static int may_list(const struct live *live)
{
	const struct ct_capability *snapshot =
		&live->session.capabilities.of[CT_CAPABILITY_SNAPSHOT];

	if (!lists(live) || snapshot->level != CT_CAPABILITY_ABSENT)
		return CT_EXIT_DONE;
	ct_error("nothing can be listed here: %s", snapshot->detail);
	return CT_EXIT_UNSUPPORTED;
}

static int attach(struct live *live)
{
	const struct ct_options *options = live->options;
	const struct ct_select *select = &options->select;
	struct ct_live_config config = {
		.ring_bytes = options->ring_bytes,
		.io_owner = options->io_owner || ct_select_by_owner(select),
		.followed = select->pids.values + live->first_followed,
		.n_followed = select->pids.n - live->first_followed,
		.snapshot_only = lists(live),
		.no_snapshot = options->no_snapshot,
		.hidden = options->hidden,
		.n_hidden = options->n_hidden,
		.btf_path = options->btf_path,
		.idle = options->idle,
	};
	char err[512] = "";
	int r;

	/* before the trace: nobody empties its ring meanwhile */
	if (watches_for_doctor(live) && !options->no_snapshot)
		live->owners = ct_last_owners_new(&config, &live->feed);
	r = ct_source_live_open(&config, err, sizeof(err), &live->source);
	if (r == 0) {
		live->session.capabilities = *ct_source_live_capabilities(live->source);
		live->session.privileges = ct_live_privilege_bits();
		r = may_list(live);
		if (r == CT_EXIT_DONE)
			ct_unseen_tell(options, &live->session.capabilities, "here");
		return r;
	}
	ct_error("%s", *err ? err : strerror(-r));
	if (r == -EINVAL)
		return CT_EXIT_USAGE;
	return r == -EPERM || r == -ENOTSUP ? CT_EXIT_UNSUPPORTED : CT_EXIT_FAILED;
}

/// All that is needed is open, CMD has what it was started with, and no event has been looked at.
static int confine(struct live *live)
{
	const struct ct_options *options = live->options;
	const struct ct_confinement what = {
		.needs = CT_CONFINE_TRACE | (live->write_path ? CT_CONFINE_RECORD : 0) |
			 (options->child_argv ? CT_CONFINE_CHILD : 0),
		.child = live->child.pid,
		.user = options->user,
	};

	ct_tell_privileges();
	if (!lists(live))
		live->notify_fd = ct_notify_open();
	return ct_confine_self(&what);
}

/// All that can fail without a trace comes first; a recording there is overwritten only at the end.
/// It is given away before the right to do that is given up.
static int prepare(struct live *live, ct_sink_new_fn new_sink)
{
	int r = ct_confine_check_user(&live->options->user);

	if (r == CT_EXIT_DONE)
		r = ct_pids_check(live->options);
	if (r == CT_EXIT_DONE && live->write_path)
		r = ct_rotate_open(&live->rotate, live->options, live->write_path);
	if (r == CT_EXIT_DONE)
		r = follow_processes(live);
	if (r == CT_EXIT_DONE)
		r = prepare_pipeline(live, new_sink);
	if (r == CT_EXIT_DONE)
		r = attach(live);
	if (r == CT_EXIT_DONE && live->write_path && live->options->user.is_given)
		r = ct_record_file_give(&live->rotate.file, &live->options->user);
	if (r == CT_EXIT_DONE)
		r = confine(live);
	if (r == CT_EXIT_DONE && live->write_path)
		r = ct_rotate_begin(&live->rotate, &live->session, live->pipeline);
	return r;
}

/// Lets CMD run. It may turn out not to be a program: its status says so then.
static bool release(struct live *live)
{
	int r;

	if (live->options->duration_ns &&
	    __builtin_add_overflow(ct_clock_ns(CLOCK_MONOTONIC), live->options->duration_ns,
				   &live->stop_ns))
		live->stop_ns = CT_NS_UNKNOWN;
	ct_unseen_tell_absent(&live->session.capabilities);
	ct_info("attached");
	ct_notify_ready(live->notify_fd);
	if (!live->options->child_argv)
		return true;
	r = ct_child_release(&live->child);
	if (r)
		ct_error("cannot run '%s': %s", live->options->child_argv[0], strerror(-r));
	return r == 0;
}

/// A signal ends the run, but with CMD it is CMD that it ends: what CMD does last is to be seen.
static bool is_stopped_by_signal(struct live *live)
{
	bool from_process;
	int signal = ct_stop_take(&from_process);

	if (!signal)
		return false;
	if (!live->options->child_argv)
		return true;
	/* The terminal sends its signals to CMD itself. */
	if (from_process && live->child.pid > 0)
		kill(live->child.pid, signal);
	return false;
}

static bool is_over(struct live *live)
{
	if (live->options->child_argv && live->child.pid > 0 &&
	    ct_child_ended(&live->child, false)) {
		uint64_t drained_ns = ct_clock_ns(CLOCK_MONOTONIC) + DRAIN_MS * NS_PER_MS;

		if (drained_ns < live->stop_ns)
			live->stop_ns = drained_ns;
	}
	return is_stopped_by_signal(live) || ct_clock_ns(CLOCK_MONOTONIC) >= live->stop_ns;
}

static int wait_ms(const struct live *live)
{
	uint64_t now = ct_clock_ns(CLOCK_MONOTONIC);

	if (live->stop_ns == CT_NS_UNKNOWN || live->stop_ns - now > POLL_MS * NS_PER_MS)
		return live->stop_ns < now ? 0 : POLL_MS;
	return (int)((live->stop_ns - now) / NS_PER_MS) + 1;
}

/// What was there before. Where the kernel cannot tell, what happens is shown all the same.
static int find_older(struct live *live)
{
	char err[512] = "";
	int r;

	if (live->options->no_snapshot)
		return 0;
	r = ct_source_live_snapshot(live->source, ct_feed_record, &live->feed, err, sizeof(err));
	if (*err && live->rotate.files <= 1)
		ct_warn("%s", err);
	return r == -ENOTSUP && !live->feed.error && !lists(live) ? 0 : r;
}

/// The same, as the beginning of a recording's file.
static int look_back(struct live *live)
{
	int r = find_older(live);

	if (r || !live->write_path)
		return r;
	live->feed.error = ct_rotate_settle(&live->rotate);
	return live->feed.error;
}

/// For what went on without an event. Where that cannot be, it is seen later or not at all.
static int look_again(struct live *live)
{
	int r;

	if (live->blind || !ct_pipeline_fin_wait2_minis(live->pipeline))
		return 0;
	r = ct_source_live_sweep(live->source, ct_feed_record, &live->feed);
	if (r >= 0 || r == -ENOTRECOVERABLE || live->feed.error)
		return r;
	live->blind = true;
	ct_warn("cannot look for TIME_WAIT that began unseen any more: %s", strerror(-r));
	return 0;
}

static int take_events(struct live *live)
{
	int r = ct_source_live_poll(live->source, wait_ms(live),
				    ct_pipeline_deadline_ns(live->pipeline), ct_feed_record,
				    &live->feed, NULL);

	if (r && r != -EINTR)
		return r;
	return look_again(live);
}

/// On in the next file of the recording. 0, CT_PIPELINE_STOP or -errno.
static int turn(struct live *live)
{
	struct ct_seam seam = {
		.options = live->options,
		.source = live->source,
		.feed = &live->feed,
		.pipeline = &live->pipeline,
		.session = &live->session,
		.config = pipeline_config(live),
	};
	int r = ct_rotate_turn(&live->rotate, &seam);

	return r ? r : look_back(live);
}

/// What is printed so far becomes visible, or -errno.
static int put_out(struct live *live)
{
	int r;

	ct_stop_clear_echo(!live->options->child_argv);
	r = ct_pipeline_flush(live->pipeline);
	if (r == 0 && live->printing && ct_output_is_unread())
		r = -EPIPE;
	live->feed.error = r;
	return r;
}

/// 0 when it is over, CT_PIPELINE_STOP, or -errno.
static int run(struct live *live)
{
	ct_progress_begin(&live->progress, live->options);
	while (!is_over(live)) {
		int r = take_events(live);

		if (r == 0)
			r = put_out(live);
		if (r == 0)
			ct_progress_show_trace(&live->progress, live->options, &live->rotate,
					       live->pipeline);
		if (r == 0 && live->write_path && ct_rotate_is_due(&live->rotate)) {
			if (ct_rotate_is_last(&live->rotate))
				return 0;
			r = turn(live);
		}
		if (r)
			return r;
	}
	return 0;
}

static int failed(const struct live *live, int r)
{
	if (live->rotate.told)
		return CT_EXIT_FAILED;
	if (!live->feed.error) {
		ct_error("cannot read events from the kernel: %s", strerror(-r));
		return r == -ENOTSUP ? CT_EXIT_UNSUPPORTED : CT_EXIT_FAILED;
	}
	if (live->printing && (r == -EPIPE || ferror(stdout)))
		return ct_output_failed(r);
	if (!live->write_path)
		return ct_output_failed(r);
	return ct_record_file_failed(&live->rotate.file, r);
}

/// Brings the stream to its end, after a failure as well: a recording is closed properly.
static int finish(struct live *live, int r)
{
	int finished;

	ct_stop_clear_echo(!live->options->child_argv);
	ct_progress_end(&live->progress);
	if (r == 0 && watches_for_doctor(live))
		r = ct_doctor_finish(live->options, live->source, live->owners, &live->feed);
	else if (r == 0)
		r = ct_source_live_finish(live->source, ct_feed_record, &live->feed);
	ct_stop_clear_echo(!live->options->child_argv);
	finished = ct_pipeline_finish(live->pipeline);
	if (r == CT_PIPELINE_STOP)
		r = 0;
	if (r == 0 && !finished && live->write_path)
		finished = ct_rotate_end(&live->rotate);
	if (r == 0 && finished) {
		live->feed.error = finished;
		r = finished;
	}
	return r ? failed(live, r) : CT_EXIT_DONE;
}

/// Whether how many connections there were is known.
static bool counts_connections(const struct live *live, const struct ct_pipeline_stats *stats)
{
	return !is_verbatim(live) && !ct_recorded_is_cut(stats->printed, live->options->count);
}

/// What CMD answered counts before what was lost. Nothing is said to a reader that has gone.
static int conclude(struct live *live)
{
	struct ct_pipeline_stats stats;
	int r;

	if (live->feed.error)
		return live->child.status;
	ct_rotate_stats(&live->rotate, live->pipeline, &stats);
	if (live->write_path)
		ct_rotate_tell(&live->rotate, &stats, counts_connections(live, &stats));
	ct_unseen_tell_ages(live->options, stats.unknown_ages);
	r = ct_tell_losses(live->options, &stats, "", ": a larger --buffer holds more");
	return live->child.status ? live->child.status : r;
}

/// To the end of what is wanted. What was there before may be that already: CMD is for more than to
/// be seen then, and is run all the same.
static int trace(struct live *live)
{
	int r;

	ct_doctor_tell_duration(live->options);
	r = look_back(live);
	if (lists(live) || (r && r != CT_PIPELINE_STOP))
		return r;
	live->lets_go = r == CT_PIPELINE_STOP;
	return release(live) && r == 0 ? run(live) : r;
}

/// A limit may end the run before CMD has ended: it does not go on unwatched, unless it never was.
static void end_child(struct live *live)
{
	if (live->lets_go)
		ct_source_live_close(&live->source);
	while (live->lets_go && live->child.pid > 0 && !is_over(live))
		poll(NULL, 0, wait_ms(live));
	if (live->child.pid > 0)
		kill(live->child.pid, SIGTERM);
	ct_child_ended(&live->child, true);
}

int ct_live_run(struct ct_options *options, ct_sink_new_fn new_sink, const char *write_path)
{
	_cleanup_(live_fini) struct live live = {
		.options = options,
		.write_path = write_path,
		.printing = new_sink != NULL,
		.child = {.pid = -1, .go_fd = -1, .failed_fd = -1},
		.rotate = {.file = CT_RECORD_FILE_NONE},
		.notify_fd = -1,
		.stop_ns = CT_NS_UNKNOWN,
		.progress = CT_PROGRESS_NONE,
	};
	const size_t n_pids = options->select.pids.n;
	int r;

	ct_stop_catch();
	ct_stop_wait_for_children();
	r = prepare(&live, new_sink);
	if (r != CT_EXIT_DONE)
		return r;
	if (options->watch_ns)
		return ct_rounds_run(
			&(struct ct_rounds){options, &live.session, live.source, n_pids});
	r = finish(&live, trace(&live));
	end_child(&live);
	return r == CT_EXIT_DONE ? conclude(&live) : r;
}
