// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "conntrace/number.h"

#define V4_BYTES 4
#define V4_BITS	 32
#define V6_BYTES 16
#define V6_BITS	 128

/// Where the IPv4 address stands in a v4-mapped one.
#define MAPPED_OFFSET 12
#define MAPPED_BITS   96

_Static_assert(CT_ADDR_STRLEN >= INET6_ADDRSTRLEN, "every address fits");

bool ct_addr_is_v4mapped(const uint8_t addr[16])
{
	static const uint8_t prefix[MAPPED_OFFSET] = {[10] = 0xff, [11] = 0xff};

	return memcmp(addr, prefix, sizeof(prefix)) == 0;
}

/// By hand: inet_ntop() goes through sprintf(), and this runs twice for each line.
static void format_v4(const uint8_t addr[V4_BYTES], char *out)
{
	for (int i = 0; i < V4_BYTES; i++) {
		if (i)
			*out++ = '.';
		if (addr[i] >= 100)
			*out++ = (char)('0' + addr[i] / 100);
		if (addr[i] >= 10)
			*out++ = (char)('0' + addr[i] / 10 % 10);
		*out++ = (char)('0' + addr[i] % 10);
	}
	*out = '\0';
}

char *ct_addr_format(int family, const uint8_t addr[16], char out[CT_ADDR_STRLEN])
{
	if (family == AF_INET)
		format_v4(addr, out);
	else if (family == AF_INET6 && ct_addr_is_v4mapped(addr))
		format_v4(addr + MAPPED_OFFSET, out);
	else if (family != AF_INET6 || !inet_ntop(AF_INET6, addr, out, CT_ADDR_STRLEN))
		strcpy(out, "?");
	return out;
}

/// A network inside ::ffff:0:0/96 is one of IPv4 addresses.
static void unmap(struct ct_cidr *cidr)
{
	if (cidr->family != AF_INET6 || cidr->prefix_len < MAPPED_BITS ||
	    !ct_addr_is_v4mapped(cidr->addr))
		return;
	cidr->family = AF_INET;
	cidr->prefix_len -= MAPPED_BITS;
	memmove(cidr->addr, cidr->addr + MAPPED_OFFSET, V4_BYTES);
	memset(cidr->addr + V4_BYTES, 0, V6_BYTES - V4_BYTES);
}

int ct_cidr_parse(const char *text, struct ct_cidr *ret)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char address[CT_ADDR_STRLEN];
	struct ct_cidr cidr = {};
	uint64_t prefix_len;

	if (n >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, n);
	address[n] = '\0';

	if (inet_pton(AF_INET, address, cidr.addr) == 1)
		cidr.family = AF_INET;
	else if (inet_pton(AF_INET6, address, cidr.addr) == 1)
		cidr.family = AF_INET6;
	else
		return -EINVAL;

	prefix_len = cidr.family == AF_INET ? V4_BITS : V6_BITS;
	if (slash && ct_parse_u64(slash + 1, 0, prefix_len, &prefix_len))
		return -EINVAL;
	cidr.prefix_len = (unsigned int)prefix_len;
	unmap(&cidr);
	*ret = cidr;
	return 0;
}

bool ct_cidr_match(const struct ct_cidr *cidr, int family, const uint8_t addr[16])
{
	unsigned int bytes = cidr->prefix_len / 8;
	unsigned int bits = cidr->prefix_len % 8;

	if (family == AF_INET6 && ct_addr_is_v4mapped(addr)) {
		family = AF_INET;
		addr += MAPPED_OFFSET;
	}
	if (family != cidr->family || (family != AF_INET && family != AF_INET6))
		return false;
	if (memcmp(addr, cidr->addr, bytes) != 0)
		return false;
	return bits == 0 || (addr[bytes] ^ cidr->addr[bytes]) >> (8 - bits) == 0;
}
