// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model.h"

#include <string.h>

#define CORE(member)                                               \
	{                                                          \
		.offset = offsetof(struct ct_event, member),       \
		.size = sizeof(((struct ct_event *)NULL)->member), \
	}

const struct ct_event_field ct_core_fields[CT_CORE_LADDR_BIT] = {
	CORE(state),  CORE(context),	CORE(sock_flags), CORE(pid),   CORE(owner),
	CORE(role),   CORE(missed),	CORE(lport),	  CORE(rport), CORE(netns),
	CORE(cookie), CORE(generation), CORE(family),
};

/* comm is listed as two integers, and means the same bytes in every file only on such machines. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "comm would have to be swapped");

void ct_model_reset(struct ct_model *model)
{
	memset(model->last_of, 0, sizeof(model->last_of));
	model->ts_ns = 0;
	model->n_conns = 0;
	model->n_owners = 0;
	model->current = CT_NO_CONN;
}

uint32_t ct_model_define(struct ct_model *model)
{
	struct ct_event *conn = &model->conns[model->n_conns];

	if (model->current == CT_NO_CONN)
		memset(conn, 0, sizeof(*conn));
	else
		memcpy(conn, &model->conns[model->current], CT_EVENT_CORE_SIZE);
	memset(&conn->to, 0, sizeof(conn->to));
	return model->n_conns++;
}

const struct ct_event *ct_model_expected(const struct ct_model *model, uint32_t conn, uint8_t kind)
{
	return kind == CT_EVENT_STATE ? &model->conns[conn] : &model->last_of[kind];
}

void ct_model_update(struct ct_model *model, uint32_t conn, const struct ct_event *event,
		     size_t size)
{
	struct ct_event *last = &model->conns[conn];

	memcpy(last, event, CT_EVENT_CORE_SIZE);
	if (event->kind == CT_EVENT_STATE)
		last->to = event->to;
	else if (size)
		memcpy(&model->last_of[event->kind].to, &event->to, size - CT_EVENT_CORE_SIZE);
	last->to.old_state = event->state;
	model->current = conn;
	model->ts_ns = event->ts_ns;
}
