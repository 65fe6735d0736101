/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which of two lives a page wants more, by their flags. */
#pragma once

#include <stdint.h>

#include "conntrace/conn.h"
#include "conntrace/sink_words.h"

/// Bad flags count for more than any number of others.
#define CT_TROUBLE_BAD 256

/// @flags 1 << enum ct_flag. 0: none, or none but that of a gap, which is the trace's trouble and
/// not the life's own.
static inline uint32_t ct_trouble_of(uint32_t flags)
{
	uint32_t trouble = 0;

	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++)
		if (flag != CT_FLAG_GAP && flags & (1U << flag))
			trouble += ct_words_flag_style(flag) == CT_STYLE_BAD ? CT_TROUBLE_BAD + 1
									     : 1;
	return trouble;
}
