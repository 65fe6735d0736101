// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Any bytes as one record: what is accepted is what its layout says.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"
#include "conntrace/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct ct_event *event, const struct ct_event_field *fields,
			 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i].limit && ct_event_get(event, &fields[i]) >= fields[i].limit)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* An allocation of its own: aligned, and guarded behind its last byte. */
	_cleanup_(ct_freep) void *bytes = malloc(size);
	const struct ct_event *event = NULL;
	const struct ct_event_layout *layout;
	const struct ct_event_field *core;
	size_t n_core;

	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	if (ct_decode(bytes, size, &event)) {
		if (event)
			abort();
		return 0;
	}
	layout = ct_event_layout(event->kind);
	core = ct_event_core_fields(&n_core);
	if ((const void *)event != bytes || !layout || layout->size != size)
		abort();
	check_fields(event, core, n_core);
	check_fields(event, layout->fields, layout->n_fields);
	return 0;
}
