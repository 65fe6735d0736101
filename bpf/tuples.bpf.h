/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which socket a segment is for, where the kernel does not name it when it drops one (kfree_skb
 * without rx_sk): by its addresses, for as long as it can take segments. What is found is an
 * address, of which only we know what it is: read through probes, checked before it is believed.
 */
#pragma once

#include "common.bpf.h"
#include "emit.bpf.h"
#include "sock_read.bpf.h"

/* Set before loading. */
const volatile bool by_tuple;	   /* such a kernel: elsewhere nothing of this is loaded */
const volatile bool resets_untold; /* tcp_send_reset tells of those of full sockets alone */
#define CT_RECEIVE_RANGES 4
const volatile __u64 receive_begin[CT_RECEIVE_RANGES]; /* of tcp_v4_rcv, tcp_v6_rcv */
const volatile __u64 receive_end[CT_RECEIVE_RANGES];   /* first behind them; 0 none */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set from user space before loading */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ct_tuple);
	__type(value, __u64); /* address of the socket, the mini-socket or the request */
} tuples SEC(".maps");

/* The same for a socket of IPv6 with v4-mapped addresses and for a segment of IPv4. */
static __always_inline void ct_tuple_to_key(struct ct_tuple *tuple)
{
	__u32 *laddr = (__u32 *)tuple->laddr, *raddr = (__u32 *)tuple->raddr;

	if (tuple->family == AF_INET) {
		laddr[3] = laddr[0];
		raddr[3] = raddr[0];
		laddr[2] = raddr[2] = bpf_htonl(0xffff);
		laddr[0] = raddr[0] = 0;
	}
	tuple->family = 0;
}

static __always_inline void ct_tuple_of(struct ct_tuple *ret, const struct sock_common *skc)
{
	struct ct_common common;

	ct_take_common(&common, skc);
	__builtin_memset(ret, 0, sizeof(*ret));
	ct_read_taken_tuple(ret, &common);
	/* an unbound port is not hashed any more at → CLOSE */
	if (!ret->lport)
		ret->lport = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)skc, inet_sport));
	ct_tuple_to_key(ret);
}

/* What comes last has the place: a mini-socket that of its socket, before that one closes. */
static __always_inline void ct_tuples_add(const struct sock_common *skc)
{
	struct ct_tuple tuple;
	__u64 address;

	if (!by_tuple)
		return;
	address = (__u64)skc;
	ct_tuple_of(&tuple, skc);
	ct_count_unkept(bpf_map_update_elem(&tuples, &tuple, &address, BPF_ANY));
}

static __always_inline void ct_tuples_remove(const struct sock_common *skc)
{
	struct ct_tuple tuple;
	__u64 *address;

	if (!by_tuple)
		return;
	ct_tuple_of(&tuple, skc);
	address = bpf_map_lookup_elem(&tuples, &tuple);
	if (address && *address == (__u64)skc)
		bpf_map_delete_elem(&tuples, &tuple);
}

/* The same of a full socket, with a stack of its own. */
__noinline int ct_tuples_at_state(__u64 address, __u32 old, __u32 new)
{
	const struct sock_common *skc = (const void *)address;

	if (new == CT_STATE_ESTABLISHED || old == CT_STATE_SYN_RECV)
		ct_tuples_add(skc);
	if (new == CT_STATE_CLOSE)
		ct_tuples_remove(skc);
	return 0;
}

/*
 * TCP takes the device off a segment that it hands to a full socket, and the route off one that
 * waits until a process has let go of the socket: then that process works it off.
 */
static __always_inline __u32 ct_packet_netns(const struct sk_buff *skb)
{
	const struct net_device *dev = BPF_CORE_READ(skb, dev);
	const struct dst_entry *dst = (const struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) &
								 ~1UL); /* SKB_DST_NOREF */
	struct task_struct *task = bpf_get_current_task_btf();

	if (!dev && dst)
		dev = BPF_CORE_READ(dst, dev);
	if (dev)
		return BPF_CORE_READ(dev, nd_net.net, ns.inum);
	return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

/* The socket that the segment was for, NULL if it is not known; ports and namespace are its own. */
static __always_inline const struct sock_common *ct_tuples_find(const struct sk_buff *skb,
								const struct tcphdr *tcp)
{
	struct ct_tuple tuple = {};
	const struct sock_common *skc;
	__u64 *address;

	ct_read_packet_tuple(&tuple, skb, tcp);
	tuple.netns = ct_packet_netns(skb);
	ct_tuple_to_key(&tuple);
	address = bpf_map_lookup_elem(&tuples, &tuple);
	if (!address)
		return NULL;
	skc = (const struct sock_common *)*address;
	if (BPF_CORE_READ(skc, skc_num) != tuple.lport ||
	    BPF_CORE_READ(skc, skc_dport) != tcp->source ||
	    BPF_CORE_READ(skc, skc_net.net, ns.inum) != tuple.netns)
		return NULL;
	return skc;
}

/* The segment is for the one of these addresses; its namespace is not asked. */
static __always_inline bool ct_is_for(const struct sk_buff *skb, const struct tcphdr *tcp,
				      const struct ct_tuple *tuple)
{
	struct ct_tuple key = *tuple, packet = {};
	__u32 *a = (__u32 *)&key, *b = (__u32 *)&packet, differ = 0;

	if (key.lport != bpf_ntohs(tcp->dest) || key.rport != bpf_ntohs(tcp->source))
		return false;
	ct_read_packet_tuple(&packet, skb, tcp);
	packet.netns = key.netns;
	ct_tuple_to_key(&key);
	ct_tuple_to_key(&packet);
#pragma unroll
	for (unsigned int i = 0; i < sizeof(key) / sizeof(*a); i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* It was TCP's receiver that dropped it, and not a packet socket or a filter a copy of it. */
static __always_inline bool ct_is_in_receive(__u64 location)
{
	bool inside = false;

#pragma unroll
	for (int i = 0; i < CT_RECEIVE_RANGES; i++)
		inside |= location > receive_begin[i] && location <= receive_end[i];
	return inside;
}
