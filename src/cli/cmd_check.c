// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "capabilities.h"
#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/json_writer.h"
#include "conntrace/log.h"
#include "conntrace/sink_words.h"
#include "conntrace/source_live.h"
#include "cost.h"
#include "stop.h"
#include "terminal.h"

/// How long programs are watched if nobody says otherwise.
#define COST_NS 5000000000

/// What stands in front of a line.
#define LABEL_WIDTH 12

struct check {
	struct utsname name;
	struct ct_surroundings surroundings;
	struct ct_capabilities capabilities;
	char problem[512]; /// "": tracing is possible
	bool has_cost;
	struct ct_cost cost;
};

static void put_json(struct ct_buf *buf, const struct check *check)
{
	const struct ct_surroundings *surroundings = &check->surroundings;
	struct ct_json json;

	ct_json_init(&json, buf);
	ct_json_object_begin(&json);
	ct_json_kv_bool(&json, "tracing", !*check->problem);
	ct_json_kv_str(&json, "problem", *check->problem ? check->problem : NULL);
	ct_json_kv_str(&json, "kernel", check->name.release);
	ct_json_kv_str(&json, "machine", check->name.machine);
	ct_json_kv_bool(&json, "btf", surroundings->has_btf);
	ct_json_kv_str(&json, "lockdown", *surroundings->lockdown ? surroundings->lockdown : NULL);
	ct_json_key(&json, "privileges");
	ct_json_object_begin(&json);
	for (size_t i = 0; i < _CT_PRIVILEGE_MAX; i++)
		ct_json_kv_bool(&json, surroundings->privileges[i].name,
				surroundings->privileges[i].held);
	ct_json_object_end(&json);
	ct_capabilities_put_json(&json, &check->capabilities);
	if (check->has_cost)
		ct_cost_put_json(&json, &check->cost);
	ct_json_object_end(&json);
	ct_buf_putc(buf, '\n');
}

/// A line each, or more where the terminal is narrow.
static void put_privileges(struct ct_buf *buf, const struct ct_surroundings *surroundings,
			   size_t width)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};
	size_t missing = 0;

	ct_buf_puts(buf, "privileges  ");
	for (size_t i = 0; i < _CT_PRIVILEGE_MAX; i++) {
		const struct ct_privilege *privilege = &surroundings->privileges[i];

		if (privilege->held)
			continue;
		if (missing++)
			ct_buf_printf(buf, ",\n%*s", LABEL_WIDTH, "");
		ct_buf_reset(&text);
		ct_buf_printf(&text, "%s%s (%s)", missing == 1 ? "without " : "", privilege->name,
			      privilege->purpose);
		/* a column is left for the comma */
		ct_words_wrap(buf, text.data, LABEL_WIDTH, width ? width - 1 : 0);
	}
	if (!missing)
		ct_buf_puts(buf, "all that are needed");
	ct_buf_putc(buf, '\n');
}

static void put_text(struct ct_buf *buf, const struct check *check)
{
	const struct ct_surroundings *surroundings = &check->surroundings;
	size_t width = ct_terminal_width();

	ct_buf_printf(buf, "kernel      %s %s\n", check->name.release, check->name.machine);
	ct_buf_printf(buf, "BTF         %s\n", surroundings->has_btf ? "yes" : "none");
	ct_buf_printf(buf, "lockdown    %s\n",
		      *surroundings->lockdown
			      ? surroundings->lockdown
			      : "not known: /sys/kernel/security/lockdown cannot be read");
	put_privileges(buf, surroundings, width);
	if (*check->problem) /* one sentence says it of all of them */
		return;
	ct_buf_putc(buf, '\n');
	ct_capabilities_put_table(buf, &check->capabilities, width, ct_output_utf8());
	if (!check->has_cost)
		return;
	ct_buf_putc(buf, '\n');
	ct_cost_put_table(buf, &check->cost);
}

/// Under what the machine does by itself.
static int measure(const struct ct_options *options, const struct ct_live_config *config,
		   struct check *check)
{
	char err[512] = "";
	int r;

	if (!options->cost || *check->problem)
		return CT_EXIT_DONE;
	ct_stop_catch();
	ct_stop_insist();
	r = ct_live_cost(config, options->duration_ns ?: COST_NS, ct_stop_is_wanted, &check->cost,
			 err, sizeof(err));
	check->has_cost = r == 0;
	if (r == 0)
		return CT_EXIT_DONE;
	if (ct_stop_is_wanted()) {
		ct_warn("interrupted: what the programs cost is not told");
		return CT_EXIT_DONE;
	}
	ct_error("%s", *err ? err : strerror(-r));
	return r == -EPERM || r == -ENOTSUP ? CT_EXIT_UNSUPPORTED : CT_EXIT_FAILED;
}

int ct_cmd_check(struct ct_options *options)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	const struct ct_live_config config = {.hidden = options->hidden,
					      .n_hidden = options->n_hidden,
					      .btf_path = options->btf_path};
	struct check check = {};
	int r, written;

	uname(&check.name);
	r = ct_live_check(&config, &check.capabilities, &check.surroundings, check.problem,
			  sizeof(check.problem));
	if (r == -EINVAL) {
		ct_error("%s", check.problem);
		return CT_EXIT_USAGE;
	}
	if (r && r != -EPERM && r != -ENOTSUP) {
		ct_error("cannot find out what this kernel permits: %s", strerror(-r));
		return CT_EXIT_FAILED;
	}
	if (r && !*check.problem)
		strcpy(check.problem, "tracing is not possible here");
	r = measure(options, &config, &check);
	if (r)
		return r;
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
