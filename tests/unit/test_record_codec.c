// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../src/record/codec.h"
#include "conntrace/decode.h"

struct codec {
	struct ct_encoder *encoder;
	struct ct_decoder *decoder;
};

static int setup(void **state)
{
	static struct codec codec;

	*state = &codec;
	return ct_encoder_new(&codec.encoder) || ct_decoder_new(&codec.decoder);
}

static int teardown(void **state)
{
	struct codec *codec = *state;

	ct_encoder_free(&codec->encoder);
	ct_decoder_free(&codec->decoder);
	return 0;
}

static void decode_frame(struct codec *codec)
{
	size_t len;
	const uint8_t *payload = ct_encoder_payload(codec->encoder, &len);

	ct_decoder_start(codec->decoder, payload, len);
}

/// The next event of the frame is this one, whole.
static void expect(struct codec *codec, const struct ct_event *want)
{
	struct ct_decoded decoded = {};

	assert_int_equal(ct_decoder_next(codec->decoder, &decoded), 1);
	assert_int_equal(decoded.len, ct_event_layout(want->kind)->size);
	assert_memory_equal(decoded.event, want, decoded.len);
}

static void expect_end(struct codec *codec)
{
	assert_int_equal(ct_decoder_next(codec->decoder, &(struct ct_decoded){}), 0);
}

static void round_trip(struct codec *codec, const struct ct_event *events, size_t n)
{
	ct_encoder_reset(codec->encoder);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ct_encoder_add(codec->encoder, &events[i]), 0);
	decode_frame(codec);
	for (size_t i = 0; i < n; i++)
		expect(codec, &events[i]);
	expect_end(codec);
}

static uint64_t highest(const struct ct_event_field *field)
{
	if (field->limit)
		return field->limit - 1;
	return field->size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * field->size)) - 1;
}

static struct ct_event filled(uint8_t kind)
{
	const struct ct_event_layout *layout = ct_event_layout(kind);
	struct ct_event event = {.kind = kind};
	size_t n_core;
	const struct ct_event_field *core = ct_event_core_fields(&n_core);

	for (size_t i = 0; i < n_core; i++)
		ct_event_set(&event, &core[i], highest(&core[i]));
	for (size_t i = 0; i < layout->n_fields; i++)
		ct_event_set(&event, &layout->fields[i], highest(&layout->fields[i]));
	memset(event.laddr, 0xff, sizeof(event.laddr));
	memset(event.raddr, 0xff, sizeof(event.raddr));
	return event;
}

static void every_kind_survives_with_extreme_values(void **state)
{
	for (uint8_t kind = CT_EVENT_NONE + 1; kind < _CT_EVENT_MAX; kind++) {
		struct ct_event zeroes = {.kind = kind};
		struct ct_event ones = filled(kind);
		struct ct_event events[] = {zeroes, ones, zeroes, ones, ones};

		round_trip(*state, events, 5);
	}
}

static void each_field_is_recorded_by_itself(void **state)
{
	for (uint8_t kind = CT_EVENT_NONE + 1; kind < _CT_EVENT_MAX; kind++) {
		const struct ct_event_layout *layout = ct_event_layout(kind);
		size_t n_core;
		const struct ct_event_field *core = ct_event_core_fields(&n_core);

		for (size_t i = 0; i < n_core + layout->n_fields; i++) {
			const struct ct_event_field *field = i < n_core
								     ? &core[i]
								     : &layout->fields[i - n_core];
			struct ct_event events[3] = {
				{.kind = kind}, {.kind = kind}, {.kind = kind}};

			ct_event_set(&events[1], field, highest(field));
			round_trip(*state, events, 3);
		}
	}
}

static void addresses_of_every_length_survive(void **state)
{
	for (size_t n = 0; n <= 16; n++) {
		struct ct_event event = {.kind = CT_EVENT_TICK, .cookie = 1, .family = AF_INET6};

		memset(event.laddr, 0xa5, n);
		memset(event.raddr + 16 - n, 0x5a, n);
		round_trip(*state, &event, 1);
	}
}

