// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Recordings that were made to harm, or by a later version.
#include "recording_sample.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include <cmocka.h>

#include "../../src/record/bytes.h"
#include "../../src/record/codec.h"
#include "../../src/record/format.h"
#include "conntrace/cleanup.h"

#define HASH_BYTES 8

/// Makes the checksum at the end of LEN bytes right again.
static void seal(uint8_t *p, size_t len)
{
	ct_put_le(p + len - HASH_BYTES, HASH_BYTES, XXH3_64bits(p, len - HASH_BYTES));
}

static void newer_version_is_refused(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	sample->file.data[18] = 9;
	read_bytes(sample->file.data, sample->file.len, &result);
	assert_int_equal(result.r, -EPROTONOSUPPORT);
	assert_string_equal(result.err_text, "has format version 9, this conntrace reads up to 1");
}

static void what_is_no_recording_is_refused(void **state)
{
	static const char json[] = "{\"event\":\"state\",\"ts\":\"2023-11-14T22:13:20Z\"}\n";
	_cleanup_(result_fini) struct result result = {};
	uint8_t other_zstd[64] = {0x5c, 0x2a, 0x4d, 0x18, 56};

	read_bytes((const uint8_t *)"", 0, &result);
	assert_int_equal(result.r, -EBADMSG);
	assert_string_equal(result.err_text, "is empty");
	read_bytes((const uint8_t *)json, sizeof(json), &result);
	assert_int_equal(result.r, -EBADMSG);
	assert_string_equal(result.err_text, "is no conntrace recording");
	read_bytes(other_zstd, sizeof(other_zstd), &result);
	assert_int_equal(result.r, -EBADMSG);
	assert_string_equal(result.err_text, "is no conntrace recording");
}

static void damaged_header_is_refused(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	sample->file.data[30] ^= 1;
	read_bytes(sample->file.data, sample->file.len, &result);
	assert_int_equal(result.r, -EBADMSG);
	assert_string_equal(result.err_text, "has a damaged header");
}

static void header_of_four_gigabytes_is_refused_unread(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	ct_put_le(sample->file.data + 4, 4, UINT32_MAX);
	read_bytes(sample->file.data, sample->file.len, &result);
	assert_int_equal(result.r, -EBADMSG);
	assert_string_equal(result.err_text,
			    "claims a header of 4294967303 bytes, the limit is 65536");
}

/// Puts a value with its tag in front of the others.
static void add_to_header(struct sample *sample, const uint8_t *tag, size_t bytes)
{
	size_t len = header_bytes(&sample->file) + bytes;

	splice(&sample->file, CT_PREAMBLE_BYTES, 0, tag, bytes);
	ct_put_le(sample->file.data + 4, 4, len - 8);
	seal(sample->file.data, len);
}

static void header_of_a_later_version_says_more(void **state)
{
	static const uint8_t unknown_tag[] = {0xff, 0x7f, 3, 0, 'a', 'b', 'c'};
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	add_to_header(sample, unknown_tag, sizeof(unknown_tag));
	read_sample(sample, &result);
	assert_events_equal(&result.events, &sample->events);
}

static struct ct_recording_reader *open_sample(const struct sample *sample)
{
	struct ct_recording_reader *reader = NULL;
	char err_text[CT_RECORDING_ERR_LEN];
	int fd = memfd_create("sample", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, sample->file.data, sample->file.len), (ssize_t)sample->file.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(ct_recording_open_fd(fd, err_text, &reader), 0);
	return reader;
}

