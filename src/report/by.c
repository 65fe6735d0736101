// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>

#include "conntrace/count.h"
#include "conntrace/report.h"
#include "conntrace/text.h"

static const char *const names[] = {
	[CT_REPORT_BY_NONE] = NULL,	    [CT_REPORT_BY_PEER] = "peer",
	[CT_REPORT_BY_PROCESS] = "process", [CT_REPORT_BY_COMM] = "comm",
	[CT_REPORT_BY_PORT] = "port",	    [CT_REPORT_BY_SERVICE] = "service",
	[CT_REPORT_BY_CGROUP] = "cgroup",   [CT_REPORT_BY_NETNS] = "netns",
};
_Static_assert(CT_COUNT(names) == _CT_REPORT_BY_MAX, "each has a name");

const char *ct_report_by_name(unsigned int value)
{
	return value < _CT_REPORT_BY_MAX ? names[value] : NULL;
}

int ct_report_by_from_name(const char *name, uint8_t *ret)
{
	return ct_text_find_word(names, _CT_REPORT_BY_MAX, name, ret);
}
