// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_list.h"

#include "conntrace/sink_formats.h"

/// Columns of each format; NULL: all that it has.
static const char *const fields[_CT_OUTPUT_MAX] = {
	[CT_OUTPUT_TABLE] = "pid,comm,laddr,lport,raddr,rport,detail",
	[CT_OUTPUT_WIDE] = "pid,comm,laddr,lport,raddr,rport,conn,netns,uid,role,owner,detail",
};

int ct_sink_list_new(const struct ct_output_options *options, const struct ct_session *session,
		     FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct ct_output_options chosen = *options;

	if (!chosen.fields)
		chosen.fields = fields[chosen.format];
	return ct_sink_format_new(&chosen, session, out, CT_KIND(FOUND), ret_sink, ret_bad_field);
}
