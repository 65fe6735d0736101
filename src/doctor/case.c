// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "culprits.h"
#include "finder.h"

/// Who talks to more services than this has other troubles: those that come first are judged.
#define CASES_MAX 10000

/// More than this many are counted, and no more kept: what they tell together they have told by
/// then.
#define SAMPLES_MAX ((size_t)1 << 20)

static void key_by_service(const struct ct_conn_id *id, struct ct_case_key *key)
{
	key->family = id->family;
	if (ct_finder_asks(id)) {
		memcpy(key->raddr, id->raddr, sizeof(key->raddr));
		key->rport = id->rport;
	} else {
		key->lport = id->lport;
	}
}

/// What is still there is of the process that has the number now, whatever it was called. What is
/// over may be of another one that had it before.
static void key_by_owner(const struct ct_conn *conn, struct ct_case_key *key)
{
	const char *comm = conn->id.comm;

	key->pid = conn->id.pid;
	if (conn->phase != CT_PHASE_LIVE)
		memcpy(key->comm, comm, strnlen(comm, sizeof(key->comm)));
}

/// What it is made of may be less than was asked for.
static enum ct_case_by make_key(enum ct_case_by by, const struct ct_conn *conn,
				struct ct_case_key *ret)
{
	const struct ct_conn_id *id = &conn->id;

	memset(ret, 0, sizeof(*ret));
	ret->netns = id->netns;
	if (by == CT_CASE_BY_OWNER && id->pid) {
		key_by_owner(conn, ret);
		return CT_CASE_BY_OWNER;
	}
	key_by_service(id, ret);
	if (by == CT_CASE_BY_ROUTE) {
		memcpy(ret->laddr, id->laddr, sizeof(ret->laddr));
		return CT_CASE_BY_ROUTE;
	}
	return CT_CASE_BY_SERVICE;
}

static int find_or_make(struct ct_case **cases, enum ct_case_by by, const struct ct_conn *conn,
			struct ct_case **ret)
{
	struct ct_case_key key;
	struct ct_case *one;

	by = make_key(by, conn, &key);
	HASH_FIND(hh, *cases, &key, sizeof(key), one);
	if (one) {
		*ret = one;
		return 0;
	}
	if (HASH_COUNT(*cases) >= CASES_MAX)
		return -ENOSPC;
	one = calloc(1, sizeof(*one));
	if (!one)
		return -ENOMEM;
	one->key = key;
	one->by = by;
	HASH_ADD(hh, *cases, key, sizeof(one->key), one);
	if (!one->hh.tbl) {
		free(one);
		return -ENOMEM;
	}
	*ret = one;
	return 0;
}

static int reserve_sample(struct ct_case *one)
{
	size_t max = one->max_samples ? 2 * one->max_samples : 16;
	struct ct_sample *samples;

	if (one->n_samples < one->max_samples || one->n_samples == SAMPLES_MAX)
		return 0;
	samples = reallocarray(one->samples, max, sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	one->samples = samples;
	one->max_samples = max;
	return 0;
}

static void add_value(struct ct_sum *sum, uint64_t value, bool first)
{
	if (first || value < sum->min)
		sum->min = value;
	if (value > sum->max)
		sum->max = value;
	if (__builtin_add_overflow(sum->sum, value, &sum->sum))
		sum->sum = UINT64_MAX;
}

static void add_example(struct ct_case *one, const struct ct_conn *conn, uint64_t weight)
{
	size_t at = one->n_examples;

	while (at && one->examples[at - 1].weight < weight)
		at--;
	if (at == CT_EXAMPLES_MAX)
		return;
	if (one->n_examples < CT_EXAMPLES_MAX)
		one->n_examples++;
	memmove(&one->examples[at + 1], &one->examples[at],
		(one->n_examples - at - 1) * sizeof(one->examples[0]));
	one->examples[at] = (struct ct_example){
		.weight = weight,
		.id = conn->id,
		.is_let_go = ct_is_let_go(conn),
		.has_exited = conn->closed_how == CT_HOW_EXIT,
	};
}

int ct_cases_add(struct ct_case **cases, enum ct_case_by by, bool keeps_samples,
		 const struct ct_conn *conn, const struct ct_symptom *symptom)
{
	struct ct_case *one = NULL;
	int r = find_or_make(cases, by, conn, &one);

	if (r == 0 && keeps_samples)
		r = reserve_sample(one);
	if (r)
		return r;
	for (size_t i = 0; i < CT_SYMPTOM_VALUES; i++)
		add_value(&one->values[i], symptom->values[i], one->count == 0);
	if (keeps_samples && one->n_samples < SAMPLES_MAX)
		one->samples[one->n_samples++] =
			(struct ct_sample){{symptom->values[0], symptom->values[1]}};
	add_example(one, conn, symptom->weight);
	ct_culprits_add(&one->culprits, conn);
	one->count++;
	return 0;
}

struct ct_case *ct_cases_find(struct ct_case *cases, enum ct_case_by by, const struct ct_conn *conn)
{
	struct ct_case_key key;
	struct ct_case *one;

	(void)make_key(by, conn, &key);
	HASH_FIND(hh, cases, &key, sizeof(key), one);
	return one;
}

void ct_cases_free(struct ct_case **cases)
{
	struct ct_case *one, *next;

	HASH_ITER(hh, *cases, one, next) {
		HASH_DELETE(hh, *cases, one);
		free(one->samples);
		free(one);
	}
}
