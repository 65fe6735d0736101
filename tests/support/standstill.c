// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/standstill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_NS 10000000

struct watch {
	pthread_t thread;
	const atomic_bool *over;
	int64_t longest_ns;
};

struct e2e_standstill {
	atomic_bool over;
	int n;
	struct watch watches[CPU_SETSIZE];
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Looks every LOOK_NS: how late the latest look was.
static void *look(void *data)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	struct watch *watch = data;
	int64_t last_ns = now_ns();

	while (!atomic_load(watch->over)) {
		int64_t looked_ns;

		nanosleep(&pause, NULL);
		looked_ns = now_ns();
		if (looked_ns - last_ns - LOOK_NS > watch->longest_ns)
			watch->longest_ns = looked_ns - last_ns - LOOK_NS;
		last_ns = looked_ns;
	}
	return NULL;
}

/// Where it may not run before all others it is late when these are at work, too.
static void start(struct watch *watch, int cpu)
{
	const struct sched_param first = {.sched_priority = 1};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	assert_int_equal(pthread_create(&watch->thread, NULL, look, watch), 0);
	assert_int_equal(pthread_setaffinity_np(watch->thread, sizeof(cpus), &cpus), 0);
	(void)pthread_setschedparam(watch->thread, SCHED_FIFO, &first);
}

struct e2e_standstill *e2e_standstill_begin(void)
{
	struct e2e_standstill *standstill = calloc(1, sizeof(*standstill));
	cpu_set_t mine;

	assert_non_null(standstill);
	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		struct watch *watch = &standstill->watches[standstill->n];

		if (!CPU_ISSET(cpu, &mine))
			continue;
		watch->over = &standstill->over;
		start(watch, cpu);
		standstill->n++;
	}
	return standstill;
}

int64_t e2e_standstill_end(struct e2e_standstill *standstill)
{
	int64_t longest_ns = 0;

	atomic_store(&standstill->over, true);
	for (int i = 0; i < standstill->n; i++) {
		const struct watch *watch = &standstill->watches[i];

		pthread_join(watch->thread, NULL);
		if (watch->longest_ns > longest_ns)
			longest_ns = watch->longest_ns;
	}
	free(standstill);
	return longest_ns;
}
