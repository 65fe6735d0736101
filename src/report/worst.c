// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>

#include "timeline.h"
#include "trouble.h"

static bool is_worse(const struct ct_worst_life *a, const struct ct_worst_life *b)
{
	return a->trouble != b->trouble ? a->trouble > b->trouble : a->span_ns > b->span_ns;
}

/// The place of the life of the same flags, or else that behind the last.
static size_t find_same(const struct ct_worst *worst, uint32_t flags)
{
	size_t i = 0;

	while (i < worst->n && worst->lives[i].flags != flags)
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
		.flags = conn->flags & ~(1U << CT_FLAG_GAP),
		.trouble = ct_trouble_of(conn->flags),
		.span_ns = ct_timeline_span_ns(context, conn),
	};
	struct ct_worst_life *place;
	size_t at;

	if (!life.trouble)
		return 0;
	at = find_same(worst, life.flags);
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

void ct_worst_fini(struct ct_worst *worst)
{
	for (size_t i = 0; i < CT_WORST_MAX; i++)
		ct_buf_fini(&worst->lives[i].text);
	*worst = (struct ct_worst){0};
}
