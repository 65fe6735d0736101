// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/ss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/attempt.h"
#include "support/e2e.h"

#define ROWS_MAX	     256
#define NONE_LIMIT_MS	     20000
#define POLL_MS		     10
#define RETRANSMITS_LIMIT_MS 30000

static const char *const states[][2] = {
	{"LISTEN", "LISTEN"},	  {"SYN-SENT", "SYN_SENT"},    {"SYN-RECV", "SYN_RECV"},
	{"ESTAB", "ESTABLISHED"}, {"FIN-WAIT-1", "FIN_WAIT1"}, {"FIN-WAIT-2", "FIN_WAIT2"},
	{"CLOSING", "CLOSING"},	  {"TIME-WAIT", "TIME_WAIT"},  {"CLOSE-WAIT", "CLOSE_WAIT"},
	{"LAST-ACK", "LAST_ACK"}, {"UNCONN", "CLOSE"},
};

static const char *state_of(const char *word)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!strcmp(states[i][0], word))
			return states[i][1];
	}
	fail_msg("ss knows a state %s", word);
	return NULL;
}

/// The number behind the last colon; 0 for `*`.
static uint16_t port_of(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

/// "timer:(on,1.2sec,2)", or "timer:(on,,2)" when it is overdue.
static unsigned retransmits_of(const char *timer)
{
	const char *end = strchr(timer, ')'), *comma = end;

	while (comma && comma > timer && *comma != ',')
		comma--;
	if (!comma || *comma != ',')
		fail_msg("no timer of ss: %s", timer);
	return (unsigned)strtoul(comma + 1, NULL, 10);
}

/// "1min17sec", "19sec", "1.200ms", "200ms": ss ends seconds with a dot where milliseconds follow.
static uint64_t ms_of(const char *text)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"min", 60000}, {"ms", 1}, {"sec", 1000}, {".", 1000}};
	uint64_t ms = 0;

	while (*text >= '0' && *text <= '9') {
		char *end;
		uint64_t number = strtoull(text, &end, 10);
		size_t i = 0;

		while (i < sizeof(units) / sizeof(units[0]) &&
		       strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
			i++;
		if (i == sizeof(units) / sizeof(units[0]))
			fail_msg("no time of ss: %s", text);
		ms += number * units[i].ms;
		text = end + strlen(units[i].unit);
	}
	return ms;
}

static void parse_timer(const char *timer, struct e2e_ss_row *ret_row)
{
	const char *time;

	if (sscanf(timer, " timer:(%15[^,]", ret_row->timer) != 1 || !(time = strchr(timer, ',')))
		fail_msg("no timer of ss: %s", timer);
	ret_row->timer_ms = ms_of(time + 1);
	ret_row->retransmits = retransmits_of(timer);
}

static void parse_row(const char *line, struct e2e_ss_row *ret_row)
{
	char state[16], local[64], remote[64];
	const char *cookie = strstr(line, " sk:"), *timer = strstr(line, " timer:(");

	if (sscanf(line, "%15s %*u %*u %63s %63s", state, local, remote) != 3 || !cookie ||
	    sscanf(cookie, " sk:%16[0-9a-f]", ret_row->conn) != 1)
		fail_msg("no row of ss: %s", line);
	ret_row->retransmits = 0;
	ret_row->timer[0] = '\0';
	ret_row->timer_ms = 0;
	if (timer)
		parse_timer(timer, ret_row);
	ret_row->state = state_of(state);
	ret_row->lport = port_of(local);
	ret_row->rport = port_of(remote);
}

size_t e2e_ss(const struct e2e_netns *netns, struct e2e_ss_row *ret_rows, size_t max)
{
	char path[64];
	struct e2e_output output;
	size_t n = 0;

	snprintf(path, sizeof(path), "--net=/proc/%d/fd/%d", getpid(), netns->fd);
	e2e_process_run((const char *const[]){"nsenter", path, "ss", "-HOtane", NULL}, &output);
	if (output.status)
		fail_msg("ss exited %d: %s", output.status, output.err);
	for (char *line = output.out, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		assert_true(n < max);
		parse_row(line, &ret_rows[n++]);
	}
	e2e_output_free(&output);
	return n;
}

const char *e2e_ss_conn(struct e2e *e2e, const struct e2e_netns *netns, const char *state,
			uint16_t lport, uint16_t rport)
{
	struct e2e_ss_row rows[ROWS_MAX];
	size_t n = e2e_ss(netns, rows, ROWS_MAX);
	const struct e2e_ss_row *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct e2e_ss_row *row = &rows[i];

		if (strcmp(row->state, state) || row->lport != lport ||
		    (rport && row->rport != rport))
			continue;
		if (found)
			fail_msg("ss has two in %s, %u to %u", state, lport, rport);
		found = row;
	}
	if (!found)
		fail_msg("ss has none in %s, %u to %u", state, lport, rport);
	return e2e_format(e2e, "%s", found->conn);
}

void e2e_ss_row_of(const struct e2e_netns *netns, const char *conn, struct e2e_ss_row *ret_row)
{
	struct e2e_ss_row rows[ROWS_MAX];
	size_t n = e2e_ss(netns, rows, ROWS_MAX);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].conn, conn) != 0)
			continue;
		*ret_row = rows[i];
		return;
	}
	fail_msg("ss has no socket %s", conn);
}

unsigned e2e_ss_retransmits(const struct e2e_netns *netns, const char *conn)
{
	struct e2e_ss_row row;

	e2e_ss_row_of(netns, conn, &row);
	return row.retransmits;
}

void e2e_ss_wait_retransmits(const struct e2e_netns *netns, const char *conn, unsigned n)
{
	for (int waited_ms = 0; e2e_ss_retransmits(netns, conn) < n; waited_ms += POLL_MS) {
		if (waited_ms > RETRANSMITS_LIMIT_MS)
			fail_msg("%s was not sent again %u times", conn, n);
		e2e_sleep_ms(POLL_MS);
	}
}

/// Whether ss prints nothing.
static bool has_none(const struct e2e_netns *netns, const char *command)
{
	char path[64];
	struct e2e_output output;
	bool none;

	snprintf(path, sizeof(path), "--net=/proc/%d/fd/%d", getpid(), netns->fd);
	e2e_process_run((const char *const[]){"nsenter", path, "sh", "-c", command, NULL}, &output);
	if (output.status)
		fail_msg("%s exited %d: %s", command, output.status, output.err);
	none = !output.out_bytes;
	e2e_output_free(&output);
	return none;
}

void e2e_ss_wait_none(const struct e2e_netns *netns, const char *filter, ...)
{
	int64_t until_ms = e2e_now_ms() + e2e_patience(NONE_LIMIT_MS);
	char words[128], command[160];
	va_list args;

	va_start(args, filter);
	vsnprintf(words, sizeof(words), filter, args);
	va_end(args);
	snprintf(command, sizeof(command), "exec ss -Htan %s", words);
	while (!has_none(netns, command)) {
		if (e2e_now_ms() > until_ms)
			fail_msg("there still are sockets in %s", words);
		e2e_sleep_ms(POLL_MS);
	}
}

void e2e_ss_kill(const struct e2e_netns *netns, const char *filter)
{
	e2e_netns_shell(netns, "ss -HtanK %s >/dev/null", filter);
}
