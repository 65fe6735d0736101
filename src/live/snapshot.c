// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What was there before, by the kernel's iterators: first the descriptors of all processes, for the
 * owners, then the sockets of each network namespace. An iterator covers the namespace of the
 * thread that opens it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conntrace.skel.h"
#include "conntrace/cleanup.h"
#include "conntrace/clock.h"
#include "conntrace/event.h"
#include "live.h"
#include "netns.h"

/// Bytes that a socket takes in the ring at most: each record has a header of 8.
#define ROW_BYTES                                                                \
	(CT_EVENT_SIZE(who) + CT_EVENT_SIZE(counters) + CT_EVENT_SIZE(options) + \
	 CT_EVENT_SIZE(found) + 4 * sizeof(uint64_t))
#define ROWS_MAX 4096

/// Files that others close while the scan looks at them are really closed behind a read() of it.
#define FILES_MAX 256

/// A sweep takes no more than a twentieth of the time, and comes no more often than this.
#define SWEEP_SHARE	20
#define SWEEP_PERIOD_NS 2000000000ULL

/// While there is something to look for, sweeps are asked for more often than this.
#define SWEEP_IDLE_NS 5000000000ULL

/// Losses are told later than they happen.
#define SWEEP_SLACK_NS 2000000000ULL

struct reading {
	struct ct_source_live *live;
	struct bpf_link *link;
	size_t rows; /// at most, between two looks at the ring
};

static int open_iterator(void *context)
{
	const struct reading *reading = context;
	int fd = bpf_iter_create(bpf_link__fd(reading->link));

	return fd < 0 ? -errno : fd;
}

/// Each row leaves a byte: the ring is emptied before it can fill up with them.
static int read_iterator(void *context, int fd)
{
	const struct reading *reading = context;
	struct ct_source_live *live = reading->live;
	char rows[ROWS_MAX];
	ssize_t n;
	int r;

	do {
		n = read(fd, rows, reading->rows);
		/* EAGAIN: a million rows were passed over without a byte */
		r = n < 0 && errno != EAGAIN && errno != EINTR ? -errno : ct_live_drain(live);
	} while (r == 0 && n != 0);
	live->skel->bss->walker = 0;
	return r;
}

/// A program that is not loaded has none. 0 or -errno.
static int open_walk(const struct bpf_program *program, struct bpf_link **ret)
{
	if (bpf_program__fd(program) < 0)
		return 0;
	*ret = bpf_program__attach_iter(program, NULL);
	return *ret ? 0 : -errno;
}

void ct_live_open_walks(struct ct_source_live *live)
{
	const struct conntrace_bpf *skel = live->skel;

	live->walks_error = open_walk(skel->progs.ct_found_file, &live->skel->links.ct_found_file);
	if (live->walks_error == 0)
		live->walks_error = open_walk(skel->progs.ct_found_socket,
					      &live->skel->links.ct_found_socket);
}

/// Owners are filled in where the sockets keep them; without this iterator they stay unknown. Each
/// walk has a number, never 0: what the one before has found is asked for anew.
static int scan_owners(struct ct_source_live *live)
{
	struct reading reading = {live, live->skel->links.ct_found_file, FILES_MAX};
	_cleanup_(ct_closep) int fd = -1;

	if (live->walks_error < 0)
		return live->walks_error;
	if (!reading.link)
		return 0;
	live->skel->bss->file_walk = (__u8)(live->skel->bss->file_walk % UINT8_MAX + 1);
	fd = open_iterator(&reading);
	return fd < 0 ? fd : read_iterator(&reading, fd);
}

static size_t rows_at_once(const struct ct_source_live *live)
{
	size_t rows = bpf_map__max_entries(live->skel->maps.ring) / 4 / ROW_BYTES;

	return rows < ROWS_MAX ? rows : ROWS_MAX;
}

/// Walks the sockets of all namespaces. LEFT_NS as the program's sweep_left_ns.
static int walk_sockets(struct ct_source_live *live, uint64_t left_ns,
			struct ct_netns_left_out *ret_left_out)
{
	struct reading reading = {live, live->skel->links.ct_found_socket, rows_at_once(live)};
	const struct ct_netns_visitor visitor = {open_iterator, read_iterator, &reading};

