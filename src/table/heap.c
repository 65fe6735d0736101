// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A binary heap whose members know their place: the tools at hand have none that can move one. */
#include <errno.h>
#include <stdlib.h>

#include "table.h"

static void place(struct ct_heap *heap, const struct ct_slots *slots, size_t index,
		  struct ct_due due)
{
	heap->dues[index] = due;
	ct_slot(slots, due.number)->heap_place = (uint32_t)index + 1;
}

static void sift_up(struct ct_heap *heap, const struct ct_slots *slots, size_t index,
		    struct ct_due due)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->dues[parent].deadline_ns <= due.deadline_ns)
			break;
		place(heap, slots, index, heap->dues[parent]);
		index = parent;
	}
	place(heap, slots, index, due);
}

static void sift_down(struct ct_heap *heap, const struct ct_slots *slots, size_t index,
		      struct ct_due due)
{
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n &&
		    heap->dues[child + 1].deadline_ns < heap->dues[child].deadline_ns)
			child++;
		if (due.deadline_ns <= heap->dues[child].deadline_ns)
			break;
		place(heap, slots, index, heap->dues[child]);
		index = child;
	}
	place(heap, slots, index, due);
}

/* Up or down, from where another one was. */
static void move(struct ct_heap *heap, const struct ct_slots *slots, size_t index,
		 struct ct_due due)
{
	sift_up(heap, slots, index, due);
	sift_down(heap, slots, ct_slot(slots, due.number)->heap_place - 1, due);
}

static void take_out(struct ct_heap *heap, const struct ct_slots *slots, size_t index)
{
	struct ct_due last = heap->dues[--heap->n];

	ct_slot(slots, heap->dues[index].number)->heap_place = 0;
	if (index != heap->n)
		move(heap, slots, index, last);
}

static int grow(struct ct_heap *heap)
{
	size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
	struct ct_due *dues;

	if (heap->n < heap->capacity)
		return 0;
	dues = realloc(heap->dues, capacity * sizeof(*dues));
	if (!dues)
		return -ENOMEM;
	heap->dues = dues;
	heap->capacity = capacity;
	return 0;
}

int ct_heap_set(struct ct_heap *heap, const struct ct_slots *slots, uint32_t number,
		uint64_t deadline_ns)
{
	const struct ct_due due = {deadline_ns, number};
	size_t place = ct_slot(slots, number)->heap_place;

	if (deadline_ns == (place ? heap->dues[place - 1].deadline_ns : CT_NS_UNKNOWN))
		return 0;
	if (!place && grow(heap) < 0)
		return -ENOMEM;
	if (deadline_ns == CT_NS_UNKNOWN)
		take_out(heap, slots, place - 1);
	else if (place)
		move(heap, slots, place - 1, due);
	else
		sift_up(heap, slots, heap->n++, due);
	return 0;
}

uint32_t ct_heap_first(const struct ct_heap *heap)
{
	return heap->n ? heap->dues[0].number : 0;
}

uint64_t ct_heap_first_ns(const struct ct_heap *heap)
{
	return heap->n ? heap->dues[0].deadline_ns : CT_NS_UNKNOWN;
}

void ct_heap_fini(struct ct_heap *heap)
{
	free(heap->dues);
	*heap = (struct ct_heap){0};
}
