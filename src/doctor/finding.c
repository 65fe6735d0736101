// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/finding.h"

#include <assert.h>

#include "conntrace/count.h"
#include "conntrace/text.h"

static const char *const severity_names[] = {
	[CT_SEVERITY_NOTE] = "note",
	[CT_SEVERITY_WARN] = "warn",
	[CT_SEVERITY_CRIT] = "crit",
};
_Static_assert(CT_COUNT(severity_names) == _CT_SEVERITY_MAX, "each severity has a name");

static const char *const confidence_names[] = {
	[CT_CONFIDENCE_LOW] = "low",
	[CT_CONFIDENCE_MEDIUM] = "medium",
	[CT_CONFIDENCE_HIGH] = "high",
};
_Static_assert(CT_COUNT(confidence_names) == _CT_CONFIDENCE_MAX, "each confidence has a name");

const char *ct_severity_name(unsigned int value)
{
	return value < _CT_SEVERITY_MAX ? severity_names[value] : NULL;
}

int ct_severity_from_name(const char *name, uint8_t *ret)
{
	return ct_text_find_word(severity_names, _CT_SEVERITY_MAX, name, ret);
}

const char *ct_confidence_name(unsigned int value)
{
	return value < _CT_CONFIDENCE_MAX ? confidence_names[value] : NULL;
}

void ct_finding_fini(struct ct_finding *finding)
{
	ct_buf_fini(&finding->summary);
	ct_buf_fini(&finding->confirm);
	ct_buf_fini(&finding->remedy);
}

void ct_finding_number(struct ct_finding *finding, const char *key, uint64_t number)
{
	assert(finding->n_evidence < CT_FINDING_EVIDENCE_MAX);
	finding->evidence[finding->n_evidence++] = (struct ct_evidence){key, NULL, number};
}
