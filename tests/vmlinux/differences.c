// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux/differences.h"

#include <stdio.h>
#include <string.h>

/* What some kernels have not: the programs ask for GUARD first, and what they do without. */
static const struct {
	const char *key;
	const char *guard;
	const char *without;
} may_be_absent[] = {
	{"sock_common.skc_v6_daddr", "sock_common.skc_v6_daddr", "CONFIG_IPV6=n: no IPv6 socket"},
	{"sock_common.skc_v6_rcv_saddr", "sock_common.skc_v6_daddr", "as skc_v6_daddr"},
	{"sock.sk_cgrp_data", "sock_cgroup_data.cgroup", "CONFIG_CGROUPS=n: cgroup is null"},
	{"sock_cgroup_data.cgroup", "sock_cgroup_data.cgroup", "up to 5.14: cgroup is null"},
	{"ns_common.count", "ns_common.count", "from 6.18 on it is __ns_ref"},
	{"ns_common.__ns_ref", "ns_common.__ns_ref", "up to 6.17 it is count"},
	{"task_struct.softirq_disable_cnt", "task_struct.softirq_disable_cnt",
	 "CONFIG_PREEMPT_RT=n: preempt_count has it"},
#if defined(__x86_64__)
	{"sched_entity.cfs_rq", "sched_entity.cfs_rq",
	 "CONFIG_FAIR_GROUP_SCHED=n: not told what holds the CPU"},
	{"cfs_rq.rq", "cfs_rq.rq", "as sched_entity.cfs_rq"},
#endif
	{"sock.tcp_retransmit_timer", "sock.tcp_retransmit_timer",
	 "before it: inet_connection_sock.icsk_retransmit_timer"},
	{"inet_connection_sock.icsk_retransmit_timer", "sock.tcp_retransmit_timer",
	 "has become it"},
	{"inet_connection_sock.icsk_keepalive_timer", "inet_connection_sock.icsk_keepalive_timer",
	 "before it: sock.sk_timer"},
	{"tcp_sock.is_mptcp", "tcp_sock.is_mptcp", "CONFIG_MPTCP=n: there are no subflows"},
	{"tcp_sock.syn_fastopen_child", "tcp_sock.syn_fastopen_child",
	 "before it: by the data, or by the write timer"},
};
#define N_MAY_BE_ABSENT (sizeof(may_be_absent) / sizeof(may_be_absent[0]))

/* What some kernels have in another size, and why the programs read it right all the same. */
static const struct {
	const char *key;
	const char *why;
} may_differ_in_size[] = {
	{"tcp_skb_cb.tcp_flags",
	 "16 bits from 6.16 on: the flags that are read are in the lower byte"},
};
#define N_MAY_DIFFER_IN_SIZE (sizeof(may_differ_in_size) / sizeof(may_differ_in_size[0]))

static const char *const on_the_wire[] = {"iphdr", "ipv6hdr", "tcphdr"};
#define N_ON_THE_WIRE (sizeof(on_the_wire) / sizeof(on_the_wire[0]))

/* A member that was found, and how far it is from the start of where the search began. */
struct place {
	__u32 type;
	__u32 bit_offset;
	__u32 bitfield_size;
};

bool is_on_the_wire(const char *name)
{
	for (size_t i = 0; i < N_ON_THE_WIRE; i++)
		if (strcmp(on_the_wire[i], name) == 0)
			return true;
	return false;
}

static bool is_allowed_absent(const char *key)
{
	for (size_t i = 0; i < N_MAY_BE_ABSENT; i++)
		if (strcmp(may_be_absent[i].key, key) == 0)
			return true;
	return false;
}

static bool is_allowed_size(const char *key)
{
	for (size_t i = 0; i < N_MAY_DIFFER_IN_SIZE; i++)
		if (strcmp(may_differ_in_size[i].key, key) == 0)
			return true;
	return false;
}

unsigned count_unfounded_exceptions(const struct accesses *accesses)
{
	unsigned unfounded = 0;

	for (size_t i = 0; i < N_MAY_BE_ABSENT; i++) {
		if (accesses_of(accesses, may_be_absent[i].guard) & ACCESS_EXISTS &&
		    accesses_of(accesses, may_be_absent[i].key))
			continue;
		fprintf(stderr, "%s may be absent, and nothing asks for %s\n", may_be_absent[i].key,
			may_be_absent[i].guard);
		unfounded++;
	}
	for (size_t i = 0; i < N_MAY_DIFFER_IN_SIZE; i++) {
		if (accesses_of(accesses, may_differ_in_size[i].key))
			continue;
		fprintf(stderr, "nothing reads %s\n", may_differ_in_size[i].key);
		unfounded++;
	}
	return unfounded;
}

