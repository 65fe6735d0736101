/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sink behind `conntrace list`: what was found, and nothing of what happened. */
#pragma once

#include <stdio.h>

#include "conntrace/sink.h"

/**
 * Makes the sink that prints CT_UPDATE_FOUND and lets the other updates pass.
 *
 * Unless options->fields asks for them, a table has neither TIME nor EVENT, which are the same on
 * every line. It begins with STATE, AGE and TIMER, which no other table has. Its lines are printed
 * at finish(), in order: by state, LISTEN first and then as a life goes through them, by the name
 * of the process, those without one last, its pid, the local port and the remote one. JSON and CSV
 * come as they are found.
 *
 * Arguments and results are those of ct_sink_output_new().
 */
int ct_sink_list_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field);
