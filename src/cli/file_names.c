// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "file_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool ct_file_names_are_ring(const struct ct_rotation *rotation)
{
	return rotation->bytes && rotation->files;
}

/// So many digits as the last file of a ring has: the names sort as the files were begun.
static int width(const struct ct_rotation *rotation)
{
	int digits = 0;

	if (!ct_file_names_are_ring(rotation))
		return 0;
	for (uint64_t last = rotation->files - 1; last; last /= 10)
		digits++;
	return digits;
}

/// 0; -ENAMETOOLONG; -EINVAL.
static int make_stem(const struct ct_file_names *names, time_t now, char ret[PATH_MAX])
{
	struct tm tm;

	if (!names->rotation->period_ns) {
		if (strlen(names->pattern) >= PATH_MAX)
			return -ENAMETOOLONG;
		strcpy(ret, names->pattern);
		return 0;
	}
	if (!localtime_r(&now, &tm))
		return -EINVAL;
	/* 0 is what it returns for an empty text and for one that is too long. */
	if (!strftime(ret, PATH_MAX, names->pattern, &tm))
		return strlen(names->pattern) < PATH_MAX / 8 ? -EINVAL : -ENAMETOOLONG;
	return 0;
}

int ct_file_names_of(const struct ct_file_names *names, uint64_t number, char ret[PATH_MAX])
{
	int digits = width(names->rotation);
	int length;

	if (!number && !digits)
		length = snprintf(ret, PATH_MAX, "%s", names->stem);
	else
		length = snprintf(ret, PATH_MAX, "%s%0*" PRIu64, names->stem, digits, number);
	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int ct_file_names_begin(struct ct_file_names *names, const char *pattern,
			const struct ct_rotation *rotation, time_t now)
{
	int r;

	*names = (struct ct_file_names){.pattern = pattern, .rotation = rotation};
	r = make_stem(names, now, names->stem);
	return r ? r : ct_file_names_of(names, 0, names->path);
}

int ct_file_names_next(struct ct_file_names *names, bool period_over, time_t now)
{
	struct ct_file_names next = *names;
	int r = period_over ? make_stem(&next, now, next.stem) : 0;

	if (r)
		return r;
	next.number++;
	if (strcmp(next.stem, names->stem) != 0) {
		next.number = 0;
		next.written = 0;
	} else if (ct_file_names_are_ring(next.rotation) && next.number >= next.rotation->files) {
		next.number = 0;
	}
	r = ct_file_names_of(&next, next.number, next.path);
	if (r == 0)
		*names = next;
	return r;
}

int ct_file_names_reuse(struct ct_file_names *names)
{
	if (names->written < 2)
		return -ENOSPC;
	names->number = (names->number + 1) % names->written;
	return ct_file_names_of(names, names->number, names->path);
}

bool ct_file_names_is_reused(const struct ct_file_names *names)
{
	return names->number < names->written;
}

void ct_file_names_note(struct ct_file_names *names)
{
	if (names->number >= names->written)
		names->written = names->number + 1;
}
