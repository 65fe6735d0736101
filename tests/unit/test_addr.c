// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 55};

static void expect_text(int family, const char *text)
{
	uint8_t addr[16] = {};
	char out[CT_ADDR_STRLEN];

	assert_int_equal(inet_pton(family, text, addr), 1);
	assert_string_equal(ct_addr_format(family, addr, out), text);
}

static void addresses_read_as_people_write_them(void **state)
{
	expect_text(AF_INET, "0.0.0.0");
	expect_text(AF_INET, "10.2.30.199");
	expect_text(AF_INET, "255.255.255.255");
	expect_text(AF_INET6, "::");
	expect_text(AF_INET6, "::1");
	expect_text(AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666");
}

static void v4mapped_address_prints_as_ipv4(void **state)
{
	char out[CT_ADDR_STRLEN];

	assert_true(ct_addr_is_v4mapped(mapped));
	assert_string_equal(ct_addr_format(AF_INET6, mapped, out), "192.0.2.55");
}

static void v4compatible_and_loopback_are_not_v4mapped(void **state)
{
	static const uint8_t compatible[16] = {[12] = 192, 0, 2, 55};
	static const uint8_t high[16] = {[0] = 0x20, [10] = 0xff, 0xff, 192, 0, 2, 55};

	assert_false(ct_addr_is_v4mapped(compatible));
	assert_false(ct_addr_is_v4mapped(high));
}

static void unknown_family_has_no_address(void **state)
{
	char out[CT_ADDR_STRLEN];

	assert_string_equal(ct_addr_format(AF_UNIX, mapped, out), "?");
}

static bool matches(const char *cidr_text, int family, const char *text)
{
	struct ct_cidr cidr;
	uint8_t addr[16] = {};

	assert_int_equal(ct_cidr_parse(cidr_text, &cidr), 0);
	assert_int_equal(inet_pton(family, text, addr), 1);
	return ct_cidr_match(&cidr, family, addr);
}

static void network_holds_its_first_and_last_address_and_no_neighbour(void **state)
{
	assert_true(matches("10.16.0.0/12", AF_INET, "10.16.0.0"));
	assert_true(matches("10.16.0.0/12", AF_INET, "10.31.255.255"));
	assert_false(matches("10.16.0.0/12", AF_INET, "10.32.0.0"));
	assert_false(matches("10.16.0.0/12", AF_INET, "10.15.255.255"));
	assert_true(matches("2001:db8::/33", AF_INET6, "2001:db8:7fff::1"));
	assert_false(matches("2001:db8::/33", AF_INET6, "2001:db8:8000::1"));
}

static void plain_address_holds_itself_alone(void **state)
{
	assert_true(matches("192.0.2.7", AF_INET, "192.0.2.7"));
	assert_false(matches("192.0.2.7", AF_INET, "192.0.2.6"));
	assert_true(matches("::1", AF_INET6, "::1"));
	assert_false(matches("::1", AF_INET6, "::2"));
}

static void host_bits_do_not_matter(void **state)
{
	assert_true(matches("10.1.2.3/8", AF_INET, "10.200.0.1"));
}

static void prefix_zero_holds_its_family_alone(void **state)
{
	assert_true(matches("0.0.0.0/0", AF_INET, "203.0.113.9"));
	assert_false(matches("0.0.0.0/0", AF_INET6, "2001:db8::1"));
	assert_true(matches("::/0", AF_INET6, "2001:db8::1"));
	assert_false(matches("::/0", AF_INET, "203.0.113.9"));
}

static void v4mapped_address_is_in_ipv4_networks_alone(void **state)
{
	assert_true(matches("192.0.2.0/24", AF_INET6, "::ffff:192.0.2.55"));
	assert_false(matches("192.0.3.0/24", AF_INET6, "::ffff:192.0.2.55"));
	assert_false(matches("::/0", AF_INET6, "::ffff:192.0.2.55"));
}

static void v4mapped_network_means_the_ipv4_network(void **state)
{
	assert_true(matches("::ffff:192.0.2.0/120", AF_INET, "192.0.2.55"));
	assert_false(matches("::ffff:192.0.2.0/120", AF_INET, "192.0.3.55"));
}

static void what_is_no_network_is_refused_and_leaves_the_result(void **state)
{
	static const char *const refused[] = {
		"",
		"/",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0/8",
		"10.0.0.0/8x",
		"10.0.0.0/ 8",
		"::/129",
		"localhost",
		"1.2.3.256",
		"10.0.0.0/8/8",
		"::1%lo",
		"10.0.0.0/99999999999999999999",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64",
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct ct_cidr cidr, before;

		memset(&before, 0x5a, sizeof(before));
		cidr = before;
		assert_int_equal(ct_cidr_parse(refused[i], &cidr), -EINVAL);
		assert_memory_equal(&cidr, &before, sizeof(cidr));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_as_people_write_them),
		cmocka_unit_test(v4mapped_address_prints_as_ipv4),
		cmocka_unit_test(v4compatible_and_loopback_are_not_v4mapped),
		cmocka_unit_test(unknown_family_has_no_address),
		cmocka_unit_test(network_holds_its_first_and_last_address_and_no_neighbour),
		cmocka_unit_test(plain_address_holds_itself_alone),
		cmocka_unit_test(host_bits_do_not_matter),
		cmocka_unit_test(prefix_zero_holds_its_family_alone),
		cmocka_unit_test(v4mapped_address_is_in_ipv4_networks_alone),
		cmocka_unit_test(v4mapped_network_means_the_ipv4_network),
		cmocka_unit_test(what_is_no_network_is_refused_and_leaves_the_result),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
