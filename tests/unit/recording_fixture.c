// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recording_fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "conntrace/decode.h"

const struct ct_session fixture_session = {
	.tool_version = "0.1.0",
	.kernel = "6.1.0-18-amd64",
	.machine = "x86_64",
	.host = "example",
	.boot_id = "5b1f2c1e-8f0a-4d0c-9a53-8f3f9d6a2b11",
	.command_line = "conntrace record -w conntrace.ctr",
	.capabilities.of =
		{
			[CT_CAPABILITY_TRANSITIONS] = {CT_CAPABILITY_FULL, ""},
			[CT_CAPABILITY_RESETS_SENT] = {CT_CAPABILITY_PARTIAL,
						       "the kernel gives no reason"},
			[CT_CAPABILITY_PROBES_RECEIVED] = {CT_CAPABILITY_ABSENT,
							   "no tracepoint kfree_skb"},
			[CT_CAPABILITY_CHILDREN] = {CT_CAPABILITY_UNASKED,
						    "not asked for: --follow"},
		},
	.mono_ns = 5000000000,
	.real_ns = 1700000000000000000,
	.netns = 4026531840,
	.local_ports = 28232,
	.reserved_ports = 14,
	.retries2 = 7,
	.tw_reuse = 1 + 2,
	.timestamps = 1 + 1,
	.tw_reuse_delay_ms = 500,
	.privileges = CT_PRIVILEGE_KNOWN(CT_PRIVILEGE_BPF) | CT_PRIVILEGE_HELD(CT_PRIVILEGE_BPF) |
		      CT_PRIVILEGE_KNOWN(CT_PRIVILEGE_SYSLOG),
};

void events_add(struct events *events, const struct ct_event *event)
{
	if (events->n == events->capacity) {
		events->capacity = events->capacity ? 2 * events->capacity : 64;
		events->list = realloc(events->list, events->capacity * sizeof(*events->list));
		assert_non_null(events->list);
	}
	memset(&events->list[events->n], 0, sizeof(*events->list));
	memcpy(&events->list[events->n++], event, ct_event_layout(event->kind)->size);
}

void events_fini(struct events *events)
{
	free(events->list);
	*events = (struct events){};
}

int events_take(void *events, const void *bytes, size_t len)
{
	const struct ct_event *event = NULL;

	assert_int_equal(ct_decode(bytes, len, &event), 0);
	events_add(events, event);
	return 0;
}

void events_assert_equal_at(const char *file, int line, const struct events *got,
			    const struct events *want)
{
	size_t i = 0;

	while (i < got->n && i < want->n &&
	       memcmp(&got->list[i], &want->list[i], sizeof(got->list[i])) == 0)
		i++;
	if (i == got->n && i == want->n)
		return;
	print_error("%zu events, wanted %zu; number %zu differs\n", got->n, want->n, i);
	if (i < got->n && i < want->n)
		_assert_memory_equal(&got->list[i], &want->list[i], sizeof(got->list[i]), file,
				     line);
	_fail(file, line);
}

/// One end of a connection being made up.
struct end {
	struct events *events;
	struct ct_event core;
	uint64_t *clock_ns;
};

