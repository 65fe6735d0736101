// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which programs are chosen: on kernels that the test makes up, a BTF each. */
#include "../../src/live/hooks.h"

#include <bpf/btf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static int setup(void **state)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	/* what everything else is made of: type 1 */
	assert_int_equal(btf__add_int(btf, "int", 4, BTF_INT_SIGNED), 1);
	*state = btf;
	return 0;
}

static int teardown(void **state)
{
	btf__free(*state);
	return 0;
}

/// As the kernel declares a tracepoint: typedef void (*btf_trace_NAME)(void *, …).
static void add_tracepoint(struct btf *btf, const char *name, int arguments)
{
	char typedef_name[64];
	int proto = btf__add_func_proto(btf, 0), pointer;

	for (int i = 0; i <= arguments; i++) /* one more: the tracepoint's own data */
		assert_int_equal(btf__add_func_param(btf, "", 1), 0);
	pointer = btf__add_ptr(btf, proto);
	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	assert_true(btf__add_typedef(btf, typedef_name, pointer) > 0);
}

/// As the kernel declares what an iterator tells: struct bpf_iter__NAME, a member each.
static void add_iterator(struct btf *btf, const char *name, unsigned int members)
{
	char struct_name[64], member[16];

	snprintf(struct_name, sizeof(struct_name), "bpf_iter__%s", name);
	assert_true(btf__add_struct(btf, struct_name, members * 4) > 0);
	for (unsigned int i = 0; i < members; i++) {
		snprintf(member, sizeof(member), "m%u", i);
		assert_int_equal(btf__add_field(btf, member, 1, i * 32, 0), 0);
	}
}

/// What this BTF gives of each row. Returns how many there are.
static size_t look(const struct btf *btf, enum ct_hook_state states[CT_HOOKS_MAX])
{
	size_t n;

	ct_hooks(&n);
	for (size_t i = 0; i < n; i++)
		states[i] = ct_hook_look(btf, i);
	return n;
}

static size_t row_of(const char *program)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(hooks[i].program, program) == 0)
			return i;
	fail_msg("no program %s", program);
	return 0;
}

static bool is_chosen(const struct btf *btf, const char *program)
{
	enum ct_hook_state states[CT_HOOKS_MAX];

	look(btf, states);
	return ct_hook_is_chosen(states, row_of(program));
}

static bool is_role_chosen(const struct btf *btf, enum ct_hook_role role)
{
	enum ct_hook_state states[CT_HOOKS_MAX];

	look(btf, states);
	return ct_hook_role_is_chosen(states, role);
}

/// Whether some row that the program serves has STATE.
static bool has_state(const struct btf *btf, const char *program, enum ct_hook_state wanted)
{
	enum ct_hook_state states[CT_HOOKS_MAX];
	size_t n = look(btf, states);
	const struct ct_hook *hooks = ct_hooks(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(hooks[i].program, program) == 0 && states[i] == wanted)
			return true;
	return false;
}

static void add_drop_reason(struct btf *btf, const char *name)
{
	assert_true(btf__add_enum(btf, "skb_drop_reason", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_NOT_SPECIFIED", 2), 0);
	assert_int_equal(btf__add_enum_value(btf, name, 3), 0);
}

static void arguments_are_counted_without_the_tracepoints_own(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "one", 1);
	add_tracepoint(btf, "four", 4);
	add_tracepoint(btf, "none", 0);
	assert_int_equal(ct_hook_arguments(btf, "one"), 1);
	assert_int_equal(ct_hook_arguments(btf, "four"), 4);
	assert_int_equal(ct_hook_arguments(btf, "none"), 0);
	assert_int_equal(ct_hook_arguments(btf, "missing"), -ENOENT);
}

static void members_of_its_struct_are_an_iterators_arguments(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "tcp", 1);
	assert_int_equal(ct_hook_arguments(btf, "iter/tcp"), -ENOENT);
	assert_false(is_chosen(btf, "ct_found_socket"));
	add_iterator(btf, "tcp", 3);
	assert_int_equal(ct_hook_arguments(btf, "iter/tcp"), 3);
	assert_true(is_chosen(btf, "ct_found_socket"));
	assert_false(is_chosen(btf, "ct_found_file"));
	add_iterator(btf, "task_file", 4);
	assert_true(is_chosen(btf, "ct_found_file"));
}

