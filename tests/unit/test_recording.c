// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recording_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "conntrace/cleanup.h"

#define SECOND UINT64_C(1000000000)

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
	unlink(path);
	return rmdir(folder);
}

static int remove_file(void **state)
{
	return unlink(path) < 0 && errno != ENOENT;
}

static struct ct_event tick(uint64_t ts_ns)
{
	return (struct ct_event){.kind = CT_EVENT_TICK, .ts_ns = ts_ns};
}

/// Events that end as a stream does, so that the reader need not end it.
static void add_end(struct events *events, uint64_t ts_ns)
{
	events_add(events, &(struct ct_event){.kind = CT_EVENT_END, .ts_ns = ts_ns});
}

static struct ct_recording_writer *create(void)
{
	struct ct_recording_file file = {.fd = -1, .folder_fd = -1};
	struct ct_recording_writer *writer = NULL;

	assert_int_equal(ct_recording_file_open(path, true, &file), 0);
	assert_int_equal(
		ct_recording_create(&file, CT_RECORDING_SYNC_NEVER, &fixture_session, &writer), 0);
	return writer;
}

/// Reads the file as it is now.
static void read_file(struct events *ret, struct ct_recording_info *ret_info)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	char err_text[CT_RECORDING_ERR_LEN];

	assert_int_equal(ct_recording_open(path, err_text, &reader), 0);
	assert_int_equal(ct_recording_read(reader, events_take, ret, ret_info), 0);
}

/// So that the frames of these events can be counted.
static uint64_t frames_of(const struct events *events)
{
	_cleanup_(bytes_fini) struct bytes file = {};
	_cleanup_(events_fini) struct events got = {};
	struct ct_recording_info info = {};
	char err_text[CT_RECORDING_ERR_LEN];

	record(events, &file);
	assert_int_equal(replay(file.data, file.len, &got, &info, err_text), 0);
	assert_events_equal(&got, events);
	assert_string_equal(info.problem, "");
	return info.frames;
}

static void replay_is_what_was_recorded(void **state)
{
	_cleanup_(events_fini) struct events events = {};

	events_churn(&events, 3000);
	add_end(&events, events.list[events.n - 1].ts_ns);
	assert_true(frames_of(&events) > 1);
}

static void info_tells_what_the_file_holds(void **state)
{
	_cleanup_(events_fini) struct events events = {}, got = {};
	_cleanup_(bytes_fini) struct bytes file = {};
	struct ct_recording_info info = {};
	struct ct_event lost = {.kind = CT_EVENT_LOST, .ts_ns = 30};
	char err_text[CT_RECORDING_ERR_LEN];

	lost.lost.events = 17;
	lost.lost.where = CT_LOST_RING;
	events_add(&events, &lost);
	events_add(&events, &(struct ct_event){.kind = CT_EVENT_TICK, .ts_ns = 20});
	add_end(&events, 40);
	record(&events, &file);
	assert_int_equal(replay(file.data, file.len, &got, &info, err_text), 0);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.file_bytes, file.len);
	assert_int_equal(info.frames, 1);
	assert_int_equal(info.events, 3);
	assert_int_equal(info.unreadable, 0); /* what the recorder lost is no fault of the file */
	assert_int_equal(info.first_ts_ns, 20);
	assert_int_equal(info.last_ts_ns, 40);
	assert_int_equal(info.damaged_frames, 0);
	assert_int_equal(info.cut_bytes, 0);
	assert_true(info.has_index);
	assert_true(info.has_end);
}

static void session_is_kept(void **state)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	struct ct_recording_writer *writer = create();
	char err_text[CT_RECORDING_ERR_LEN];

	assert_int_equal(ct_recording_finish(writer), 0);
	ct_recording_writer_free(&writer);
	assert_int_equal(ct_recording_open(path, err_text, &reader), 0);
	assert_memory_equal(ct_recording_session(reader), &fixture_session,
			    sizeof(fixture_session));
}

static void empty_recording_has_no_event_and_no_problem(void **state)
{
	_cleanup_(events_fini) struct events events = {}, got = {};
	_cleanup_(bytes_fini) struct bytes file = {};
	struct ct_recording_info info = {};
	char err_text[CT_RECORDING_ERR_LEN];

	record(&events, &file);
	assert_int_equal(replay(file.data, file.len, &got, &info, err_text), 0);
	assert_int_equal(got.n, 0); /* ended properly, and by a limit: nothing is made up */
	assert_int_equal(info.frames, 0);
	assert_true(info.has_index);
	assert_string_equal(info.problem, "");
}

