// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "conntrace/cleanup.h"
#include "model.h"

struct ct_decoder {
	struct ct_model model;
	struct ct_cursor in;
	struct ct_event event;
};

int ct_decoder_new(struct ct_decoder **ret)
{
	struct ct_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return -ENOMEM;
	ct_model_reset(&decoder->model);
	*ret = decoder;
	return 0;
}

void ct_decoder_free(struct ct_decoder **decoder)
{
	free(CT_TAKE_PTR(*decoder));
}

void ct_decoder_start(struct ct_decoder *decoder, const uint8_t *payload, size_t len)
{
	ct_model_reset(&decoder->model);
	decoder->in = (struct ct_cursor){.p = payload, .end = payload + len};
}

/// Reads the fields that the mask names, each as a difference to what is expected; bits from n on
/// are fields of later versions, which are passed over.
static bool get_fields(struct ct_cursor *in, uint64_t mask, const struct ct_event *expected,
		       const struct ct_event_field *fields, size_t n, struct ct_event *event)
{
	for (; mask; mask &= mask - 1) {
		size_t i = (size_t)__builtin_ctzll(mask);
		uint64_t value;

		if (!ct_cursor_varint(in, &value))
			return false;
		if (i >= n)
			continue;
		value = ct_event_get(expected, &fields[i]) + ct_unzigzag(value);
		if (fields[i].size < 8 && value >> (8 * fields[i].size))
			return false;
		ct_event_set(event, &fields[i], value);
	}
	return true;
}

static bool get_address(struct ct_cursor *in, uint8_t address[16])
{
	const uint8_t *bytes;
	uint64_t n;

	if (!ct_cursor_le(in, 1, &n) || n > 16 || !ct_cursor_bytes(in, n, &bytes))
		return false;
	memset(address, 0, 16);
	memcpy(address, bytes, n);
	return true;
}

static bool get_core(struct ct_cursor *in, const struct ct_event *expected, struct ct_event *event)
{
	const uint64_t low = (UINT64_C(1) << CT_CORE_LADDR_BIT) - 1;
	const uint64_t laddr = UINT64_C(1) << CT_CORE_LADDR_BIT;
	const uint64_t raddr = UINT64_C(1) << CT_CORE_RADDR_BIT;
	uint64_t mask;

	if (!ct_cursor_varint(in, &mask) ||
	    !get_fields(in, mask & low, expected, ct_core_fields, CT_CORE_LADDR_BIT, event))
		return false;
	if (mask & laddr && !get_address(in, event->laddr))
		return false;
	if (mask & raddr && !get_address(in, event->raddr))
		return false;
	return get_fields(in, mask & ~(low | laddr | raddr), expected, ct_core_fields,
			  CT_CORE_LADDR_BIT, event);
}

static bool get_payload(struct ct_cursor *in, const struct ct_event *expected,
			const struct ct_event_field *fields, size_t n, struct ct_event *event)
{
	uint64_t mask;

	return ct_cursor_varint(in, &mask) && get_fields(in, mask, expected, fields, n, event);
}

/// *ret is unchanged when the definition names no owner.
static bool get_owner(struct ct_cursor *in, struct ct_model *model,
		      const struct ct_event_owner **ret)
{
	static const struct ct_event nothing;
	const struct ct_event_layout *layout = ct_event_layout(CT_EVENT_OWNER);
	struct ct_event event = {};
	uint64_t number;

	if (!ct_cursor_varint(in, &number) || number > (uint64_t)model->n_owners + 1)
		return false;
	if (!number)
		return true;
	if (number > model->n_owners) {
		if (model->n_owners == CT_FRAME_OWNERS_MAX ||
		    !get_payload(in, &nothing, layout->fields, layout->n_fields, &event))
			return false;
		model->owners[model->n_owners++] = event.who;
	}
	*ret = &model->owners[number - 1];
	return true;
}

/// Which connection the record is of; a new one is numbered.
static bool get_conn(struct ct_cursor *in, struct ct_model *model, uint8_t head, uint32_t *ret)
{
	uint64_t distance;

	switch (head & (CT_RECORD_NEW | CT_RECORD_SAME)) {
	case CT_RECORD_NEW:
		if (model->n_conns == CT_FRAME_CONNS_MAX)
			return false;
		*ret = ct_model_define(model);
		return true;
	case CT_RECORD_SAME:
		*ret = model->current;
		return model->current != CT_NO_CONN;
	case 0:
		if (!ct_cursor_varint(in, &distance) || distance >= model->n_conns)
			return false;
		*ret = (uint32_t)(model->n_conns - 1 - distance);
		return true;
	default:
		return false;
	}
}

static bool get_record(struct ct_decoder *decoder, struct ct_decoded *ret)
{
	static const struct ct_event nothing;
	struct ct_model *model = &decoder->model;
	struct ct_cursor *in = &decoder->in;
	struct ct_event *event = &decoder->event;
	const struct ct_event_layout *layout;
	const struct ct_event *expected;
	uint64_t head, delta;
	uint32_t conn;

	if (!ct_cursor_le(in, 1, &head) || !ct_cursor_varint(in, &delta) ||
	    !get_conn(in, model, (uint8_t)head, &conn))
		return false;
	memcpy(event, &model->conns[conn], CT_EVENT_CORE_SIZE);
	if (head & CT_RECORD_CORE && !get_core(in, &model->conns[conn], event))
		return false;
	if (head & CT_RECORD_NEW && !get_owner(in, model, &ret->owner))
		return false;
	event->ts_ns = model->ts_ns + ct_unzigzag(delta);
	event->kind = head & CT_RECORD_KIND;

	layout = ct_event_layout(event->kind);
	if (layout) {
		expected = ct_model_expected(model, conn, event->kind);
		/* all of the room, of a size that is known here: behind a payload it is zero */
		memcpy((char *)event + CT_EVENT_CORE_SIZE,
		       (const char *)expected + CT_EVENT_CORE_SIZE,
		       sizeof(*event) - CT_EVENT_CORE_SIZE);
		if (!get_payload(in, expected, layout->fields, layout->n_fields, event))
			return false;
	} else if (!get_payload(in, &nothing, ct_core_fields, 0, event)) {
		return false;
	}
	ret->event = event;
	ret->len = layout ? layout->size : 0;
	ct_model_update(model, conn, event, ret->len);
	return true;
}

int ct_decoder_next(struct ct_decoder *decoder, struct ct_decoded *ret)
{
	struct ct_decoded decoded = {};

	if (decoder->in.p == decoder->in.end)
		return 0;
	if (!get_record(decoder, &decoded)) {
		decoder->in.p = decoder->in.end;
		return -EBADMSG;
	}
	*ret = decoded;
	return 1;
}
