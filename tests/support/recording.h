// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a recording tells while it is being written: what a frame of it holds, a second late at
// most.
//
// Every function here fails the running cmocka test when it cannot do its work.
#pragma once

#include <jansson.h>
#include <stdbool.h>

/// What `replay --json` prints of a recording, whole or not; nothing of one that is not there. The
/// caller owns the array.
json_t *e2e_recording_events(const char *path);

/// Waits until a recording tells of an event that matches the pattern (see events.h); false when
/// limit_ms went by without. As e2e_tracer_wait_event(), where stdout tells nothing.
bool e2e_recording_wait(const char *path, int limit_ms, const char *pattern, ...);
