// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/runs.h"
#include "unit/build_event.h"

/// ct_decode() on memory of exactly this length; the result must not be touched on failure.
static int decode(const struct ct_event *event, size_t len)
{
	_cleanup_(ct_freep) void *bytes = malloc(len ? len : 1);
	const struct ct_event *untouched = (const void *)&len, *decoded = untouched;
	int r;

	assert_non_null(bytes);
	memcpy(bytes, event, len < sizeof(*event) ? len : sizeof(*event));
	r = ct_decode(bytes, len, &decoded);
	assert_ptr_equal(decoded, r == 0 ? bytes : (const void *)untouched);
	return r;
}

static struct ct_event valid_event(unsigned int kind)
{
	struct ct_event event = a_client().core;

	const struct ct_event_layout *layout = ct_event_layout((uint8_t)kind);

	event.kind = (__u8)kind;
	event.state = CT_STATE_ESTABLISHED;
	for (size_t i = 0; layout && i < layout->n_fields; i++)
		ct_event_set(&event, &layout->fields[i], layout->fields[i].first);
	return event;
}

static void every_kind_is_taken_at_its_length_and_no_other(void **state)
{
	for (unsigned int kind = CT_EVENT_NONE + 1; kind < _CT_EVENT_MAX; kind++) {
		struct ct_event event = valid_event(kind);
		size_t size = event_size(&event);

		for (size_t len = 0; len <= sizeof(event) + 8; len++)
			if (decode(&event, len) != (len == size ? 0 : -EBADMSG))
				fail_msg("%s, %zu bytes", ct_event_layout(event.kind)->name, len);
	}
}

static void kind_that_does_not_exist_is_refused(void **state)
{
	struct ct_event event = valid_event(CT_EVENT_NONE);

	assert_int_equal(decode(&event, CT_EVENT_CORE_SIZE), -EBADMSG);
	event.kind = _CT_EVENT_MAX;
	assert_int_equal(decode(&event, CT_EVENT_CORE_SIZE), -EBADMSG);
	event.kind = 255;
	assert_int_equal(decode(&event, CT_EVENT_CORE_SIZE), -EBADMSG);
	assert_null(ct_event_layout(0));
	assert_null(ct_event_layout(_CT_EVENT_MAX));
	assert_null(ct_event_layout(255));
}

static void misaligned_record_is_refused(void **state)
{
	_Alignas(8) char bytes[CT_EVENT_CORE_SIZE + 8];
	struct ct_event event = valid_event(CT_EVENT_TICK);
	const struct ct_event *decoded;

	for (size_t shift = 1; shift < 8; shift++) {
		memcpy(bytes + shift, &event, CT_EVENT_CORE_SIZE);
		assert_int_equal(ct_decode(bytes + shift, CT_EVENT_CORE_SIZE, &decoded), -EBADMSG);
	}
}

static void record_of_two_events_is_taken_apart_before(void **state)
{
	struct ct_event event = {
		.kind = CT_EVENT_STATE, .state = CT_STATE_SYN_SENT, .to.old_state = CT_STATE_CLOSE};

	assert_int_equal(decode(&event, CT_EVENT_SIZE(to)), 0);
	event.with = CT_EVENT_OWNER;
	assert_int_equal(decode(&event, CT_EVENT_SIZE(to)), -EBADMSG);
}

static void family_is_none_or_one_of_two(void **state)
{
	struct ct_event event = valid_event(CT_EVENT_TICK);

	for (unsigned int family = 0; family < 256; family++) {
		bool valid = family == 0 || family == AF_INET || family == AF_INET6;

		event.family = (__u8)family;
		assert_int_equal(decode(&event, CT_EVENT_CORE_SIZE), valid ? 0 : -EBADMSG);
	}
}

