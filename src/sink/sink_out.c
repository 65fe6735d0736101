// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_out.h"

#include <errno.h>

/// So much gathers before it is written without being asked for.
#define WRITE_AT_BYTES ((size_t)64 * 1024)

void ct_sink_out_init(struct ct_sink_out *out, FILE *file)
{
	*out = (struct ct_sink_out){.file = file};
}

static int fail(struct ct_sink_out *out, int error)
{
	out->error = error ? error : -EIO;
	return out->error;
}

static int write_gathered(struct ct_sink_out *out)
{
	struct ct_buf *buf = &out->buf;

	if (out->error)
		return out->error;
	if (buf->error)
		return fail(out, buf->error);
	if (!buf->len)
		return 0;
	errno = 0;
	if (fwrite(buf->data, 1, buf->len, out->file) != buf->len)
		return fail(out, -errno);
	ct_buf_reset(buf);
	return 0;
}

int ct_sink_out_commit(struct ct_sink_out *out)
{
	if (!out->error && !out->buf.error && out->buf.len < WRITE_AT_BYTES)
		return 0;
	return write_gathered(out);
}

int ct_sink_out_flush(struct ct_sink_out *out)
{
	int r = write_gathered(out);

	if (r)
		return r;
	errno = 0;
	if (fflush(out->file))
		return fail(out, -errno);
	return 0;
}

void ct_sink_out_fini(struct ct_sink_out *out)
{
	ct_buf_fini(&out->buf);
}
