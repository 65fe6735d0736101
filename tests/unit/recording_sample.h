// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A small recording of several frames, for tests that damage it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording_fixture.h"

#define SECOND	  UINT64_C(1000000000)
#define N_FRAMES  4
#define PER_FRAME 3

struct sample {
	struct bytes file;
	struct events events;	     /// N_FRAMES times PER_FRAME
	size_t frames[N_FRAMES + 1]; /// offsets; the last is that of the index
	size_t trailer;
};

/// For cmocka; the state is a struct sample.
int sample_setup(void **state);
int sample_teardown(void **state);

/// Length of the file header.
size_t header_bytes(const struct bytes *file);

/// Takes REMOVE bytes from offset AT out and puts N others in their place.
void splice(struct bytes *file, size_t at, size_t remove, const uint8_t *put, size_t n);

/// What a reader makes of a recording. Starts as {}.
struct result {
	int r;
	struct events events;
	struct ct_recording_info info;
	char err_text[CT_RECORDING_ERR_LEN];
};

void result_fini(struct result *result);

void read_bytes(const uint8_t *data, size_t len, struct result *ret);

/// As read_bytes(), and it can be opened and read.
void read_sample(const struct sample *sample, struct result *ret);

bool same_event(const struct ct_event *a, const struct ct_event *b);

/// The events are those of the sample without frame MISSING, in whose place a loss stands, and with
/// the owner repeated in each frame behind it.
void expect_without_frame(const struct sample *sample, const struct result *result, size_t missing);