static void time_runs_backwards_and_around(void **state)
{
	struct ct_event events[] = {
		{.kind = CT_EVENT_TICK, .ts_ns = 1000},
		{.kind = CT_EVENT_TICK, .ts_ns = 10},
		{.kind = CT_EVENT_TICK, .ts_ns = UINT64_MAX},
		{.kind = CT_EVENT_TICK, .ts_ns = 0},
		{.kind = CT_EVENT_TICK, .ts_ns = UINT64_C(1) << 63},
	};

	round_trip(*state, events, 5);
}

static void each_event_keeps_its_generation(void **state)
{
	struct ct_event events[] = {
		{.kind = CT_EVENT_TICK, .cookie = 7, .generation = 0, .lport = 1},
		{.kind = CT_EVENT_TICK, .cookie = 7, .generation = 1, .lport = 2},
		{.kind = CT_EVENT_TICK, .cookie = 7, .generation = 0, .lport = 1},
	};

	round_trip(*state, events, 3);
}

/// The worked example of doc/FORMAT.md.
static void record_has_the_bytes_of_the_specification(void **state)
{
	static const uint8_t want[] = {
		0xa1,			      /* STATE, NEW, CORE */
		0xd0, 0x0f,		      /* 1000 ns later */
		0xbb, 0xae, 0x01,	      /* fields of the core: */
		0x04, 0x02, 0xce, 0x13,	      /* state, context, pid, */
		0x02, 0x02, 0xa0, 0x01,	      /* owner, role, rport, */
		0x02, 0x14, 0x04,	      /* netns, cookie, family, */
		0x04, 0xc0, 0x00, 0x02, 0x01, /* raddr */
		0x00,			      /* no owner to repeat */
		0x01, 0x0e,		      /* fields of the payload: old_state */
	};
	struct codec *codec = *state;
	struct ct_event event = {
		.ts_ns = 1000,
		.cookie = 10,
		.rport = 80,
		.netns = 1,
		.pid = 1255,
		.kind = CT_EVENT_STATE,
		.family = AF_INET,
		.state = CT_STATE_SYN_SENT,
		.role = CT_ROLE_ACTIVE,
		.owner = CT_OWNER_CONNECT,
		.context = CT_CONTEXT_PROCESS,
		.raddr = {192, 0, 2, 1},
	};
	size_t len;
	const uint8_t *payload;

	event.to.old_state = CT_STATE_CLOSE;
	ct_encoder_reset(codec->encoder);
	assert_int_equal(ct_encoder_add(codec->encoder, &event), 0);
	payload = ct_encoder_payload(codec->encoder, &len);
	assert_int_equal(len, sizeof(want));
	assert_memory_equal(payload, want, len);
}

#define OF(kind_, member, ...)                                                \
	{                                                                     \
		.kind = (kind_), .cookie = (kind_), .member = { __VA_ARGS__ } \
	}