static void typedef_of_something_else_is_no_tracepoint(void **state)
{
	struct btf *btf = *state;

	assert_true(btf__add_typedef(btf, "btf_trace_number", 1) > 0);
	assert_true(btf__add_typedef(btf, "btf_trace_pointer", btf__add_ptr(btf, 1)) > 0);
	assert_int_equal(ct_hook_arguments(btf, "number"), -ENOENT);
	assert_int_equal(ct_hook_arguments(btf, "pointer"), -ENOENT);
}

static void richest_variant_that_the_kernel_feeds_is_chosen(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "tcp_send_reset", 3);
	add_tracepoint(btf, "tcp_retransmit_skb", 2);
	assert_true(is_chosen(btf, "ct_send_reset"));
	assert_false(is_chosen(btf, "ct_send_reset_bare"));
	assert_false(is_chosen(btf, "ct_retransmit"));
	assert_true(is_chosen(btf, "ct_retransmit_bare"));
}

static void tracepoint_that_has_grown_since_is_taken(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "tcp_send_reset", 4);
	assert_true(is_chosen(btf, "ct_send_reset"));
	assert_false(is_chosen(btf, "ct_send_reset_bare"));
}

static void tracepoint_with_too_few_arguments_is_left_alone(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "kfree_skb", 2); /* Linux 5.10: without a reason */
	add_tracepoint(btf, "tcp_send_reset", 1);
	assert_false(is_chosen(btf, "ct_kfree_skb"));
	assert_false(is_chosen(btf, "ct_kfree_skb_by_tuple"));
	assert_false(is_chosen(btf, "ct_send_reset"));
	assert_false(is_chosen(btf, "ct_send_reset_bare"));
}

static void dropped_segment_without_its_socket_is_found_by_its_addresses(void **state)
{
	struct btf *btf = *state;

	assert_false(is_role_chosen(btf, CT_HOOK_BY_TUPLE));
	add_tracepoint(btf, "kfree_skb", 3); /* Linux 6.1: without rx_sk */
	assert_false(is_chosen(btf, "ct_kfree_skb"));
	assert_true(is_chosen(btf, "ct_kfree_skb_by_tuple"));
	assert_true(is_role_chosen(btf, CT_HOOK_BY_TUPLE));
}

static void dropped_segment_with_its_socket_is_not_looked_for(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "kfree_skb", 4);
	assert_true(is_chosen(btf, "ct_kfree_skb"));
	assert_false(is_role_chosen(btf, CT_HOOK_BY_TUPLE));
}

static void kernel_that_does_not_say_what_is_old_shows_no_probe(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "kfree_skb", 3);
	add_drop_reason(btf, "SKB_DROP_REASON_NO_SOCKET"); /* Linux 5.17 */
	assert_true(has_state(btf, "ct_kfree_skb_by_tuple", CT_HOOK_GIVEN));
	assert_true(has_state(btf, "ct_kfree_skb_by_tuple", CT_HOOK_NO_REASON));
}

static void kernel_that_says_what_is_old_shows_probes(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "kfree_skb", 3);
	add_drop_reason(btf, "SKB_DROP_REASON_TCP_INVALID_SEQUENCE");
	assert_false(has_state(btf, "ct_kfree_skb_by_tuple", CT_HOOK_NO_REASON));
}

static void first_send_is_told_by_the_timer_where_nothing_else_tells_it(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "timer_start", 3);
	assert_true(is_chosen(btf, "ct_timer_start_io"));
	assert_true(is_role_chosen(btf, CT_HOOK_IO_BY_TIMER));
	add_tracepoint(btf, "sock_send_length", 4);
	assert_true(is_chosen(btf, "ct_send_length"));
	assert_false(is_role_chosen(btf, CT_HOOK_IO_BY_TIMER));
}

