// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/hidden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conntrace/count.h"
#include "support/capability.h"

/// A timer is followed from its start to its end, or not at all.
#define TIMER_LIFE \
	"time-wait entry", "time-wait end", "half-open handshakes", "accept queue overflows"
#define WITHOUT_TIMER_LIFE                                                               \
	"to=CLOSE", "basis=seen", "basis=inferred", "history", "opened_ns", "closed_ns", \
		"duration_ns", "handshake_us", "in_state_ns", "handshake", "end=unknown"
#define TIMER_DOING	    "retransmit kinds", "probes sent"
#define WITHOUT_TIMER_DOING "keepalives_sent", "kind=unknown"
/// Else the reset's reason tells that it was given up.
#define WITHOUT_TIMER_DOING_BARE "cause=unknown", "end=rst-sent", "closed_by=local"
#define WITHOUT_SNAPSHOT	 "found_ns", "pid", "comm", "owner=unknown", "owner=actor", "role", "lport"

static const struct e2e_loss plain[] = {
	{.hooks = {"tcp_send_reset"},
	 .absent = {"resets sent"},
	 .missing = {"rst=sent"},
	 .allowed = {"end=unknown", "closed_by"},
	 .flags = "rst-sent"},
	{.hooks = {"ct_send_reset"}, .partial = {"resets sent"}, .allowed = {"reason"}},
	{.hooks = {"tcp_receive_reset"},
	 .absent = {"resets received"},
	 .missing = {"rst=received"},
	 .allowed = {"end=unknown", "closed_by"},
	 .flags = "rst-received refused"},
	{.hooks = {"inet_sk_error_report"}, .absent = {"errors"}, .missing = {"error"}},
	{.hooks = {"tcp_retransmit_skb"},
	 .absent = {"retransmits"},
	 .missing = {"retransmit"},
	 .flags = "retransmit"},
	{.hooks = {"timer_expire_exit"},
	 .absent = {TIMER_DOING},
	 .missing = {"keepalive=sent"},
	 .allowed = {WITHOUT_TIMER_DOING},
	 .flags = "keepalive-probe",
	 .moved = "keepalive-dead",
	 .bare_allowed = {WITHOUT_TIMER_DOING_BARE},
	 .bare_flags = "keepalive-dead"},
	{.hooks = {"timer_expire_entry"},
	 .absent = {TIMER_DOING, TIMER_LIFE},
	 .missing = {"keepalive=sent"},
	 .allowed = {WITHOUT_TIMER_DOING, WITHOUT_TIMER_LIFE},
	 .flags = "keepalive-probe",
	 .moved = "keepalive-dead",
	 .bare_allowed = {WITHOUT_TIMER_DOING_BARE},
	 .bare_flags = "keepalive-dead"},
	{.hooks = {"timer_start"},
	 .or_absent = "owner by first send",
	 .absent = {TIMER_LIFE},
	 .allowed = {WITHOUT_TIMER_LIFE}},
	{.hooks = {"timer_cancel"}, .absent = {TIMER_LIFE}, .allowed = {WITHOUT_TIMER_LIFE}},
	{.hooks = {"kfree_skb"},
	 .absent = {"accept queue overflows", "probes received"},
	 .partial = {"time-wait entry", "time-wait end"},
	 .missing = {"keepalive=received"},
	 .nobodys_resets = true,
	 .flags = "keepalive-probe"},
	{.hooks = {"ct_kfree_skb"}, .partial = {"probes received"}, .tells_all = true},
	{.hooks = {"iter/tcp"},
	 .absent = {"snapshot"},
	 .missing = {"found"},
	 .allowed = {WITHOUT_SNAPSHOT}},
	{.hooks = {"iter/task_file"},
	 .absent = {"owner scan"},
	 .allowed = {"pid", "comm", "owner=unknown", "owner=actor"}},
	{.hooks = {"kfree_skb", "iter/tcp"},
	 .absent = {"accept queue overflows", "probes received", "snapshot"},
	 .partial = {"time-wait entry", "time-wait end"},
	 .missing = {"keepalive=received", "found"},
	 .nobodys_resets = true,
	 .allowed = {WITHOUT_SNAPSHOT},
	 .flags = "keepalive-probe"},
};

const struct e2e_loss_table e2e_losses_plain = {plain, CT_COUNT(plain)};