/// Fields in the order of doc/FORMAT.md, numbered from 1.
static const struct ct_event numbered[] = {
	OF(CT_EVENT_STATE, to, .old_state = 1, .shutdown = 2, .how = 3, .sk_err = 4, .actor_pid = 5,
	   .write_seq = 6, .unread = 7, .unacked = 8, .handshake = 9, .own_fin = 10),
	OF(CT_EVENT_OWNER, who, .comm = {[0] = 1, [8] = 2}, .uid = 3, .cgroup = 4),
	OF(CT_EVENT_TIMEWAIT, timewait, .op = 1, .actor_pid = 2, .timeout_ns = 3, .how = 4,
	   .successor = 5),
	OF(CT_EVENT_REQUEST, request, .op = 1, .timeouts = 2, .backlog = 3, .backlog_max = 4,
	   .acked = 5, .how = 6, .actor_pid = 7, .listener = 8, .timeout_ns = 9, .listening = 10),
	OF(CT_EVENT_RETRANSMIT, retransmit, .kind = 1, .segment = 2, .count = 3, .seq = 4,
	   .length = 5),
	OF(CT_EVENT_RESET, reset, .direction = 1, .reason = 2, .how = 3, .answered = 4, .packet = 5,
	   .mini = 6, .shutdown = 7, .sk_err = 8, .actor_pid = 9, .unread = 10, .unacked = 11),
	OF(CT_EVENT_ERROR, error, .sk_err = 1, .sk_err_soft = 2),
	OF(CT_EVENT_PROBE, probe, .type = 1, .outcome = 2, .unanswered = 3, .total = 4,
	   .answer_ns = 5, .backoff = 6),
	OF(CT_EVENT_COUNTERS, counters, .bytes_sent = 1, .bytes_acked = 2, .bytes_received = 3,
	   .bytes_retransmitted = 4, .segments_out = 5, .segments_in = 6, .retransmits = 7,
	   .srtt_us = 8, .min_rtt_us = 9, .keepalive_time_s = 10, .keepalive_interval_s = 11,
	   .keepalive_probes = 12, .user_timeout_ms = 13, .linger_s = 14),
	OF(CT_EVENT_FOUND, found, .unread = 1, .unacked = 2, .write_seq = 3, .mini = 4,
	   .request = 5, .shutdown = 6, .timeouts = 7, .backlog = 8, .backlog_max = 9,
	   .timeout_ns = 10, .listener = 11, .idle_ns = 12, .runs = 13, .room = 14,
	   .unanswered_ms = 15),
	OF(CT_EVENT_FORK, fork, .parent_pid = 1, .child_pid = 2, .followed = 3),
	OF(CT_EVENT_LOST, lost, .events = 1, .since_ns = 2, .where = 3, .uncounted = 4),
	OF(CT_EVENT_OPTIONS, options, .keepalive_time_s = 1, .keepalive_interval_s = 2,
	   .keepalive_probes = 3, .user_timeout_ms = 4, .linger_s = 5),
};

/// An order that changes in decode.c changes the format.
static void payload_fields_have_the_order_of_the_specification(void **state)
{
	struct codec *codec = *state;

	for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {
		const struct ct_event_layout *layout = ct_event_layout(numbered[i].kind);
		const uint8_t *payload;
		size_t len;

		ct_encoder_reset(codec->encoder);
		assert_int_equal(ct_encoder_add(codec->encoder, &numbered[i]), 0);
		payload = ct_encoder_payload(codec->encoder, &len);
		assert_true(len > layout->n_fields);
		for (size_t field = 0; field < layout->n_fields; field++)
			assert_int_equal(payload[len - layout->n_fields + field], 2 * (field + 1));
	}
}

static void second_frame_needs_nothing_of_the_first(void **state)
{
	struct codec *codec = *state;
	struct ct_event event = filled(CT_EVENT_STATE);

	ct_encoder_reset(codec->encoder);
	assert_int_equal(ct_encoder_add(codec->encoder, &event), 0);
	ct_encoder_reset(codec->encoder);
	assert_int_equal(ct_encoder_add(codec->encoder, &event), 0);
	decode_frame(codec);
	expect(codec, &event);
	expect_end(codec);
}

static void owner_is_repeated_in_a_later_frame(void **state)
{
	struct codec *codec = *state;
	struct ct_event owner = {.kind = CT_EVENT_OWNER, .cookie = 99};
	struct ct_event tick = {.kind = CT_EVENT_TICK, .cookie = 99};
	struct ct_decoded decoded = {};

	memcpy(owner.who.comm, "sixteen letters!", CT_COMM_LEN);
	owner.who.uid = 1000;
	owner.who.cgroup = UINT64_MAX;
	ct_encoder_reset(codec->encoder);
	assert_int_equal(ct_encoder_add(codec->encoder, &owner), 0);
	decode_frame(codec);
	assert_int_equal(ct_decoder_next(codec->decoder, &decoded), 1);
	assert_null(decoded.owner);

	ct_encoder_reset(codec->encoder);
	assert_int_equal(ct_encoder_add(codec->encoder, &tick), 0);
	assert_int_equal(ct_encoder_add(codec->encoder, &tick), 0);
	decode_frame(codec);
	assert_int_equal(ct_decoder_next(codec->decoder, &decoded), 1);
	assert_non_null(decoded.owner);
	assert_memory_equal(decoded.owner, &owner.who, sizeof(owner.who));
	assert_int_equal(ct_decoder_next(codec->decoder, &decoded), 1);
	assert_null(decoded.owner);
}

