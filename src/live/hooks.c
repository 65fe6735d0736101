// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "hooks.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conntrace/count.h"
#include "conntrace/names.h"

#define KEEPALIVE (1u << CT_TIMER_KEEPALIVE)
#define WRITE	  (1u << CT_TIMER_WRITE)
#define TIMEWAIT  (1u << CT_TIMER_TIMEWAIT)
#define REQUEST	  (1u << CT_TIMER_REQUEST)

/* clang-format off */
#define HOOK(program_, tracepoint_, arguments_, need_, capability_, ...) \
	{.program = (program_), .tracepoint = (tracepoint_), .arguments = (arguments_), \
	 .need = CT_HOOK_##need_, .capability = CT_CAPABILITY_##capability_, __VA_ARGS__}

#define TIMER(program, tracepoint, part_, capability, handlers_, without_) \
	HOOK(program, tracepoint, 1, WANTED, capability, \
	     .part = (part_), .handlers = (handlers_), .without = (without_))

/* From a timer's start to its end: without one of the three the others would mislead. */
#define TIMER_LIFE(part, capability, handler, without) \
	TIMER("ct_timer_start",        "timer_start",        (part),     capability, handler, without), \
	TIMER("ct_timer_cancel",       "timer_cancel",       (part) + 1, capability, handler, without), \
	TIMER("ct_timer_expire_entry", "timer_expire_entry", (part) + 2, capability, handler, without)

/* What is inside is the timer's doing, what comes behind is not: it must be seen to end. */
#define TIMER_BRACKET(capability, handlers, without) \
	TIMER("ct_timer_expire_entry", "timer_expire_entry", 0, capability, handlers, without), \
	TIMER("ct_timer_expire_exit",  "timer_expire_exit",  1, capability, handlers, without)

/* Probes are dropped as too old: before 5.19 there is no reason for that, 6.6 has one more. */
#define OLD "SKB_DROP_REASON_TCP_INVALID_SEQUENCE"

static const struct ct_hook hooks[] = {
	HOOK("ct_set_state", "inet_sock_set_state", 3, WANTED, TRANSITIONS,
	     .without = "no connection can be seen"),

	HOOK("ct_send_reset", "tcp_send_reset", 3, WANTED, RESETS_SENT),
	HOOK("ct_send_reset_bare", "tcp_send_reset", 2, WANTED, RESETS_SENT,
	     .partial = "the kernel gives no reason; causes come from the socket alone",
	     .without = "no reset that is sent is shown, nor told as what ended a connection"),
	HOOK("ct_receive_reset", "tcp_receive_reset", 1, WANTED, RESETS_RECEIVED,
	     .without = "no reset that a connection receives is shown, nor told as what ended it"),

	HOOK("ct_retransmit", "tcp_retransmit_skb", 3, WANTED, RETRANSMITS),
	HOOK("ct_retransmit_bare", "tcp_retransmit_skb", 2, WANTED, RETRANSMITS,
	     .without = "no retransmit is shown but that of SYN-ACKs"),
	HOOK("ct_retransmit_synack", "tcp_retransmit_synack", 2, WANTED, SYNACK_RETRANSMITS,
	     .without = "repeated SYN-ACKs are not shown"),

	HOOK("ct_error_report", "inet_sk_error_report", 1, WANTED, ERRORS,
	     .without = "no error event is shown"),

	TIMER_BRACKET(RETRANSMIT_KINDS, WRITE, "which retransmissions a timer sent is not always told"),
	TIMER_BRACKET(PROBES_SENT, KEEPALIVE | WRITE, "keepalive and window probes are not shown"),
	TIMER_LIFE(0, TIME_WAIT_ENTRY, TIMEWAIT, "a connection seems to close where TIME_WAIT begins"),
	HOOK("ct_kfree_skb", "kfree_skb", 4, WANTED, TIME_WAIT_ENTRY, .part = 3, .handlers = TIMEWAIT),
	HOOK("ct_kfree_skb_by_tuple", "kfree_skb", 3, WANTED, TIME_WAIT_ENTRY, .part = 3,
	     .handlers = TIMEWAIT, .role = CT_HOOK_BY_TUPLE, .lessens = true,
	     .without = "entries that move no timer are told late, and without the snapshot not at all"),
	TIMER_LIFE(0, TIME_WAIT_END, TIMEWAIT, "what ends a TIME_WAIT is not shown"),
	HOOK("ct_kfree_skb", "kfree_skb", 4, WANTED, TIME_WAIT_END, .part = 3, .handlers = TIMEWAIT),
	HOOK("ct_kfree_skb_by_tuple", "kfree_skb", 3, WANTED, TIME_WAIT_END, .part = 3,
	     .handlers = TIMEWAIT, .role = CT_HOOK_BY_TUPLE, .lessens = true,
	     .without = "no reset in TIME_WAIT is shown, nor told as what ended it"),
	TIMER_LIFE(0, HALF_OPEN, REQUEST, "an accepted connection is seen from its final ACK on"),

	HOOK("ct_kfree_skb", "kfree_skb", 4, WANTED, ACCEPT_QUEUE, .handlers = REQUEST),
	HOOK("ct_kfree_skb_by_tuple", "kfree_skb", 3, WANTED, ACCEPT_QUEUE, .handlers = REQUEST,
	     .role = CT_HOOK_BY_TUPLE,
	     .without = "a final ACK that finds no room, and a reset of a half-open handshake, are not "
			"shown"),
	TIMER_LIFE(1, ACCEPT_QUEUE, REQUEST,
		   "a final ACK that finds no room, and a reset of a half-open handshake, are not shown"),
	HOOK("ct_kfree_skb", "kfree_skb", 4, WANTED, PROBES_RECEIVED, .reason = OLD),
	HOOK("ct_kfree_skb_by_tuple", "kfree_skb", 3, WANTED, PROBES_RECEIVED, .reason = OLD,
	     .role = CT_HOOK_BY_TUPLE,
	     .partial = "the kernel does not name the socket: a probe that comes while a process of "
			"another network namespace is at work on it is missed",
	     .without = "keepalive probes of the peer are not shown"),

	HOOK("ct_send_length", "sock_send_length", 1, IO, OWNER_SEND),
	HOOK("ct_timer_start_io", "timer_start", 1, IO, OWNER_SEND, .handlers = WRITE,
	     .role = CT_HOOK_IO_BY_TIMER,
	     .partial = "told when the first data leaves: while none can, a send does not tell the owner",
	     .without = "who sends first on an accepted connection is not told"),
	HOOK("ct_recv_length", "sock_recv_length", 1, IO, OWNER_RECEIVE),
	HOOK("ct_rcv_space_adjust", "tcp_rcv_space_adjust", 1, IO, OWNER_RECEIVE,
	     .partial = "a receive without data does not tell the owner",
	     .without = "who receives first on an accepted connection is not told"),

	HOOK("ct_process_fork", "sched_process_fork", 2, FOLLOW, CHILDREN,
	     .without = "--follow and -- CMD cannot see children"),

	HOOK("ct_found_socket", "iter/tcp", 2, WALK, SNAPSHOT,
	     .without = "what was there before is not shown until something happens to it"),
	HOOK("ct_found_file", "iter/task_file", 4, WALK, OWNER_SCAN,
	     .without = "the owners of what was there before are not known"),
};
/* clang-format on */
_Static_assert(CT_COUNT(hooks) <= CT_HOOKS_MAX, "a place for each row's state");

const struct ct_hook *ct_hooks(size_t *ret_n)
{
	*ret_n = CT_COUNT(hooks);
	return hooks;
}

/* Iterators tell theirs in a struct, each member an argument. */
static int iterator_arguments(const struct btf *btf, const char *iterator)
{
	char name[64];
	int id;

	snprintf(name, sizeof(name), "bpf_iter__%s", iterator);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	return id < 0 ? -ENOENT : btf_vlen(btf__type_by_id(btf, (__u32)id));
}

int ct_hook_arguments(const struct btf *btf, const char *tracepoint)
{
	const size_t prefix = strlen(CT_ITERATOR_PREFIX);
	const struct btf_type *type;
	char name[64];
	int id;

	if (strncmp(tracepoint, CT_ITERATOR_PREFIX, prefix) == 0)
		return iterator_arguments(btf, tracepoint + prefix);
	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	if (!type || !btf_is_ptr(type))
		return -ENOENT;
	type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_func_proto(type) || !btf_vlen(type))
		return -ENOENT;
	return btf_vlen(type) - 1; /* the first is the tracepoint's private data */
}

