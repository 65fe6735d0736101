// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/json_writer.h"
#include "conntrace/log.h"
#include "conntrace/source_live.h"

struct check {
	struct ct_capability *list; /// owned
	size_t n;
	char problem[512]; /// "": tracing is possible
};

static const char *const level_names[] = {
	[CT_CAPABILITY_ABSENT] = "absent",
	[CT_CAPABILITY_PARTIAL] = "partial",
	[CT_CAPABILITY_FULL] = "full",
};

static void put_json(struct ct_buf *buf, const struct check *check)
{
	struct utsname name = {};
	struct ct_json json;

	uname(&name);
	ct_json_init(&json, buf);
	ct_json_object_begin(&json);
	ct_json_kv_bool(&json, "tracing", !*check->problem);
	ct_json_kv_str(&json, "problem", *check->problem ? check->problem : NULL);
	ct_json_kv_str(&json, "kernel", name.release);
	ct_json_kv_str(&json, "machine", name.machine);
	ct_json_key(&json, "capabilities");
	ct_json_array_begin(&json);
	for (size_t i = 0; i < check->n; i++) {
		const struct ct_capability *capability = &check->list[i];

		ct_json_object_begin(&json);
		ct_json_kv_str(&json, "name", capability->name);
		ct_json_kv_str(&json, "level", level_names[capability->level]);
		ct_json_kv_str(&json, "detail", *capability->detail ? capability->detail : NULL);
		ct_json_object_end(&json);
	}
	ct_json_array_end(&json);
	ct_json_object_end(&json);
	ct_buf_putc(buf, '\n');
}

static void put_text(struct ct_buf *buf, const struct check *check)
{
	int width = (int)strlen("CAPABILITY");

	for (size_t i = 0; i < check->n; i++)
		if ((int)strlen(check->list[i].name) > width)
			width = (int)strlen(check->list[i].name);
	ct_buf_printf(buf, "%-*s  %-7s  %s\n", width, "CAPABILITY", "LEVEL", "DETAIL");
	for (size_t i = 0; i < check->n; i++) {
		const struct ct_capability *capability = &check->list[i];

		ct_buf_printf(buf, "%-*s  ", width, capability->name);
		if (*capability->detail)
			ct_buf_printf(buf, "%-7s  %s\n", level_names[capability->level],
				      capability->detail);
		else
			ct_buf_printf(buf, "%s\n", level_names[capability->level]);
	}
}

static void check_fini(struct check *check)
{
	free(check->list);
}

int ct_cmd_check(struct ct_options *options)
{
	_cleanup_(check_fini) struct check check = {};
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	int r = ct_live_check(&check.list, &check.n, check.problem, sizeof(check.problem));
	int written;

	if (r && r != -EPERM && r != -ENOTSUP) {
		ct_error("cannot find out what this kernel permits: %s", strerror(-r));
		return CT_EXIT_FAILED;
	}
	if (r && !*check.problem)
		strcpy(check.problem, "tracing is not possible here");
	if (options->output.format == CT_OUTPUT_JSON)
		put_json(&buf, &check);
	else
		put_text(&buf, &check);
	written = ct_output_write(&buf);
	if (*check.problem) {
		ct_error("%s", check.problem);
		return CT_EXIT_UNSUPPORTED;
	}
	return written;
}