static void frame_spans_less_than_a_second(void **state)
{
	_cleanup_(events_fini) struct events events = {};

	for (uint64_t i = 0; i < 10; i++) {
		struct ct_event event = tick(5 * SECOND + i * SECOND / 2);

		events_add(&events, &event);
	}
	add_end(&events, 5 * SECOND + 9 * SECOND / 2);
	assert_int_equal(frames_of(&events), 5);
}

static void time_that_runs_backwards_begins_no_frame(void **state)
{
	_cleanup_(events_fini) struct events events = {};

	for (uint64_t i = 0; i < 10; i++) {
		struct ct_event event = tick((20 - i) * SECOND);

		events_add(&events, &event);
	}
	add_end(&events, 0);
	assert_int_equal(frames_of(&events), 1);
}

static void flushed_events_are_in_the_file(void **state)
{
	_cleanup_(events_fini) struct events got = {};
	struct ct_recording_writer *writer = create();
	struct ct_recording_info info = {};
	struct ct_event event = tick(1);

	assert_int_equal(ct_recording_write(writer, &event), 0);
	read_file(&got, &info);
	assert_int_equal(info.events, 0);
	assert_int_equal(ct_recording_flush(writer), 0);
	assert_int_equal(ct_recording_flush(writer), 0);
	events_fini(&got);
	read_file(&got, &info);
	assert_int_equal(info.events, 1);
	assert_int_equal(info.frames, 1);
	assert_false(info.has_index);
	assert_string_equal(info.problem, "no index: the recorder was not ended properly");
	ct_recording_writer_free(&writer);
}

static void writer_freed_unfinished_keeps_what_it_took(void **state)
{
	_cleanup_(events_fini) struct events got = {};
	struct ct_recording_writer *writer = create();
	struct ct_recording_info info = {};
	struct ct_event event = tick(1);

	assert_int_equal(ct_recording_write(writer, &event), 0);
	ct_recording_writer_free(&writer);
	read_file(&got, &info);
	assert_int_equal(info.events, 1);
	assert_false(info.has_index);
}

static void nothing_is_written_behind_the_end(void **state)
{
	struct ct_recording_writer *writer = create();
	struct ct_event event = tick(1);

	assert_int_equal(ct_recording_finish(writer), 0);
	assert_int_equal(ct_recording_write(writer, &event), -EBADF);
	assert_int_equal(ct_recording_flush(writer), -EBADF);
	ct_recording_writer_free(&writer);
}

/// Written to a file that may not grow beyond LIMIT bytes: as on a full disk, a write stops short.
static int fill_up(rlim_t limit, const struct events *events)
{
	struct rlimit old, small;
	struct ct_recording_writer *writer;
	int r = 0;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){.rlim_cur = limit, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	writer = create();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (size_t i = 0; i < events->n && r == 0; i++)
		r = ct_recording_write(writer, &events->list[i]);
	if (r)
		assert_int_equal(ct_recording_finish(writer), r);
	else
		r = ct_recording_finish(writer);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	ct_recording_writer_free(&writer);
	return r;
}

static void full_disk_leaves_whole_frames_only(void **state)
{
	_cleanup_(events_fini) struct events events = {};

	events_churn(&events, 5000);
	for (rlim_t limit = 100000; limit < 300000; limit += 50000) {
		_cleanup_(events_fini) struct events got = {};
		struct ct_recording_info info = {};

		assert_int_equal(fill_up(limit, &events), -EFBIG);
		read_file(&got, &info);
		assert_true(info.frames > 0);
		assert_int_equal(info.cut_bytes, 0);
		assert_string_equal(info.problem, "no index: the recorder was not ended properly");
		assert_int_equal(got.n, info.events + 1);
		assert_memory_equal(got.list, events.list, info.events * sizeof(*got.list));
	}
}

static void disk_without_room_for_the_index_keeps_all_events(void **state)
{
	_cleanup_(events_fini) struct events events = {}, got = {};
	_cleanup_(bytes_fini) struct bytes file = {};
	struct ct_recording_info info = {};

	events_churn(&events, 10);
	record(&events, &file);
	assert_int_equal(fill_up(file.len - 1, &events), -EFBIG);
	read_file(&got, &info);
	assert_int_equal(info.events, events.n);
	assert_int_equal(info.cut_bytes, 0);
}

