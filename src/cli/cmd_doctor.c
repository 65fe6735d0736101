// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cli.h"
#include "conntrace/doctor.h"
#include "conntrace/log.h"

/// How long it looks if nobody says otherwise.
#define WATCH_NS 10000000000ULL

static int look_live(struct ct_options *options)
{
	if (!options->duration_ns)
		options->duration_ns = WATCH_NS;
	ct_info("watching for %.3g s; --duration changes that", (double)options->duration_ns / 1e9);
	return ct_live_run(options, ct_sink_doctor_new, NULL);
}

int ct_cmd_doctor(struct ct_options *options)
{
	int worst = 0, r;

	options->output.worst = &worst;
	r = options->file ? ct_file_run(options, ct_sink_doctor_new) : look_live(options);
	if (r == CT_EXIT_DONE && options->fail_on && worst >= options->fail_on)
		return CT_EXIT_FOUND;
	return r;
}
