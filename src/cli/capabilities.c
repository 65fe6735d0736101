// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "capabilities.h"

#include <string.h>

#include "conntrace/cleanup.h"
#include "conntrace/sink_words.h"
#include "conntrace/text.h"

/// As wide as the longest name, and the longest level.
#define NAME_WIDTH    22
#define LEVEL_WIDTH   7
#define DETAIL_COLUMN (NAME_WIDTH + 2 + LEVEL_WIDTH + 2)

/// In place of a reason that stands further up.
#define SAME_REASON "for the same reason: "

void ct_capabilities_put_json(struct ct_json *json, const struct ct_capabilities *capabilities)
{
	ct_json_key(json, "capabilities");
	ct_json_array_begin(json);
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++) {
		const struct ct_capability *capability = &capabilities->of[i];

		ct_json_object_begin(json);
		ct_json_kv_str(json, "name", ct_capability_name(i));
		ct_json_kv_str(json, "level", ct_capability_level_name(capability->level));
		ct_json_kv_str(json, "detail", *capability->detail ? capability->detail : NULL);
		ct_json_object_end(json);
	}
	ct_json_array_end(json);
}

/// One of the rows, its detail behind PREFIX.
static void put_row(struct ct_buf *buf, unsigned int id, unsigned int level, const char *prefix,
		    const char *detail, size_t width, bool utf8)
{
	const char *level_name = ct_capability_level_name(level);
	_cleanup_(ct_buf_fini) struct ct_buf text = {};

	ct_buf_printf(buf, "%-*s  ", NAME_WIDTH, ct_capability_name(id));
	if (!*prefix && !*detail) {
		ct_buf_printf(buf, "%s\n", level_name);
		return;
	}
	ct_buf_printf(buf, "%-*s  ", LEVEL_WIDTH, level_name);
	ct_buf_puts(&text, prefix);
	/* of a recording it is whatever stands there */
	ct_text_escape(&text, detail, strlen(detail), utf8);
	if (text.error)
		buf->error = text.error;
	else
		ct_words_wrap(buf, text.data, DETAIL_COLUMN, width);
	ct_buf_putc(buf, '\n');
}

/// Bytes of the reason that two details have in common, with the colon behind it; 0: none. A colon
/// in parentheses ends no reason.
static size_t common_reason(const char *a, const char *b)
{
	size_t reason = 0;
	int depth = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++) {
		depth += (a[i] == '(') - (a[i] == ')');
		if (depth == 0 && i > 0 && a[i - 1] == ':' && a[i] == ' ')
			reason = i + 1;
	}
	return reason;
}

void ct_capabilities_put_table(struct ct_buf *buf, const struct ct_capabilities *capabilities,
			       size_t width, bool utf8)
{
	bool told[_CT_CAPABILITY_MAX] = {};

	ct_buf_printf(buf, "%-*s  %-*s  %s\n", NAME_WIDTH, "CAPABILITY", LEVEL_WIDTH, "LEVEL",
		      "DETAIL");
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++) {
		const struct ct_capability *first = &capabilities->of[i];

		if (told[i])
			continue;
		put_row(buf, i, first->level, "", first->detail, width, utf8);
		for (unsigned int k = i + 1; k < _CT_CAPABILITY_MAX; k++) {
			const struct ct_capability *other = &capabilities->of[k];
			size_t reason = common_reason(first->detail, other->detail);

			if (told[k] || !reason)
				continue;
			told[k] = true;
			put_row(buf, k, other->level, SAME_REASON, other->detail + reason, width,
				utf8);
		}
	}
}
