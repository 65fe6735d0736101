/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The constructors behind ct_sink_output_new(): arguments and results are as there. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "conntrace/buf.h"
#include "conntrace/sink.h"

/// A set of enum ct_update_kind.
#define CT_KIND(kind) (1U << CT_UPDATE_##kind)
#define CT_KINDS_ALL  ((1U << _CT_UPDATE_MAX) - 1)

/// For the format that the options name. @kinds as in ct_sink_json_new().
int ct_sink_format_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		       const char **ret_bad_field);

/// @kinds what is printed; other updates pass unseen.
int ct_sink_json_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		     const char **ret_bad_field);

/// @kinds as in ct_sink_json_new(); a column that none of them fills is not there.
int ct_sink_csv_new(const struct ct_output_options *options, const struct ct_session *session,
		    FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		    const char **ret_bad_field);

/// For CT_OUTPUT_TABLE and CT_OUTPUT_WIDE. @kinds as in ct_sink_json_new().
int ct_sink_table_new(const struct ct_output_options *options, const struct ct_session *session,
		      FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		      const char **ret_bad_field);

/**
 * Of a table of CT_KIND(FOUND) alone, as wide as its options say: its columns are to be wide enough
 * for UPDATE, which is to come. Not any more behind the first that has come. Of others nothing.
 */
void ct_sink_table_fit(struct ct_sink *sink, const struct ct_update *update);

/// Appends the names of the columns that options->fields may ask a table of these KINDS for: "TIME,
/// PID".
void ct_sink_table_put_columns(struct ct_buf *buf, uint32_t kinds);
