// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cli.h"

#define DEFAULT_PATH "conntrace.ctr"

int ct_cmd_record(struct ct_options *options)
{
	return ct_live_run(options, NULL, options->write_path ? options->write_path : DEFAULT_PATH);
}
