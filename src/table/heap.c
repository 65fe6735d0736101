// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A binary heap whose members know their place: the tools at hand have none that can move one. The
 * places lie by themselves, close together: to move in the heap is to write many of them, and in
 * the slots each would be a wait for memory of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static void place(struct ct_heap *heap, size_t index, struct ct_due due)
{
	heap->dues[index] = due;
	heap->places[due.number] = (uint32_t)index + 1;
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

/* Up or down, from where another one was. */
static void move(struct ct_heap *heap, size_t index, struct ct_due due)
{
	sift_up(heap, index, due);
	sift_down(heap, heap->places[due.number] - 1, due);
}

static void take_out(struct ct_heap *heap, size_t index)
{
	struct ct_due last = heap->dues[--heap->n];

	heap->places[heap->dues[index].number] = 0;
	if (index != heap->n)
		move(heap, index, last);
}

static int add_dues(struct ct_heap *heap)
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

static int add_places(struct ct_heap *heap, uint32_t number)
{
	size_t n = heap->n_places ? heap->n_places : 64;
	uint32_t *places;

	if (number < heap->n_places)
		return 0;
	while (n <= number)
		n *= 2;
	places = realloc(heap->places, n * sizeof(*places));
	if (!places)
		return -ENOMEM;
	memset(places + heap->n_places, 0, (n - heap->n_places) * sizeof(*places));
	heap->places = places;
	heap->n_places = n;
	return 0;
}

/* From 1 on; 0: it has none. */
static size_t place_of(const struct ct_heap *heap, uint32_t number)
{
	return number < heap->n_places ? heap->places[number] : 0;
}

int ct_heap_set(struct ct_heap *heap, uint32_t number, uint64_t deadline_ns)
{
	const struct ct_due due = {deadline_ns, number};
	size_t place = place_of(heap, number);

	if (deadline_ns == (place ? heap->dues[place - 1].deadline_ns : CT_NS_UNKNOWN))
		return 0;
	if (!place && (add_dues(heap) < 0 || add_places(heap, number) < 0))
		return -ENOMEM;
	if (deadline_ns == CT_NS_UNKNOWN)
		take_out(heap, place - 1);
	else if (place)
		move(heap, place - 1, due);
	else
		sift_up(heap, heap->n++, due);
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
	free(heap->places);
	*heap = (struct ct_heap){0};
}
