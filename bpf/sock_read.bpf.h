/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the kernel's sockets and segments to the fields of an event. */
#pragma once

#include "common.bpf.h"

/*
 * The same reading twice: through a pointer whose type the verifier knows (a plain load), and
 * through an address of which only we know what it is (a timer's container).
 */
#define CT_LOAD(ptr, field)    ((ptr)->field)
#define CT_LOAD2(ptr, f1, f2)  ((ptr)->f1->f2)
#define CT_PROBE(ptr, field)   BPF_CORE_READ(ptr, field)
#define CT_PROBE2(ptr, f1, f2) BPF_CORE_READ(ptr, f1, f2)

/*
 * What all sockets begin with. Where only the address is known all of it is read at once: a reading
 * costs the same for one field and for all. tests/vmlinux sees that it is long enough for the
 * kernel at hand.
 */
#define CT_COMMON_BYTES 136
struct ct_common {
	__u8 bytes[CT_COMMON_BYTES] __attribute__((aligned(8)));
};

/* Of a struct ct_common. */
#define CT_TAKEN(common, field)                                                     \
	(*(const typeof(((struct sock_common *)0)->field) *)((common)->bytes +      \
							     bpf_core_field_offset( \
								     struct sock_common, field)))
#define CT_TAKEN2(common, f1, f2)                                        \
	({                                                               \
		typeof(CT_TAKEN(common, f1)) f1_ = CT_TAKEN(common, f1); \
		BPF_CORE_READ(f1_, f2);                                  \
	})

static __always_inline void ct_take_common(struct ct_common *ret, const struct sock_common *skc)
{
	bpf_probe_read_kernel(ret, sizeof(*ret), skc);
}

#define CT_DEFINE_READ_COMMON(name, type, from, READ, READ2)                                  \
	static __always_inline void name(type *event, const from *skc)                        \
	{                                                                                     \
		event->family = READ(skc, skc_family);                                        \
		event->lport = READ(skc, skc_num);                                            \
		event->rport = bpf_ntohs(READ(skc, skc_dport));                               \
		event->netns = READ2(skc, skc_net.net, ns.inum);                              \
		if (event->family == AF_INET6 &&                                              \
		    bpf_core_field_exists(struct sock_common, skc_v6_daddr)) {                \
			__u32 *laddr = (__u32 *)event->laddr, *raddr = (__u32 *)event->raddr; \
                                                                                              \
			laddr[0] = READ(skc, skc_v6_rcv_saddr.in6_u.u6_addr32[0]);            \
			laddr[1] = READ(skc, skc_v6_rcv_saddr.in6_u.u6_addr32[1]);            \
			laddr[2] = READ(skc, skc_v6_rcv_saddr.in6_u.u6_addr32[2]);            \
			laddr[3] = READ(skc, skc_v6_rcv_saddr.in6_u.u6_addr32[3]);            \
			raddr[0] = READ(skc, skc_v6_daddr.in6_u.u6_addr32[0]);                \
			raddr[1] = READ(skc, skc_v6_daddr.in6_u.u6_addr32[1]);                \
			raddr[2] = READ(skc, skc_v6_daddr.in6_u.u6_addr32[2]);                \
			raddr[3] = READ(skc, skc_v6_daddr.in6_u.u6_addr32[3]);                \
		} else {                                                                      \
			*(__u32 *)event->laddr = READ(skc, skc_rcv_saddr);                    \
			*(__u32 *)event->raddr = READ(skc, skc_daddr);                        \
		}                                                                             \
	}
CT_DEFINE_READ_COMMON(ct_read_common, struct ct_event, struct sock_common, CT_LOAD, CT_LOAD2)
CT_DEFINE_READ_COMMON(ct_read_taken, struct ct_event, struct ct_common, CT_TAKEN, CT_TAKEN2)
CT_DEFINE_READ_COMMON(ct_read_taken_tuple, struct ct_tuple, struct ct_common, CT_TAKEN, CT_TAKEN2)

static __always_inline void ct_fill_common(struct ct_event *event, const struct ct_common *common)
{
	ct_read_taken(event, common);
	event->cookie = CT_TAKEN(common, skc_cookie.counter);
	event->state = CT_TAKEN(common, skc_state);
}