static bool has_enumerator(const struct btf *btf, const char *enumeration, const char *name)
{
	int id = btf__find_by_name_kind(btf, enumeration, BTF_KIND_ENUM);
	const struct btf_type *type;

	if (id < 0)
		return false;
	type = btf__type_by_id(btf, (__u32)id);
	for (int i = 0; i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name) == 0)
			return true;
	return false;
}

enum ct_hook_state ct_hook_look(const struct btf *btf, size_t index)
{
	const struct ct_hook *hook = &hooks[index];
	int arguments = ct_hook_arguments(btf, hook->tracepoint);

	if (arguments < 0)
		return CT_HOOK_NO_TRACEPOINT;
	if (arguments < hook->arguments)
		return CT_HOOK_FEW_ARGUMENTS;
	if (hook->reason && !has_enumerator(btf, "skb_drop_reason", hook->reason))
		return CT_HOOK_NO_REASON;
	return CT_HOOK_GIVEN;
}

bool ct_hook_are_variants(const struct ct_hook *one, const struct ct_hook *other)
{
	return one->capability == other->capability && one->part == other->part;
}

bool ct_hook_is_chosen(const enum ct_hook_state *states, size_t index)
{
	if (states[index] != CT_HOOK_GIVEN)
		return false;
	for (size_t i = index; i > 0 && ct_hook_are_variants(&hooks[i - 1], &hooks[index]); i--)
		if (states[i - 1] == CT_HOOK_GIVEN)
			return false;
	return true;
}