bool is_anonymous_composite(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	return type && btf_is_composite(type) && !type->name_off;
}

__u32 defined_composite(const struct btf *types, __u32 id, char owner[KEY_LEN])
{
	const struct btf_type *type = btf__type_by_id(types, id);

	btf_owner(types, id, "", owner);
	if (btf_is_composite(type) && type->name_off)
		return id;
	if (btf_is_typedef(type) && is_anonymous_composite(types, type->type))
		return type->type;
	return 0;
}

/// Members of nameless structs and unions inside count as its own, as they do in C.
static bool find_member(const struct btf *btf, __u32 composite, const char *name, struct place *ret)
{
	const struct btf_type *type = btf__type_by_id(btf, composite);
	const struct btf_member *member = btf_members(type);

	for (int i = 0; i < btf_vlen(type); i++, member++) {
		__u32 bit_offset = btf_member_bit_offset(type, i),
		      inner = btf_bare(btf, member->type);

		if (member->name_off) {
			if (strcmp(btf__name_by_offset(btf, member->name_off), name) != 0)
				continue;
			*ret = (struct place){member->type, bit_offset,
					      btf_member_bitfield_size(type, i)};
			return true;
		}
		if (is_anonymous_composite(btf, inner) && find_member(btf, inner, name, ret)) {
			ret->bit_offset += bit_offset;
			return true;
		}
	}
	return false;
}

static bool is_integer(const struct btf_type *type)
{
	return btf_is_int(type) || btf_is_any_enum(type);
}

static bool have_same_name(const struct btf *types, __u32 ours, const struct btf *kernel,
			   __u32 theirs)
{
	char our_name[KEY_LEN], their_name[KEY_LEN];

	btf_owner(types, ours, "", our_name);
	btf_owner(kernel, theirs, "", their_name);
	return strcmp(our_name, their_name) == 0;
}

/// What is wrong with reading THEIRS as OURS, NULL if nothing.
static const char *incompatible(const struct btf *types, const struct place *ours,
				const struct btf *kernel, const struct place *theirs)
{
	__u32 our_id = btf_bare(types, ours->type), their_id = btf_bare(kernel, theirs->type);
	const struct btf_type *our = btf__type_by_id(types, our_id);
	const struct btf_type *their = btf__type_by_id(kernel, their_id);

	if (btf_is_array(our) && btf_is_array(their)) {
		struct place our_element = {.type = btf_array(our)->type};
		struct place their_element = {.type = btf_array(their)->type};

		if (btf_array(our)->nelems > btf_array(their)->nelems)
			return "fewer elements";
		return incompatible(types, &our_element, kernel, &their_element);
	}
	if (btf_is_ptr(our) && btf_is_ptr(their)) {
		__u32 our_target = btf_bare(types, our->type);

		if (!btf_is_composite(btf__type_by_id(types, our_target)))
			return NULL;
		return have_same_name(types, our->type, kernel, their->type) ? NULL
									     : "a pointer to "
									       "another type";
	}
	if (btf_is_composite(our) && btf_is_composite(their))
		return have_same_name(types, ours->type, kernel, theirs->type) ? NULL
									       : "another type";
	if (!is_integer(our) || !is_integer(their))
		return "another kind";
	/* a bit-field's relocations carry its place, size and sign */
	if (ours->bitfield_size)
		return NULL;
	if (theirs->bitfield_size)
		return "a bit-field";
	return our->size == their->size ? NULL : "another size";
}

static unsigned count_in_composite(const struct btf *types, __u32 ours, const struct btf *kernel,
				   __u32 theirs, const char *owner)
{
	const struct btf_type *type = btf__type_by_id(types, ours);
	unsigned differences = 0;

	for (int i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = btf_members(type) + i;
		struct place our = {member->type, 0, btf_member_bitfield_size(type, i)}, their;
		__u32 inner = btf_bare(types, member->type);
		const char *problem;
		char key[KEY_LEN];

		btf_key(owner, btf__name_by_offset(types, member->name_off), key);
		if (!find_member(kernel, theirs, btf__name_by_offset(types, member->name_off),
				 &their)) {
			if (is_allowed_absent(key))
				continue;
			fprintf(stderr, "this kernel has no %s\n", key);
			differences++;
			continue;
		}
		problem = incompatible(types, &our, kernel, &their);
		if (problem && !(is_allowed_size(key) && strcmp(problem, "another size") == 0)) {
			fprintf(stderr, "%s: this kernel has %s\n", key, problem);
			differences++;
		} else if (is_anonymous_composite(types, inner) && inner == member->type) {
			differences += count_in_composite(types, inner, kernel,
							  btf_bare(kernel, their.type), key);
		}
	}
	return differences;
}

