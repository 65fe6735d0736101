// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each summary is shown to every finder; at the end each finder's cases are concluded from. */
#include "conntrace/diagnosis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "ends.h"
#include "finder.h"
#include "full.h"
#include "holders.h"
#include "readers.h"
#include "rivals.h"
#include "services.h"

/* Of findings that are as severe the first here comes first. */
static const struct ct_finder *const finders[] = {
	&ct_find_port_exhaustion,    &ct_find_accept_overflow,
	&ct_find_dead_peer_hang,     &ct_find_send_blocked,
	&ct_find_close_wait_leak,    &ct_find_unread_data_reset,
	&ct_find_stale_pool_reuse,   &ct_find_nonstandard_close,
	&ct_find_linger0_reset,	     &ct_find_refused,
	&ct_find_unreachable,	     &ct_find_syn_unanswered,
	&ct_find_given_up,	     &ct_find_half_open_ghost,
	&ct_find_zero_window_stall,  &ct_find_fin_wait_stuck,
	&ct_find_last_ack_stuck,     &ct_find_closing_stuck,
	&ct_find_time_wait_pressure, &ct_find_keepalive_race,
	&ct_find_handshake_bound,    &ct_find_silent_ghost,
	&ct_find_close_wait_over,    &ct_find_fin_wait_over,
	&ct_find_last_ack_over,	     &ct_find_closing_over,
	&ct_find_ended_at_once,
};

/*
 * What was on its way when the silence began is not any more: MSL, RFC 9293 3.4.2. And it is less
 * than the time after which boxes between are known to forget a connection without a word: four
 * minutes (Azure's load balancers) and more.
 */
#define IDLE_NS (2 * CT_MINUTE_NS)

/// Of one finder: nobody reads more of the same.
#define FINDINGS_MAX 50

struct ct_diagnosis {
	struct ct_diagnosis_totals totals;
	uint64_t idle_ns;			  /// silent for less is no symptom
	struct ct_case *cases[CT_COUNT(finders)]; /// owned, a hash of them each
	struct ct_end_here *ends;		  /// owned, a hash
	struct ct_holders *holders;		  /// owned, a hash
	struct ct_full *full;			  /// owned, a hash
	struct ct_reader *readers;		  /// owned, a hash
	struct ct_services services;		  /// what it has is owned
	struct ct_rivals rivals;		  /// owns nothing
	struct ct_finding *findings;		  /// owned
	size_t n_findings;
};

/// For long enough; and the socket at the other end, which would tell, is not one that is here.
static bool is_silence(const struct ct_diagnosis *d, const struct ct_conn *conn,
		       const struct ct_symptom *symptom)
{
	return symptom->values[0] >= d->idle_ns && !ct_ends_have_other(d->ends, &conn->id);
}

static int judge(struct ct_diagnosis *d, const struct ct_conn *conn, uint64_t now_ns)
{
	for (size_t i = 0; i < CT_COUNT(finders); i++) {
		const struct ct_finder *finder = finders[i];
		struct ct_symptom symptom = {0};
		int r;

		if (!finder->matches(conn, now_ns, &symptom) ||
		    (finder->of_silence && !is_silence(d, conn, &symptom)) ||
		    (finder->unless_rivalled && ct_rivals_may_have_won(&d->rivals, conn)))
			continue;
		r = ct_cases_add(&d->cases[i], finder->by, finder->keeps_samples, conn, &symptom);
		if (r == 0 && finder == &ct_find_accept_overflow)
			r = ct_full_note_handshake(&d->full, &conn->id);
		if (r == 0 && finder == &ct_find_zero_window_stall)
			ct_readers_note_judged(d->readers, &conn->id);
		if (r == -ENOSPC)
			d->totals.left_out++;
		else if (r)
			return r;
	}
	return 0;
}

/// Somebody has a descriptor of it at the end.
static bool is_held(const struct ct_conn *conn)
{
	return conn->phase == CT_PHASE_LIVE && !ct_is_let_go(conn);
}

/// One that is over.
static int count(struct ct_diagnosis *d, const struct ct_conn *conn, uint64_t now_ns)
{
	if (conn->gaps) {
		d->totals.with_gaps++;
		return 0;
	}
	d->totals.connections++;
	return judge(d, conn, now_ns);
}

