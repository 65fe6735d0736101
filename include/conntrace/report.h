/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sink behind `conntrace report`: connections, not events. */
#pragma once

#include <stdio.h>

#include "conntrace/sink.h"

/**
 * Makes the sink that reports connections: it takes CT_UPDATE_CLOSE and CT_UPDATE_LOST and lets the
 * other updates pass.
 *
 * JSON and CSV print each summary as it comes, and nothing else. Table prints a text at finish():
 * what was recorded, the flagged connections with their evidence, the others in two lines each, the
 * totals; wide shows all of them with everything that is known. A long report waits in a temporary
 * file, not in memory.
 *
 * @session and @out are borrowed and outlive the sink. Nothing but the sink writes to @out.
 * @ret_bad_field as in ct_sink_output_new(). The text has no columns: every field is unknown there.
 * @return 0; -ENOMEM; -EINVAL; *ret_sink is unchanged on failure.
 */
int ct_sink_report_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field);
