// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/tracer.h"

struct e2e_tracer *e2e_doctor_start(struct e2e *e2e)
{
	const char *const argv[] = {
		"doctor", "--json", "--duration", "1h", "-P", e2e_port_text(e2e, 0), NULL};

	return e2e_tracer_start_as(e2e, &e2e->home, -1, argv);
}

static void tell(const json_t *findings)
{
	for (size_t i = 0; i < json_array_size(findings); i++)
		print_message("%s: %s\n", e2e_event_text(json_array_get(findings, i), "id"),
			      e2e_event_text(json_array_get(findings, i), "summary"));
}

const json_t *e2e_doctor_findings(struct e2e_tracer *doctor)
{
	const json_t *findings;

	e2e_tracer_stop(doctor, 0);
	findings = e2e_tracer_events(doctor);
	tell(findings);
	return findings;
}

const json_t *e2e_doctor_only_of(const json_t *findings, const char *id)
{
	if (json_array_size(findings) != 1)
		tell(findings);
	assert_int_equal(json_array_size(findings), 1);
	return e2e_events_one(findings, "{s:s, s:s}", "event", "finding", "id", id);
}

const json_t *e2e_doctor_only_finding(struct e2e_tracer *doctor, const char *id)
{
	return e2e_doctor_only_of(e2e_doctor_findings(doctor), id);
}

struct e2e_tracer *e2e_doctor_start_counting(struct e2e *e2e)
{
	return E2E_TRACE(e2e, "doctor", "--duration", "1h", "-P", e2e_port_text(e2e, 0), "--netns",
			 e2e_format(e2e, "%lu,%lu", e2e->home.inum,
				    e2e->far.fd < 0 ? e2e->home.inum : e2e->far.inum));
}

void e2e_doctor_assert_innocent(struct e2e *e2e, struct e2e_tracer *doctor, size_t connections)
{
	const char *want = e2e_format(e2e, "nothing found, %zu connections seen in ", connections);
	size_t bytes;
	char *told;

	e2e_tracer_stop(doctor, 0);
	told = e2e_file_read(doctor->out_path, &bytes);
	if (strncmp(told, want, strlen(want)) != 0)
		fail_msg("not \"%s\": %s", want, told);
	free(told);
}
