/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types that conntrace reads, and of them the members that it reads: names and types
 * only, every offset is relocated against the running kernel's BTF when the programs are loaded.
 * tests/vmlinux holds this file against the BTF of the kernel at hand.
 *
 * Written by hand from the kernel's public headers; x86-64 and arm64.
 */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef int pid_t;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

enum { false = 0, true = 1 };
typedef _Bool bool;

/* include/uapi/linux/bpf.h: the values that the programs name */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_CLONE = 512,
	BPF_SK_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic64_t;

typedef struct {
	__u32 val;
} kuid_t;

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

typedef struct {
	int counter;
} atomic_t;

struct refcount_struct {
	atomic_t refs;
};

typedef struct refcount_struct refcount_t;

struct ns_common {
	unsigned int inum;
	refcount_t count;
	refcount_t __ns_ref;
};

struct netns_ipv4 {
	int sysctl_tcp_keepalive_time;
	int sysctl_tcp_keepalive_intvl;
	u8 sysctl_tcp_keepalive_probes;
};

struct net {
	struct ns_common ns;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	unsigned int skc_hash;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
	struct sock *skc_listener;
};

struct hlist_node {
	struct hlist_node **pprev;
};

struct timer_list {
	struct hlist_node entry;
	unsigned long expires;
	void (*function)(struct timer_list *);
};

typedef struct {
	int owned;
} socket_lock_t;

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sk_buff;

struct sk_buff_head {
	struct sk_buff *prev;
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_error_queue;
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	int sk_err;
	int sk_err_soft;
	socket_lock_t sk_lock;
	struct timer_list sk_timer;
	struct timer_list tcp_retransmit_timer;
	kuid_t sk_uid;
	u16 sk_protocol;
	u8 sk_shutdown;
	unsigned long sk_lingertime;
	struct sock_cgroup_data sk_cgrp_data;
};

enum sock_flags {
	SOCK_DEAD = 0,
	SOCK_DONE = 1,
	SOCK_KEEPOPEN = 3,
	SOCK_LINGER = 4,
};

struct inet_sock {
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct timer_list icsk_retransmit_timer;
	struct timer_list icsk_keepalive_timer;
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
	__u8 icsk_backoff;
	__u8 icsk_probes_out;
	u32 icsk_user_timeout;
};

struct minmax_sample {
	u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u64 bytes_received;
	u32 segs_in;
	u32 rcv_nxt;
	u32 rcv_wnd;
	u32 copied_seq;
	u32 segs_out;
	u64 bytes_sent;
	u64 bytes_acked;
	u32 snd_una;
	u32 snd_nxt;
	u32 snd_wnd;
	u32 rcv_tstamp;
	u64 tcp_mstamp;
	u32 srtt_us;
	struct minmax rtt_min;
	u32 write_seq;
	u64 bytes_retrans;
	u32 total_retrans;
	u8 nonagle : 4;
	u8 syn_data_acked : 1;
	u8 syn_fastopen_child : 1;
	unsigned int keepalive_time;
	unsigned int keepalive_intvl;
	u8 keepalive_probes;
	bool is_mptcp;
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	unsigned char tw_substate;
	struct timer_list tw_timer;
};

struct request_sock {
	struct sock_common __req_common;
	u8 num_retrans;
	u8 num_timeout : 7;
	struct timer_list rsk_timer;
};

struct inet_request_sock {
	u16 acked : 1;
};

struct tcp_request_sock {
	u32 snt_isn;
};

struct net_device {
	possible_net_t nd_net;
};

struct dst_entry {
	struct net_device *dev;
};

struct sk_buff {
	struct net_device *dev;
	unsigned long _skb_refdst;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	unsigned int len;
	unsigned char *head;
	char cb[48];
};

struct sock_extended_err {
	__u32 ee_errno;
	__u8 ee_origin;
};

/* the control block in sk_buff.cb of what waits in sk_error_queue, include/linux/errqueue.h */
struct sock_exterr_skb {
	struct sock_extended_err ee;
};

/* the control block in sk_buff.cb while a segment is in TCP's hands, include/net/tcp.h */
struct tcp_skb_cb {
	__u32 seq;
	__u8 tcp_flags;
};

struct thread_info {
#if defined(__TARGET_ARCH_x86)
	u32 status;
#else
	unsigned long flags;
	u64 preempt_count;
#endif
};

#if defined(__TARGET_ARCH_x86)
struct rq;

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};
#endif

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	struct task_struct *group_leader;
	struct nsproxy *nsproxy;
	char comm[16];
	struct thread_info thread_info;
	unsigned int flags;
	pid_t tgid;
	int softirq_disable_cnt;
#if defined(__TARGET_ARCH_x86)
	struct sched_entity se;
#endif
};

struct socket {
	struct sock *sk;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	__s32 syscallno;
#else
#error "conntrace knows x86-64 and arm64"
#endif
};

enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 2,
	SKB_DROP_REASON_NO_SOCKET = 3,
	SKB_DROP_REASON_TCP_INVALID_SEQUENCE = 32,
	SKB_DROP_REASON_TCP_LISTEN_OVERFLOW = 40,
	SKB_DROP_REASON_TCP_OLD_SEQUENCE = 41,
};

#pragma clang attribute pop

/* on the wire, not relocated: include/uapi/linux/{ip,ipv6,tcp}.h */
struct iphdr {
	__u8 ihl_version;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__u16 check;
	__be32 saddr;
	__be32 daddr;
};

struct ipv6hdr {
	__be32 flow;
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__u8 saddr[16];
	__u8 daddr[16];
};

struct tcphdr {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
	__u8 offset_reserved;
	__u8 flags;
	__be16 window;
	__u16 check;
	__u16 urg_ptr;
};
