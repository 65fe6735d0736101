// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recording_sample.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conntrace/cleanup.h"

static void cut_anywhere_every_whole_frame_reads_back(void **state)
{
	const struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	for (size_t len = 0; len < sample->file.len; len++) {
		size_t whole = 0;

		while (whole < N_FRAMES && sample->frames[whole + 1] <= len)
			whole++;
		read_bytes(sample->file.data, len, &result);
		if (len < sample->frames[0]) {
			assert_int_equal(result.r, -EBADMSG);
			assert_string_not_equal(result.err_text, "");
			continue;
		}
		assert_int_equal(result.r, 0);
		assert_int_equal(result.info.frames, whole);
		assert_int_equal(result.info.damaged_frames, 0);
		assert_int_equal(result.info.events, whole * PER_FRAME);
		assert_memory_equal(result.events.list, sample->events.list,
				    whole * PER_FRAME * sizeof(*result.events.list));
		assert_int_equal(result.events.list[result.events.n - 1].kind, CT_EVENT_END);
		assert_false(result.info.has_index);
		assert_non_null(strstr(result.info.problem,
				       "no index: the recorder was not ended properly"));
		if (len < sample->frames[N_FRAMES])
			assert_int_equal(result.info.cut_bytes, len - sample->frames[whole]);
	}
}

static void cut_is_told_in_bytes(void **state)
{
	const struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	read_bytes(sample->file.data, sample->frames[2] + 85, &result);
	assert_string_equal(result.info.problem,
			    "ends in the middle of a frame: 85 bytes after the last whole frame "
			    "are not readable; no index: the recorder was not ended properly");
}

/// No event is made up: each of them stands in the sample, or says that something is missing, or
/// repeats the owner, or ends the stream. Those that are missing are told.
static void expect_no_silent_difference(const struct sample *sample, const struct result *result)
{
	size_t next = 0;
	uint64_t lost = 0;

	for (size_t i = 0; i < result->events.n; i++) {
		const struct ct_event *event = &result->events.list[i];
		size_t same = next;

		while (same < sample->events.n && !same_event(event, &sample->events.list[same]))
			same++;
		if (same < sample->events.n)
			next = same + 1;
		else if (event->kind == CT_EVENT_LOST)
			lost += event->lost.events;
		else
			assert_true(event->kind == CT_EVENT_END || event->kind == CT_EVENT_OWNER);
	}
	if (result->info.events < sample->events.n)
		assert_true(lost == sample->events.n - result->info.events ||
			    *result->info.problem);
	else
		assert_int_equal(lost, 0);
}

static void no_flipped_bit_changes_an_event(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	for (size_t bit = 0; bit < sample->file.len * 8; bit++) {
		sample->file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		read_bytes(sample->file.data, sample->file.len, &result);
		sample->file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bit / 8 < sample->frames[0]) {
			assert_true(result.r == -EBADMSG || result.r == -EPROTONOSUPPORT);
			continue;
		}
		assert_int_equal(result.r, 0);
		assert_string_not_equal(result.info.problem, "");
		expect_no_silent_difference(sample, &result);
	}
}

static void damaged_frame_is_told_in_its_place(void **state)
{
	struct sample *sample = *state;

	for (size_t i = 0; i < N_FRAMES; i++) {
		_cleanup_(result_fini) struct result result = {};
		uint8_t *byte = &sample->file.data[sample->frames[i + 1] - 1];

		*byte ^= 1;
		read_sample(sample, &result);
		*byte ^= 1;
		expect_without_frame(sample, &result, i);
		assert_int_equal(result.info.frames, N_FRAMES - 1);
		assert_int_equal(result.info.damaged_frames, 1);
		assert_int_equal(result.info.unreadable, PER_FRAME);
		assert_true(result.info.has_index);
		assert_string_equal(result.info.problem, "1 damaged frame passed over");
	}
}

static void frame_with_a_damaged_head_is_told_in_its_place(void **state)
{
	struct sample *sample = *state;

	for (size_t i = 0; i < N_FRAMES; i++) {
		_cleanup_(result_fini) struct result result = {};
		uint8_t *byte = &sample->file.data[sample->frames[i] + 24];

		*byte ^= 1;
		read_sample(sample, &result);
		*byte ^= 1;
		expect_without_frame(sample, &result, i);
		assert_int_equal(result.info.damaged_frames, 1);
	}
}

static void frame_that_was_taken_out_is_missed(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	splice(&sample->file, sample->frames[1], sample->frames[2] - sample->frames[1], NULL, 0);
	read_sample(sample, &result);
	expect_without_frame(sample, &result, 1);
	assert_string_not_equal(result.info.problem, "");
}