/* Who it is and its state, of an address. */
static __always_inline void ct_probe_common(struct ct_event *event, const struct sock_common *skc)
{
	struct ct_common common;

	ct_take_common(&common, skc);
	ct_fill_common(event, &common);
}

/* Both stand, or have stood, in the same place of the kernel's table of connections. */
static __always_inline bool ct_has_place_of(const struct ct_common *a, const struct ct_common *b)
{
	return CT_TAKEN(a, skc_dport) == CT_TAKEN(b, skc_dport) &&
	       CT_TAKEN(a, skc_num) == CT_TAKEN(b, skc_num) &&
	       CT_TAKEN(a, skc_hash) == CT_TAKEN(b, skc_hash);
}

/* Bytes from a socket to its timers, which newer kernels have in other structs. */
static __always_inline __u32 ct_write_timer_offset(void)
{
	if (bpf_core_field_exists(struct sock, tcp_retransmit_timer))
		return bpf_core_field_offset(struct sock, tcp_retransmit_timer);
	return bpf_core_field_offset(struct inet_connection_sock, icsk_retransmit_timer);
}

static __always_inline __u32 ct_keepalive_timer_offset(void)
{
	if (bpf_core_field_exists(struct inet_connection_sock, icsk_keepalive_timer))
		return bpf_core_field_offset(struct inet_connection_sock, icsk_keepalive_timer);
	return bpf_core_field_offset(struct sock, sk_timer);
}

static __always_inline const struct timer_list *ct_write_timer(const struct sock *sk)
{
	return (const void *)sk + ct_write_timer_offset();
}

static __always_inline const struct timer_list *ct_keepalive_timer(const struct sock *sk)
{
	return (const void *)sk + ct_keepalive_timer_offset();
}

/* For when its write timer is set, in jiffies. */
static __always_inline __u64 ct_write_timer_expires(const struct sock *sk)
{
	return BPF_CORE_READ(ct_write_timer(sk), expires);
}

