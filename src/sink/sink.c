// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink.h"

#include <errno.h>
#include <string.h>

#include "conntrace/sink_formats.h"

static const struct {
	const char *name;
	int (*new)(const struct ct_output_options *options, const struct ct_session *session,
		   FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		   const char **ret_bad_field);
} formats[] = {
	[CT_OUTPUT_TABLE] = {"table", ct_sink_table_new},
	[CT_OUTPUT_WIDE] = {"wide", ct_sink_table_new},
	[CT_OUTPUT_JSON] = {"json", ct_sink_json_new},
	[CT_OUTPUT_CSV] = {"csv", ct_sink_csv_new},
};

_Static_assert(sizeof(formats) / sizeof(formats[0]) == _CT_OUTPUT_MAX, "each format has a sink");

void ct_sink_free(struct ct_sink **sink)
{
	if (*sink)
		(*sink)->ops->free(*sink);
	*sink = NULL;
}

int ct_output_format_from_name(const char *name, enum ct_output_format *ret)
{
	for (enum ct_output_format format = 0; format < _CT_OUTPUT_MAX; format++) {
		if (strcmp(formats[format].name, name) != 0)
			continue;
		*ret = format;
		return 0;
	}
	return -EINVAL;
}

int ct_sink_format_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		       const char **ret_bad_field)
{
	return formats[options->format].new(options, session, out, kinds, ret_sink, ret_bad_field);
}

int ct_sink_output_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	return ct_sink_format_new(options, session, out, CT_KINDS_ALL, ret_sink, ret_bad_field);
}
