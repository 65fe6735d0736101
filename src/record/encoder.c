// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "conntrace/cleanup.h"
#include "model.h"

/// No record is longer: the core, an owner and the 14 fields of counters are less than 400 bytes.
#define RECORD_BYTES_MAX 512

/// Twice as many buckets as connections, so that a search is short.
#define BUCKET_BITS 14
#define N_BUCKETS   (1u << BUCKET_BITS)
_Static_assert(N_BUCKETS == 2 * CT_FRAME_CONNS_MAX, "half of the buckets are always free");

/// Owners remembered from frame to frame. An entry that another connection takes over costs no
/// event: definitions of the former merely do not repeat its owner.
#define OWNER_BITS 14

struct known_owner {
	uint64_t cookie;
	uint16_t generation;
	struct ct_event_owner owner;
};

#define N_WORDS (sizeof(struct ct_event) / 8)
_Static_assert(N_WORDS <= 32, "a bit for each word");

/// Which fields lie in each eight bytes of an event: a bit for each, by its place among them.
struct word_fields {
	uint64_t fields[N_WORDS];
};

struct ct_encoder {
	struct word_fields core_fields;
	struct word_fields payload_fields[_CT_EVENT_MAX]; /// by kind
	struct ct_model model;
	uint16_t buckets[N_BUCKETS]; /// number of a connection plus one; 0 free
	struct known_owner known[1u << OWNER_BITS];
	size_t len;
	uint8_t payload[CT_FRAME_PAYLOAD_MAX];
};

static void note_fields(struct word_fields *in, const struct ct_event_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		in->fields[fields[i].offset / 8] |= UINT64_C(1) << i;
}

int ct_encoder_new(struct ct_encoder **ret)
{
	struct ct_encoder *encoder = calloc(1, sizeof(*encoder));

	if (!encoder)
		return -ENOMEM;
	note_fields(&encoder->core_fields, ct_core_fields, CT_CORE_LADDR_BIT);
	for (unsigned int kind = 0; kind < _CT_EVENT_MAX; kind++) {
		const struct ct_event_layout *layout = ct_event_layout((uint8_t)kind);

		if (layout)
			note_fields(&encoder->payload_fields[kind], layout->fields,
				    layout->n_fields);
	}
	ct_model_reset(&encoder->model);
	*ret = encoder;
	return 0;
}

void ct_encoder_free(struct ct_encoder **encoder)
{
	free(CT_TAKE_PTR(*encoder));
}

const uint8_t *ct_encoder_payload(const struct ct_encoder *encoder, size_t *ret_len)
{
	*ret_len = encoder->len;
	return encoder->payload;
}

void ct_encoder_reset(struct ct_encoder *encoder)
{
	ct_model_reset(&encoder->model);
	memset(encoder->buckets, 0, sizeof(encoder->buckets));
	encoder->len = 0;
}

static uint32_t hash_of(const struct ct_event *event, unsigned int bits)
{
	return (uint32_t)(event->cookie * 0x9e3779b97f4a7c15 >> (64 - bits));
}

/// The generation is one of the fields that change: a mini-socket's events come without it.
static bool same_conn(const struct ct_event *a, const struct ct_event *b)
{
	return a->cookie == b->cookie;
}

/// The bucket of the event's connection, or the free one where it belongs.
static uint16_t *find_bucket(struct ct_encoder *encoder, const struct ct_event *event)
{
	uint32_t i = hash_of(event, BUCKET_BITS);

	while (encoder->buckets[i] &&
	       !same_conn(&encoder->model.conns[encoder->buckets[i] - 1], event))
		i = (i + 1) % N_BUCKETS;
	return &encoder->buckets[i];
}

static uint8_t *put_fields(uint8_t *p, const struct ct_event *event,
			   const struct ct_event *expected, const struct ct_event_field *fields,
			   uint64_t mask)
{
	for (; mask; mask &= mask - 1) {
		const struct ct_event_field *field = &fields[__builtin_ctzll(mask)];

		p = ct_put_varint(
			p, ct_zigzag(ct_event_get(event, field) - ct_event_get(expected, field)));
	}
	return p;
}

/// Bit i: the events differ in bytes 8 * i to 8 * i + 7. From and to are in bytes.
static uint32_t differing_words(const struct ct_event *event, const struct ct_event *expected,
				size_t from, size_t to)
{
	uint32_t words = 0;

	for (size_t i = from / 8; i < to / 8; i++) {
		uint64_t a, b;

		memcpy(&a, (const char *)event + 8 * i, sizeof(a));
		memcpy(&b, (const char *)expected + 8 * i, sizeof(b));
		words |= (uint32_t)(a != b) << i;
	}
	return words;
}

/// Bit i: fields[i] differs, which lies IN one of the words that DIFFER.
static uint64_t differing(const struct ct_event *event, const struct ct_event *expected,
			  const struct ct_event_field *fields, const struct word_fields *in,
			  uint32_t differ)
{
	uint64_t candidates = 0, mask = 0;

	for (; differ; differ &= differ - 1)
		candidates |= in->fields[__builtin_ctz(differ)];
	for (; candidates; candidates &= candidates - 1) {
		const struct ct_event_field *field = &fields[__builtin_ctzll(candidates)];

		if (ct_event_get(event, field) != ct_event_get(expected, field))
			mask |= candidates & -candidates;
	}
	return mask;
}

/// Zeroes at the end of an address (IPv4 has twelve) are not written.
static uint8_t *put_address(uint8_t *p, const uint8_t address[16])
{
	uint8_t n = 16;

	while (n && !address[n - 1])
		n--;
	*p++ = n;
	memcpy(p, address, n);
	return p + n;
}

