// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each summary is shown to every finder; at the end each finder's cases are concluded from. */
#include "doctor.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/sink_out.h"
#include "finder.h"

/* Of findings that are as severe the first here comes first. */
static const struct ct_finder *const finders[] = {
	&ct_find_port_exhaustion,    &ct_find_accept_overflow,	 &ct_find_dead_peer_hang,
	&ct_find_close_wait_leak,    &ct_find_unread_data_reset, &ct_find_stale_pool_reuse,
	&ct_find_nonstandard_close,  &ct_find_linger0_reset,	 &ct_find_refused,
	&ct_find_syn_unanswered,     &ct_find_half_open_ghost,	 &ct_find_zero_window_stall,
	&ct_find_fin_wait_stuck,     &ct_find_last_ack_stuck,	 &ct_find_closing_stuck,
	&ct_find_time_wait_pressure, &ct_find_keepalive_race,	 &ct_find_handshake_bound,
};

/// Of one finder: nobody reads more of the same.
#define FINDINGS_MAX 50

struct doctor_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	const struct ct_session *session;
	struct ct_output_options options;
	struct ct_doctor_totals totals;
	struct ct_case *cases[CT_COUNT(finders)]; /// owned, a hash of them each
	struct ct_finding *findings;		  /// owned
	size_t n_findings;
};

static int judge(struct doctor_sink *s, const struct ct_conn *conn, uint64_t now_ns)
{
	for (size_t i = 0; i < CT_COUNT(finders); i++) {
		const struct ct_finder *finder = finders[i];
		struct ct_symptom symptom = {0};
		int r;

		if (!finder->matches(conn, now_ns, &symptom))
			continue;
		r = ct_cases_add(&s->cases[i], finder->by, finder->keeps_samples, &conn->id,
				 &symptom);
		if (r == -ENOSPC)
			s->totals.left_out++;
		else if (r)
			return r;
	}
	return 0;
}

static int doctor_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct doctor_sink *s = (struct doctor_sink *)sink;

	if (update->ts_ns > s->totals.end_ns)
		s->totals.end_ns = update->ts_ns;
	if (update->kind == CT_UPDATE_LOST)
		s->totals.lost += update->lost.events;
	if (update->kind != CT_UPDATE_CLOSE)
		return 0;
	if (update->conn->gaps) {
		s->totals.with_gaps++;
		return 0;
	}
	s->totals.connections++;
	return judge(s, update->conn, update->ts_ns);
}

static int conclude(struct doctor_sink *s, const struct ct_finder *finder,
		    const struct ct_doctor_facts *facts, const struct ct_case *one)
{
	struct ct_finding *findings, finding = {
					     .id = finder->id,
					     .count = one->count,
					     .n_examples = one->n_examples,
					     .culprit = one->examples[0].id,
				     };

	if (!one->count)
		return 0;
	for (size_t i = 0; i < one->n_examples; i++)
		finding.examples[i] = one->examples[i].id;
	if (!finder->concludes(one, facts, &finding))
		return 0;
	if (finding.summary.error || finding.confirm.error || finding.remedy.error) {
		ct_finding_fini(&finding);
		return -ENOMEM;
	}
	findings = reallocarray(s->findings, s->n_findings + 1, sizeof(*findings));
	if (!findings) {
		ct_finding_fini(&finding);
		return -ENOMEM;
	}
	findings[s->n_findings++] = finding;
	s->findings = findings;
	return 0;
}

/// The cases of one finder, those of most connections first.
static int by_count(const struct ct_case *a, const struct ct_case *b)
{
	return a->count < b->count ? 1 : -(a->count > b->count);
}

/// The first of a finder are told, and of the others how many they are.
static int conclude_of(struct doctor_sink *s, const struct ct_finder *finder, struct ct_case *cases,
		       const struct ct_doctor_facts *facts)
{
	size_t most = s->n_findings + FINDINGS_MAX;
	int r = 0;

	for (struct ct_case *one = cases; one && r == 0; one = one->hh.next) {
		r = conclude(s, finder, facts, one);
		if (s->n_findings > most) {
			ct_finding_fini(&s->findings[--s->n_findings]);
			s->totals.unshown++;
		}
	}
	return r;
}

static int conclude_all(struct doctor_sink *s)
{
	const struct ct_doctor_facts facts = {&s->options, s->totals.observed_ns};

	for (size_t i = 0; i < CT_COUNT(finders); i++) {
		int r;

		HASH_SORT(s->cases[i], by_count);
		r = conclude_of(s, finders[i], s->cases[i], &facts);
		if (r)
			return r;
	}
	return 0;
}

static void put_findings(struct doctor_sink *s)
{
	for (int severity = _CT_SEVERITY_MAX - 1; severity >= 0; severity--) {
		for (size_t i = 0; i < s->n_findings; i++) {
			const struct ct_finding *finding = &s->findings[i];

			if (finding->severity != severity)
				continue;
			if (s->options.format == CT_OUTPUT_JSON)
				ct_doctor_put_json(&s->out.buf, s->session, &s->totals, finding);
			else
				ct_doctor_put_text(&s->options, &s->out.buf, finding);
			if (s->options.worst && *s->options.worst < severity + 1)
				*s->options.worst = severity + 1;
		}
	}
}

static int doctor_finish(struct ct_sink *sink)
{
	struct doctor_sink *s = (struct doctor_sink *)sink;
	int r;

	if (s->totals.end_ns > s->session->mono_ns)
		s->totals.observed_ns = s->totals.end_ns - s->session->mono_ns;
	r = conclude_all(s);
	if (r)
		return r;
	if (s->options.format != CT_OUTPUT_JSON)
		ct_doctor_put_totals(&s->options, &s->out.buf, &s->totals, s->n_findings);
	put_findings(s);
	return ct_sink_out_flush(&s->out);
}

static void doctor_free(struct ct_sink *sink)
{
	struct doctor_sink *s = (struct doctor_sink *)sink;

	for (size_t i = 0; i < CT_COUNT(finders); i++)
		ct_cases_free(&s->cases[i]);
	for (size_t i = 0; i < s->n_findings; i++)
		ct_finding_fini(&s->findings[i]);
	free(s->findings);
	ct_sink_out_fini(&s->out);
	free(s);
}

static const struct ct_sink_ops doctor_ops = {
	.name = "doctor",
	.update = doctor_update,
	.finish = doctor_finish,
	.free = doctor_free,
};

int ct_sink_doctor_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct doctor_sink *s;

	if (options->fields) {
		if (ret_bad_field)
			*ret_bad_field = options->fields;
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sink.ops = &doctor_ops;
	s->session = session;
	s->options = *options;
	ct_sink_out_init(&s->out, out);
	*ret_sink = &s->sink;
	return 0;
}
