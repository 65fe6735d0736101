// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ct_history_end(struct ct_history *history, uint64_t at_ns, uint64_t *ret_in_state_ns)
{
	struct ct_step *last = history->n_steps ? &history->steps[history->n_steps - 1] : NULL;
	uint64_t in_state = CT_NS_UNKNOWN;

	if (last && last->at_ns != CT_NS_UNKNOWN && at_ns != CT_NS_UNKNOWN)
		in_state = at_ns > last->at_ns ? at_ns - last->at_ns : 0;
	if (last)
		last->for_ns = in_state;
	if (ret_in_state_ns)
		*ret_in_state_ns = in_state;
}

/* Room for one step more: by growing, and once that is over, by leaving out the middle. */
static int make_room(struct ct_history *history)
{
	/* two as long as it is idle; of those that end, few have three or four */
	size_t capacity = history->capacity ? (size_t)history->capacity * 4 : 2;
	struct ct_step *steps;

	if (history->n_steps < history->capacity)
		return 0;
	if (history->capacity == CT_HISTORY_MAX) {
		struct ct_step *middle = &history->steps[CT_HISTORY_MAX / 2];

		memmove(middle, middle + 1, (CT_HISTORY_MAX / 2 - 1) * sizeof(*middle));
		history->n_steps--;
		history->n_dropped++;
		return 0;
	}
	if (capacity > CT_HISTORY_MAX)
		capacity = CT_HISTORY_MAX;
	steps = realloc(history->steps, capacity * sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	/* between its fields too: who keeps steps keeps all of their bytes */
	memset(steps + history->capacity, 0, (capacity - history->capacity) * sizeof(*steps));
	history->steps = steps;
	history->capacity = (uint16_t)capacity;
	return 0;
}

int ct_history_enter(struct ct_history *history, uint8_t state, uint8_t basis, uint64_t at_ns,
		     uint64_t *ret_in_state_ns)
{
	struct ct_step *step;
	int r = make_room(history);

	if (r < 0)
		return r;
	ct_history_end(history, at_ns, ret_in_state_ns);
	step = &history->steps[history->n_steps++];
	step->at_ns = at_ns;
	step->for_ns = CT_NS_UNKNOWN;
	step->state = state;
	step->basis = basis;
	return 0;
}

void ct_history_fini(struct ct_history *history)
{
	free(history->steps);
	*history = (struct ct_history){0};
}