/// As a recorder left it that did not know of them: nothing is under their tag.
static void reserved_ports_that_were_not_told_are_none(void **state)
{
	static const uint8_t told[] = {11, 0, 8, 0, 14, 0, 0, 0, 0, 0, 0, 0};
	struct sample *sample = *state;
	size_t len = header_bytes(&sample->file);
	uint8_t *tag = memmem(sample->file.data, len, told, sizeof(told));
	struct ct_recording_reader *reader;

	assert_non_null(tag);
	reader = open_sample(sample);
	assert_int_equal(ct_recording_session(reader)->reserved_ports, 14);
	ct_recording_reader_free(&reader);
	ct_put_le(tag, 2, 0x7fff);
	seal(sample->file.data, len);
	reader = open_sample(sample);
	assert_int_equal(ct_recording_session(reader)->reserved_ports, 0);
	assert_int_equal(ct_recording_session(reader)->local_ports, 28232);
	ct_recording_reader_free(&reader);
}

static void capability_level_of_a_later_version_is_unknown(void **state)
{
	/* in front of the others: of what the recorder did not tell */
	static const uint8_t tag[] = {32 + CT_CAPABILITY_ERRORS, 0, 3, 0, 0x77, 'n', 'o'};
	struct sample *sample = *state;
	struct ct_recording_reader *reader;
	const struct ct_capability *capability;

	add_to_header(sample, tag, sizeof(tag));
	reader = open_sample(sample);
	capability = &ct_recording_session(reader)->capabilities.of[CT_CAPABILITY_ERRORS];
	assert_int_equal(capability->level, CT_CAPABILITY_UNKNOWN);
	assert_string_equal(capability->detail, "");
	ct_recording_reader_free(&reader);
}

static void capability_detail_is_cut_to_its_room(void **state)
{
	uint8_t tag[4 + 1 + 400] = {32 + CT_CAPABILITY_ERRORS, 0, (1 + 400) & 0xff, (1 + 400) >> 8,
				    CT_CAPABILITY_ABSENT};
	struct sample *sample = *state;
	struct ct_recording_reader *reader;
	const struct ct_capability *capability;

	memset(tag + 5, 'x', 400);
	add_to_header(sample, tag, sizeof(tag));
	reader = open_sample(sample);
	capability = &ct_recording_session(reader)->capabilities.of[CT_CAPABILITY_ERRORS];
	assert_int_equal(capability->level, CT_CAPABILITY_ABSENT);
	assert_int_equal(strlen(capability->detail), sizeof(capability->detail) - 1);
	ct_recording_reader_free(&reader);
}

static void capability_without_a_level_is_refused(void **state)
{
	static const uint8_t tag[] = {32, 0, 0, 0};
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	add_to_header(sample, tag, sizeof(tag));
	read_bytes(sample->file.data, sample->file.len, &result);
	assert_int_equal(result.r, -EBADMSG);
	assert_string_equal(result.err_text, "has a damaged header");
}

static void header_value_that_leaves_the_header_is_refused(void **state)
{
	static const uint8_t tag[] = {1, 0, 0xff, 0xff};
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	memcpy(sample->file.data + CT_PREAMBLE_BYTES, tag, sizeof(tag));
	seal(sample->file.data, header_bytes(&sample->file));
	read_bytes(sample->file.data, sample->file.len, &result);
	assert_int_equal(result.r, -EBADMSG);
}

static void block_of_a_later_version_is_passed_over(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};
	uint8_t block[CT_HEAD_MIN + 5] = {0x5c, 0x2a, 0x4d, 0x18, CT_HEAD_MIN + 5 - 8, 0, 0, 0,
					  'X',	'X',  'X',  'X',  CT_HEAD_MIN};

	seal(block, CT_HEAD_MIN);
	splice(&sample->file, sample->frames[1], 0, block, sizeof(block));
	read_sample(sample, &result);
	assert_events_equal(&result.events, &sample->events);
	assert_string_equal(result.info.problem, "");
}

/// Writes 32 bits into the head of frame 1.
static void put_le_at(struct sample *sample, size_t at, uint32_t value)
{
	ct_put_le(sample->file.data + at, 4, value);
	seal(sample->file.data + sample->frames[1], CT_FRAME_HEAD_BYTES);
}

