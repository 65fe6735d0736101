/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the files of one recording are called, as tcpdump(8) has it: FILE, FILE1, FILE2 …; where the
 * oldest is overwritten FILE0, FILE1 …, padded with zeros; with -G, FILE is a format of
 * strftime(3). No input or output.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "options.h"

struct ct_file_names {
	const char *pattern;		    /// what -w says; borrowed
	const struct ct_rotation *rotation; /// borrowed
	uint64_t number;		    /// of the file at hand
	uint64_t written;    /// numbers that files of this run have, from 0 on; they share the stem
	char stem[PATH_MAX]; /// the pattern, with the time in it
	char path[PATH_MAX]; /// of the file at hand
};

/// True if the oldest file is overwritten when there are as many as asked for.
bool ct_file_names_are_ring(const struct ct_rotation *rotation);

/**
 * The first name.
 *
 * @now what strftime(3) is given, in local time.
 * @return 0; -ENAMETOOLONG; -EINVAL: the time makes an empty name of it.
 */
int ct_file_names_begin(struct ct_file_names *names, const char *pattern,
			const struct ct_rotation *rotation, time_t now);

/**
 * The next name.
 *
 * @period_over The time that -G gives a file is over, and NOW goes into the name. Where that makes
 *no other name, the number goes on: nothing is overwritten that nobody wanted to lose.
 * @return as ct_file_names_begin(); the names are unchanged on failure.
 */
int ct_file_names_next(struct ct_file_names *names, bool period_over, time_t now);

/// The next name of a ring when there is no room for more: of the oldest file that it has. -ENOSPC:
/// it has but the one at hand.
int ct_file_names_reuse(struct ct_file_names *names);

/// True if the name at hand is that of a file of this run, which has had its time.
bool ct_file_names_is_reused(const struct ct_file_names *names);

/// The name at hand has become a file.
void ct_file_names_note(struct ct_file_names *names);

/// What the file of that number is or will be called, with the stem at hand. 0; -ENAMETOOLONG.
int ct_file_names_of(const struct ct_file_names *names, uint64_t number, char ret[PATH_MAX]);
