/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a sink's lines gather before they are written in one piece. */
#pragma once

#include <stdio.h>

#include "conntrace/buf.h"

struct ct_sink_out {
	FILE *file; /// borrowed
	struct ct_buf buf;
	int error; /// the first that writing gave; nothing is written after it
};

void ct_sink_out_init(struct ct_sink_out *out, FILE *file);

/// A whole line stands in out->buf. Writes if much has gathered. 0; -errno of writing; -ENOMEM.
int ct_sink_out_commit(struct ct_sink_out *out);

/// Writes what has gathered, through to the file. As ct_sink_out_commit().
int ct_sink_out_flush(struct ct_sink_out *out);

/// Frees the buffer; what is still in it is dropped. The file stays open.
void ct_sink_out_fini(struct ct_sink_out *out);