	*ret_left_out = (struct ct_netns_left_out){};
	if (live->walks_error < 0)
		return live->walks_error;
	if (!reading.link)
		return -ENOTSUP;
	live->skel->bss->sweep_left_ns = left_ns;
	return ct_netns_walk(&visitor, ret_left_out);
}

static void explain_left_out(const struct ct_netns_left_out *left_out, char *text, size_t len)
{
	size_t used;

	if (!left_out->n)
		return;
	used = (size_t)snprintf(text, len,
				"what was there before is not shown for the network namespace of "
				"%s (%s)",
				left_out->first, strerror(left_out->error));
	if (left_out->n > 1 && used < len)
		snprintf(text + used, len - used, " and for %zu more", left_out->n - 1);
}

static void explain_failure(int error, char *text, size_t len)
{
	if (error == -ENOTSUP)
		snprintf(text, len,
			 "there is no iterator over TCP sockets here (`conntrace check` tells "
			 "why): what was there before is not shown");
	else if (error == -ENOTRECOVERABLE)
		snprintf(text, len, "cannot get back into the own network namespace");
	else
		snprintf(text, len, "cannot look for what was there before: %s", strerror(-error));
}

int ct_source_live_snapshot(struct ct_source_live *live, ct_record_fn fn, void *context,
			    char *err_text, size_t err_len)
{
	struct ct_netns_left_out left_out = {};
	int r;

	if (err_len)
		err_text[0] = '\0';
	live->fn = fn;
	live->context = context;
	r = scan_owners(live);
	if (r == 0)
		r = walk_sockets(live, 0, &left_out);
	if (r < 0 && !live->stopped)
		explain_failure(r, err_text, err_len);
	else if (r == 0)
		explain_left_out(&left_out, err_text, err_len);
	return r;
}

/// A FIN that a mini-socket takes is dropped for it; this kernel's tracepoint names it, or it is
/// found by its addresses.
static bool hears_fins(const struct ct_source_live *live)
{
	if (!live->skel->rodata->timer_timewait)
		return false;
	return bpf_program__fd(live->skel->progs.ct_kfree_skb) >= 0 ||
	       (live->skel->rodata->by_tuple && live->skel->rodata->receive_end[0]);
}

/// Nobody asks while there is nothing to look for; nor while the whole process stands still.
static void note_asked(struct ct_source_live *live, uint64_t now_ns)
{
	uint64_t idle_ns = SWEEP_IDLE_NS;

	if (now_ns - live->stood_until_ns <= SWEEP_IDLE_NS)
		idle_ns += live->stood_ns;
	if (now_ns - live->sweep_asked_ns > idle_ns)
		live->swept_ns = now_ns > idle_ns ? now_ns - idle_ns : 0;
	live->sweep_asked_ns = now_ns;
	live->stood_ns = 0;
}

/// What began behind the last sweep may be over by this one.
static int tell_late(struct ct_source_live *live, uint64_t now_ns)
{
	if (now_ns - live->swept_ns <= CT_TIME_WAIT_NS)
		return 0;
	return ct_live_tell_lost(live, 1, live->swept_ns, CT_LOST_SWEEP, CT_UNCOUNTED_MINIS);
}

int ct_source_live_sweep(struct ct_source_live *live, ct_record_fn fn, void *context)
{
	uint64_t now = ct_clock_ns(CLOCK_MONOTONIC), since_ns, took_ns;
	struct ct_netns_left_out left_out;
	int r;

	note_asked(live, now);
	if (hears_fins(live) && !live->lost) {
		live->swept_ns = now;
		return 0;
	}
	if (now < live->sweep_due_ns)
		return 0;
	live->fn = fn;
	live->context = context;
	r = tell_late(live, now);
	if (r)
		return r;
	live->lost = false;
	since_ns = now - live->swept_ns + SWEEP_SLACK_NS;
	r = walk_sockets(live, since_ns < CT_TIME_WAIT_NS ? CT_TIME_WAIT_NS - since_ns : 1,
			 &left_out);
	live->swept_ns = now;
	took_ns = ct_clock_ns(CLOCK_MONOTONIC) - now;
	live->sweep_due_ns = now + (took_ns * SWEEP_SHARE > SWEEP_PERIOD_NS ? took_ns * SWEEP_SHARE
									    : SWEEP_PERIOD_NS);
	return r;
}