static uint64_t core_mask(const struct ct_encoder *encoder, const struct ct_event *event,
			  const struct ct_event *expected)
{
	uint32_t differ = differing_words(event, expected, offsetof(struct ct_event, cookie),
					  CT_EVENT_CORE_SIZE);
	uint64_t mask = differing(event, expected, ct_core_fields, &encoder->core_fields, differ);

	if (memcmp(event->laddr, expected->laddr, sizeof(event->laddr)) != 0)
		mask |= UINT64_C(1) << CT_CORE_LADDR_BIT;
	if (memcmp(event->raddr, expected->raddr, sizeof(event->raddr)) != 0)
		mask |= UINT64_C(1) << CT_CORE_RADDR_BIT;
	return mask;
}

static uint8_t *put_core(uint8_t *p, const struct ct_event *event, const struct ct_event *expected,
			 uint64_t mask)
{
	p = ct_put_varint(p, mask);
	p = put_fields(p, event, expected, ct_core_fields,
		       mask & ((UINT64_C(1) << CT_CORE_LADDR_BIT) - 1));
	if (mask & UINT64_C(1) << CT_CORE_LADDR_BIT)
		p = put_address(p, event->laddr);
	if (mask & UINT64_C(1) << CT_CORE_RADDR_BIT)
		p = put_address(p, event->raddr);
	return p;
}

static uint8_t *put_payload(uint8_t *p, const struct ct_event *event,
			    const struct ct_event *expected, const struct ct_event_layout *layout,
			    const struct word_fields *in)
{
	uint32_t differ = differing_words(event, expected, CT_EVENT_CORE_SIZE, layout->size);
	uint64_t mask = differing(event, expected, layout->fields, in, differ);

	p = ct_put_varint(p, mask);
	return put_fields(p, event, expected, layout->fields, mask);
}

/// What was told of the connection's owner before, unless this very event tells it.
static const struct ct_event_owner *known_owner(const struct ct_encoder *encoder,
						const struct ct_event *event)
{
	const struct known_owner *known = &encoder->known[hash_of(event, OWNER_BITS)];

	if (!event->cookie || event->kind == CT_EVENT_OWNER || known->cookie != event->cookie ||
	    known->generation != event->generation)
		return NULL;
	return &known->owner;
}

static void remember_owner(struct ct_encoder *encoder, const struct ct_event *event)
{
	if (!event->cookie)
		return;
	encoder->known[hash_of(event, OWNER_BITS)] = (struct known_owner){
		.cookie = event->cookie,
		.generation = event->generation,
		.owner = event->who,
	};
}

/// Names one of the frame's owners by its number plus one, 0 for none; the first time it is met its
/// fields follow.
static uint8_t *put_owner(uint8_t *p, struct ct_encoder *encoder,
			  const struct ct_event_owner *owner)
{
	static const struct ct_event nothing = {.kind = CT_EVENT_OWNER};
	struct ct_event event = {.kind = CT_EVENT_OWNER};
	struct ct_model *model = &encoder->model;
	uint32_t i = 0;

	while (owner && i < model->n_owners &&
	       memcmp(&model->owners[i], owner, sizeof(*owner)) != 0)
		i++;
	if (!owner || i == CT_FRAME_OWNERS_MAX) {
		*p++ = 0;
		return p;
	}
	p = ct_put_varint(p, i + 1);
	if (i < model->n_owners)
		return p;
	model->owners[model->n_owners++] = *owner;
	event.who = *owner;
	return put_payload(p, &event, &nothing, ct_event_layout(CT_EVENT_OWNER),
			   &encoder->payload_fields[CT_EVENT_OWNER]);
}

int ct_encoder_add(struct ct_encoder *encoder, const struct ct_event *event)
{
	const struct ct_event_layout *layout = ct_event_layout(event->kind);
	struct ct_model *model = &encoder->model;
	uint8_t *p = encoder->payload + encoder->len;
	uint8_t *head = p;
	uint32_t conn = model->current;
	uint64_t mask;

	if (!layout)
		return -EINVAL;
	if (encoder->len > CT_FRAME_PAYLOAD_MAX - RECORD_BYTES_MAX)
		return -ENOSPC;

	*p++ = event->kind | CT_RECORD_SAME;
	if (conn == CT_NO_CONN || !same_conn(&model->conns[conn], event)) {
		uint16_t *bucket = find_bucket(encoder, event);

		if (*bucket) {
			*head = event->kind;
			conn = *bucket - 1;
		} else if (model->n_conns < CT_FRAME_CONNS_MAX) {
			*head = event->kind | CT_RECORD_NEW;
			conn = ct_model_define(model);
			*bucket = (uint16_t)(conn + 1);
		} else {
			return -ENOSPC;
		}
	}
	p = ct_put_varint(p, ct_zigzag(event->ts_ns - model->ts_ns));
	if (!(*head & (CT_RECORD_NEW | CT_RECORD_SAME)))
		p = ct_put_varint(p, model->n_conns - 1 - conn);
	mask = core_mask(encoder, event, &model->conns[conn]);
	if (mask) {
		*head |= CT_RECORD_CORE;
		p = put_core(p, event, &model->conns[conn], mask);
	}
	if (*head & CT_RECORD_NEW)
		p = put_owner(p, encoder, known_owner(encoder, event));
	p = put_payload(p, event, ct_model_expected(model, conn, event->kind), layout,
			&encoder->payload_fields[event->kind]);

	if (event->kind == CT_EVENT_OWNER)
		remember_owner(encoder, event);
	ct_model_update(model, conn, event, layout->size);
	encoder->len = (size_t)(p - encoder->payload);
	return 0;
}
