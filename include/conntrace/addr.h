/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Addresses are 16 bytes in network byte order everywhere; for AF_INET the first 4 count and the
/// rest is ignored.

/// Fits every address that ct_addr_format() writes, NUL included (INET6_ADDRSTRLEN).
#define CT_ADDR_STRLEN 46

/// Whether the IPv6 address is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2): IPv4 on an AF_INET6 socket.
bool ct_addr_is_v4mapped(const uint8_t addr[16]);

/// Writes the address as text, a v4-mapped one as the IPv4 address it stands for, and "?" for a
/// family that is neither AF_INET nor AF_INET6. Returns out.
char *ct_addr_format(int family, const uint8_t addr[16], char out[CT_ADDR_STRLEN]);

struct ct_cidr {
	/// AF_INET or AF_INET6; a v4-mapped network is held as AF_INET
	int family;
	/// network byte order, host bits as they were given
	uint8_t addr[16];
	/// in bits, 0..32 or 0..128
	unsigned int prefix_len;
};

/// Parses `10.0.0.0/8`, `2001:db8::/32`, or a plain address, which means that address alone. Host
/// bits may be set. Returns 0, or -EINVAL for anything else, *ret unchanged.
int ct_cidr_parse(const char *text, struct ct_cidr *ret);

/// Whether the address lies in the network. A v4-mapped address is an IPv4 address here: it lies in
/// 0.0.0.0/0 and not in
/// ::/0. A family that is neither AF_INET nor AF_INET6 lies in none.
bool ct_cidr_match(const struct ct_cidr *cidr, int family, const uint8_t addr[16]);
