// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/e2e.h"
#include "support/events.h"

#define POLL_MS 50

json_t *e2e_recording_events(const char *path)
{
	struct e2e_output output;
	json_t *events;

	if (access(path, F_OK))
		return json_array();
	E2E_CONNTRACE(&output, "replay", "--json", path);
	assert_in_range(output.status, 0, 1);
	events = e2e_events_parse(output.out, output.out_bytes);
	e2e_output_free(&output);
	return events;
}

static bool tells(const char *path, const json_t *pattern)
{
	json_t *events = e2e_recording_events(path);
	bool found = false;

	for (size_t i = 0; i < json_array_size(events) && !found; i++)
		found = e2e_event_matches(json_array_get(events, i), pattern);
	json_decref(events);
	return found;
}

bool e2e_recording_wait(const char *path, int limit_ms, const char *pattern, ...)
{
	int64_t until_ms = e2e_now_ms() + limit_ms;
	json_t *wanted;
	bool found;
	va_list args;

	va_start(args, pattern);
	wanted = e2e_events_pattern(pattern, args);
	va_end(args);
	found = tells(path, wanted);
	while (!found && e2e_now_ms() < until_ms) {
		e2e_sleep_ms(POLL_MS);
		found = tells(path, wanted);
	}
	json_decref(wanted);
	return found;
}
