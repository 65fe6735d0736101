// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A binary heap whose members know their place: the tools at hand have none that can move one. */
#include <errno.h>
#include <stdlib.h>

#include "table.h"

static void place(struct ct_heap *heap, size_t index, struct ct_entry *entry)
{
	heap->entries[index] = entry;
	entry->heap_index = index;
}

static void sift_up(struct ct_heap *heap, size_t index, struct ct_entry *entry)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->entries[parent]->deadline_ns <= entry->deadline_ns)
			break;
		place(heap, index, heap->entries[parent]);
		index = parent;
	}
	place(heap, index, entry);
}

static void sift_down(struct ct_heap *heap, size_t index, struct ct_entry *entry)
{
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n &&
		    heap->entries[child + 1]->deadline_ns < heap->entries[child]->deadline_ns)
			child++;
		if (entry->deadline_ns <= heap->entries[child]->deadline_ns)
			break;
		place(heap, index, heap->entries[child]);
		index = child;
	}
	place(heap, index, entry);
}

static void take_out(struct ct_heap *heap, size_t index)
{
	struct ct_entry *last = heap->entries[--heap->n];

	if (index == heap->n)
		return;
	sift_up(heap, index, last);
	sift_down(heap, last->heap_index, last);
}

static int grow(struct ct_heap *heap)
{
	size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
	struct ct_entry **entries;

	if (heap->n < heap->capacity)
		return 0;
	entries = realloc(heap->entries, capacity * sizeof(struct ct_entry *));
	if (!entries)
		return -ENOMEM;
	heap->entries = entries;
	heap->capacity = capacity;
	return 0;
}

int ct_heap_set(struct ct_heap *heap, struct ct_entry *entry, uint64_t deadline_ns)
{
	bool had = entry->deadline_ns != CT_NS_UNKNOWN;

	if (entry->deadline_ns == deadline_ns)
		return 0;
	if (!had && grow(heap) < 0)
		return -ENOMEM;
	entry->deadline_ns = deadline_ns;
	if (deadline_ns == CT_NS_UNKNOWN) {
		take_out(heap, entry->heap_index);
	} else if (had) {
		sift_up(heap, entry->heap_index, entry);
		sift_down(heap, entry->heap_index, entry);
	} else {
		sift_up(heap, heap->n++, entry);
	}
	return 0;
}

struct ct_entry *ct_heap_first(const struct ct_heap *heap)
{
	return heap->n ? heap->entries[0] : NULL;
}

void ct_heap_fini(struct ct_heap *heap)
{
	free(heap->entries);
	*heap = (struct ct_heap){0};
}