static __always_inline bool ct_is_full(const struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;

	return state != CT_STATE_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* NAGLE_OFF, MPTCP: 1 or 0 */
static __always_inline __u8 ct_flags(__u64 flags, __u64 linger, __u64 nagle_off, __u64 mptcp)
{
	__u64 lingers = flags >> SOCK_LINGER & 1;

	return lingers * CT_SOCK_LINGER | (lingers & ~ct_is_set(linger)) * CT_SOCK_LINGER0 |
	       (flags >> SOCK_KEEPOPEN & 1) * CT_SOCK_KEEPALIVE |
	       (flags >> SOCK_DEAD & 1) * CT_SOCK_ORPHAN | nagle_off * CT_SOCK_NODELAY |
	       mptcp * CT_SOCK_MPTCP;
}

#define CT_NAGLE_OFF 1 /* TCP_NAGLE_OFF, include/net/tcp.h */

static __always_inline __u8 ct_sock_flags(const struct sock *sk, const struct tcp_sock *tp)
{
	__u64 nagle_off = 0, mptcp = 0;

	if (tp)
		nagle_off = BPF_CORE_READ_BITFIELD(tp, nonagle) & CT_NAGLE_OFF;
	if (tp && bpf_core_field_exists(tp->is_mptcp))
		mptcp = *(const __u8 *)&tp->is_mptcp;
	return ct_flags(sk->__sk_common.skc_flags, sk->sk_lingertime, nagle_off, mptcp);
}

static __always_inline __u8 ct_probe_sock_flags(const struct sock *sk, const struct tcp_sock *tp)
{
	__u64 nagle_off = BPF_CORE_READ_BITFIELD_PROBED(tp, nonagle) & CT_NAGLE_OFF;
	__u64 mptcp = bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ(tp, is_mptcp);

	return ct_flags(BPF_CORE_READ(sk, __sk_common.skc_flags), BPF_CORE_READ(sk, sk_lingertime),
			nagle_off, mptcp);
}

/*
 * Everything of the core that a full socket tells.
 *
 * skc_num is 0 where an unbound port is not hashed yet or no more: inet_sport is the better
 * witness.
 */
static __always_inline void ct_read_sock(struct ct_event *event, struct sock *sk,
					 struct tcp_sock *tp)
{
	ct_read_common(event, &sk->__sk_common);
	if (tp && !event->lport)
		event->lport = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	event->cookie = bpf_get_socket_cookie(sk);
	event->state = sk->__sk_common.skc_state;
	event->sock_flags |= ct_sock_flags(sk, tp);
}

/* As tcp_inq() in include/net/tcp.h: a FIN counts in rcv_nxt, RFC 9293 3.4, and is nothing to read.
 */
static __always_inline __u32 ct_unread(const struct tcp_sock *tp, const struct sock *sk, __u8 state)
{
	__u32 unread = tp->rcv_nxt - tp->copied_seq;

	if (state == CT_STATE_CLOSE || state == CT_STATE_LISTEN || state == CT_STATE_SYN_SENT)
		return 0;
	if (unread && sk->__sk_common.skc_flags & (1UL << SOCK_DONE))
		unread--;
	return unread;
}

/* SYN and FIN have their place in the sequence too, and are no data. STATE: before a transition. */
static __always_inline __u32 ct_unacked(const struct tcp_sock *tp, __u8 state)
{
	__u32 unacked = tp->write_seq - tp->snd_una;

	switch (state) {
	case CT_STATE_ESTABLISHED:
	case CT_STATE_CLOSE_WAIT:
		return unacked;
	case CT_STATE_FIN_WAIT1:
	case CT_STATE_CLOSING:
	case CT_STATE_LAST_ACK:
		return unacked ? unacked - 1 : 0;
	default:
		return 0;
	}
}

/* As tcp_rcv_state_process() asks; what gives a FIN up leaves these as they are. */
static __always_inline __u8 ct_own_fin(const struct tcp_sock *tp, __u8 old, __u8 new)
{
	if (new != CT_STATE_CLOSE || (old != CT_STATE_CLOSING && old != CT_STATE_LAST_ACK))
		return CT_FIN_UNKNOWN;
	return tp->snd_una == tp->write_seq ? CT_FIN_ACKED : CT_FIN_UNACKED;
}

static __always_inline __u64 ct_timer_left_ns(const struct timer_list *timer)
{
	long left = BPF_CORE_READ(timer, expires) - bpf_jiffies64();

	return left > 0 ? left * tick_ns : 0;
}

static __always_inline __u32 ct_seconds(unsigned long jiffies)
{
	return (jiffies * tick_ns + 500000000) / 1000000000ULL; /* a tick may be cut: HZ=300 */
}

/* Options as the kernel has them: times in jiffies, the namespace's where the socket has none. */
struct ct_options {
	__u32 keepalive_time;
	__u32 keepalive_interval;
	__u32 keepalive_probes;
	__u32 user_timeout_ms;
	__u32 linger;
};

#define CT_DEFINE_READ_OPTIONS(name, READ)                                                   \
	static __always_inline void name(struct ct_options *ret, const struct sock *sk,      \
					 const struct tcp_sock *tp)                          \
	{                                                                                    \
		const struct net *net = READ(sk, __sk_common.skc_net.net);                   \
                                                                                             \
		ret->keepalive_time = ct_or(READ(tp, keepalive_time),                        \
					    READ(net, ipv4.sysctl_tcp_keepalive_time));      \
		ret->keepalive_interval = ct_or(READ(tp, keepalive_intvl),                   \
						READ(net, ipv4.sysctl_tcp_keepalive_intvl)); \
		ret->keepalive_probes = ct_or(READ(tp, keepalive_probes),                    \
					      READ(net, ipv4.sysctl_tcp_keepalive_probes));  \
		ret->user_timeout_ms = READ(tp, inet_conn.icsk_user_timeout);                \
		ret->linger = READ(sk, sk_lingertime);                                       \
	}
CT_DEFINE_READ_OPTIONS(ct_read_options, CT_LOAD)
CT_DEFINE_READ_OPTIONS(ct_probe_options, CT_PROBE)

/* What the whole life counted, and the options that it ended with. */
static __always_inline void ct_read_counters(struct ct_event_counters *ret, const struct sock *sk,
					     const struct tcp_sock *tp)
{
	struct ct_options options;

	ct_read_options(&options, sk, tp);
	ret->bytes_sent = tp->bytes_sent;
	ret->bytes_acked = tp->bytes_acked;
	ret->bytes_received = tp->bytes_received;
	/* the kernel counts the FIN's place in the sequence too: tcp_rcv_nxt_update() */
	if (ret->bytes_received && sk->__sk_common.skc_flags & (1UL << SOCK_DONE))
		ret->bytes_received--;
	ret->bytes_retransmitted = tp->bytes_retrans;
	ret->segments_out = tp->segs_out;
	ret->segments_in = tp->segs_in;
	ret->retransmits = tp->total_retrans;
	ret->srtt_us = tp->srtt_us >> 3; /* kept times eight, include/linux/tcp.h */
	ret->min_rtt_us = tp->rtt_min.s[0].v;
	ret->keepalive_time_s = ct_seconds(options.keepalive_time);
	ret->keepalive_interval_s = ct_seconds(options.keepalive_interval);
	ret->keepalive_probes = options.keepalive_probes;
	ret->user_timeout_ms = options.user_timeout_ms;
	ret->linger_s = ct_seconds(options.linger);
}

static __always_inline void ct_read_tcp(struct tcphdr *ret, const struct sk_buff *skb)
{
	bpf_probe_read_kernel(ret, sizeof(*ret),
			      BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header));
}

