// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cli.h"

int ct_cmd_watch(struct ct_options *options)
{
	return ct_live_run(options, ct_sink_output_new, options->write_path);
}
