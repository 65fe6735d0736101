// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cli.h"
#include "conntrace/log.h"
#include "conntrace/report.h"

int ct_cmd_report(struct ct_options *options)
{
	enum ct_output_format format = options->output.format;

	if (options->output.fields && (format == CT_OUTPUT_TABLE || format == CT_OUTPUT_WIDE)) {
		ct_error("--fields: the report has fields only with -o json or -o csv");
		return CT_EXIT_USAGE;
	}
	return ct_file_run(options, options->html_path ? ct_sink_html_new : ct_sink_report_new);
}