static void damaged_last_frame_without_index_is_told(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	sample->file.data[sample->frames[N_FRAMES] - 1] ^= 1;
	read_bytes(sample->file.data, sample->frames[N_FRAMES], &result);
	expect_without_frame(sample, &result, N_FRAMES - 1);
	assert_int_equal(result.info.damaged_frames, 1);
	assert_int_equal(result.info.cut_bytes, 0);
}

static void bytes_between_frames_are_told(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};
	uint8_t garbage[1000];

	memset(garbage, 0x5c, sizeof(garbage));
	splice(&sample->file, sample->frames[1], 0, garbage, sizeof(garbage));
	read_sample(sample, &result);
	assert_events_equal(&result.events, &sample->events);
	assert_string_not_equal(result.info.problem, "");
}

static void bytes_behind_the_end_are_told(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	splice(&sample->file, sample->file.len, 0, (const uint8_t *)"abc", 3);
	read_sample(sample, &result);
	assert_events_equal(&result.events, &sample->events);
	assert_true(result.info.has_index);
	assert_int_equal(result.info.cut_bytes, 3);
	assert_string_equal(result.info.problem, "3 bytes behind its end do not belong to it");
}

static void damaged_index_loses_no_event(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};
	const size_t places[] = {sample->frames[N_FRAMES] + 20, sample->trailer - 1};

	for (size_t i = 0; i < 2; i++) {
		sample->file.data[places[i]] ^= 1;
		read_sample(sample, &result);
		sample->file.data[places[i]] ^= 1;
		assert_events_equal(&result.events, &sample->events);
		assert_false(result.info.has_index);
		assert_int_equal(result.info.damaged_frames, 0);
		assert_string_equal(result.info.problem, "its index is damaged");
	}
}

static int stop_at_third(void *context, const void *bytes, size_t len)
{
	int *n = context;

	return ++*n == 3 ? 4711 : 0;
}

static void reading_stops_when_told_and_may_begin_anew(void **state)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	const struct sample *sample = *state;
	_cleanup_(events_fini) struct events got = {};
	struct ct_recording_info info = {};
	char err_text[CT_RECORDING_ERR_LEN];
	FILE *file = tmpfile();
	int n = 0;

	assert_non_null(file);
	assert_int_equal(fwrite(sample->file.data, 1, sample->file.len, file), sample->file.len);
	rewind(file);
	assert_int_equal(ct_recording_open_fd(dup(fileno(file)), err_text, &reader), 0);
	fclose(file);
	assert_int_equal(ct_recording_read(reader, stop_at_third, &n, &info), 4711);
	assert_int_equal(n, 3);
	assert_string_equal(info.problem, "");
	assert_int_equal(ct_recording_read(reader, events_take, &got, &info), 0);
	assert_events_equal(&got, &sample->events);
}

static void pipe_is_read_once(void **state)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	const struct sample *sample = *state;
	_cleanup_(events_fini) struct events got = {};
	struct ct_recording_info info = {};
	char err_text[CT_RECORDING_ERR_LEN];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], sample->file.data, sample->file.len), sample->file.len);
	close(fds[1]);
	assert_int_equal(ct_recording_open_fd(fds[0], err_text, &reader), 0);
	assert_int_equal(ct_recording_read(reader, events_take, &got, &info), 0);
	assert_events_equal(&got, &sample->events);
	assert_int_equal(info.file_bytes, sample->file.len);
	assert_int_equal(ct_recording_read(reader, events_take, &got, &info), -ESPIPE);
}

static void file_that_cannot_be_opened_or_read_says_why(void **state)
{
	struct ct_recording_reader *reader = NULL;
	char err_text[CT_RECORDING_ERR_LEN];

	assert_int_equal(ct_recording_open("/nonexistent.ctr", err_text, &reader), -ENOENT);
	assert_string_equal(err_text, "");
	assert_int_equal(ct_recording_open("/", err_text, &reader), -EISDIR);
	assert_null(reader);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, sample_setup, sample_teardown)
	const struct CMUnitTest tests[] = {
		TEST(cut_anywhere_every_whole_frame_reads_back),
		TEST(cut_is_told_in_bytes),
		TEST(no_flipped_bit_changes_an_event),
		TEST(damaged_frame_is_told_in_its_place),
		TEST(frame_with_a_damaged_head_is_told_in_its_place),
		TEST(frame_that_was_taken_out_is_missed),
		TEST(damaged_last_frame_without_index_is_told),
		TEST(bytes_between_frames_are_told),
		TEST(bytes_behind_the_end_are_told),
		TEST(damaged_index_loses_no_event),
		TEST(reading_stops_when_told_and_may_begin_anew),
		TEST(pipe_is_read_once),
		TEST(file_that_cannot_be_opened_or_read_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
