// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/level.h"

#include <string.h>

#include "support/events.h"

const char *e2e_level_of(const json_t *told, const char *name)
{
	const json_t *capability;
	size_t i;

	json_array_foreach(json_object_get(told, "capabilities"), i,
			   capability) if (strcmp(e2e_event_text(capability, "name"), name) ==
					   0) return e2e_event_text(capability, "level");
	return "(none)";
}
