// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rotate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/log.h"
#include "tally.h"

/// So many names may be taken by the files of others, and are passed over.
#define TAKEN_MAX 10000

/// No frame takes more, doc/FORMAT.md.
#define FRAME_BYTES_MAX 262144

static int refuse_name(const char *pattern, int r)
{
	ct_error("cannot name the recording '%s': %s", pattern,
		 r == -EINVAL ? "as a format of times it has no text" : strerror(-r));
	return CT_EXIT_FAILED;
}

/// What a ring is to overwrite is its own: files that are there already are not.
static int check_ring(const struct ct_rotate *rotate)
{
	const struct ct_rotation *rotation = &rotate->options->rotation;
	char path[PATH_MAX];

	if (!ct_file_names_are_ring(rotation) || rotate->options->force)
		return CT_EXIT_DONE;
	for (uint64_t number = 1; number < rotation->files; number++) {
		int r = ct_file_names_of(&rotate->names, number, path);

		if (r)
			return refuse_name(rotate->names.pattern, r);
		if (ct_recording_file_check(path) == -EEXIST)
			return ct_record_file_refuse(path, -EEXIST);
	}
	return CT_EXIT_DONE;
}

static void set_due(struct ct_rotate *rotate)
{
	uint64_t period_ns = rotate->options->rotation.period_ns;
	uint64_t now = ct_clock_ns(CLOCK_MONOTONIC);

	if (!period_ns || __builtin_add_overflow(now, period_ns, &rotate->due_ns))
		rotate->due_ns = CT_NS_UNKNOWN;
}

/// Files behind the first are made with no more rights than the run keeps.
static int check_folder(const struct ct_rotate *rotate)
{
	const struct ct_options *options = rotate->options;
	const struct ct_confinement what = {
		.needs = CT_CONFINE_TRACE | CT_CONFINE_RECORD,
		.user = options->user,
	};

	if (!options->rotation.bytes && !options->rotation.period_ns)
		return CT_EXIT_DONE;
	return ct_confine_check_folder(&what, rotate->names.path);
}

int ct_rotate_open(struct ct_rotate *rotate, const struct ct_options *options, const char *path)
{
	int r;

	rotate->options = options;
	r = ct_file_names_begin(&rotate->names, path, &options->rotation, time(NULL));
	if (r)
		return refuse_name(path, r);
	r = check_ring(rotate);
	if (r == CT_EXIT_DONE)
		r = check_folder(rotate);
	if (r == CT_EXIT_DONE)
		r = ct_record_file_open(&rotate->file, rotate->names.path, options->force);
	return r;
}

/// As ct_record_file_begin(), -errno included.
static int begin_file(struct ct_rotate *rotate, const struct ct_session *session,
		      struct ct_pipeline *pipeline)
{
	const struct ct_options *options = rotate->options;
	int r = ct_record_file_begin(&rotate->file, options->sync,
				     ct_file_names_are_ring(&options->rotation), session, pipeline);

	if (r)
		return r;
	ct_file_names_note(&rotate->names);
	if (rotate->files++ == 0)
		set_due(rotate);
	rotate->found_bytes = 0;
	return CT_EXIT_DONE;
}

int ct_rotate_begin(struct ct_rotate *rotate, const struct ct_session *session,
		    struct ct_pipeline *pipeline)
{
	int r = begin_file(rotate, session, pipeline);

	return r < 0 ? ct_record_file_refuse(rotate->names.path, r) : r;
}

int ct_rotate_settle(struct ct_rotate *rotate)
{
	struct ct_recording_progress progress;
	int r = ct_recording_flush(rotate->file.writer);

	ct_recording_progress(rotate->file.writer, &progress);
	rotate->found_bytes = progress.bytes;
	if (ct_recording_is_full(r) && ct_file_names_are_ring(&rotate->options->rotation) &&
	    rotate->names.written > 1)
		return 0; /* the next turn is due */
	return r;
}

/// A file that begins with much that was there before gets as much again: else it would hold
/// nothing but that.
static bool is_full(const struct ct_rotate *rotate)
{
	uint64_t wanted = rotate->options->rotation.bytes;
	struct ct_recording_progress progress;
	uint64_t bytes;

	ct_recording_progress(rotate->file.writer, &progress);
	if (ct_recording_is_full(progress.error))
		return true;
	bytes = progress.bytes + progress.bytes_in_hand;
	return wanted && bytes >= wanted && bytes / 2 >= rotate->found_bytes;
}

bool ct_rotate_is_due(const struct ct_rotate *rotate)
{
	return is_full(rotate) || ct_clock_ns(CLOCK_MONOTONIC) >= rotate->due_ns;
}

bool ct_rotate_is_last(const struct ct_rotate *rotate)
{
	const struct ct_rotation *rotation = &rotate->options->rotation;

	return rotation->files && !rotation->bytes && rotate->files >= rotation->files;
}