static void variant_on_another_tracepoint_stands_in(void **state)
{
	struct btf *btf = *state;

	add_tracepoint(btf, "tcp_rcv_space_adjust", 1);
	assert_false(is_chosen(btf, "ct_recv_length"));
	assert_true(is_chosen(btf, "ct_rcv_space_adjust"));
	add_tracepoint(btf, "sock_recv_length", 3);
	assert_true(is_chosen(btf, "ct_recv_length"));
	assert_false(is_chosen(btf, "ct_rcv_space_adjust"));
}

static void variant_that_is_out_of_reach_makes_room_for_the_next(void **state)
{
	struct btf *btf = *state;
	enum ct_hook_state states[CT_HOOKS_MAX];

	add_tracepoint(btf, "tcp_send_reset", 3);
	look(btf, states);
	assert_true(ct_hook_is_chosen(states, row_of("ct_send_reset")));
	states[row_of("ct_send_reset")] = CT_HOOK_REFUSED;
	assert_false(ct_hook_is_chosen(states, row_of("ct_send_reset")));
	assert_true(ct_hook_is_chosen(states, row_of("ct_send_reset_bare")));
}

static void kernel_without_anything_gets_nothing(void **state)
{
	enum ct_hook_state states[CT_HOOKS_MAX];
	size_t n = look(*state, states);

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(states[i], CT_HOOK_NO_TRACEPOINT);
		assert_false(ct_hook_is_chosen(states, i));
	}
}

static void variants_of_a_part_stand_together_and_the_last_says_what_is_lost(void **state)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);

	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n || !ct_hook_are_variants(&hooks[i], &hooks[i + 1]))
			assert_non_null(hooks[i].without);
		for (size_t j = i + 2; j < n; j++)
			if (ct_hook_are_variants(&hooks[i], &hooks[j]))
				assert_true(ct_hook_are_variants(&hooks[i + 1], &hooks[j]));
	}
}

static void each_capability_has_its_rows_in_one_place(void **state)
{
	size_t n;
	const struct ct_hook *hooks = ct_hooks(&n);
	unsigned int next = 0;

	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || hooks[i].capability != hooks[i - 1].capability;

		if (first)
			assert_int_equal(hooks[i].capability, next++);
		assert_int_equal(hooks[i].part, first ? 0
						: ct_hook_are_variants(&hooks[i], &hooks[i - 1])
							? hooks[i - 1].part
							: hooks[i - 1].part + 1);
	}
	assert_int_equal(next, _CT_CAPABILITY_MAX);
}

static void reset_reasons_are_found_by_name_whatever_their_number(void **state)
{
	struct btf *btf = *state;
	uint8_t map[CT_RESET_REASON_MAP_LEN];

	assert_true(btf__add_enum(btf, "sk_rst_reason", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "SK_RST_REASON_NO_SOCKET", 0), 0);
	assert_int_equal(btf__add_enum_value(btf, "SK_RST_REASON_TCP_STATE", 63), 0);
	assert_int_equal(btf__add_enum_value(btf, "SK_RST_REASON_OF_TOMORROW", 2), 0);
	assert_int_equal(btf__add_enum_value(btf, "TCP_FLAGS", 3), 0);
	assert_int_equal(btf__add_enum_value(btf, "SK_RST_REASON_TCP_FLAGS", 64), 0);
	assert_int_equal(btf__add_enum_value(btf, "SK_RST_REASON_ERROR", -1), 0);
	memset(map, 0xee, sizeof(map));
	ct_hook_reset_reasons(btf, map);
	for (size_t i = 0; i < sizeof(map); i++)
		assert_int_equal(map[i], i == 0	   ? CT_RESET_REASON_NO_SOCKET
					 : i == 63 ? CT_RESET_REASON_TCP_STATE
						   : CT_RESET_REASON_NONE);
}

static void kernel_without_reset_reasons_names_none(void **state)
{
	static const uint8_t none[CT_RESET_REASON_MAP_LEN];
	uint8_t map[CT_RESET_REASON_MAP_LEN];

	memset(map, 0xee, sizeof(map));
	ct_hook_reset_reasons(*state, map);
	assert_memory_equal(map, none, sizeof(map));
}