/// The last valid value of each field is taken, the first that is none and the largest are not.
static void check_limits(unsigned int kind, const struct ct_event_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ct_event event = valid_event(kind);
		size_t size = event_size(&event);

		if (!fields[i].limit)
			continue;
		assert_int_equal(fields[i].size, 1);
		ct_event_set(&event, &fields[i], fields[i].limit - 1U);
		assert_int_equal(decode(&event, size), 0);
		ct_event_set(&event, &fields[i], fields[i].limit);
		assert_int_equal(decode(&event, size), -EBADMSG);
		ct_event_set(&event, &fields[i], UINT64_MAX);
		assert_int_equal(decode(&event, size), -EBADMSG);
		if (!fields[i].first)
			continue;
		ct_event_set(&event, &fields[i], fields[i].first - 1U);
		assert_int_equal(decode(&event, size), -EBADMSG);
	}
}

static void value_out_of_its_range_is_refused(void **state)
{
	for (unsigned int kind = CT_EVENT_NONE + 1; kind < _CT_EVENT_MAX; kind++) {
		const struct ct_event_layout *layout = ct_event_layout((uint8_t)kind);
		size_t n;
		const struct ct_event_field *core = ct_event_core_fields(&n);

		check_limits(kind, core, n);
		check_limits(kind, layout->fields, layout->n_fields);
	}
}

/// Which are enums is said a second time here, so that none of them is let through unnoticed.
static void every_enum_has_its_limit(void **state)
{
	static const struct {
		unsigned int kind;
		size_t offset;
		unsigned int max;
	} enums[] = {
		{CT_EVENT_TICK, offsetof(struct ct_event, state), _CT_STATE_MAX},
		{CT_EVENT_TICK, offsetof(struct ct_event, role), _CT_ROLE_MAX},
		{CT_EVENT_TICK, offsetof(struct ct_event, owner), _CT_OWNER_MAX},
		{CT_EVENT_TICK, offsetof(struct ct_event, context), _CT_CONTEXT_MAX},
		{CT_EVENT_TICK, offsetof(struct ct_event, sock_flags), CT_SOCK_FLAGS + 1},
		{CT_EVENT_STATE, offsetof(struct ct_event, to.old_state), _CT_STATE_MAX},
		{CT_EVENT_STATE, offsetof(struct ct_event, to.shutdown), 4},
		{CT_EVENT_STATE, offsetof(struct ct_event, to.how), _CT_HOW_MAX},
		{CT_EVENT_STATE, offsetof(struct ct_event, to.handshake), _CT_HANDSHAKE_MAX},
		{CT_EVENT_STATE, offsetof(struct ct_event, to.own_fin), _CT_FIN_MAX},
		{CT_EVENT_TIMEWAIT, offsetof(struct ct_event, timewait.op), _CT_TIMER_MAX},
		{CT_EVENT_TIMEWAIT, offsetof(struct ct_event, timewait.how), _CT_HOW_MAX},
		{CT_EVENT_REQUEST, offsetof(struct ct_event, request.op), _CT_TIMER_MAX},
		{CT_EVENT_REQUEST, offsetof(struct ct_event, request.acked), _CT_ACKED_MAX},
		{CT_EVENT_REQUEST, offsetof(struct ct_event, request.how), _CT_HOW_MAX},
		{CT_EVENT_REQUEST, offsetof(struct ct_event, request.listening), 2},
		{CT_EVENT_RETRANSMIT, offsetof(struct ct_event, retransmit.kind),
		 _CT_RETRANSMIT_MAX},
		{CT_EVENT_RETRANSMIT, offsetof(struct ct_event, retransmit.segment),
		 _CT_SEGMENT_MAX},
		{CT_EVENT_RESET, offsetof(struct ct_event, reset.direction), _CT_DIRECTION_MAX},
		{CT_EVENT_RESET, offsetof(struct ct_event, reset.reason), _CT_RESET_REASON_MAX},
		{CT_EVENT_RESET, offsetof(struct ct_event, reset.how), _CT_HOW_MAX},
		{CT_EVENT_RESET, offsetof(struct ct_event, reset.answered), 2},
		{CT_EVENT_RESET, offsetof(struct ct_event, reset.mini), 2},
		{CT_EVENT_RESET, offsetof(struct ct_event, reset.shutdown), 4},
		{CT_EVENT_PROBE, offsetof(struct ct_event, probe.type), _CT_PROBE_MAX},
		{CT_EVENT_PROBE, offsetof(struct ct_event, probe.outcome), _CT_PROBE_OUTCOME_MAX},
		{CT_EVENT_FOUND, offsetof(struct ct_event, found.mini), 2},
		{CT_EVENT_FOUND, offsetof(struct ct_event, found.request), 2},
		{CT_EVENT_FOUND, offsetof(struct ct_event, found.shutdown), 4},
		{CT_EVENT_FOUND, offsetof(struct ct_event, found.runs), _CT_RUNS_MAX},
		{CT_EVENT_FOUND, offsetof(struct ct_event, found.room), _CT_ROOM_MAX},
		{CT_EVENT_FORK, offsetof(struct ct_event, fork.followed), 2},
		{CT_EVENT_LOST, offsetof(struct ct_event, lost.where), _CT_LOST_MAX},
		{CT_EVENT_LOST, offsetof(struct ct_event, lost.uncounted), CT_UNCOUNTED_ALL + 1},
	};

	for (size_t i = 0; i < sizeof(enums) / sizeof(enums[0]); i++) {
		struct ct_event event = valid_event(enums[i].kind);

		((unsigned char *)&event)[enums[i].offset] = (unsigned char)enums[i].max;
		if (decode(&event, event_size(&event)) != -EBADMSG)
			fail_msg("row %zu: %u was taken", i, enums[i].max);
	}
}

