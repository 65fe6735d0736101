// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_spool.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEPT_IN_MEMORY_BYTES ((size_t)1024 * 1024)
#define COPY_BYTES	     ((size_t)16 * 1024)

/// What errno says after stdio failed; it may be silent.
static int failure(void)
{
	return errno ? -errno : -EIO;
}

/// In memory where there is no room for files without a name: /tmp may be read-only, or of a kind
/// that has none.
static FILE *open_file(void)
{
	FILE *file = tmpfile();
	int fd = file ? -1 : memfd_create("conntrace", MFD_CLOEXEC);

	if (fd < 0)
		return file;
	file = fdopen(fd, "w+");
	if (!file)
		close(fd);
	return file;
}

int ct_spool_commit(struct ct_spool *spool)
{
	if (spool->buf.error)
		return spool->buf.error;
	if (spool->buf.len < KEPT_IN_MEMORY_BYTES)
		return 0;
	errno = 0;
	if (!spool->file)
		spool->file = open_file();
	if (!spool->file ||
	    fwrite(spool->buf.data, 1, spool->buf.len, spool->file) != spool->buf.len)
		return failure();
	ct_buf_reset(&spool->buf);
	return 0;
}

static int copy_file(FILE *file, struct ct_sink_out *out)
{
	char bytes[COPY_BYTES];
	size_t n;
	int r;

	errno = 0;
	if (fseek(file, 0, SEEK_SET))
		return failure();
	while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0) {
		ct_buf_append(&out->buf, bytes, n);
		r = ct_sink_out_commit(out);
		if (r)
			return r;
	}
	return ferror(file) ? failure() : 0;
}

int ct_spool_copy(struct ct_spool *spool, struct ct_sink_out *out)
{
	int r;

	if (spool->buf.error)
		return spool->buf.error;
	if (spool->file) {
		r = copy_file(spool->file, out);
		if (r)
			return r;
	}
	ct_buf_append(&out->buf, spool->buf.data, spool->buf.len);
	return ct_sink_out_commit(out);
}

int ct_spool_rewind(struct ct_spool *spool)
{
	if (spool->buf.error)
		return spool->buf.error;
	spool->taken = 0;
	errno = 0;
	return spool->file && fseek(spool->file, 0, SEEK_SET) ? failure() : 0;
}

/// As much of *n as the file still has; what it has not stays there.
static int take_from_file(FILE *file, size_t *n, struct ct_buf *to)
{
	char bytes[COPY_BYTES];

	errno = 0;
	while (*n) {
		size_t got = fread(bytes, 1, *n < sizeof(bytes) ? *n : sizeof(bytes), file);

		if (!got)
			return ferror(file) ? failure() : 0;
		if (to)
			ct_buf_append(to, bytes, got);
		*n -= got;
	}
	return 0;
}

int ct_spool_take(struct ct_spool *spool, size_t n, struct ct_buf *to)
{
	int r = spool->file ? take_from_file(spool->file, &n, to) : 0;

	if (r)
		return r;
	if (n > spool->buf.len - spool->taken)
		return -EIO;
	if (to && n)
		ct_buf_append(to, spool->buf.data + spool->taken, n);
	spool->taken += n;
	return to ? to->error : 0;
}

void ct_spool_fini(struct ct_spool *spool)
{
	ct_buf_fini(&spool->buf);
	if (spool->file)
		fclose(spool->file);
	spool->file = NULL;
}