static void older_recording_is_replaced(void **state)
{
	_cleanup_(events_fini) struct events events = {}, got = {};
	struct ct_recording_writer *writer;
	struct ct_recording_info info = {};

	events_churn(&events, 10);
	fill_up(RLIM_INFINITY, &events);
	writer = create();
	assert_int_equal(ct_recording_finish(writer), 0);
	ct_recording_writer_free(&writer);
	read_file(&got, &info);
	assert_int_equal(info.events, 0);
	assert_string_equal(info.problem, "");
}

static void zstd_reads_the_file_and_finds_the_payloads(void **state)
{
	_cleanup_(events_fini) struct events events = {}, got = {};
	_cleanup_(bytes_fini) struct bytes file = {};
	struct ct_recording_info info = {};
	char err_text[CT_RECORDING_ERR_LEN];
	size_t room = 1 << 20;
	_cleanup_(ct_freep) char *inflated = malloc(room);

	events_churn(&events, 3000);
	record(&events, &file);
	assert_int_equal(replay(file.data, file.len, &got, &info, err_text), 0);
	assert_int_equal(ZSTD_decompress(inflated, room, file.data, file.len), info.payload_bytes);
}

/// The lines are a figure for doc/FORMAT.md, not a promise.
static void size_of_an_event_is_told(void **state)
{
	_cleanup_(events_fini) struct events events = {};
	_cleanup_(bytes_fini) struct bytes file = {};

	events_churn(&events, 22000);
	record(&events, &file);
	print_message("# %zu events, %.2f bytes an event\n", events.n,
		      (double)file.len / (double)events.n);
}

static void send(struct ct_sink *sink, uint8_t kind, const struct ct_event *event)
{
	struct ct_update update = {.kind = kind, .event = event};

	assert_int_equal(sink->ops->update(sink, &update), 0);
}

static void sink_records_silent_events_and_none_of_time_alone(void **state)
{
	_cleanup_(events_fini) struct events events = {}, got = {};
	struct ct_recording_info info = {};
	struct ct_sink *sink = NULL;
	struct ct_event event = tick(1);

	events_add(&events, &event);
	add_end(&events, 2);
	assert_int_equal(ct_sink_recording_new(create(), false, &sink), 0);
	send(sink, CT_UPDATE_SILENT, &events.list[0]);
	send(sink, CT_UPDATE_CLOSE, NULL);
	send(sink, CT_UPDATE_STATE, &events.list[1]);
	assert_int_equal(sink->ops->finish(sink), 0);
	sink->ops->free(sink);
	read_file(&got, &info);
	assert_events_equal(&got, &events);
	assert_string_equal(info.problem, "");
}

static uint64_t frames_in_file(void)
{
	_cleanup_(events_fini) struct events got = {};
	struct ct_recording_info info = {};

	read_file(&got, &info);
	return info.frames;
}

/// Ticks keep coming while nothing happens: they do not put the frame off.
static void sink_writes_a_frame_with_the_tenth_flush(void **state)
{
	struct ct_sink *sink = NULL;
	struct ct_event event = tick(1);

	assert_int_equal(ct_sink_recording_new(create(), false, &sink), 0);
	for (int i = 0; i < 9; i++) {
		send(sink, CT_UPDATE_SILENT, &event);
		assert_int_equal(sink->ops->flush(sink), 0);
	}
	assert_int_equal(frames_in_file(), 0);
	assert_int_equal(sink->ops->flush(sink), 0);
	assert_int_equal(frames_in_file(), 1);
	for (int i = 0; i < 30; i++)
		assert_int_equal(sink->ops->flush(sink), 0);
	assert_int_equal(frames_in_file(), 1);
	sink->ops->free(sink);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, remove_file)
	const struct CMUnitTest tests[] = {
		TEST(replay_is_what_was_recorded),
		TEST(info_tells_what_the_file_holds),
		TEST(session_is_kept),
		TEST(empty_recording_has_no_event_and_no_problem),
		TEST(frame_spans_less_than_a_second),
		TEST(time_that_runs_backwards_begins_no_frame),
		TEST(flushed_events_are_in_the_file),
		TEST(writer_freed_unfinished_keeps_what_it_took),
		TEST(nothing_is_written_behind_the_end),
		TEST(full_disk_leaves_whole_frames_only),
		TEST(disk_without_room_for_the_index_keeps_all_events),
		TEST(older_recording_is_replaced),
		TEST(zstd_reads_the_file_and_finds_the_payloads),
		TEST(size_of_an_event_is_told),
		TEST(sink_records_silent_events_and_none_of_time_alone),
		TEST(sink_writes_a_frame_with_the_tenth_flush),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
