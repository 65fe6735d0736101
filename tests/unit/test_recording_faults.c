// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A disk that does not do what it is told, and somebody who does away with the file meanwhile.
#include "recording_sample.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "conntrace/cleanup.h"

/// The disk of a test: all 0 is a good one.
static struct {
	size_t at_most;	    /// bytes that a write takes; 0: all
	bool interrupts;    /// every other call, by a signal
	uint64_t room;	    /// bytes that the file may have; 0: no bound
	int full;	    /// what a write says then
	int sync_fails;	    /// what fdatasync() says; 0: it works
	unsigned int calls; /// of what may be interrupted
	unsigned int syncs; /// of data
	unsigned int names; /// put on the disk
} disk;

static bool is_interrupted(void)
{
	if (!disk.interrupts || disk.calls++ % 2)
		return false;
	errno = EINTR;
	return true;
}

/* The C library's, for all that this program links. */

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	if (is_interrupted())
		return -1;
	if (disk.at_most && n > disk.at_most)
		n = disk.at_most;
	if (disk.room && (uint64_t)at >= disk.room) {
		errno = disk.full;
		return -1;
	}
	if (disk.room && (uint64_t)at + n > disk.room)
		n = disk.room - (uint64_t)at;
	return syscall(SYS_pwrite64, fd, bytes, n, at);
}

int fdatasync(int fd)
{
	if (is_interrupted())
		return -1;
	disk.syncs++;
	errno = disk.sync_fails;
	return disk.sync_fails ? -1 : 0;
}

int fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	disk.names += S_ISDIR(st.st_mode);
	return 0;
}

static char folder[] = "/tmp/conntrace-test-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.ctr", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static int setup(void **state)
{
	memset(&disk, 0, sizeof(disk));
	return sample_setup(state);
}

static int teardown(void **state)
{
	memset(&disk, 0, sizeof(disk));
	unlink(path);
	return sample_teardown(state);
}

static struct ct_recording_writer *create(enum ct_recording_sync sync)
{
	struct ct_recording_file file = {.fd = -1, .folder_fd = -1};
	struct ct_recording_writer *writer = NULL;

	assert_int_equal(ct_recording_file_open(path, true, &file), 0);
	assert_int_equal(ct_recording_create(&file, sync, &fixture_session, &writer), 0);
	assert_int_equal(file.fd, -1);
	return writer;
}

/// Writes all of it, come what may; returns the first error.
static int write_all(struct ct_recording_writer *writer, const struct events *events)
{
	int first = 0;

	for (size_t i = 0; i < events->n; i++) {
		int r = ct_recording_write(writer, &events->list[i]);

		if (first)
			assert_int_equal(r, first);
		first = first ? first : r;
	}
	return first;
}

static void read_file(struct bytes *ret)
{
	_cleanup_(ct_fclosep) FILE *file = fopen(path, "re");
	struct stat st;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	bytes_fini(ret);
	ret->len = (size_t)st.st_size;
	ret->data = malloc(ret->len + 1);
	assert_non_null(ret->data);
	assert_int_equal(fread(ret->data, 1, ret->len, file), ret->len);
}

static void short_and_interrupted_writes_make_the_same_file(void **state)
{
	const struct sample *sample = *state;
	struct ct_recording_writer *writer;
	_cleanup_(bytes_fini) struct bytes got = {};

	disk.at_most = 7;
	disk.interrupts = true;
	writer = create(CT_RECORDING_SYNC_FRAME);
	assert_int_equal(write_all(writer, &sample->events), 0);
	assert_int_equal(ct_recording_finish(writer), 0);
	ct_recording_writer_free(&writer);
	read_file(&got);
	assert_int_equal(got.len, sample->file.len);
	assert_memory_equal(got.data, sample->file.data, got.len);
	assert_true(disk.calls > 2 * got.len / disk.at_most);
}

/// Whole frames of a recording that had so much room.
static size_t whole_frames(const struct sample *sample, uint64_t room)
{
	size_t whole = 0;

	while (whole < N_FRAMES && sample->frames[whole + 1] <= room)
		whole++;
	return whole;
}

