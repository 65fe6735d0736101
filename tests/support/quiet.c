// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/quiet.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/hostile.h"

bool e2e_use_utf8(void)
{
	bool utf8 = setlocale(LC_CTYPE, "C.UTF-8") != NULL;

	setenv("LC_ALL", utf8 ? "C.UTF-8" : "C", 1);
	return utf8;
}

void e2e_assert_quiet(const char *text, size_t bytes, bool utf8, const char *allowed)
{
	const char *bad = hostile_find(text, bytes, utf8, allowed);

	if (bad)
		fail_msg("0x%02x at byte %td of: %s", (unsigned char)*bad, bad - text, text);
}