/// The kernel's struct, union or nameless one behind a typedef that is called NAME; 0 if none.
static __u32 find_composite(const struct btf *kernel, const char *name)
{
	static const __u32 kinds[] = {BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_TYPEDEF};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		__s32 id = btf__find_by_name_kind(kernel, name, kinds[i]);

		if (id > 0 &&
		    btf_is_composite(btf__type_by_id(kernel, btf_bare(kernel, (__u32)id))))
			return btf_bare(kernel, (__u32)id);
	}
	return 0;
}

unsigned count_member_differences(const struct btf *types, const struct btf *kernel)
{
	unsigned differences = 0;

	for (__u32 id = 1; id < btf__type_cnt(types); id++) {
		char owner[KEY_LEN];
		__u32 ours = defined_composite(types, id, owner), theirs;

		if (!ours || is_on_the_wire(owner))
			continue;
		theirs = find_composite(kernel, owner);
		if (theirs) {
			differences += count_in_composite(types, ours, kernel, theirs, owner);
			continue;
		}
		fprintf(stderr, "this kernel has no %s\n", owner);
		differences++;
	}
	return differences;
}

/// True if any enum of the kernel has NAME; VALUE NULL: with whatever value.
static bool has_enumerator(const struct btf *kernel, const char *name, const __s32 *value)
{
	for (__u32 id = 1; id < btf__type_cnt(kernel); id++) {
		const struct btf_type *type = btf__type_by_id(kernel, id);

		if (!btf_is_enum(type))
			continue;
		for (int i = 0; i < btf_vlen(type); i++) {
			const struct btf_enum *theirs = btf_enum(type) + i;

			if (strcmp(btf__name_by_offset(kernel, theirs->name_off), name) == 0 &&
			    (!value || theirs->val == *value))
				return true;
		}
	}
	return false;
}

unsigned count_enumerator_differences(const struct btf *types, const struct accesses *accesses,
				      const struct btf *kernel)
{
	unsigned differences = 0;

	for (__u32 id = 1; id < btf__type_cnt(types); id++) {
		const struct btf_type *type = btf__type_by_id(types, id);
		char owner[KEY_LEN], key[KEY_LEN];

		if (!btf_is_enum(type))
			continue;
		btf_owner(types, id, "", owner);
		for (int i = 0; i < btf_vlen(type); i++) {
			const struct btf_enum *ours = btf_enum(type) + i;
			const char *name = btf__name_by_offset(types, ours->name_off);
			unsigned asked;

			btf_key(owner, name, key);
			asked = accesses_of(accesses, key);
			/* the programs ask first, and live without it */
			if (asked & ACCESS_EXISTS ||
			    has_enumerator(kernel, name, asked ? NULL : &ours->val))
				continue;
			fprintf(stderr, "this kernel has no %s = %d\n", name, ours->val);
			differences++;
		}
	}
	return differences;
}

unsigned count_wire_differences(const struct btf *types, const struct btf *kernel)
{
	unsigned differences = 0;

	for (size_t i = 0; i < N_ON_THE_WIRE; i++) {
		__u32 ours = find_composite(types, on_the_wire[i]);
		__u32 theirs = find_composite(kernel, on_the_wire[i]);
		const struct btf_type *type = btf__type_by_id(types, ours);

		if (!ours || !theirs || type->size != btf__type_by_id(kernel, theirs)->size) {
			fprintf(stderr, "struct %s is of another size\n", on_the_wire[i]);
			differences++;
			continue;
		}
		for (int m = 0; m < btf_vlen(type); m++) {
			const char *name = btf__name_by_offset(types,
							       btf_members(type)[m].name_off);
			struct place place;

			if (!find_member(kernel, theirs, name, &place) ||
			    place.bit_offset == btf_member_bit_offset(type, m))
				continue;
			fprintf(stderr, "%s.%s has another place\n", on_the_wire[i], name);
			differences++;
		}
	}
	return differences;
}
