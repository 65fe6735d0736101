// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conntrace/cleanup.h"
#include "conntrace/recording.h"
#include "format.h"

__attribute__((format(printf, 3, 4))) static int refuse(char *err_text, int error, const char *why,
							...)
{
	va_list args;

	va_start(args, why);
	vsnprintf(err_text, CT_RECORDING_ERR_LEN, why, args);
	va_end(args);
	return error;
}

static int read_header(struct ct_recording_reader *reader, char *err_text)
{
	struct ct_input *input = &reader->input;
	size_t len;
	int r;

	r = ct_input_need(input, CT_PREAMBLE_BYTES);
	if (r)
		return r;
	if (!ct_input_left(input))
		return refuse(err_text, -EBADMSG, "is empty");
	if (ct_input_left(input) < CT_PREAMBLE_BYTES)
		return refuse(err_text, -EBADMSG, "is no conntrace recording");
	r = ct_preamble_get(ct_input_bytes(input), &reader->version, &len);
	if (r == -EPROTONOSUPPORT)
		return refuse(err_text, r, "has format version %u, this conntrace reads up to %u",
			      reader->version, CT_FORMAT_VERSION);
	if (r == -EFBIG)
		return refuse(err_text, -EBADMSG, "claims a header of %zu bytes, the limit is %u",
			      len, CT_FILE_HEADER_MAX);
	if (r)
		return refuse(err_text, r, "is no conntrace recording");
	r = ct_input_need(input, len);
	if (r)
		return r;
	if (ct_input_left(input) < len)
		return refuse(err_text, -EBADMSG, "ends in the middle of its header");
	r = ct_file_header_get(ct_input_bytes(input), len, &reader->session);
	if (r)
		return refuse(err_text, r, "has a damaged header");
	ct_input_consume(input, len);
	reader->frames_offset = len;
	return 0;
}

int ct_recording_open_fd(int fd, char *err_text, struct ct_recording_reader **ret)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	int r;

	*err_text = '\0';
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		ct_closep(&fd);
		return -ENOMEM;
	}
	reader->input.fd = fd;
	r = ct_decoder_new(&reader->decoder);
	if (!r)
		r = ct_unpacker_new(&reader->unpacker);
	if (!r)
		r = read_header(reader, err_text);
	if (r)
		return r;
	*ret = CT_TAKE_PTR(reader);
	return 0;
}

int ct_recording_open(const char *path, char *err_text, struct ct_recording_reader **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	*err_text = '\0';
	return fd < 0 ? -errno : ct_recording_open_fd(fd, err_text, ret);
}

void ct_recording_reader_free(struct ct_recording_reader **reader)
{
	struct ct_recording_reader *r = CT_TAKE_PTR(*reader);

	if (!r)
		return;
	ct_closep(&r->input.fd);
	ct_unpacker_free(&r->unpacker);
	ct_decoder_free(&r->decoder);
	free(r);
}

const struct ct_session *ct_recording_session(const struct ct_recording_reader *reader)
{
	return &reader->session;
}

void ct_recording_position(const struct ct_recording_reader *reader, uint64_t *ret_done_bytes,
			   uint64_t *ret_size_bytes)
{
	struct stat st;
	bool is_file = fstat(reader->input.fd, &st) == 0 && S_ISREG(st.st_mode);

	*ret_done_bytes = reader->input.offset;
	*ret_size_bytes = is_file ? (uint64_t)st.st_size : 0;
}