static void more_owners_than_a_frame_names_cost_no_event(void **state)
{
	struct codec *codec = *state;
	uint32_t named = 0;

	ct_encoder_reset(codec->encoder);
	for (uint64_t i = 1; i <= 3 * CT_FRAME_OWNERS_MAX; i++) {
		struct ct_event event = {.kind = CT_EVENT_OWNER, .cookie = i};

		event.who.uid = (uint32_t)i;
		assert_int_equal(ct_encoder_add(codec->encoder, &event), 0);
	}
	ct_encoder_reset(codec->encoder);
	for (uint64_t i = 1; i <= 3 * CT_FRAME_OWNERS_MAX; i++)
		assert_int_equal(
			ct_encoder_add(codec->encoder,
				       &(struct ct_event){.kind = CT_EVENT_TICK, .cookie = i}),
			0);
	decode_frame(codec);
	for (uint64_t i = 1; i <= 3 * CT_FRAME_OWNERS_MAX; i++) {
		struct ct_decoded decoded = {};

		assert_int_equal(ct_decoder_next(codec->decoder, &decoded), 1);
		assert_int_equal(decoded.event->cookie, i);
		assert_true(!decoded.owner || decoded.owner->uid == i);
		named += decoded.owner != NULL;
	}
	assert_int_equal(named, CT_FRAME_OWNERS_MAX);
}

static void full_frame_takes_no_more_and_reads_back(void **state)
{
	struct codec *codec = *state;
	struct ct_event event = filled(CT_EVENT_COUNTERS);
	size_t n = 0, len;

	event.cookie = 0;
	ct_encoder_reset(codec->encoder);
	while (ct_encoder_add(codec->encoder, &event) == 0) {
		n++;
		event.ts_ns = ~event.ts_ns;
		event.counters.bytes_sent ^= UINT64_MAX;
	}
	ct_encoder_payload(codec->encoder, &len);
	assert_true(len <= CT_FRAME_PAYLOAD_MAX);
	decode_frame(codec);
	for (struct ct_decoded decoded; ct_decoder_next(codec->decoder, &decoded) == 1;)
		n--;
	assert_int_equal(n, 0);
}

static void frame_is_full_when_it_has_too_many_connections(void **state)
{
	struct codec *codec = *state;
	struct ct_event event = {.kind = CT_EVENT_TICK};

	ct_encoder_reset(codec->encoder);
	for (uint64_t i = 1; i <= CT_FRAME_CONNS_MAX; i++) {
		event.cookie = i << 40;
		assert_int_equal(ct_encoder_add(codec->encoder, &event), 0);
	}
	event.cookie = 5;
	assert_int_equal(ct_encoder_add(codec->encoder, &event), -ENOSPC);
	event.cookie = UINT64_C(1) << 40;
	assert_int_equal(ct_encoder_add(codec->encoder, &event), 0);
}

static void unknown_kind_is_not_recorded(void **state)
{
	struct codec *codec = *state;
	struct ct_event event = {.kind = _CT_EVENT_MAX};
	size_t len;

	ct_encoder_reset(codec->encoder);
	assert_int_equal(ct_encoder_add(codec->encoder, &event), -EINVAL);
	event.kind = CT_EVENT_NONE;
	assert_int_equal(ct_encoder_add(codec->encoder, &event), -EINVAL);
	ct_encoder_payload(codec->encoder, &len);
	assert_int_equal(len, 0);
}

static void cut_payload_is_refused(void **state)
{
	struct codec *codec = *state;
	struct ct_event event = filled(CT_EVENT_RESET);
	size_t len;
	const uint8_t *payload;

	ct_encoder_reset(codec->encoder);
	assert_int_equal(ct_encoder_add(codec->encoder, &event), 0);
	payload = ct_encoder_payload(codec->encoder, &len);
	for (size_t cut = 1; cut < len; cut++) {
		struct ct_decoded decoded;

		ct_decoder_start(codec->decoder, payload, cut);
		assert_int_equal(ct_decoder_next(codec->decoder, &decoded), -EBADMSG);
		assert_int_equal(ct_decoder_next(codec->decoder, &decoded), 0);
	}
}