static void add_stats(struct ct_pipeline_stats *sum, const struct ct_pipeline_stats *more)
{
	sum->records += more->records;
	sum->selected += more->selected;
	sum->printed += more->printed;
	sum->lost += more->lost;
	for (unsigned int where = 0; where < _CT_LOST_MAX; where++)
		sum->lost_at[where] += more->lost_at[where];
	sum->malformed += more->malformed;
	sum->connections += more->connections;
	sum->evicted += more->evicted;
}

void ct_rotate_stats(const struct ct_rotate *rotate, const struct ct_pipeline *pipeline,
		     struct ct_pipeline_stats *ret)
{
	ct_pipeline_stats(pipeline, ret);
	add_stats(ret, &rotate->past);
}

/// The stream of the file at hand is over; the kernel's goes on.
static int end_file(struct ct_rotate *rotate, struct ct_seam *seam, uint64_t *ret_end_ns,
		    struct ct_recording_progress *ret)
{
	int r = ct_source_live_part(seam->source, ct_feed_record, seam->feed, ret_end_ns);

	if (r)
		return r;
	r = ct_pipeline_finish(*seam->pipeline);
	if (r) {
		seam->feed->error = r;
		return r;
	}
	ct_recording_progress(rotate->file.writer, ret);
	return 0;
}

/// A file of this run makes room, and is none that anybody else could have put in its place.
static int open_reused(struct ct_rotate *rotate)
{
	const char *path = rotate->names.path;
	struct stat st;

	if (lstat(path, &st) == 0)
		rotate->freed_bytes += (uint64_t)st.st_size;
	if (unlink(path) < 0 && errno != ENOENT) {
		ct_error("cannot overwrite the recording '%s': %s", path, strerror(errno));
		return CT_EXIT_FAILED;
	}
	return ct_record_file_open(&rotate->file, path, false);
}

/// A name that is taken is passed over: nobody is there to be asked.
static int open_free(struct ct_rotate *rotate)
{
	int r = ct_record_file_try(&rotate->file, rotate->names.path, false);

	for (unsigned int i = 0; r == -EEXIST && i < TAKEN_MAX; i++) {
		r = ct_file_names_next(&rotate->names, false, 0);
		if (r)
			return refuse_name(rotate->names.pattern, r);
		r = ct_record_file_try(&rotate->file, rotate->names.path, false);
	}
	return r < 0 ? ct_record_file_refuse(rotate->names.path, r) : r;
}

/// A ring that has not all its files yet goes on in its oldest when there is no room for another.
/// BEFORE: the names without it.
static int go_on_in_oldest(struct ct_rotate *rotate, const struct ct_file_names *before, int error)
{
	const char *path = rotate->names.path;
	int r;

	if (!ct_recording_is_full(error) || before->written < 2 ||
	    ct_file_names_is_reused(&rotate->names))
		return ct_record_file_refuse(path, error);
	rotate->names = *before;
	r = ct_file_names_reuse(&rotate->names);
	if (r)
		return refuse_name(rotate->names.pattern, r);
	ct_warn("no room on the disk for another file: '%s' is overwritten", path);
	return open_reused(rotate);
}

static int open_in_ring(struct ct_rotate *rotate, const struct ct_file_names *before)
{
	int r = ct_record_file_try(&rotate->file, rotate->names.path, rotate->options->force);

	return r < 0 ? go_on_in_oldest(rotate, before, r) : r;
}

/// Room was made for what was to be written, and others have taken it: on and on, the ring would be
/// eaten up.
static bool is_in_vain(struct ct_rotate *rotate, const struct ct_recording_progress *progress)
{
	if (!ct_recording_is_full(progress->error) || progress->bytes > rotate->found_bytes) {
		rotate->in_vain = 0;
		return false;
	}
	if (rotate->in_vain++ == 0)
		rotate->freed_bytes = 0;
	return rotate->freed_bytes >= FRAME_BYTES_MAX || rotate->in_vain > rotate->names.written;
}

/// BEFORE: the names of the file at hand. An exit code; what is wrong is printed.
static int open_next(struct ct_rotate *rotate, const struct ct_file_names *before, bool full,
		     bool period_over)
{
	const struct ct_options *options = rotate->options;
	int r = full ? ct_file_names_reuse(&rotate->names)
		     : ct_file_names_next(&rotate->names, period_over, time(NULL));

	if (r && full)
		return ct_record_file_failed(&rotate->file, r);
	if (r)
		return refuse_name(rotate->names.pattern, r);
	if (ct_file_names_is_reused(&rotate->names))
		return open_reused(rotate);
	if (ct_file_names_are_ring(&options->rotation))
		return open_in_ring(rotate, before);
	if (options->force)
		return ct_record_file_open(&rotate->file, rotate->names.path, options->force);
	return open_free(rotate);
}

/// What is in the ring by now is no older than its session: back to when the file before it ended,
/// on both clocks.
static void take_back(struct ct_session *session, uint64_t end_ns)
{
	uint64_t late_ns = session->mono_ns > end_ns ? session->mono_ns - end_ns : 0;

	session->mono_ns -= late_ns;
	session->real_ns -= (int64_t)late_ns;
}