/// Puts the payload, compressed, in the place of frame 1, with a head that is true but for what the
/// caller says it inflates to.
static void put_frame(struct sample *sample, const uint8_t *payload, size_t len,
		      uint32_t payload_bytes)
{
	size_t room = CT_FRAME_HEAD_BYTES + ZSTD_compressBound(len), compressed;
	_cleanup_(ct_freep) uint8_t *frame = malloc(room);

	assert_non_null(frame);
	compressed = ZSTD_compress(frame + CT_FRAME_HEAD_BYTES, room - CT_FRAME_HEAD_BYTES, payload,
				   len, 1);
	assert_false(ZSTD_isError(compressed));
	ct_frame_head_put(frame,
			  &(struct ct_frame_head){
				  .compressed_bytes = (uint32_t)compressed,
				  .payload_bytes = payload_bytes,
				  .events = PER_FRAME,
				  .first_event = PER_FRAME,
				  .first_ts_ns = 2 * SECOND,
				  .last_ts_ns = 3 * SECOND,
				  .hash = XXH3_64bits(frame + CT_FRAME_HEAD_BYTES, compressed),
			  });
	splice(&sample->file, sample->frames[1], sample->frames[2] - sample->frames[1], frame,
	       CT_FRAME_HEAD_BYTES + compressed);
}

/// What is wrong with it begins with words that name the block at byte AT.
static void expect_problem(const struct result *result, size_t at, const char *format)
{
	char *words = NULL;

	assert_true(asprintf(&words, format, at) > 0);
	if (strncmp(result->info.problem, words, strlen(words)))
		fail_msg("'%s' does not begin with '%s'", result->info.problem, words);
	free(words);
}

static void frame_that_inflates_beyond_its_bound_is_refused(void **state)
{
	static const uint8_t zeroes[64 << 20];
	static const struct {
		uint32_t claim;
		const char *problem;
	} bombs[] = {
		{sizeof(zeroes),
		 "the frame at byte %zu claims 67108864 bytes unpacked, the limit is 262144; "},
		{1000,
		 "the frame at byte %zu would unpack to more than the limit of 262144 bytes; "},
		{256 << 10,
		 "the frame at byte %zu would unpack to more than the limit of 262144 bytes; "},
	};

	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		_cleanup_(result_fini) struct result result = {};
		struct sample *sample;

		assert_int_equal(sample_setup((void **)&sample), 0);
		put_frame(sample, zeroes, sizeof(zeroes), bombs[i].claim);
		read_sample(sample, &result);
		expect_without_frame(sample, &result, 1);
		expect_problem(&result, sample->frames[1], bombs[i].problem);
		sample_teardown((void **)&sample);
	}
}

/// Puts another head in the place of that of frame 1.
static void put_head(struct sample *sample, const struct ct_frame_head *head)
{
	ct_frame_head_put(sample->file.data + sample->frames[1], head);
}

static void claims_of_a_head_beyond_their_bounds_are_told(void **state)
{
	static const struct {
		struct ct_frame_head head;
		const char *problem;
	} claims[] = {
		{{.compressed_bytes = UINT32_MAX, .first_event = PER_FRAME},
		 "the frame at byte %zu claims 4294967295 bytes packed, the limit is 263168; "},
		{{.payload_bytes = UINT32_MAX, .first_event = PER_FRAME},
		 "the frame at byte %zu claims 4294967295 bytes unpacked, the limit is 262144; "},
		{{.payload_bytes = 100, .events = UINT32_MAX, .first_event = PER_FRAME},
		 "the frame at byte %zu claims 4294967295 events, the limit is 100; "},
	};

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		_cleanup_(result_fini) struct result result = {};
		struct sample *sample;

		assert_int_equal(sample_setup((void **)&sample), 0);
		put_head(sample, &claims[i].head);
		read_sample(sample, &result);
		expect_without_frame(sample, &result, 1);
		expect_problem(&result, sample->frames[1], claims[i].problem);
		sample_teardown((void **)&sample);
	}
}

