// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unseen.h"

#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "conntrace/conn.h"
#include "conntrace/count.h"
#include "conntrace/log.h"
#include "conntrace/sink_words.h"

/// Flags that rest on these capabilities and nothing else.
static const struct {
	uint8_t flag;			  /// enum ct_flag
	enum ct_capability_id needs, or_; /// one of them is enough
} rests_on[] = {
	{CT_FLAG_RST_SENT, CT_CAPABILITY_RESETS_SENT, CT_CAPABILITY_RESETS_SENT},
	{CT_FLAG_RST_RECEIVED, CT_CAPABILITY_RESETS_RECEIVED, CT_CAPABILITY_RESETS_RECEIVED},
	{CT_FLAG_KEEPALIVE_PROBE, CT_CAPABILITY_PROBES_SENT, CT_CAPABILITY_PROBES_RECEIVED},
	{CT_FLAG_KEEPALIVE_DEAD, CT_CAPABILITY_PROBES_SENT, CT_CAPABILITY_PROBES_SENT},
	{CT_FLAG_ZERO_WINDOW, CT_CAPABILITY_PROBES_SENT, CT_CAPABILITY_PROBES_RECEIVED},
	{CT_FLAG_RETRANSMIT, CT_CAPABILITY_RETRANSMITS, CT_CAPABILITY_SYNACK_RETRANSMITS},
	{CT_FLAG_TIME_WAIT_KILLED, CT_CAPABILITY_TIME_WAIT_END, CT_CAPABILITY_TIME_WAIT_END},
};

void ct_unseen_tell(const struct ct_options *options, const struct ct_capabilities *capabilities,
		    const char *where)
{
	uint32_t flags = ct_select_flags(&options->select);

	for (size_t i = 0; i < CT_COUNT(rests_on); i++) {
		if (!(flags & (1U << rests_on[i].flag)) ||
		    !ct_capability_is_absent(capabilities, rests_on[i].needs) ||
		    !ct_capability_is_absent(capabilities, rests_on[i].or_))
			continue;
		ct_warn("the flag '%s' cannot be seen %s: %s are not traced",
			ct_flag_name(rests_on[i].flag), where,
			ct_capability_name(rests_on[i].needs));
	}
}

void ct_unseen_tell_ages(const struct ct_options *options, uint64_t unknown_ages)
{
	_cleanup_(ct_buf_fini) struct ct_buf sockets = {};

	if (options->command != CT_COMMAND_LIST || !unknown_ages)
		return;
	ct_words_count(&sockets, unknown_ages, "socket");
	if (!sockets.error)
		ct_warn("whether %s had the age that was asked for is not known: list looks once, "
			"and the kernel keeps no such time",
			sockets.data);
}

void ct_unseen_tell_absent(const struct ct_capabilities *capabilities)
{
	_cleanup_(ct_buf_fini) struct ct_buf names = {};

	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++)
		if (capabilities->of[i].level == CT_CAPABILITY_ABSENT)
			ct_buf_printf(&names, "%s%s", names.len ? ", " : "", ct_capability_name(i));
	if (names.len)
		ct_info("not traced here: %s (`conntrace check` tells why)", names.data);
}