int ct_diagnosis_observe(struct ct_diagnosis *d, const struct ct_update *update)
{
	int r;

	if (update->ts_ns > d->totals.end_ns)
		d->totals.end_ns = update->ts_ns;
	if (update->kind == CT_UPDATE_LOST && update->lost.where == CT_LOST_DECODE)
		d->totals.unreadable += update->lost.events;
	else if (update->kind == CT_UPDATE_LOST)
		d->totals.lost += update->lost.events;
	ct_rivals_look(&d->rivals, update);
	r = ct_full_look(&d->full, update);
	if (r == 0)
		r = ct_readers_look(&d->readers, update);
	if (r == 0)
		r = ct_services_look(&d->services, update);
	if (r)
		return r;
	if (ct_update_shows_listener(update))
		return ct_holders_note(&d->holders, &update->id);
	if (update->kind != CT_UPDATE_CLOSE)
		return ct_ends_note(&d->ends, update);
	r = is_held(update->conn) ? ct_holders_note(&d->holders, &update->conn->id) : 0;
	if (r == 0)
		r = count(d, update->conn, update->ts_ns);
	ct_readers_forget(&d->readers, &update->conn->id);
	return r;
}

static int conclude(struct ct_diagnosis *d, const struct ct_finder *finder,
		    const struct ct_doctor_facts *facts, const struct ct_case *one)
{
	struct ct_finding *findings, finding = {
					     .id = finder->id,
					     .count = one->count,
					     .n_examples = one->n_examples,
					     .culprit = one->examples[0].id,
					     .culprits = one->culprits,
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
	findings = reallocarray(d->findings, d->n_findings + 1, sizeof(*findings));
	if (!findings) {
		ct_finding_fini(&finding);
		return -ENOMEM;
	}
	findings[d->n_findings++] = finding;
	d->findings = findings;
	return 0;
}

/// The cases of one finder, those of most connections first.
static int by_count(const struct ct_case *a, const struct ct_case *b)
{
	return a->count < b->count ? 1 : -(a->count > b->count);
}

/// The first of a finder are told, and of the others how many they are.
static int conclude_of(struct ct_diagnosis *d, const struct ct_finder *finder,
		       struct ct_case *cases, const struct ct_doctor_facts *facts)
{
	size_t most = d->n_findings + FINDINGS_MAX;
	int r = 0;

	for (struct ct_case *one = cases; one && r == 0; one = one->hh.next) {
		r = conclude(d, finder, facts, one);
		if (d->n_findings > most) {
			ct_finding_fini(&d->findings[--d->n_findings]);
			d->totals.unshown++;
		}
	}
	return r;
}

/// Where a listener was seen full, and no handshake that found no room tells of it: it does itself.
static int judge_listeners(struct ct_diagnosis *d, struct ct_case **cases)
{
	int r = 0;

	for (const struct ct_full *full = d->full; full && r == 0; full = full->hh.next) {
		const struct ct_conn listener = {.id = full->id};
		struct ct_symptom symptom;

		if (full->by_handshake || !full->by_look)
			continue;
		ct_finder_full_symptom(full, &symptom);
		r = ct_cases_add(cases, ct_find_accept_overflow.by, false, &listener, &symptom);
		if (r == -ENOSPC) {
			d->totals.left_out++;
			r = 0;
		}
	}
	return r;
}

/// Of what full listeners dropped no event tells, but those who asked them sent it again.
static void count_dropped(const struct ct_diagnosis *d, const struct ct_case *cases)
{
	for (const struct ct_case *one = cases; one; one = one->hh.next) {
		const struct ct_conn_id *id = &one->examples[0].id;
		struct ct_full *full = ct_full_find_asked(d->full, id);

		if (full && ct_finder_is_within_host(id))
			full->syns_again += one->values[4].sum;
	}
}

/// What one end says is told with what the other end, or a listener, has to say of it.
static int join_others(struct ct_diagnosis *d)
{
	int r = 0;

	ct_full_join(d->full);
	for (size_t i = 0; i < CT_COUNT(finders) && r == 0; i++) {
		if (finders[i] == &ct_find_syn_unanswered)
			count_dropped(d, d->cases[i]);
		else if (finders[i] == &ct_find_accept_overflow)
			r = judge_listeners(d, &d->cases[i]);
		else if (finders[i] == &ct_find_zero_window_stall)
			ct_readers_join(d->readers, d->cases[i]);
	}
	return r;
}

static int conclude_all(struct ct_diagnosis *d, const struct ct_output_options *options,
			const struct ct_session *session)
{
	const struct ct_doctor_facts facts = {
		.options = options,
		.observed_ns = d->totals.observed_ns,
		.session = session,
		.holders = d->holders,
		.full = d->full,
		.services = &d->services,
	};
	int r;

	r = join_others(d);
	if (r)
		return r;
	for (size_t i = 0; i < CT_COUNT(finders); i++) {
		HASH_SORT(d->cases[i], by_count);
		r = conclude_of(d, finders[i], d->cases[i], &facts);
		if (r)
			return r;
	}
	return 0;
}

/// The worst first; those that are as severe stay in the order of their finders.
static int sort_by_severity(struct ct_diagnosis *d)
{
	struct ct_finding *sorted;
	size_t n = 0;

	if (!d->n_findings)
		return 0;
	sorted = calloc(d->n_findings, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (int severity = _CT_SEVERITY_MAX - 1; severity >= 0; severity--)
		for (size_t i = 0; i < d->n_findings; i++)
			if (d->findings[i].severity == severity)
				sorted[n++] = d->findings[i];
	free(d->findings);
	d->findings = sorted;
	return 0;
}

int ct_diagnosis_conclude(struct ct_diagnosis *d, const struct ct_output_options *options,
			  const struct ct_session *session)
{
	int r;

	d->totals.observed_ns = ct_session_span_ns(session, d->totals.end_ns);
	r = conclude_all(d, options, session);
	return r ? r : sort_by_severity(d);
}

const struct ct_finding *ct_diagnosis_findings(const struct ct_diagnosis *d, size_t *ret_n)
{
	*ret_n = d->n_findings;
	return d->findings;
}

int ct_diagnosis_each_example(const struct ct_diagnosis *d,
			      int (*visit)(void *context, const struct ct_conn_id *id),
			      void *context)
{
	for (size_t i = 0; i < CT_COUNT(finders); i++)
		for (const struct ct_case *one = d->cases[i]; one; one = one->hh.next)
			for (size_t k = 0; k < one->n_examples; k++) {
				int r = visit(context, &one->examples[k].id);

				if (r)
					return r;
			}
	return 0;
}

static bool has_found(const struct ct_diagnosis *d, const char *id)
{
	for (size_t i = 0; i < d->n_findings; i++)
		if (strcmp(d->findings[i].id, id) == 0)
			return true;
	return false;
}

const char *ct_diagnosis_next_slow(const struct ct_diagnosis *d, size_t *at, uint64_t *ret_takes_ns)
{
	if (!d->totals.observed_ns) /* what it is too short for is not known either */
		return NULL;
	while (*at < CT_COUNT(finders)) {
		const struct ct_finder *finder = finders[(*at)++];

		if (finder->takes_ns <= d->totals.observed_ns || has_found(d, finder->id))
			continue;
		*ret_takes_ns = finder->takes_ns;
		return finder->id;
	}
	return NULL;
}

const struct ct_diagnosis_totals *ct_diagnosis_totals(const struct ct_diagnosis *d)
{
	return &d->totals;
}

struct ct_diagnosis *ct_diagnosis_new(void)
{
	struct ct_diagnosis *d = calloc(1, sizeof(*d));

	if (d)
		d->idle_ns = IDLE_NS;
	return d;
}

void ct_diagnosis_set_idle(struct ct_diagnosis *d, uint64_t idle_ns)
{
	d->idle_ns = idle_ns;
}

void ct_diagnosis_free(struct ct_diagnosis **diagnosis)
{
	struct ct_diagnosis *d = *diagnosis;

	if (!d)
		return;
	for (size_t i = 0; i < CT_COUNT(finders); i++)
		ct_cases_free(&d->cases[i]);
	ct_ends_free(&d->ends);
	ct_holders_free(&d->holders);
	ct_full_free(&d->full);
	ct_readers_free(&d->readers);
	ct_services_fini(&d->services);
	for (size_t i = 0; i < d->n_findings; i++)
		ct_finding_fini(&d->findings[i]);
	free(d->findings);
	free(d);
	*diagnosis = NULL;
}
