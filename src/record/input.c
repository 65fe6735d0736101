// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int ct_input_need(struct ct_input *input, size_t n)
{
	if (ct_input_left(input) >= n || input->eof)
		return 0;
	memmove(input->window, ct_input_bytes(input), ct_input_left(input));
	input->end -= input->start;
	input->start = 0;
	while (input->end < n) {
		ssize_t got = read(input->fd, input->window + input->end,
				   sizeof(input->window) - input->end);

		if (got < 0) /* -EINTR as well: who does not want that sets SA_RESTART */
			return -errno;
		if (got == 0) {
			input->eof = true;
			return 0;
		}
		input->end += (size_t)got;
	}
	return 0;
}

int ct_input_rewind(struct ct_input *input, uint64_t offset)
{
	if (input->offset == offset)
		return 0;
	if (lseek(input->fd, (off_t)offset, SEEK_SET) < 0)
		return -errno;
	input->start = 0;
	input->end = 0;
	input->eof = false;
	input->offset = offset;
	return 0;
}