static void index_that_claims_more_frames_than_it_holds_is_told(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};
	uint8_t *index = sample->file.data + sample->frames[N_FRAMES];

	ct_put_le(index + 24, 8, UINT64_C(1) << 60);
	seal(index, CT_INDEX_HEAD_BYTES);
	read_sample(sample, &result);
	assert_events_equal(&result.events, &sample->events);
	expect_problem(&result, sample->frames[N_FRAMES],
		       "the index at byte %zu claims 1152921504606846976 frames, the limit is 4; "
		       "its index is damaged");
}

#define TICK_NEW 4 /* bytes of a tick of a new connection */

static void definitions_beyond_their_number_are_not_made(void **state)
{
	static uint8_t ticks[TICK_NEW * (CT_FRAME_CONNS_MAX + 1)];
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	for (size_t i = 0; i < sizeof(ticks); i += TICK_NEW)
		ticks[i] = 0x20 | CT_EVENT_TICK;
	put_frame(sample, ticks, sizeof(ticks), sizeof(ticks));
	put_le_at(sample, sample->frames[1] + 24, CT_FRAME_CONNS_MAX + 1);
	read_sample(sample, &result);
	assert_int_equal(result.info.damaged_frames, 1);
	assert_int_equal(result.events.list[PER_FRAME + CT_FRAME_CONNS_MAX - 1].kind,
			 CT_EVENT_TICK);
	assert_int_equal(result.events.list[PER_FRAME + CT_FRAME_CONNS_MAX].kind, CT_EVENT_LOST);
	assert_int_equal(result.events.list[PER_FRAME + CT_FRAME_CONNS_MAX].lost.events, 1);
}

static void frame_with_a_senseless_payload_is_told(void **state)
{
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};
	uint8_t nonsense[100];

	memset(nonsense, 0xff, sizeof(nonsense));
	put_frame(sample, nonsense, sizeof(nonsense), sizeof(nonsense));
	read_sample(sample, &result);
	expect_without_frame(sample, &result, 1);
	assert_int_equal(result.info.damaged_frames, 1);
}

static void counts_are_not_believed(void **state)
{
	static const uint8_t ticks[] = {0xa0 | CT_EVENT_TICK, 2, 0, 0, 0,
					0x40 | CT_EVENT_TICK, 0, 0};
	struct sample *sample = *state;
	_cleanup_(result_fini) struct result result = {};

	put_frame(sample, ticks, sizeof(ticks), sizeof(ticks));
	read_sample(sample, &result);
	assert_int_equal(result.events.list[PER_FRAME].kind, CT_EVENT_TICK);
	assert_int_equal(result.events.list[PER_FRAME + 1].kind, CT_EVENT_TICK);
	assert_int_equal(result.events.list[PER_FRAME + 2].kind, CT_EVENT_LOST);
	assert_int_equal(result.events.list[PER_FRAME + 2].lost.events, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, sample_setup, sample_teardown)
	const struct CMUnitTest tests[] = {
		TEST(newer_version_is_refused),
		TEST(what_is_no_recording_is_refused),
		TEST(damaged_header_is_refused),
		TEST(header_of_four_gigabytes_is_refused_unread),
		TEST(header_of_a_later_version_says_more),
		TEST(reserved_ports_that_were_not_told_are_none),
		TEST(capability_level_of_a_later_version_is_unknown),
		TEST(capability_detail_is_cut_to_its_room),
		TEST(capability_without_a_level_is_refused),
		TEST(header_value_that_leaves_the_header_is_refused),
		TEST(block_of_a_later_version_is_passed_over),
		TEST(frame_that_inflates_beyond_its_bound_is_refused),
		TEST(claims_of_a_head_beyond_their_bounds_are_told),
		TEST(index_that_claims_more_frames_than_it_holds_is_told),
		TEST(definitions_beyond_their_number_are_not_made),
		TEST(frame_with_a_senseless_payload_is_told),
		TEST(counts_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
