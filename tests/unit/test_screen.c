// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is drawn on a terminal of a given size. */
#include "../../src/cli/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <string.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"

static void expect_drawn(const char *text, size_t rows, size_t columns, const char *expected)
{
	_cleanup_(ct_buf_fini) struct ct_buf out = {};
	const struct ct_terminal_size screen = {rows, columns};

	ct_screen_draw(&out, text, strlen(text), &screen);
	assert_int_equal(out.error, 0);
	assert_string_equal(out.data, expected);
}

static void text_begins_in_the_corner_and_erases_what_was_there(void **state)
{
	expect_drawn("a\nbc\n", 24, 80, "\033[H\033[Ka\n\033[Kbc\n\033[J");
	expect_drawn("", 24, 80, "\033[H\033[J");
}

static void long_lines_are_cut_at_the_edge(void **state)
{
	expect_drawn("12345\n123456\n", 24, 5, "\033[H\033[K12345\n\033[K1234>\n\033[J");
}

static void colours_take_no_room_and_are_switched_off(void **state)
{
	expect_drawn("\033[1;31mred\033[0m12345\n", 24, 5,
		     "\033[H\033[K\033[1;31mred\033[0m1>\n\033[J");
	expect_drawn("12345\033[2m6\033[0m\n", 24, 5, "\033[H\033[K1234>\033[2m\033[0m\n\033[J");
}

static void characters_are_cut_as_a_whole(void **state)
{
	expect_drawn("\xe2\x89\xa5"
		     "12345\n",
		     24, 3,
		     "\033[H\033[K\xe2\x89\xa5"
		     "1>\n\033[J");
	/* a byte that begins no character is one column */
	expect_drawn("\xff"
		     "12345\n",
		     24, 3,
		     "\033[H\033[K\xff"
		     "1>\n\033[J");
}

static void wide_characters_take_two_columns(void **state)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		print_message("skipped: no locale C.UTF-8\n");
		skip();
	}
	expect_drawn("\xe4\xb8\xad"
		     "123\n",
		     24, 4,
		     "\033[H\033[K\xe4\xb8\xad"
		     "1>\n\033[J");
	expect_drawn("123\xe4\xb8\xad"
		     "4\n",
		     24, 4, "\033[H\033[K123>\n\033[J");
	setlocale(LC_CTYPE, "C");
}

static void last_row_says_how_much_is_left_out(void **state)
{
	expect_drawn("1\n2\n3\n", 4, 80, "\033[H\033[K1\n\033[K2\n\033[K3\n\033[J");
	expect_drawn("1\n2\n3\n4\n", 4, 80, "\033[H\033[K1\n\033[K2\n\033[K... 2 more\n\033[J");
	expect_drawn("1\n2\n3\n4\n", 1, 80, "\033[H\033[K... 4 more\n\033[J");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_begins_in_the_corner_and_erases_what_was_there),
		cmocka_unit_test(long_lines_are_cut_at_the_edge),
		cmocka_unit_test(colours_take_no_room_and_are_switched_off),
		cmocka_unit_test(characters_are_cut_as_a_whole),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(last_row_says_how_much_is_left_out),
	};

	return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
