// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The doctor at work, asked of the one port of a test until it has happened, and what it said.
//
// Every function here fails the running cmocka test when something else is found.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct e2e;
struct e2e_tracer;

/// In the namespace of the clients, whose settings it knows.
struct e2e_tracer *e2e_doctor_start(struct e2e *e2e);

/// One who says how many connections of both namespaces he has seen.
struct e2e_tracer *e2e_doctor_start_counting(struct e2e *e2e);

/// All that it found, as it ends, told in the test's log. Borrowed from the tracer.
const json_t *e2e_doctor_findings(struct e2e_tracer *doctor);

/// They are this one and nothing else.
const json_t *e2e_doctor_only_of(const json_t *findings, const char *id);

/// It found this and nothing else, as it ends.
const json_t *e2e_doctor_only_finding(struct e2e_tracer *doctor, const char *id);

/// The counting one found nothing, and has seen so many.
void e2e_doctor_assert_innocent(struct e2e *e2e, struct e2e_tracer *doctor, size_t connections);