/// Where a SYN-ACK is sent again, of a request that nothing else has told of.
static const struct e2e_loss synack[] = {
	{.hooks = {"tcp_retransmit_synack"},
	 .absent = {"synack retransmits"},
	 .missing = {"retransmit=synack"},
	 .flags = "retransmit"},
	{.hooks = {"timer_start"},
	 .or_absent = "owner by first send",
	 .absent = {TIMER_LIFE},
	 .missing = {"state=SYN_RECV"},
	 .allowed = {WITHOUT_TIMER_LIFE, "pid", "comm", "owner=unknown", "uid", "cgroup"}},
};

const struct e2e_loss_table e2e_losses_synack = {synack, CT_COUNT(synack)};

/// The owner is who listens, until it is known who uses the connection.
static const struct e2e_loss io[] = {
	{.hooks = {"sock_send_length"}, .partial = {"owner by first send"}, .tells_all = true},
	{.hooks = {"sock_send_length", "timer_start"},
	 .absent = {"owner by first send", TIMER_LIFE},
	 .allowed = {"owner=inherited", "owner=actor", WITHOUT_TIMER_LIFE}},
	{.hooks = {"sock_recv_length"}, .partial = {"owner by first receive"}, .tells_all = true},
	{.hooks = {"tcp_rcv_space_adjust"},
	 .or_absent = "owner by first receive",
	 .allowed = {"owner=inherited", "owner=actor"}},
	{.hooks = {"sock_recv_length", "tcp_rcv_space_adjust"},
	 .absent = {"owner by first receive"},
	 .allowed = {"owner=inherited", "owner=actor"}},
};

const struct e2e_loss_table e2e_losses_io = {io, CT_COUNT(io)};

static const struct e2e_loss follow[] = {
	{.hooks = {"sched_process_fork"}, .absent = {"children"}, .missing_of = "ct-child"},
};

const struct e2e_loss_table e2e_losses_follow = {follow, CT_COUNT(follow)};

const char *e2e_loss_name(const struct e2e_loss *loss)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s%s%s", loss->hooks[0], loss->hooks[1] ? ", " : "",
		 loss->hooks[1] ? loss->hooks[1] : "");
	return name;
}

static bool is_level(const json_t *told, const char *capability, const char *level)
{
	return capability && strcmp(e2e_capability_level(told, capability), level) == 0;
}

bool e2e_loss_is_given(const struct e2e_loss *loss, const json_t *told)
{
	for (size_t i = 0; i < E2E_LOSS_ABSENT_MAX && loss->absent[i]; i++)
		if (!is_level(told, loss->absent[i], "absent"))
			return true;
	for (size_t i = 0; i < E2E_LOSS_PARTIAL_MAX && loss->partial[i]; i++)
		if (is_level(told, loss->partial[i], "full"))
			return true;
	return is_level(told, loss->or_absent, "partial");
}

/// What is to be of a capability without the hooks.
static const char *wanted_level(const struct e2e_loss *loss, const char *name, const char *level)
{
	for (size_t i = 0; i < E2E_LOSS_ABSENT_MAX && loss->absent[i]; i++)
		if (strcmp(loss->absent[i], name) == 0)
			return "absent";
	if (loss->or_absent && strcmp(loss->or_absent, name) == 0 && strcmp(level, "full") != 0)
		return "absent";
	for (size_t i = 0; i < E2E_LOSS_PARTIAL_MAX && loss->partial[i]; i++)
		if (strcmp(loss->partial[i], name) == 0 && strcmp(level, "full") == 0)
			return "partial";
	return level;
}

unsigned e2e_loss_compare_levels(const struct e2e_loss *loss, const json_t *whole,
				 const json_t *less)
{
	const json_t *capability;
	unsigned wrong = 0;
	size_t i;

	json_array_foreach(json_object_get(whole, "capabilities"), i, capability)
	{
		const char *name = json_string_value(json_object_get(capability, "name"));
		const char *wanted = wanted_level(loss, name, e2e_capability_level(whole, name));

		if (is_level(less, name, wanted))
			continue;
		print_message("without %s: %s is %s, wanted %s\n", e2e_loss_name(loss), name,
			      e2e_capability_level(less, name), wanted);
		wrong++;
	}
	return wrong;
}