/// Numbers that look random and are the same in every run.
static uint32_t random_number(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static struct ct_event begin(struct end *end, uint8_t kind, uint8_t context)
{
	struct ct_event event = end->core;

	*end->clock_ns += 500 + random_number() % 8000;
	event.ts_ns = *end->clock_ns;
	event.kind = kind;
	event.context = context;
	return event;
}

static void add_state(struct end *end, uint8_t state, uint8_t context, uint32_t write_seq)
{
	struct ct_event event;
	uint8_t old = end->core.state;

	end->core.state = state;
	event = begin(end, CT_EVENT_STATE, context);
	event.to.old_state = old;
	event.to.write_seq = write_seq;
	if (context == CT_CONTEXT_PROCESS) {
		event.to.actor_pid = event.pid;
		event.to.how = state == CT_STATE_SYN_SENT ? CT_HOW_CONNECT : CT_HOW_CLOSE;
	}
	events_add(end->events, &event);
}

static void add_owner(struct end *end, uint8_t origin, uint32_t pid, const char *comm)
{
	struct ct_event event;
	size_t len = strlen(comm);

	end->core.owner = origin;
	end->core.pid = pid;
	event = begin(end, CT_EVENT_OWNER, CT_CONTEXT_PROCESS);
	memcpy(event.who.comm, comm, len < CT_COMM_LEN ? len : CT_COMM_LEN);
	event.who.uid = 1000;
	event.who.cgroup = 4242;
	events_add(end->events, &event);
}

static void add_counters(struct end *end)
{
	struct ct_event event = begin(end, CT_EVENT_COUNTERS, CT_CONTEXT_NONE);

	event.counters.bytes_sent = 64 + random_number() % 4;
	event.counters.bytes_acked = event.counters.bytes_sent + 1;
	event.counters.bytes_received = 64;
	event.counters.segments_out = 5 + random_number() % 2;
	event.counters.segments_in = 4 + random_number() % 2;
	event.counters.srtt_us = 20 + random_number() % 30;
	event.counters.min_rtt_us = 8 + random_number() % 8;
	event.counters.keepalive_time_s = 7200;
	event.counters.keepalive_interval_s = 75;
	event.counters.keepalive_probes = 9;
	events_add(end->events, &event);
}

static void add_timewait(struct end *end, uint8_t op)
{
	struct ct_event event = begin(end, CT_EVENT_TIMEWAIT, CT_CONTEXT_NONE);

	event.generation = CT_GENERATION_ANY;
	event.timewait.op = op;
	if (op == CT_TIMER_START)
		event.timewait.timeout_ns = 60000000000;
	events_add(end->events, &event);
}

static void add_life(struct events *events, uint64_t *clock_ns, uint32_t number)
{
	uint32_t seq = random_number(), peer_seq = random_number();
	uint16_t port = (uint16_t)(32768 + 2 * (number % 14000) + random_number() % 2);
	struct end client = {.events = events, .clock_ns = clock_ns};
	struct end server = client;

	client.core = (struct ct_event){
		.cookie = 4096 + 2 * (uint64_t)number,
		.laddr = {127, 0, 0, 1},
		.raddr = {127, 0, 0, 1},
		.rport = 8080,
		.netns = 4026531840,
		.family = AF_INET,
		.state = CT_STATE_CLOSE,
		.role = CT_ROLE_ACTIVE,
		.sock_flags = CT_SOCK_COUNTED,
	};
	server.core = client.core;
	server.core.cookie++;
	server.core.role = CT_ROLE_PASSIVE;
	server.core.lport = 8080;
	server.core.rport = port;
	server.core.state = CT_STATE_SYN_RECV;

	add_owner(&client, CT_OWNER_CONNECT, 31337, "client");
	add_state(&client, CT_STATE_SYN_SENT, CT_CONTEXT_PROCESS, 0);
	client.core.lport = port;
	add_owner(&server, CT_OWNER_INHERITED, 4711, "a long server name");
	add_state(&server, CT_STATE_ESTABLISHED, CT_CONTEXT_NONE, peer_seq);
	add_state(&client, CT_STATE_ESTABLISHED, CT_CONTEXT_NONE, seq);
	add_state(&client, CT_STATE_FIN_WAIT1, CT_CONTEXT_PROCESS, seq + 65);
	client.core.sock_flags |= CT_SOCK_ORPHAN;
	add_state(&server, CT_STATE_CLOSE_WAIT, CT_CONTEXT_NONE, peer_seq + 64);
	add_state(&client, CT_STATE_FIN_WAIT2, CT_CONTEXT_NONE, seq + 65);
	server.core.owner = CT_OWNER_ACTOR;
	add_state(&server, CT_STATE_LAST_ACK, CT_CONTEXT_PROCESS, peer_seq + 65);
	server.core.sock_flags |= CT_SOCK_ORPHAN;
	add_counters(&client);
	add_state(&client, CT_STATE_CLOSE, CT_CONTEXT_NONE, seq + 65);
	client.core.state = CT_STATE_TIME_WAIT;
	add_timewait(&client, CT_TIMER_START);
	add_counters(&server);
	add_state(&server, CT_STATE_CLOSE, CT_CONTEXT_NONE, peer_seq + 65);
}

void events_churn(struct events *events, size_t n_connections)
{
	uint64_t clock_ns = fixture_session.mono_ns;

	for (size_t i = 0; i < n_connections; i++)
		add_life(events, &clock_ns, (uint32_t)i);
}

void bytes_fini(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){};
}

void record(const struct events *events, struct bytes *ret)
{
	char path[] = "/tmp/conntrace-test-XXXXXX";
	struct ct_recording_file file = {.fd = -1, .folder_fd = -1};
	struct ct_recording_writer *writer = NULL;
	int fd = mkstemp(path);
	off_t len;

	assert_true(fd >= 0);
	assert_int_equal(ct_recording_file_open(path, false, &file), 0);
	assert_int_equal(
		ct_recording_create(&file, CT_RECORDING_SYNC_NEVER, &fixture_session, &writer), 0);
	for (size_t i = 0; i < events->n; i++)
		assert_int_equal(ct_recording_write(writer, &events->list[i]), 0);
	assert_int_equal(ct_recording_finish(writer), 0);
	ct_recording_writer_free(&writer);

	len = lseek(fd, 0, SEEK_END);
	ret->data = malloc((size_t)len);
	ret->len = (size_t)len;
	assert_non_null(ret->data);
	assert_int_equal(pread(fd, ret->data, ret->len, 0), len);
	close(fd);
	unlink(path);
}

int replay(const uint8_t *data, size_t len, struct events *ret, struct ct_recording_info *ret_info,
	   char *err_text)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	int fd = memfd_create("recording", MFD_CLOEXEC);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, 0), len);
	r = ct_recording_open_fd(fd, err_text, &reader);
	return r ? r : ct_recording_read(reader, events_take, ret, ret_info);
}
