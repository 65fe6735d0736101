/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file read from its start to its end through a window of fixed size. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

/// Bytes that ct_input_need() can be asked for: a head of any length and what follows it.
#define CT_INPUT_NEED_MAX (CT_HEAD_MAX + CT_FRAME_COMPRESSED_MAX)

/// What is read at once when the window is empty.
#define CT_INPUT_WINDOW (2 * CT_INPUT_NEED_MAX)

struct ct_input {
	int fd; /// owned; -1 none
	bool eof;
	size_t start; /// of what is in the window and not consumed
	size_t end;
	uint64_t offset; /// in the file, of window[start]
	uint8_t window[CT_INPUT_WINDOW];
};

/**
 * Reads until N bytes stand in the window, or the file has no more.
 *
 * @return 0, also at the end of the file: see ct_input_left(); -errno of read.
 */
int ct_input_need(struct ct_input *input, size_t n);

/// What can be had at ct_input_bytes() without reading.
static inline size_t ct_input_left(const struct ct_input *input)
{
	return input->end - input->start;
}

static inline const uint8_t *ct_input_bytes(const struct ct_input *input)
{
	return input->window + input->start;
}

/// Passes over N bytes, of which there are so many in the window.
static inline void ct_input_consume(struct ct_input *input, size_t n)
{
	input->start += n;
	input->offset += n;
}

/// Goes back to OFFSET. 0; -errno of lseek: -ESPIPE, it is a pipe and OFFSET is not where it
/// stands.
int ct_input_rewind(struct ct_input *input, uint64_t offset);
