// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "soak/judge.h"

#include <stdlib.h>
#include <string.h>

#define QUARTERS 4

/* An allocator's arena is 64 KiB to some hundred; what others do on the machine is in SUnreclaim.
 */
const struct soak_bound soak_bounds[_SOAK_FIGURE_MAX] = {
	[SOAK_RSS] = {"RssAnon", 5, 1024},
	[SOAK_FDS] = {"descriptors", 0, 0},
	[SOAK_MAPS] = {"maps", 5, 64},
	[SOAK_KERNEL] = {"SUnreclaim", 10, 16384},
};

uint64_t soak_value(const struct soak_sample *sample, enum soak_figure figure)
{
	switch (figure) {
	case SOAK_RSS:
		return sample->rss_kib;
	case SOAK_FDS:
		return sample->fds;
	case SOAK_MAPS:
		return sample->maps_kib;
	default:
		return sample->kernel_kib;
	}
}

uint64_t soak_most(const struct soak_sample *samples, size_t n, enum soak_figure figure,
		   unsigned quarter)
{
	uint64_t most = 0;

	for (size_t i = n * quarter / QUARTERS; i < n * (quarter + 1) / QUARTERS; i++) {
		uint64_t value = soak_value(&samples[i], figure);

		if (value > most)
			most = value;
	}
	return most;
}

static int have_changed(const struct soak_sample *samples, size_t n)
{
	for (size_t i = n / QUARTERS; i < n; i++)
		if (samples[i].fds != samples[n / QUARTERS].fds)
			return 1;
	return 0;
}

int soak_judge(const struct soak_sample *samples, size_t n, enum soak_figure figure)
{
	const struct soak_bound *bound = &soak_bounds[figure];
	uint64_t then, now;

	if (n < SOAK_SAMPLES_MIN)
		return 1;
	if (figure == SOAK_FDS)
		return have_changed(samples, n);
	then = soak_most(samples, n, figure, 1);
	now = soak_most(samples, n, figure, QUARTERS - 1);
	return now > then + then * bound->percent / 100 + bound->slack;
}

static int compare_conns(const void *a, const void *b)
{
	const struct soak_socket *first = a, *second = b;

	return strcmp(first->conn, second->conn);
}

static void sort(struct soak_socket *sockets, size_t n)
{
	qsort(sockets, n, sizeof(*sockets), compare_conns);
}

static const struct soak_socket *find(const struct soak_socket *sockets, size_t n,
				      const struct soak_socket *like)
{
	return bsearch(like, sockets, n, sizeof(*sockets), compare_conns);
}

void soak_compare(struct soak_socket *before, size_t n_before, struct soak_socket *listed,
		  size_t n_listed, struct soak_socket *behind, size_t n_behind,
		  struct soak_drift *ret)
{
	sort(before, n_before);
	sort(listed, n_listed);
	sort(behind, n_behind);
	*ret = (struct soak_drift){.rows = n_listed};
	for (size_t i = 0; i < n_before; i++) {
		const struct soak_socket *later = find(behind, n_behind, &before[i]);
		const struct soak_socket *row = find(listed, n_listed, &before[i]);

		if (later && strcmp(later->state, before[i].state) == 0)
			ret->missing += !row || strcmp(row->state, before[i].state) != 0;
	}
	for (size_t i = 0; i < n_listed; i++) {
		if (find(before, n_before, &listed[i]) || find(behind, n_behind, &listed[i]))
			continue;
		if (listed[i].is_brief)
			ret->excused++;
		else
			ret->extra++;
	}
}
