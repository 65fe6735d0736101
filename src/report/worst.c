// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <string.h>

#include "conntrace/count.h"
#include "timeline.h"

#define FLAG(name) (1U << CT_FLAG_##name)
#define RESETS	   (FLAG(RST_SENT) | FLAG(RST_RECEIVED))

/// From the worst on. A life is of the first kind of which it has one of the flags or of the ends;
/// one that is of none is not bad, whatever else there is to say of it.
static const struct {
	const char *name;
	uint32_t flags;
	uint32_t ends;	/// 1 << enum ct_end: what no flag tells
	bool with_data; /// data was on its way, or unread, when the flag was raised
} kinds[] = {
	{"a reset with data unread or unacknowledged", RESETS, 0, true},
	{"given up without an answer", FLAG(TIMEOUT) | FLAG(KEEPALIVE_DEAD), 0, false},
	{"closed by one side and not by the other", FLAG(CLOSE_WAIT_STUCK) | FLAG(FIN_WAIT2_STUCK),
	 0, false},
	{"refused or unreachable", FLAG(REFUSED), 1U << CT_END_UNREACHABLE, false},
	{"another reset", RESETS, 0, false},
	{"a handshake that was not completed", FLAG(HALF_OPEN), 0, false},
	{"TIME_WAIT killed", FLAG(TIME_WAIT_KILLED), 0, false},
	{"retransmits or a closed window", FLAG(RETRANSMIT) | FLAG(ZERO_WINDOW), 0, false},
};

/// "unread 5.00 kB, unacked 0 B": what a reset threw away, or left for nobody.
static bool has_data(const struct ct_mark *mark)
{
	for (size_t i = 0; i < mark->n_evidence; i++) {
		const struct ct_evidence *evidence = &mark->evidence[i];

		if (!evidence->text && evidence->number &&
		    (strcmp(evidence->key, "unread_bytes") == 0 ||
		     strcmp(evidence->key, "unacked_bytes") == 0))
			return true;
	}
	return false;
}

/// Those of the flags that were raised while there was data.
static uint32_t flags_with_data(const struct ct_conn *conn)
{
	uint32_t flags = 0;

	for (const struct ct_mark *mark = conn->marks; mark; mark = mark->next)
		if (has_data(mark))
			flags |= 1U << mark->flag;
	return flags;
}

/// CT_COUNT(kinds): none.
static size_t kind_of(const struct ct_conn *conn)
{
	uint32_t with_data = flags_with_data(conn);
	size_t i = 0;

	for (; i < CT_COUNT(kinds); i++)
		if (kinds[i].flags & (kinds[i].with_data ? with_data : conn->flags) ||
		    kinds[i].ends & (1U << conn->end))
			break;
	return i;
}

static bool is_worse(const struct ct_worst_life *a, const struct ct_worst_life *b)
{
	return a->kind != b->kind ? a->kind < b->kind : a->span_ns > b->span_ns;
}

/// The place of the life of the same kind and flags, or else that behind the last.
static size_t find_same(const struct ct_worst *worst, const struct ct_worst_life *life)
{
	size_t i = 0;

	while (i < worst->n &&
	       (worst->lives[i].kind != life->kind || worst->lives[i].flags != life->flags))
		i++;
	return i;
}

/// Takes the life at AT away and puts LIFE, whose text is still to be written, where it belongs.
static struct ct_worst_life *put_in(struct ct_worst *worst, size_t at, struct ct_worst_life life)
{
	life.text = worst->lives[at].text; /* its memory is used again */
	ct_buf_reset(&life.text);
	for (; at > 0 && is_worse(&life, &worst->lives[at - 1]); at--)
		worst->lives[at] = worst->lives[at - 1];
	worst->lives[at] = life;
	return &worst->lives[at];
}

int ct_worst_add(struct ct_worst *worst, const struct ct_report_context *context,
		 const struct ct_conn *conn)
{
	struct ct_worst_life life = {
		.flags = conn->flags & ~FLAG(GAP),
		.kind = kind_of(conn),
		.span_ns = ct_timeline_span_ns(context, conn),
	};
	struct ct_worst_life *place;
	size_t at;

	if (life.kind == CT_COUNT(kinds))
		return 0;
	at = find_same(worst, &life);
	if (at == CT_WORST_MAX)
		at--;
	if (at < worst->n && !is_worse(&life, &worst->lives[at]))
		return 0;
	if (at == worst->n)
		worst->n++;
	place = put_in(worst, at, life);
	ct_timeline_put(context, conn, &place->text);
	return place->text.error;
}

void ct_worst_put_rule(struct ct_buf *buf)
{
	ct_buf_puts(buf, "The worst first: ");
	for (size_t i = 0; i < CT_COUNT(kinds); i++) {
		ct_buf_puts(buf, i ? ", " : "");
		ct_buf_puts(buf, kinds[i].name);
	}
	ct_buf_puts(buf, ".\nOf a kind the longest first, and of those with the same flags only "
			 "that.\n\n");
}

void ct_worst_fini(struct ct_worst *worst)
{
	for (size_t i = 0; i < CT_WORST_MAX; i++)
		ct_buf_fini(&worst->lives[i].text);
	*worst = (struct ct_worst){0};
}
