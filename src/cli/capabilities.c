// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "capabilities.h"

#include <string.h>

#include "cli.h"
#include "conntrace/text.h"

/// As wide as the longest name.
#define NAME_WIDTH 22

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

void ct_capabilities_put_table(struct ct_buf *buf, const struct ct_capabilities *capabilities)
{
	ct_buf_printf(buf, "%-*s  %-7s  %s\n", NAME_WIDTH, "CAPABILITY", "LEVEL", "DETAIL");
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++) {
		const struct ct_capability *capability = &capabilities->of[i];
		const char *level = ct_capability_level_name(capability->level);

		ct_buf_printf(buf, "%-*s  ", NAME_WIDTH, ct_capability_name(i));
		if (!*capability->detail) {
			ct_buf_printf(buf, "%s\n", level);
			continue;
		}
		ct_buf_printf(buf, "%-7s  ", level);
		/* of a recording it is whatever stands there */
		ct_text_escape(buf, capability->detail, strlen(capability->detail),
			       ct_output_utf8());
		ct_buf_putc(buf, '\n');
	}
}
