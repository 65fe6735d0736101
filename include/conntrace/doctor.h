/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sink behind `conntrace doctor`: not what happened, but what is wrong, with whom, and what to
 * do. */
#pragma once

#include <stdio.h>

#include "conntrace/sink.h"

/**
 * Makes the sink that judges whole connections: it takes their summaries, those of what is still
 * open too, and says what it has found at finish(): the worst first, as text or as JSON Lines.
 *
 * A connection of which events are missing speaks for nothing; how many those were is said.
 *
 * @options->worst, if not NULL, is raised to 1 + the severity of the worst finding, at finish().
 * @options->totals, if not NULL, gets as lines how much was seen, and what it may be too early for,
 * where nothing was found and JSON has nothing to print: at the end of a finish() that succeeds.
 * @session and @out are borrowed and outlive the sink. Nothing but the sink writes to @out.
 * @ret_bad_field there are no fields to choose from: the first of options->fields.
 * @return 0; -ENOMEM; -EINVAL; *ret_sink is unchanged on failure.
 */
int ct_sink_doctor_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field);