static void disk_full_at_any_byte_leaves_whole_frames_and_counts_the_rest(void **state)
{
	const struct sample *sample = *state;

	disk.full = ENOSPC;
	for (size_t room = sample->frames[0]; room < sample->file.len; room++) {
		struct ct_recording_writer *writer;
		_cleanup_(bytes_fini) struct bytes got = {};
		_cleanup_(result_fini) struct result result = {};
		struct ct_recording_progress progress;
		size_t whole = whole_frames(sample, room);
		int r;

		disk.room = room;
		writer = create(CT_RECORDING_SYNC_END);
		r = write_all(writer, &sample->events);
		assert_int_equal(r, whole < N_FRAMES - 1 ? -ENOSPC : 0);
		assert_int_equal(ct_recording_finish(writer), -ENOSPC);
		ct_recording_progress(writer, &progress);
		ct_recording_writer_free(&writer);

		/* of each frame one event is no telling of the time */
		assert_int_equal(progress.unwritten, N_FRAMES - whole);
		assert_int_equal(progress.error, -ENOSPC);
		assert_int_equal(progress.events, whole * PER_FRAME);
		assert_int_equal(progress.bytes, sample->frames[whole]);
		if (whole < N_FRAMES)
			assert_int_equal(progress.unwritten_since_ns,
					 sample->events.list[whole * PER_FRAME].ts_ns);
		read_file(&got);
		assert_int_equal(got.len, sample->frames[whole]);
		read_bytes(got.data, got.len, &result);
		assert_int_equal(result.r, 0);
		assert_int_equal(result.info.frames, whole);
		assert_int_equal(result.info.cut_bytes, 0);
	}
}

static void what_a_lost_event_tells_is_counted_in_its_place(void **state)
{
	struct ct_recording_writer *writer = create(CT_RECORDING_SYNC_NEVER);
	struct ct_event lost = {.kind = CT_EVENT_LOST, .ts_ns = 5};
	struct ct_event tick = {.kind = CT_EVENT_TICK, .ts_ns = 4};
	struct ct_recording_progress progress;

	lost.lost.events = 17;
	lost.lost.where = CT_LOST_RING;
	assert_int_equal(ct_recording_write(writer, &tick), 0);
	assert_int_equal(ct_recording_write(writer, &lost), 0);
	ct_recording_progress(writer, &progress);
	assert_int_equal(progress.unwritten, 17);
	assert_int_equal(progress.unwritten_since_ns, 4);
	assert_true(progress.bytes_in_hand > 0);
	assert_int_equal(ct_recording_flush(writer), 0);
	ct_recording_progress(writer, &progress);
	assert_int_equal(progress.unwritten, 0);
	assert_int_equal(progress.unwritten_since_ns, 0);
	assert_int_equal(progress.bytes_in_hand, 0);
	assert_int_equal(progress.events, 2);
	lost.lost.events = UINT64_MAX;
	assert_int_equal(ct_recording_write(writer, &lost), 0);
	assert_int_equal(ct_recording_write(writer, &lost), 0);
	ct_recording_progress(writer, &progress);
	assert_true(progress.unwritten == UINT64_MAX);
	ct_recording_writer_free(&writer);
}

static void deleted_file_is_noticed_at_the_next_frame(void **state)
{
	const struct sample *sample = *state;
	struct ct_recording_writer *writer = create(CT_RECORDING_SYNC_END);

	assert_int_equal(ct_recording_write(writer, &sample->events.list[0]), 0);
	assert_int_equal(ct_recording_flush(writer), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ct_recording_write(writer, &sample->events.list[0]), 0);
	assert_int_equal(ct_recording_flush(writer), -ESTALE);
	assert_int_equal(ct_recording_write(writer, &sample->events.list[1]), -ESTALE);
	assert_int_equal(ct_recording_finish(writer), -ESTALE);
	ct_recording_writer_free(&writer);
}

/// And it does not get a hole where somebody has cut it.
static void file_that_was_cut_is_noticed_at_the_next_frame(void **state)
{
	const struct sample *sample = *state;
	struct ct_recording_writer *writer = create(CT_RECORDING_SYNC_END);
	_cleanup_(bytes_fini) struct bytes got = {};

	assert_int_equal(ct_recording_write(writer, &sample->events.list[0]), 0);
	assert_int_equal(ct_recording_flush(writer), 0);
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(ct_recording_write(writer, &sample->events.list[0]), 0);
	assert_int_equal(ct_recording_flush(writer), -ENODATA);
	assert_int_equal(ct_recording_finish(writer), -ENODATA);
	ct_recording_writer_free(&writer);
	read_file(&got);
	assert_int_equal(got.len, 10);
}