/* Addresses of a received segment as the receiver sees them: it is the destination. */
#define CT_DEFINE_READ_PACKET(name, type)                                                         \
	static __always_inline void name(type *ret, const struct sk_buff *skb,                    \
					 const struct tcphdr *tcp)                                \
	{                                                                                         \
		unsigned char *network = BPF_CORE_READ(skb, head) +                               \
					 BPF_CORE_READ(skb, network_header);                      \
                                                                                                  \
		ret->lport = bpf_ntohs(tcp->dest);                                                \
		ret->rport = bpf_ntohs(tcp->source);                                              \
		if (BPF_CORE_READ(skb, protocol) == bpf_htons(ETH_P_IPV6)) {                      \
			ret->family = AF_INET6;                                                   \
			bpf_probe_read_kernel(ret->laddr, 16,                                     \
					      network +                                           \
						      __builtin_offsetof(struct ipv6hdr, daddr)); \
			bpf_probe_read_kernel(ret->raddr, 16,                                     \
					      network +                                           \
						      __builtin_offsetof(struct ipv6hdr, saddr)); \
		} else {                                                                          \
			ret->family = AF_INET;                                                    \
			bpf_probe_read_kernel(ret->laddr, 4,                                      \
					      network + __builtin_offsetof(struct iphdr, daddr)); \
			bpf_probe_read_kernel(ret->raddr, 4,                                      \
					      network + __builtin_offsetof(struct iphdr, saddr)); \
		}                                                                                 \
	}
CT_DEFINE_READ_PACKET(ct_read_packet_event, struct ct_event)
CT_DEFINE_READ_PACKET(ct_read_packet_tuple, struct ct_tuple)

/* Flags and, if EVENT is given, addresses of a received segment. */
static __always_inline __u8 ct_read_packet(struct ct_event *event, const struct sk_buff *skb)
{
	struct tcphdr tcp = {};

	ct_read_tcp(&tcp, skb);
	if (event)
		ct_read_packet_event(event, skb, &tcp);
	return tcp.flags;
}

/* A segment of IPv4 that a socket of IPv6 takes is for v4-mapped addresses, RFC 4291 2.5.5.2. */
static __always_inline void ct_map_addresses(struct ct_event *event, const struct sock *sk)
{
	__u32 *laddr = (__u32 *)event->laddr, *raddr = (__u32 *)event->raddr;

	if (event->family != AF_INET || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_INET6)
		return;
	event->family = AF_INET6;
	laddr[3] = laddr[0];
	raddr[3] = raddr[0];
	laddr[2] = raddr[2] = bpf_htonl(0xffff);
	laddr[0] = raddr[0] = 0;
}
