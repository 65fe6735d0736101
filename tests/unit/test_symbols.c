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
	assert_int_equal(ct_symbols_read(file, &symbol, 1), 0);
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

	assert_int_equal(ct_symbols_read(file, symbols, 3), 0);
	assert_true(symbols[0].address == 0xffffffff81e4a2c0);
	assert_true(symbols[1].address == 0);
	assert_true(symbols[2].address == 0xffffffff81e4a1b0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_symbols_are_found_in_one_pass),
		cmocka_unit_test(hidden_address_is_as_good_as_none),
		cmocka_unit_test(missing_symbol_has_no_address),
		cmocka_unit_test(data_of_the_same_name_is_passed_over),
		cmocka_unit_test(modules_symbol_of_the_same_name_is_not_the_kernels),
		cmocka_unit_test(what_is_no_listing_is_passed_over),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
