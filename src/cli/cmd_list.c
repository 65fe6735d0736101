// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cli.h"
#include "conntrace/sink_list.h"

int ct_cmd_list(struct ct_options *options)
{
	return ct_live_run(options, ct_sink_list_new, NULL);
}