static void send(struct ct_sink *sink, const struct ct_event *event, int want)
{
	struct ct_update update = {.kind = CT_UPDATE_SILENT, .event = event};

	assert_int_equal(sink->ops->update(sink, &update), want);
}

static void sink_may_go_on_when_the_disk_is_full_and_counts(void **state)
{
	const struct sample *sample = *state;
	struct ct_recording_writer *writer;
	struct ct_recording_progress progress;
	struct ct_sink *sink = NULL;

	disk.room = sample->frames[1];
	disk.full = ENOSPC;
	writer = create(CT_RECORDING_SYNC_NEVER);
	assert_int_equal(ct_sink_recording_new(writer, true, &sink), 0);
	for (size_t i = 0; i < sample->events.n; i++)
		send(sink, &sample->events.list[i], 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(sink->ops->flush(sink), 0);
	assert_int_equal(sink->ops->finish(sink), 0);
	ct_recording_progress(writer, &progress);
	assert_true(ct_recording_is_full(progress.error));
	assert_int_equal(progress.unwritten, N_FRAMES - 1);
	sink->ops->free(sink);
}

static void no_other_error_is_taken_for_a_full_disk(void **state)
{
	const struct sample *sample = *state;
	struct ct_sink *sink = NULL;

	disk.room = sample->frames[1];
	disk.full = EROFS;
	assert_int_equal(ct_sink_recording_new(create(CT_RECORDING_SYNC_NEVER), true, &sink), 0);
	for (size_t i = 0; i < sample->events.n; i++)
		send(sink, &sample->events.list[i], i < 2 * PER_FRAME ? 0 : -EROFS);
	assert_int_equal(sink->ops->finish(sink), -EROFS);
	sink->ops->free(sink);
	assert_true(ct_recording_is_full(-EDQUOT));
	assert_false(ct_recording_is_full(-EFBIG));
}

static void data_goes_to_the_disk_when_it_was_asked_to(void **state)
{
	static const struct {
		enum ct_recording_sync sync;
		unsigned int syncs, names;
	} wanted[] = {
		{CT_RECORDING_SYNC_NEVER, 0, 0},
		{CT_RECORDING_SYNC_END, 1, 1},
		/* the header's, each frame's and that of the index */
		{CT_RECORDING_SYNC_FRAME, N_FRAMES + 2, 2},
	};
	const struct sample *sample = *state;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct ct_recording_writer *writer;

		memset(&disk, 0, sizeof(disk));
		writer = create(wanted[i].sync);
		assert_int_equal(write_all(writer, &sample->events), 0);
		assert_int_equal(ct_recording_finish(writer), 0);
		ct_recording_writer_free(&writer);
		assert_int_equal(disk.syncs, wanted[i].syncs);
		assert_int_equal(disk.names, wanted[i].names);
	}
}

static void disk_that_does_not_take_the_data_is_an_error(void **state)
{
	const struct sample *sample = *state;
	struct ct_recording_writer *writer = create(CT_RECORDING_SYNC_END);

	disk.sync_fails = EIO;
	assert_int_equal(write_all(writer, &sample->events), 0);
	assert_int_equal(ct_recording_finish(writer), -EIO);
	ct_recording_writer_free(&writer);

	disk.sync_fails = 0;
	writer = create(CT_RECORDING_SYNC_FRAME);
	disk.sync_fails = EIO;
	assert_int_equal(write_all(writer, &sample->events), -EIO);
	assert_int_equal(ct_recording_finish(writer), -EIO);
	ct_recording_writer_free(&writer);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(short_and_interrupted_writes_make_the_same_file),
		TEST(disk_full_at_any_byte_leaves_whole_frames_and_counts_the_rest),
		TEST(what_a_lost_event_tells_is_counted_in_its_place),
		TEST(deleted_file_is_noticed_at_the_next_frame),
		TEST(file_that_was_cut_is_noticed_at_the_next_frame),
		TEST(sink_may_go_on_when_the_disk_is_full_and_counts),
		TEST(no_other_error_is_taken_for_a_full_disk),
		TEST(data_goes_to_the_disk_when_it_was_asked_to),
		TEST(disk_that_does_not_take_the_data_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