#define NEW_TICK 0x20 | CT_EVENT_TICK
#define HUGE	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *what;
		size_t len;
		uint8_t payload[24];
	} cases[] = {
		{"the connection of a record that there is not", 3, {0x40 | CT_EVENT_TICK, 0, 0}},
		{"a connection that was not defined", 4, {CT_EVENT_TICK, 0, 0, 0}},
		{"both new and the same", 4, {0x60 | CT_EVENT_TICK, 0, 0, 0}},
		{"an owner that was not named", 4, {NEW_TICK, 0, 2, 0}},
		{"an integer of more than 64 bits", 13, {NEW_TICK, HUGE, 0x02, 0, 0}},
		{"an integer of eleven bytes", 14, {NEW_TICK, HUGE, 0x80, 0x00, 0, 0}},
		{"a state of 256", 7, {0x80 | NEW_TICK, 0, 1, 0x80, 0x04, 0, 0}},
		{"a state below 0", 6, {0x80 | NEW_TICK, 0, 1, 1, 0, 0}},
		{"an address of 17 bytes", 24, {0x80 | NEW_TICK, 0, 0x80, 0x40, 17}},
	};
	struct codec *codec = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ct_decoded decoded;

		ct_decoder_start(codec->decoder, cases[i].payload, cases[i].len);
		if (ct_decoder_next(codec->decoder, &decoded) != -EBADMSG)
			fail_msg("not refused: %s", cases[i].what);
	}
}

static void fields_of_a_later_version_are_passed_over(void **state)
{
	static const uint8_t payload[] = {
		0x80 | NEW_TICK,
		0x02, /* 1 ns later */
		0x81,
		0x80,
		0x06,
		0x0e,
		HUGE,
		0x01,
		0x7f, /* state 7, core bits 15 and 16 */
		0x00,
		0x05,
		0x01,
		0x80,
		0x01, /* no owner; bits 0 and 2 of a payload */
		0x40 | 30,
		0x00,
		0x01,
		0x7f, /* of a kind that there is not yet */
		0x40 | CT_EVENT_TICK,
		0x00,
		0x00,
	};
	struct codec *codec = *state;
	struct ct_event want = {.kind = CT_EVENT_TICK, .ts_ns = 1, .state = CT_STATE_CLOSE};
	struct ct_decoded decoded = {};

	ct_decoder_start(codec->decoder, payload, sizeof(payload));
	expect(codec, &want);
	assert_int_equal(ct_decoder_next(codec->decoder, &decoded), 1);
	assert_int_equal(decoded.len, 0);
	assert_int_equal(decoded.event->state, CT_STATE_CLOSE);
	expect(codec, &want);
	expect_end(codec);
}

/// A mini-socket's CANCEL, of cookie 3, as it was written before anybody asked who did it.
static void fields_that_an_earlier_version_did_not_have_are_zero(void **state)
{
	static const uint8_t payload[] = {0xa3, 0, 0x80, 8, 6, 0, 3, 4, 0xce, 0x13};
	struct codec *codec = *state;
	struct ct_event want = OF(CT_EVENT_TIMEWAIT, timewait, .op = 2, .actor_pid = 1255);

	ct_decoder_start(codec->decoder, payload, sizeof(payload));
	expect(codec, &want);
	expect_end(codec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_survives_with_extreme_values),
		cmocka_unit_test(each_field_is_recorded_by_itself),
		cmocka_unit_test(addresses_of_every_length_survive),
		cmocka_unit_test(time_runs_backwards_and_around),
		cmocka_unit_test(each_event_keeps_its_generation),
		cmocka_unit_test(record_has_the_bytes_of_the_specification),
		cmocka_unit_test(payload_fields_have_the_order_of_the_specification),
		cmocka_unit_test(second_frame_needs_nothing_of_the_first),
		cmocka_unit_test(owner_is_repeated_in_a_later_frame),
		cmocka_unit_test(more_owners_than_a_frame_names_cost_no_event),
		cmocka_unit_test(full_frame_takes_no_more_and_reads_back),
		cmocka_unit_test(frame_is_full_when_it_has_too_many_connections),
		cmocka_unit_test(unknown_kind_is_not_recorded),
		cmocka_unit_test(cut_payload_is_refused),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(fields_of_a_later_version_are_passed_over),
		cmocka_unit_test(fields_that_an_earlier_version_did_not_have_are_zero),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