/// Sets every field to a value of its own and returns the fields' bytes all together.
static size_t fill(struct ct_event *event, const struct ct_event_field *fields, size_t n,
		   uint64_t seed)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t value = (seed + i) * 0x9e3779b97f4a7c15ULL;

		if (fields[i].limit)
			value = fields[i].first + value % (fields[i].limit - fields[i].first);
		ct_event_set(event, &fields[i], value);
		bytes += fields[i].size;
	}
	return bytes;
}

static void copy(struct ct_event *to, const struct ct_event *from,
		 const struct ct_event_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ct_event_set(to, &fields[i], ct_event_get(from, &fields[i]));
}

/// What a recording keeps of an event is what the layout names: nothing else may be in it.
static void fields_carry_the_whole_event(void **state)
{
	for (unsigned int kind = CT_EVENT_NONE + 1; kind < _CT_EVENT_MAX; kind++) {
		const struct ct_event_layout *layout = ct_event_layout((uint8_t)kind);
		struct ct_event event = {.kind = (__u8)kind}, again = {.kind = (__u8)kind};
		size_t n, covered;
		const struct ct_event_field *core = ct_event_core_fields(&n);

		covered = fill(&event, core, n, kind) + 2 * sizeof(event.laddr) +
			  sizeof(event.kind) + sizeof(event.with) + sizeof(event.reserved);
		assert_int_equal(covered, CT_EVENT_CORE_SIZE);
		fill(&event, layout->fields, layout->n_fields, 100 + kind);
		event.family = AF_INET6;
		event.state = event.state ?: CT_STATE_LISTEN;
		assert_int_equal(decode(&event, layout->size), 0);

		copy(&again, &event, core, n);
		copy(&again, &event, layout->fields, layout->n_fields);
		assert_memory_equal(&again, &event, sizeof(event));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_taken_at_its_length_and_no_other),
		cmocka_unit_test(kind_that_does_not_exist_is_refused),
		cmocka_unit_test(misaligned_record_is_refused),
		cmocka_unit_test(record_of_two_events_is_taken_apart_before),
		cmocka_unit_test(family_is_none_or_one_of_two),
		cmocka_unit_test(value_out_of_its_range_is_refused),
		cmocka_unit_test(every_enum_has_its_limit),
		cmocka_unit_test(fields_carry_the_whole_event),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
