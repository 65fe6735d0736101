// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "../../src/live/symbols.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"

/// Looks one symbol up in a listing; its address before the search is not 0.
static uint64_t address_of(const char *name, const char *listing)
{
	_cleanup_(ct_fclosep)
		FILE *file = fmemopen((char *)(uintptr_t)listing, strlen(listing), "r");
	struct ct_symbol symbol = {name, 0xdead};

	assert_non_null(file);
	assert_int_equal(ct_symbols_read(file, &(struct ct_symbols){.symbols = &symbol, .n = 1}),
			 0);
	return symbol.address;
}

static void several_symbols_are_found_in_one_pass(void **state)
{
	static const char listing[] = "ffffffff81000000 T _stext\n"
				      "ffffffff81e4a1b0 t tcp_keepalive_timer\n"
				      "ffffffff81e4a2c0 t tw_timer_handler\n";
	_cleanup_(ct_fclosep)
		FILE *file = fmemopen((char *)(uintptr_t)listing, strlen(listing), "r");
	struct ct_symbol symbols[] = {
		{"tw_timer_handler", 0}, {"tcp_write_timer", 0}, {"tcp_keepalive_timer", 0}};

	assert_int_equal(ct_symbols_read(file, &(struct ct_symbols){.symbols = symbols, .n = 3}),
			 0);
	assert_true(symbols[0].address == 0xffffffff81e4a2c0);
	assert_true(symbols[1].address == 0);
	assert_true(symbols[2].address == 0xffffffff81e4a1b0);
}

static void nothing_is_read_behind_the_last_of_them(void **state)
{
	static const char first[] = "ffffffff81000000 T _stext\n"
				    "ffffffff81e4a1b0 t tcp_write_timer\n";
	static const char listing[] = "ffffffff81000000 T _stext\n"
				      "ffffffff81e4a1b0 t tcp_write_timer\n"
				      "ffffffff81e4a2c0 t behind\n";
	static const char *const names[] = {"tcp_v4_rcv"};
	_cleanup_(ct_fclosep)
		FILE *file = fmemopen((char *)(uintptr_t)listing, strlen(listing), "r");
	struct ct_symbol symbol = {"tcp_write_timer", 0};
	struct ct_symbols wanted = {.symbols = &symbol, .n = 1};

	assert_int_equal(ct_symbols_read(file, &wanted), 0);
	assert_int_equal(ftell(file), strlen(first));
	rewind(file);
	wanted.names = names;
	wanted.n_names = 1;
	assert_int_equal(ct_symbols_read(file, &wanted), 0);
	assert_int_equal(ftell(file), strlen(listing));
}

static void hidden_address_is_as_good_as_none(void **state)
{
	assert_true(address_of("tcp_write_timer", "0000000000000000 t tcp_write_timer\n") == 0);
}

static void missing_symbol_has_no_address(void **state)
{
	assert_true(address_of("tcp_write_timer", "ffffffff81000000 t tcp_write_timer_handler\n"
						  "ffffffff81000010 t __tcp_write_timer\n") == 0);
}

static void data_of_the_same_name_is_passed_over(void **state)
{
	assert_true(address_of("tcp_write_timer",
			       "ffffffff82000000 d tcp_write_timer\n"
			       "ffffffff81000000 t tcp_write_timer\n") == 0xffffffff81000000);
}

static void modules_symbol_of_the_same_name_is_not_the_kernels(void **state)
{
	assert_true(address_of("tcp_write_timer", "ffffffffc0000000 t tcp_write_timer\t[evil]\n") ==
		    0);
	assert_true(address_of("tcp_write_timer",
			       "ffffffffc0000000 t tcp_write_timer\t[evil]\n"
			       "ffffffff81000000 t tcp_write_timer\n") == 0xffffffff81000000);
}

static void what_is_no_listing_is_passed_over(void **state)
{
	assert_true(address_of("tcp_write_timer",
			       "\n\ngarbage\nffffffff81000000\n"
			       "ffffffff81000000 t\n"
			       "ffffffff81000008 t tcp_write_timer") == 0xffffffff81000008);
}

/// Where functions are in a listing; RANGES has room for three.
static void ranges_of(const char *const *names, size_t n, const char *listing,
		      struct ct_symbol_range ranges[3])
{
	_cleanup_(ct_fclosep)
		FILE *file = fmemopen((char *)(uintptr_t)listing, strlen(listing), "r");

