/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * uthash, as it is included here: what there is no memory for is not added, and has hh.tbl NULL
 * behind HASH_ADD(). Left to itself, uthash ends the program.
 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
