/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lives for the doctor, and what he says of them. */
#pragma once

#include "conntrace/doctor.h"
#include "conntrace/finding.h"

#include "unit/sink_fixture.h"

#include "conntrace/cleanup.h"

#define NOW	  (BEGAN + 600 * S)
#define CROWD	  6000
#define STEPS_MAX 4

/// A connection and its history, with times in seconds behind BEGAN.
struct patient {
	struct ct_conn conn;
	uint16_t apart; /// the next one's service is so many ports further
	struct ct_step steps[STEPS_MAX];
};

/// Alive, of curl to 10.0.0.2:80, in STATE since AT_S.
static inline struct patient standing_in(uint8_t state, uint64_t at_s)
{
	struct patient patient = {.conn = a_conn()};

	patient.steps[0] = (struct ct_step){BEGAN, at_s * S, CT_STATE_ESTABLISHED, CT_BASIS_SEEN};
	patient.steps[1] = (struct ct_step){BEGAN + at_s * S, CT_NS_UNKNOWN, state, CT_BASIS_SEEN};
	patient.conn.history.n_steps = 2;
	patient.conn.phase = CT_PHASE_LIVE;
	patient.conn.closed_ns = CT_NS_UNKNOWN;
	patient.conn.end = CT_END_OPEN;
	patient.conn.closed_by = CT_CLOSED_BY_UNKNOWN;
	return patient;
}

/// Alive, and found in STATE when tracing began, silent for IDLE_NS by then.
static inline struct patient found_in(uint8_t state, uint64_t idle_ns)
{
	struct patient patient = standing_in(state, 0);

	patient.steps[0] = (struct ct_step){CT_NS_UNKNOWN, CT_NS_UNKNOWN, state, CT_BASIS_FOUND};
	patient.conn.history.n_steps = 1;
	patient.conn.opened_ns = CT_NS_UNKNOWN;
	patient.conn.established_ns = CT_NS_UNKNOWN;
	patient.conn.found_ns = BEGAN;
	patient.conn.idle_ns = idle_ns;
	patient.conn.silent_ns = idle_ns;
	patient.conn.looked_ns = BEGAN;
	return patient;
}

/// Gone; it was ESTABLISHED for so long and left by LAST.
static inline struct patient gone(uint64_t established_ns, uint8_t last)
{
	struct patient patient = {.conn = a_conn()};

	patient.steps[0] = (struct ct_step){BEGAN, MS, CT_STATE_SYN_SENT, CT_BASIS_SEEN};
	patient.steps[1] = (struct ct_step){BEGAN + MS, established_ns, CT_STATE_ESTABLISHED,
					    CT_BASIS_SEEN};
	patient.steps[2] = (struct ct_step){BEGAN + MS + established_ns, S, last, CT_BASIS_SEEN};
	patient.conn.history.n_steps = 3;
	patient.conn.phase = CT_PHASE_CLOSED;
	patient.conn.fin_sent = true;
	patient.conn.closed_ns = BEGAN + MS + established_ns + S;
	return patient;
}

static inline struct ct_sink *doctor_begin(struct printed *printed,
					   const struct ct_session *session,
					   struct ct_output_options options)
{
	struct ct_sink *sink = NULL;

	printed_init(printed);
	printed->session = *session;
	options.utc = true;
	assert_int_equal(
		ct_sink_doctor_new(&options, &printed->session, printed->file, &sink, NULL), 0);
	return sink;
}

static inline void doctor_sees(struct ct_sink *sink, struct patient *patient)
{
	struct ct_update update;

	patient->conn.history.steps = patient->steps;
	update = a_close(&patient->conn);
	update.ts_ns = NOW;
	assert_int_equal(sink->ops->update(sink, &update), 0);
}

static inline void doctor_concludes(struct printed *printed, struct ct_sink *sink)
{
	print_all(printed, sink, NULL, 0);
	fflush(printed->file);
}

/// What the doctor says of N like this one, each a connection of its own.
static inline void ask_as(struct printed *printed, const struct ct_session *session,
			  struct ct_output_options options, struct patient *patient, size_t n)
{
	struct ct_sink *sink = doctor_begin(printed, session, options);

	for (size_t i = 0; i < n; i++) {
		patient->conn.id.cookie = 0x100 + i;
		patient->conn.id.rport = (uint16_t)(80 + i * patient->apart);
		doctor_sees(sink, patient);
	}
	doctor_concludes(printed, sink);
}

/// The same, where nothing is known of where the tracer was.
static inline void ask(struct printed *printed, enum ct_output_format format,
		       struct patient *patient, size_t n, int *worst)
{
	const struct ct_output_options options = {.format = format, .worst = worst};
	const struct ct_session session = a_session();

	ask_as(printed, &session, options, patient, n);
}

static inline bool is_told(const struct printed *printed, const char *id)
{
	char key[64];

	snprintf(key, sizeof(key), "\"id\":\"%s\"", id);
	return printed->text && strstr(printed->text, key);
}

/// How often TEXT is in what was printed.
static inline size_t times_told(const struct printed *printed, const char *text)
{
	size_t n = 0;

	for (const char *at = printed->text; at && (at = strstr(at, text)); at += strlen(text))
		n++;
	return n;
}

static inline bool finds(const char *id, struct patient patient, size_t n)
{
	_cleanup_(printed_fini) struct printed printed = {};

	ask(&printed, CT_OUTPUT_JSON, &patient, n, NULL);
	return is_told(&printed, id);
}
