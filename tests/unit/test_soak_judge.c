// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The judge of a soak fails what it is there to fail, and lets pass what is none of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "soak/judge.h"

#define SAMPLES 40

/// A tracer that grows to size in the first quarter, and breathes by a percent.
static void make_steady(struct soak_sample samples[SAMPLES])
{
	for (size_t i = 0; i < SAMPLES; i++)
		samples[i] = (struct soak_sample){
			.rss_kib = i < SAMPLES / 4 ? 10000 * (i + 1) : 100000 + i % 3 * 500,
			.fds = 71,
			.maps_kib = 20000 + i % 2,
			.kernel_kib = 500000 + i % 5 * 1000,
		};
}

static void assert_fails_only(const struct soak_sample samples[SAMPLES], int want)
{
	for (int figure = 0; figure < _SOAK_FIGURE_MAX; figure++)
		assert_int_equal(soak_judge(samples, SAMPLES, figure), figure == want);
}

static void steady_run_passes(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	assert_fails_only(samples, -1);
	assert_int_equal(soak_most(samples, SAMPLES, SOAK_RSS, 1), 101000);
	assert_int_equal(soak_most(samples, SAMPLES, SOAK_FDS, 3), 71);
}

/// A fifth in the whole run.
static void memory_that_creeps_up_fails(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	for (size_t i = 0; i < SAMPLES; i++)
		samples[i].rss_kib += i * 500;
	assert_fails_only(samples, SOAK_RSS);
}

static void memory_that_falls_passes(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	for (size_t i = 0; i < SAMPLES; i++)
		samples[i].rss_kib -= i * 200;
	assert_fails_only(samples, -1);
}

static void one_descriptor_more_fails(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	samples[SAMPLES - 1].fds++;
	assert_fails_only(samples, SOAK_FDS);
}

static void one_descriptor_less_fails(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	samples[SAMPLES / 2].fds--;
	assert_fails_only(samples, SOAK_FDS);
}

static void map_that_fills_up_fails(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	for (size_t i = 0; i < SAMPLES; i++)
		samples[i].maps_kib += i * 60;
	assert_fails_only(samples, SOAK_MAPS);
}

static void kernel_that_keeps_more_and_more_fails(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	for (size_t i = 0; i < SAMPLES; i++)
		samples[i].kernel_kib += i * 5000;
	assert_fails_only(samples, SOAK_KERNEL);
}

static void few_samples_fail(void **state)
{
	struct soak_sample samples[SAMPLES];

	make_steady(samples);
	for (int figure = 0; figure < _SOAK_FIGURE_MAX; figure++)
		assert_int_equal(soak_judge(samples, SOAK_SAMPLES_MIN - 1, figure), 1);
}

#define SOCKETS 5

/// a1 … a5, all ESTABLISHED, in no order.
static void make_sockets(struct soak_socket sockets[SOCKETS])
{
	for (size_t i = 0; i < SOCKETS; i++) {
		sockets[i] = (struct soak_socket){.state = "ESTABLISHED"};
		snprintf(sockets[i].conn, sizeof(sockets[i].conn), "a%zu", (i + 3) % SOCKETS + 1);
	}
}

struct looks {
	struct soak_socket before[SOCKETS], listed[SOCKETS], behind[SOCKETS];
	size_t n_before, n_listed, n_behind;
};

static void make_looks(struct looks *looks)
{
	make_sockets(looks->before);
	make_sockets(looks->listed);
	make_sockets(looks->behind);
	looks->n_before = looks->n_listed = looks->n_behind = SOCKETS;
}

static struct soak_drift compare(struct looks *looks)
{
	struct soak_drift drift;

	soak_compare(looks->before, looks->n_before, looks->listed, looks->n_listed, looks->behind,
		     looks->n_behind, &drift);
	return drift;
}

static void assert_drift(const struct soak_drift *drift, size_t missing, size_t extra,
			 size_t excused)
{
	assert_int_equal(drift->missing, missing);
	assert_int_equal(drift->extra, extra);
	assert_int_equal(drift->excused, excused);
}

static void same_sockets_are_no_drift(void **state)
{
	struct soak_drift drift;
	struct looks looks;

	make_looks(&looks);
	drift = compare(&looks);
	assert_int_equal(drift.rows, SOCKETS);
	assert_drift(&drift, 0, 0, 0);
}

static void socket_that_is_not_listed_is_missing(void **state)
{
	struct soak_drift drift;
	struct looks looks;

	make_looks(&looks);
	looks.n_listed--;
	drift = compare(&looks);
	assert_drift(&drift, 1, 0, 0);
}

static void socket_in_another_state_is_missing(void **state)
{
	struct soak_drift drift;
	struct looks looks;

	make_looks(&looks);
	strcpy(looks.listed[2].state, "CLOSE_WAIT");
	drift = compare(&looks);
	assert_drift(&drift, 1, 0, 0);
}

/// Whether it was before or behind what changed, nobody knows.
static void socket_that_changes_meanwhile_is_no_drift(void **state)
{
	struct soak_drift drift;
	struct looks looks;

	make_looks(&looks);
	strcpy(looks.behind[2].state, "CLOSE_WAIT");
	looks.n_behind--;
	drift = compare(&looks);
	assert_drift(&drift, 0, 0, 0);
}

static void socket_that_is_listed_alone_is_extra_unless_it_is_brief(void **state)
{
	struct soak_drift drift;
	struct looks looks;

	make_looks(&looks);
	strcpy(looks.listed[0].conn, "b1");
	strcpy(looks.listed[1].conn, "b2");
	looks.listed[1].is_brief = 1;
	drift = compare(&looks);
	assert_drift(&drift, 2, 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_run_passes),
		cmocka_unit_test(memory_that_creeps_up_fails),
		cmocka_unit_test(memory_that_falls_passes),
		cmocka_unit_test(one_descriptor_more_fails),
		cmocka_unit_test(one_descriptor_less_fails),
		cmocka_unit_test(map_that_fills_up_fails),
		cmocka_unit_test(kernel_that_keeps_more_and_more_fails),
		cmocka_unit_test(few_samples_fail),
		cmocka_unit_test(same_sockets_are_no_drift),
		cmocka_unit_test(socket_that_is_not_listed_is_missing),
		cmocka_unit_test(socket_in_another_state_is_missing),
		cmocka_unit_test(socket_that_changes_meanwhile_is_no_drift),
		cmocka_unit_test(socket_that_is_listed_alone_is_extra_unless_it_is_brief),
	};

	return cmocka_run_group_tests_name("soak_judge", tests, NULL, NULL);
}