static void add_member(struct btf *btf, const char *name, const char *member, int type,
		       unsigned int offset)
{
	assert_true(btf__add_struct(btf, name, offset + 8) > 0);
	assert_int_equal(btf__add_field(btf, member, type, offset * 8, 0), 0);
}

/// The section of variables that each CPU has, with two of them: the runqueue at 256 and COUNT.
static void add_per_cpu(struct btf *btf, const char *count, int type, __u32 place)
{
	int runqueue = btf__add_var(btf, "runqueues", BTF_VAR_GLOBAL_ALLOCATED, 1);
	int variable = btf__add_var(btf, count, BTF_VAR_GLOBAL_ALLOCATED, type);

	assert_true(btf__add_datasec(btf, ".data..percpu", 1024) > 0);
	assert_int_equal(btf__add_datasec_var_info(btf, runqueue, 256, 4), 0);
	assert_int_equal(btf__add_datasec_var_info(btf, variable, place, 4), 0);
}

static void preempt_count_is_found_from_the_runqueue(void **state)
{
	struct btf *btf = *state;

	add_member(btf, "cfs_rq", "rq", 1, 0);
	add_member(btf, "sched_entity", "cfs_rq", 1, 0);
	assert_int_equal(ct_hook_preempt_count(btf), 0);
	add_per_cpu(btf, "__preempt_count", 1, 64);
	assert_int_equal(ct_hook_preempt_count(btf), 64 - 256);
}

/* Linux 6.2 to 6.14: struct pcpu_hot { union { struct { …; int preempt_count; }; u8 pad[64]; }; }
 */
static void preempt_count_is_found_among_what_is_used_often(void **state)
{
	struct btf *btf = *state;
	int inner, outer;

	add_member(btf, "cfs_rq", "rq", 1, 0);
	add_member(btf, "sched_entity", "cfs_rq", 1, 0);
	inner = btf__add_struct(btf, NULL, 16);
	assert_int_equal(btf__add_field(btf, "current_task", 1, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "preempt_count", 1, 64, 0), 0);
	outer = btf__add_struct(btf, "pcpu_hot", 24);
	assert_int_equal(btf__add_field(btf, NULL, inner, 32, 0), 0);
	add_per_cpu(btf, "pcpu_hot", outer, 512);
	assert_int_equal(ct_hook_preempt_count(btf), 512 + 4 + 8 - 256);
}

static void preempt_count_is_unknown_where_a_task_does_not_know_its_runqueue(void **state)
{
	struct btf *btf = *state;

	add_per_cpu(btf, "__preempt_count", 1, 64);
	assert_int_equal(ct_hook_preempt_count(btf), 0);
	add_member(btf, "cfs_rq", "tg", 1, 0);
	add_member(btf, "sched_entity", "cfs_rq", 1, 0);
	assert_int_equal(ct_hook_preempt_count(btf), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(arguments_are_counted_without_the_tracepoints_own),
		test(members_of_its_struct_are_an_iterators_arguments),
		test(typedef_of_something_else_is_no_tracepoint),
		test(richest_variant_that_the_kernel_feeds_is_chosen),
		test(tracepoint_that_has_grown_since_is_taken),
		test(tracepoint_with_too_few_arguments_is_left_alone),
		test(dropped_segment_without_its_socket_is_found_by_its_addresses),
		test(dropped_segment_with_its_socket_is_not_looked_for),
		test(kernel_that_does_not_say_what_is_old_shows_no_probe),
		test(kernel_that_says_what_is_old_shows_probes),
		test(first_send_is_told_by_the_timer_where_nothing_else_tells_it),
		test(variant_on_another_tracepoint_stands_in),
		test(kernel_without_anything_gets_nothing),
		test(variants_of_a_part_stand_together_and_the_last_says_what_is_lost),
		test(each_capability_has_its_rows_in_one_place),
		test(variant_that_is_out_of_reach_makes_room_for_the_next),
		test(reset_reasons_are_found_by_name_whatever_their_number),
		test(kernel_without_reset_reasons_names_none),
		test(preempt_count_is_found_from_the_runqueue),
		test(preempt_count_is_found_among_what_is_used_often),
		test(preempt_count_is_unknown_where_a_task_does_not_know_its_runqueue),
	};

	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