bool ct_hook_role_is_chosen(const enum ct_hook_state *states, enum ct_hook_role role)
{
	for (size_t i = 0; i < CT_COUNT(hooks); i++)
		if (hooks[i].role == role && ct_hook_is_chosen(states, i))
			return true;
	return false;
}

bool ct_hook_resets_are_untold(const struct btf *btf)
{
	return ct_hook_arguments(btf, "tcp_send_reset") == 2;
}

static uint8_t reason_by_name(const char *name)
{
	static const char prefix[] = "SK_RST_REASON_";

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return CT_RESET_REASON_NONE;
	for (unsigned int i = 1; i < _CT_RESET_REASON_MAX; i++)
		if (strcmp(ct_reset_reason_name(i), name + sizeof(prefix) - 1) == 0)
			return (uint8_t)i;
	return CT_RESET_REASON_NONE;
}

void ct_hook_reset_reasons(const struct btf *btf, uint8_t map[CT_RESET_REASON_MAP_LEN])
{
	int id = btf__find_by_name_kind(btf, "sk_rst_reason", BTF_KIND_ENUM);
	const struct btf_type *type;
	const struct btf_enum *value;

	memset(map, CT_RESET_REASON_NONE, CT_RESET_REASON_MAP_LEN);
	if (id < 0)
		return;
	type = btf__type_by_id(btf, (__u32)id);
	value = btf_enum(type);
	for (int i = 0; i < btf_vlen(type); i++)
		if (value[i].val >= 0 && value[i].val < CT_RESET_REASON_MAP_LEN)
			map[value[i].val] =
				reason_by_name(btf__name_by_offset(btf, value[i].name_off));
}

/* Place of a variable in the section of those that each CPU has; -ENOENT, *ret_type unchanged. */
static int64_t place_per_cpu(const struct btf *btf, const char *name, __u32 *ret_type)
{
	int id = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	const struct btf_type *section;
	const struct btf_var_secinfo *info;

	if (id < 0)
		return -ENOENT;
	section = btf__type_by_id(btf, (__u32)id);
	info = btf_var_secinfos(section);
	for (int i = 0; i < btf_vlen(section); i++) {
		const struct btf_type *variable = btf__type_by_id(btf, info[i].type);

		if (strcmp(btf__name_by_offset(btf, variable->name_off), name) != 0)
			continue;
		*ret_type = variable->type;
		return info[i].offset;
	}
	return -ENOENT;
}

/* Place of a member in bytes, also of one in a nameless struct or union inside; -ENOENT. */
static int64_t place_of_member(const struct btf *btf, __u32 id, const char *name)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_member *member = btf_members(type);

	if (!btf_is_composite(type))
		return -ENOENT;
	for (int i = 0; i < btf_vlen(type); i++, member++) {
		int64_t place = btf_member_bit_offset(type, (__u32)i) / 8, inner;

		if (strcmp(btf__name_by_offset(btf, member->name_off), name) == 0)
			return place;
		inner = member->name_off ? -ENOENT : place_of_member(btf, member->type, name);
		if (inner >= 0)
			return place + inner;
	}
	return -ENOENT;
}

static bool has_member(const struct btf *btf, const char *name, const char *member)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id >= 0 && place_of_member(btf, (__u32)id, member) >= 0;
}

int64_t ct_hook_preempt_count(const struct btf *btf)
{
	__u32 type;
	int64_t rq = place_per_cpu(btf, "runqueues", &type), member = 0;
	int64_t count = place_per_cpu(btf, "__preempt_count", &type);

	if (count < 0) { /* 6.2 to 6.14 keep it with what else is used often */
		count = place_per_cpu(btf, "pcpu_hot", &type);
		if (count >= 0)
			member = place_of_member(btf, type, "preempt_count");
	}
	if (rq < 0 || count < 0 || member < 0)
		return 0;
	/* the way from a task to its runqueue: CONFIG_FAIR_GROUP_SCHED */
	if (!has_member(btf, "sched_entity", "cfs_rq") || !has_member(btf, "cfs_rq", "rq"))
		return 0;
	return count + member - rq;
}
