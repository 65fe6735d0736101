/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A record of the ring that holds two events. */
#pragma once

#include "conntrace/event.h"

/*
 * What one moment tells of a socket, in one record of the ring: a transition, and one event that
 * stands before it. The source takes them apart, nobody else knows.
 */
union ct_moment {
	struct ct_event
		event; /* CT_EVENT_STATE; .with is the kind of the other, 0: there is none */
	struct {
		__u8 transition[CT_EVENT_SIZE(to)];
		union {
			struct ct_event_owner who;
			struct ct_event_counters counters;
			struct ct_event_options options;
		} more;
	};
};

_Static_assert(__builtin_offsetof(union ct_moment, more) == CT_EVENT_SIZE(to), "no gap");
