// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recording_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/record/bytes.h"
#include "../../src/record/format.h"

static uint64_t le(const uint8_t *p, size_t size)
{
	struct ct_cursor c = {.p = p, .end = p + size};
	uint64_t value = 0;

	assert_true(ct_cursor_le(&c, size, &value));
	return value;
}

size_t header_bytes(const struct bytes *file)
{
	return 8 + le(file->data + 4, 4);
}

/// Each frame has an owner's record, or later a transition, and two of no connection.
static void add_frame(struct events *events, uint64_t number)
{
	struct ct_event event = {
		.ts_ns = number * SECOND, .cookie = 77, .pid = 42, .state = CT_STATE_SYN_RECV};

	event.kind = number == 1 ? CT_EVENT_OWNER : CT_EVENT_STATE;
	if (number == 1)
		memcpy(event.who.comm, "nginx", 5);
	else
		event.to.old_state = CT_STATE_LISTEN;
	events_add(events, &event);
	events_add(events, &(struct ct_event){.kind = CT_EVENT_TICK, .ts_ns = number * SECOND + 1});
	event = (struct ct_event){.kind = CT_EVENT_TICK, .ts_ns = number * SECOND + 2};
	if (number == N_FRAMES)
		event.kind = CT_EVENT_END;
	events_add(events, &event);
}

int sample_setup(void **state)
{
	struct sample *sample = calloc(1, sizeof(*sample));
	size_t at;

	for (uint64_t i = 1; i <= N_FRAMES; i++)
		add_frame(&sample->events, i);
	record(&sample->events, &sample->file);
	at = header_bytes(&sample->file);
	for (size_t i = 0; i < N_FRAMES; i++) {
		sample->frames[i] = at;
		at += CT_FRAME_HEAD_BYTES + le(sample->file.data + at + 16, 4);
	}
	sample->frames[N_FRAMES] = at;
	sample->trailer = sample->file.len - CT_TRAILER_BYTES;
	assert_int_equal(at + CT_INDEX_HEAD_BYTES + N_FRAMES * CT_INDEX_ENTRY_BYTES,
			 sample->trailer);
	*state = sample;
	return 0;
}

int sample_teardown(void **state)
{
	struct sample *sample = *state;

	bytes_fini(&sample->file);
	events_fini(&sample->events);
	free(sample);
	return 0;
}

void result_fini(struct result *result)
{
	events_fini(&result->events);
}

void read_bytes(const uint8_t *data, size_t len, struct result *ret)
{
	events_fini(&ret->events);
	*ret = (struct result){};
	ret->r = replay(data, len, &ret->events, &ret->info, ret->err_text);
}

void read_sample(const struct sample *sample, struct result *ret)
{
	read_bytes(sample->file.data, sample->file.len, ret);
	assert_int_equal(ret->r, 0);
}

void splice(struct bytes *file, size_t at, size_t remove, const uint8_t *put, size_t n)
{
	struct bytes whole = {.len = file->len - remove + n};

	whole.data = malloc(whole.len);
	assert_non_null(whole.data);
	memcpy(whole.data, file->data, at);
	if (n)
		memcpy(whole.data + at, put, n);
	memcpy(whole.data + at + n, file->data + at + remove, file->len - at - remove);
	bytes_fini(file);
	*file = whole;
}

bool same_event(const struct ct_event *a, const struct ct_event *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void expect_without_frame(const struct sample *sample, const struct result *result, size_t missing)
{
	const struct events *got = &result->events;
	const struct events *want = &sample->events;
	size_t before = missing * PER_FRAME;
	bool is_last = missing == N_FRAMES - 1;
	size_t owners = N_FRAMES - 1 - missing;
	size_t at = before + 1;

	assert_int_equal(got->n, want->n - PER_FRAME + 1 + owners + is_last);
	for (size_t i = 0; i < before; i++)
		assert_true(same_event(&got->list[i], &want->list[i]));
	assert_int_equal(got->list[before].kind, CT_EVENT_LOST);
	assert_int_equal(got->list[before].lost.where, CT_LOST_DECODE);
	assert_int_equal(got->list[before].lost.events, PER_FRAME);
	for (size_t i = before + PER_FRAME; i < want->n; i++) {
		if (owners && i % PER_FRAME == 0) {
			assert_int_equal(got->list[at].kind, CT_EVENT_OWNER);
			assert_string_equal((const char *)got->list[at++].who.comm, "nginx");
		}
		assert_true(same_event(&got->list[at++], &want->list[i]));
	}
	if (is_last)
		assert_int_equal(got->list[at].kind, CT_EVENT_END);
}
