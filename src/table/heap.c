// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A binary heap whose members know their place: the tools at hand have none that can move one. */
#include <errno.h>
#include <stdlib.h>

#include "table.h"

static void place(struct ct_heap *heap, size_t index, struct ct_due due)
{
	heap->dues[index] = due;
	due.entry->heap_index = index;
}

static void sift_up(struct ct_heap *heap, size_t index, struct ct_due due)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->dues[parent].deadline_ns <= due.deadline_ns)
			break;
		place(heap, index, heap->dues[parent]);
		index = parent;
	}
	place(heap, index, due);
}

static void sift_down(struct ct_heap *heap, size_t index, struct ct_due due)
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
		place(heap, index, heap->dues[child]);
		index = child;
	}
	place(heap, index, due);
}

static void take_out(struct ct_heap *heap, size_t index)
{
	struct ct_due last = heap->dues[--heap->n];

	if (index == heap->n)
		return;
	sift_up(heap, index, last);
	sift_down(heap, last.entry->heap_index, last);
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

int ct_heap_set(struct ct_heap *heap, struct ct_entry *entry, uint64_t deadline_ns)
{
	const struct ct_due due = {deadline_ns, entry};
	bool had = entry->deadline_ns != CT_NS_UNKNOWN;

	if (entry->deadline_ns == deadline_ns)
		return 0;
	if (!had && grow(heap) < 0)
		return -ENOMEM;
	entry->deadline_ns = deadline_ns;
	if (deadline_ns == CT_NS_UNKNOWN) {
		take_out(heap, entry->heap_index);
	} else if (had) {
		sift_up(heap, entry->heap_index, due);
		sift_down(heap, entry->heap_index, due);
	} else {
		sift_up(heap, heap->n++, due);
	}
	return 0;
}

struct ct_entry *ct_heap_first(const struct ct_heap *heap)
{
	return heap->n ? heap->dues[0].entry : NULL;
}

void ct_heap_fini(struct ct_heap *heap)
{
	free(heap->dues);
	*heap = (struct ct_heap){0};
}
