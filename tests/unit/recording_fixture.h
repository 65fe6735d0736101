// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Events to record, and recordings as bytes in memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conntrace/event.h"
#include "conntrace/recording.h"

/// Records one after the other, each cut to its kind's length.
struct events {
	struct ct_event *list; /// owned
	size_t n;
	size_t capacity;
};

void events_add(struct events *events, const struct ct_event *event);
void events_fini(struct events *events);

/// A ct_record_fn whose context is a struct events: adds what ct_decode() finds valid, and fails
/// the test otherwise.
int events_take(void *events, const void *bytes, size_t len);

/// The events are the same, byte for byte. The first difference is named and fails the test.
#define assert_events_equal(got, want) events_assert_equal_at(__FILE__, __LINE__, got, want)
void events_assert_equal_at(const char *file, int line, const struct events *got,
			    const struct events *want);

/// Lives of connections over loopback, both ends, as the kernel tells them: connect, accept, an
/// exchange, close, TIME_WAIT. Deterministic.
void events_churn(struct events *events, size_t n_connections);

extern const struct ct_session fixture_session;

struct bytes {
	uint8_t *data; /// owned
	size_t len;
};

void bytes_fini(struct bytes *bytes);

/// What the writer makes of the events; properly finished.
void record(const struct events *events, struct bytes *ret);

/// What ct_recording_open() and ct_recording_read() make of a file of these bytes. Their error is
/// returned; whatever it says goes to *err_text.
int replay(const uint8_t *data, size_t len, struct events *ret, struct ct_recording_info *ret_info,
	   char *err_text);
