/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From bytes to a validated event, and the layout by which events are checked and recorded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/event.h"

/// One integer of an event, by its place in struct ct_event.
struct ct_event_field {
	uint8_t offset; /// from the start of struct ct_event
	uint8_t size;	/// in bytes: 1, 2, 4 or 8
	uint16_t limit; /// a valid value is below it; 0: every value is valid
	uint8_t first;	/// the lowest valid value: 1 where an enum's NONE says nothing
};

/// The integers of one kind's payload; bytes that no field names are zero in a valid event.
struct ct_event_layout {
	const char *name; /// of the kind, lower case
	const struct ct_event_field *fields;
	size_t n_fields;
	uint32_t limited; /// bit n: fields[n] has a limit, and is one byte; the others have none
	size_t size;	  /// of the whole record in bytes, core included
};

/**
 * Layout of a kind of event.
 *
 * @return NULL when no such kind is known. Static storage.
 */
const struct ct_event_layout *ct_event_layout(uint8_t kind);

/// The integers of the core, addresses and kind left out. Static storage, *ret_n of them.
const struct ct_event_field *ct_event_core_fields(size_t *ret_n);

/// Reads and writes the integer which FIELD names.
static inline uint64_t ct_event_get(const struct ct_event *event,
				    const struct ct_event_field *field)
{
	const void *at = (const char *)event + field->offset;

	switch (field->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static inline void ct_event_set(struct ct_event *event, const struct ct_event_field *field,
				uint64_t value)
{
	void *at = (char *)event + field->offset;

	switch (field->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(uint64_t *)at = value;
		break;
	}
}

/**
 * Checks one record.
 *
 * Every enum is in its range, the length is exactly that of the kind.
 *
 * @bytes must be aligned to 8 bytes; *ret_event points into it and lives as long.
 * @return 0; -EBADMSG when the record is not a valid event, *ret_event is unchanged then.
 */
int ct_decode(const void *bytes, size_t len, const struct ct_event **ret_event);
