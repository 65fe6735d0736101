// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "moment.h"

#include <string.h>

bool ct_moment_is(const struct ct_event *event, size_t len)
{
	return len > CT_EVENT_SIZE(to) && len <= sizeof(union ct_moment) &&
	       event->kind == CT_EVENT_STATE && event->with;
}

size_t ct_moment_take_apart(const union ct_moment *moment, size_t len, struct ct_event *ret_first,
			    struct ct_event *ret_then)
{
	size_t more = len - CT_EVENT_SIZE(to);

	memcpy(ret_first, moment, CT_EVENT_CORE_SIZE);
	memcpy(&ret_first->to, &moment->more, more);
	ret_first->kind = moment->event.with;
	ret_first->with = 0;
	ret_first->state = moment->event.to.old_state;
	ret_first->context = CT_CONTEXT_NONE;
	memcpy(ret_then, moment, CT_EVENT_SIZE(to));
	ret_then->with = 0;
	ret_then->missed = 0;
	return CT_EVENT_CORE_SIZE + more;
}
