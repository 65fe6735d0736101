/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What reader.c opens and replay.c reads. */
#pragma once

#include <stdint.h>

#include "codec.h"
#include "conntrace/session.h"
#include "frame.h"
#include "input.h"

struct ct_recording_reader {
	uint16_t version;
	uint64_t frames_offset; /// where the file header ends
	struct ct_session session;
	struct ct_decoder *decoder;
	struct ct_unpacker *unpacker;
	struct ct_input input;
};