/// The children that were told of so far are selected in the next file as well. END_NS: of the file
/// before, which has all that was handed to it but UNWRITTEN events.
static int take_over(struct ct_rotate *rotate, struct ct_seam *seam, uint64_t end_ns,
		     uint64_t unwritten)
{
	const struct ct_session before = *seam->session;
	struct ct_pipeline *next = NULL;
	struct ct_pipeline_stats stats;
	int r = ct_pipeline_pids(*seam->pipeline, &seam->options->select.pids);

	ct_pipeline_stats(*seam->pipeline, &stats);
	stats.selected -= unwritten < stats.selected ? unwritten : stats.selected;
	add_stats(&rotate->past, &stats);
	ct_session_begin(seam->options->command_line, seam->session);
	take_back(seam->session, end_ns);
	seam->session->capabilities = before.capabilities;
	seam->session->privileges = before.privileges;
	if (seam->config.max_updates)
		seam->config.max_updates = seam->options->count - rotate->past.printed;
	if (r == 0)
		r = ct_pipeline_new(&seam->config, &next);
	if (r) {
		ct_error("cannot go on in another file: %s", strerror(-r));
		return CT_EXIT_FAILED;
	}
	ct_pipeline_free(seam->pipeline);
	*seam->pipeline = next;
	seam->feed->pipeline = next;
	return CT_EXIT_DONE;
}

/// What the disk had no room for is told by the file behind, before all else.
static int tell_unwritten(const struct ct_rotate *rotate, const struct ct_seam *seam,
			  const struct ct_recording_progress *progress)
{
	struct ct_event lost = {
		.ts_ns = ct_clock_ns(CLOCK_MONOTONIC),
		.kind = CT_EVENT_LOST,
		.generation = CT_GENERATION_ANY,
		.lost = {.events = progress->unwritten,
			 .since_ns = progress->unwritten_since_ns,
			 .where = CT_LOST_DISK},
	};

	if (!progress->unwritten) {
		ct_warn("no room on the disk for more: the last file may not be whole, and '%s' is "
			"overwritten",
			rotate->names.path);
		return 0;
	}
	ct_warn("no room on the disk for more: %" PRIu64
		" events are lost, and '%s' is overwritten",
		progress->unwritten, rotate->names.path);
	return ct_feed_record(seam->feed, &lost, CT_EVENT_SIZE(lost));
}

/// The next file's time begins when that of the last one ends, however late that is noticed.
static bool is_period_over(struct ct_rotate *rotate)
{
	uint64_t period_ns = rotate->options->rotation.period_ns;
	uint64_t now = ct_clock_ns(CLOCK_MONOTONIC);

	if (now < rotate->due_ns)
		return false;
	rotate->due_ns += (now - rotate->due_ns) / period_ns * period_ns + period_ns;
	return true;
}

/// On many file systems there is room for a file, but not for what it begins with. An exit code;
/// what is wrong is printed.
static int begin_next(struct ct_rotate *rotate, const struct ct_file_names *before,
		      const struct ct_seam *seam)
{
	int r = begin_file(rotate, seam->session, *seam->pipeline);

	if (r >= 0)
		return r;
	ct_record_file_fini(&rotate->file);
	r = go_on_in_oldest(rotate, before, r);
	return r == CT_EXIT_DONE ? ct_rotate_begin(rotate, seam->session, *seam->pipeline) : r;
}

int ct_rotate_turn(struct ct_rotate *rotate, struct ct_seam *seam)
{
	const struct ct_file_names before = rotate->names;
	struct ct_recording_progress progress;
	bool period_over = is_period_over(rotate);
	uint64_t end_ns = 0;
	int r = end_file(rotate, seam, &end_ns, &progress);
	bool full;

	if (r)
		return r;
	full = ct_recording_is_full(progress.error);
	if (is_in_vain(rotate, &progress))
		r = ct_record_file_failed(&rotate->file, progress.error);
	else
		r = open_next(rotate, &before, full, period_over);
	if (r == CT_EXIT_DONE)
		r = take_over(rotate, seam, end_ns, progress.unwritten);
	if (r == CT_EXIT_DONE)
		r = begin_next(rotate, &before, seam);
	if (r) {
		rotate->told = true;
		return -ECANCELED;
	}
	return full ? tell_unwritten(rotate, seam, &progress) : 0;
}

int ct_rotate_end(const struct ct_rotate *rotate)
{
	struct ct_recording_progress progress;

	ct_recording_progress(rotate->file.writer, &progress);
	return ct_recording_is_full(progress.error) ? progress.error : 0;
}

void ct_rotate_fini(struct ct_rotate *rotate)
{
	ct_record_file_fini(&rotate->file);
}

void ct_rotate_tell(const struct ct_rotate *rotate, const struct ct_pipeline_stats *stats,
		    bool counts_connections)
{
	const struct ct_recorded recorded = {
		.events = stats->selected,
		.connections = stats->connections,
		.counts_connections = counts_connections,
		.files = rotate->files,
		.path = rotate->names.path,
		.lost = stats->lost,
	};
	_cleanup_(ct_buf_fini) struct ct_buf text = {};

	ct_recorded_put(&text, &recorded);
	if (!text.error)
		ct_info("%s", text.data);
}
