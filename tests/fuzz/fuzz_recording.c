// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Any bytes as a recording, and as the payload of a frame, which the checksums of a whole recording
// would keep a fuzzer from.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/record/codec.h"
#include "conntrace/cleanup.h"
#include "conntrace/decode.h"
#include "conntrace/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// Touches every byte of a record, and counts them.
static int take(void *context, const void *bytes, size_t len)
{
	const struct ct_event *event;
	uint64_t *n = context;

	if ((uintptr_t)bytes % 8)
		abort();
	if (ct_decode(bytes, len, &event) == 0 && ct_event_layout(event->kind)->size != len)
		abort();
	(*n)++;
	return 0;
}

static void read_file(const uint8_t *data, size_t size)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	struct ct_recording_info info;
	char err_text[CT_RECORDING_ERR_LEN];
	int fd = memfd_create("recording", MFD_CLOEXEC);
	uint64_t n = 0;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0) {
		ct_closep(&fd);
		return;
	}
	if (ct_recording_open_fd(fd, err_text, &reader))
		return;
	if (ct_recording_read(reader, take, &n, &info) == 0 && n < info.events)
		abort();
}

/// What the bytes decode to must come out of the encoder and through the decoder unchanged.
static void read_payload(const uint8_t *data, size_t size)
{
	/* Made once: they are large. */
	static struct ct_decoder *first, *second;
	static struct ct_encoder *encoder;
	struct ct_decoded decoded, again;
	const uint8_t *payload;
	size_t len;

	if (!encoder &&
	    (ct_decoder_new(&first) || ct_decoder_new(&second) || ct_encoder_new(&encoder)))
		abort();
	ct_encoder_reset(encoder);
	ct_decoder_start(first, data, size);
	while (ct_decoder_next(first, &decoded) == 1)
		if (decoded.len && ct_encoder_add(encoder, decoded.event))
			break;
	payload = ct_encoder_payload(encoder, &len);
	ct_decoder_start(second, payload, len);
	ct_decoder_start(first, data, size);
	while (ct_decoder_next(second, &again) == 1) {
		do {
			if (ct_decoder_next(first, &decoded) != 1)
				abort();
		} while (!decoded.len);
		if (decoded.len != again.len || memcmp(decoded.event, again.event, again.len) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_file(data, size);
	read_payload(data, size);
	return 0;
}