	assert_non_null(file);
	memset(ranges, 0xff, 3 * sizeof(*ranges));
	assert_int_equal(ct_symbols_read(file, &(struct ct_symbols){.names = names,
								    .n_names = n,
								    .ranges = ranges,
								    .max = 3}),
			 0);
}

static void function_reaches_up_to_the_next_symbol(void **state)
{
	static const char *const names[] = {"tcp_v4_rcv", "tcp_v6_rcv"};
	struct ct_symbol_range ranges[3];

	ranges_of(names, 2,
		  "ffffffff81000000 T tcp_v4_rcv\n"
		  "ffffffff81000900 t __pfx_tcp4_proc_exit\n"
		  "ffffffff81000910 T tcp4_proc_exit\n"
		  "ffffffff81100000 T tcp_v6_rcv\n"
		  "ffffffff81100800 d behind_it\n",
		  ranges);
	assert_true(ranges[0].begin == 0xffffffff81000000 && ranges[0].end == 0xffffffff81000900);
	assert_true(ranges[1].begin == 0xffffffff81100000 && ranges[1].end == 0xffffffff81100800);
	assert_true(ranges[2].begin == 0 && ranges[2].end == 0);
}

static void part_that_the_compiler_has_split_off_is_the_functions(void **state)
{
	static const char *const names[] = {"tcp_v4_rcv"};
	struct ct_symbol_range ranges[3];

	ranges_of(names, 1,
		  "ffffffff81000000 T tcp_v4_rcv\n"
		  "ffffffff81000900 t tcp_v4_rcv_not\n"
		  "ffffffff81500000 t tcp_v4_rcv.cold\n"
		  "ffffffff81500020 t another.cold\n",
		  ranges);
	assert_true(ranges[0].begin == 0xffffffff81000000 && ranges[0].end == 0xffffffff81000900);
	assert_true(ranges[1].begin == 0xffffffff81500000 && ranges[1].end == 0xffffffff81500020);
	assert_true(ranges[2].begin == 0);
}

/// IPv6 may be a module, and modules are listed in any order.
static void function_of_a_module_ends_at_whatever_comes_next(void **state)
{
	static const char *const names[] = {"tcp_v6_rcv"};
	struct ct_symbol_range ranges[3];

	ranges_of(names, 1,
		  "ffffffffc0003000 t far_behind\t[ipv6]\n"
		  "ffffffffc0002000 t just_behind\t[ipv6]\n"
		  "ffffffffc0001000 t tcp_v6_rcv\t[ipv6]\n"
		  "ffffffffc0000000 t before\t[ipv6]\n",
		  ranges);
	assert_true(ranges[0].begin == 0xffffffffc0001000 && ranges[0].end == 0xffffffffc0002000);
}

static void more_parts_than_there_is_room_for_are_left_out(void **state)
{
	static const char *const names[] = {"f"};
	struct ct_symbol_range ranges[3];

	ranges_of(names, 1, "10 t f\n20 t f.cold\n30 t f.part.0\n40 t f.isra.0\n50 t g\n", ranges);
	assert_true(ranges[2].begin == 0x30 && ranges[2].end == 0x40);
}

static void hidden_function_is_nowhere(void **state)
{
	static const char *const names[] = {"tcp_v4_rcv"};
	struct ct_symbol_range ranges[3];

	ranges_of(names, 1, "0000000000000000 T tcp_v4_rcv\n0000000000000000 T next\n", ranges);
	assert_true(ranges[0].begin == 0 && ranges[0].end == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_symbols_are_found_in_one_pass),
		cmocka_unit_test(nothing_is_read_behind_the_last_of_them),
		cmocka_unit_test(hidden_address_is_as_good_as_none),
		cmocka_unit_test(missing_symbol_has_no_address),
		cmocka_unit_test(data_of_the_same_name_is_passed_over),
		cmocka_unit_test(modules_symbol_of_the_same_name_is_not_the_kernels),
		cmocka_unit_test(what_is_no_listing_is_passed_over),
		cmocka_unit_test(function_reaches_up_to_the_next_symbol),
		cmocka_unit_test(part_that_the_compiler_has_split_off_is_the_functions),
		cmocka_unit_test(function_of_a_module_ends_at_whatever_comes_next),
		cmocka_unit_test(more_parts_than_there_is_room_for_are_left_out),
		cmocka_unit_test(hidden_function_is_nowhere),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
