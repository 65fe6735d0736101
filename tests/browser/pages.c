// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: browser_pages DIR
//
// Makes the pages that run.py opens, of lives that were never lived: nothing at all, a scene of all
// that a page can show, the same where there is room for few, names that try to be markup, and a
// hundred thousand lives.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/count.h"
#include "conntrace/report.h"
#include "unit/builders.h"

#define MANY	  100000
#define STEPS_MAX 4
#define PWN	  "window.pwned=1"

/// One page in the making.
struct page {
	struct ct_session session;
	struct ct_output_options options;
	FILE *file;
	struct ct_sink *sink;
	uint64_t random; /// the same in every run
	uint64_t cookie;
};

/// What a life is like.
struct kind {
	const char *comm;
	const char *raddr;
	uint16_t port;
	uint8_t role;
	uint8_t end;
	uint8_t states[STEPS_MAX];  /// CT_STATE_NONE: no more
	uint64_t for_ms[STEPS_MAX]; /// about; 0: it is there still
	int flag;		    /// enum ct_flag; -1 none
};

static const struct kind kinds[] = {
	{"curl",
	 "192.0.2.10",
	 443,
	 CT_ROLE_ACTIVE,
	 CT_END_FIN,
	 {CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, CT_STATE_TIME_WAIT},
	 {20, 900, 20, 60000},
	 -1},
	{"nginx",
	 "198.51.100.7",
	 80,
	 CT_ROLE_PASSIVE,
	 CT_END_FIN,
	 {CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, CT_STATE_CLOSE_WAIT, CT_STATE_LAST_ACK},
	 {15, 15000, 2, 15},
	 -1},
	{"postgres",
	 "10.20.30.40",
	 5432,
	 CT_ROLE_PASSIVE,
	 CT_END_FIN,
	 {CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, CT_STATE_FIN_WAIT2},
	 {1, 90000, 1, 200},
	 CT_FLAG_HALF_CLOSE_LOCAL},
	{"java",
	 "2001:db8::42",
	 8443,
	 CT_ROLE_ACTIVE,
	 CT_END_RST_RECEIVED,
	 {CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED},
	 {30, 5000},
	 CT_FLAG_RST_RECEIVED},
	{"sshd",
	 "203.0.113.99",
	 22,
	 CT_ROLE_PASSIVE,
	 CT_END_OPEN,
	 {CT_STATE_SYN_RECV, CT_STATE_ESTABLISHED},
	 {40, 0},
	 -1},
	{"python3",
	 "192.0.2.80",
	 9000,
	 CT_ROLE_ACTIVE,
	 CT_END_REFUSED,
	 {CT_STATE_SYN_SENT},
	 {2},
	 CT_FLAG_REFUSED},
	{"php-fpm",
	 "10.0.0.9",
	 6379,
	 CT_ROLE_ACTIVE,
	 CT_END_OPEN,
	 {CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, CT_STATE_CLOSE_WAIT},
	 {5, 4000, 0},
	 CT_FLAG_CLOSE_WAIT_STUCK},
	{"rsync",
	 "198.51.100.200",
	 873,
	 CT_ROLE_ACTIVE,
	 CT_END_FIN,
	 {CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, CT_STATE_FIN_WAIT1, CT_STATE_TIME_WAIT},
	 {80, 45000, 90, 60000},
	 CT_FLAG_RETRANSMIT},
};

/// What runs if a name is taken for markup. The first is as long as a comm can be.
static const char *const markup[] = {
	"<script>pwned=1", "</script><b>", "<!--<script>",	  "<img src=x>",
	"\"><svg onload=", "&lt;b&gt;",	   "\xe2\x80\xaegnp.exe", "\x1b[31mred",
};

static uint64_t below(struct page *page, uint64_t n)
{
	page->random = page->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (page->random >> 33) % n;
}

static void begin(struct page *page, const char *dir, const char *name)
{
	char path[512];

	*page = (struct page){.session = a_session(), .options = {.utc = true}, .cookie = 0x1000};
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	page->file = fopen(path, "we");
	if (!page->file) {
		perror(path);
		exit(1);
	}
}

static void check(int r)
{
	if (!r)
		return;
	fprintf(stderr, "browser_pages: %s\n", strerror(-r));
	exit(1);
}

static void open_sink(struct page *page)
{
	check(ct_sink_html_new(&page->options, &page->session, page->file, &page->sink, NULL));
}

static void end(struct page *page)
{
	check(page->sink->ops->finish(page->sink));
	page->sink->ops->free(page->sink);
	if (fclose(page->file))
		check(-errno);
}

static void put(struct page *page, const struct ct_update *update)
{
	check(page->sink->ops->update(page->sink, update));
}

/// An event in the midst of a life.
static void put_event(struct page *page, const struct ct_conn *conn, int flag, uint64_t at_ns)
{
	struct ct_update u = an_update(CT_UPDATE_RETRANSMIT);

	if (flag == CT_FLAG_RST_RECEIVED)
		u = a_reset(CT_DIRECTION_RECEIVED, CT_RESET_BY_PEER, CT_RESET_CAUSE_PEER);
	else if (flag != CT_FLAG_RETRANSMIT)
		return;
	u.id = conn->id;
	u.ts_ns = at_ns;
	if (u.kind == CT_UPDATE_RETRANSMIT) {
		u.retransmit.segment = CT_SEGMENT_DATA;
		u.retransmit.kind = CT_RETRANSMIT_RTO;
		u.retransmit.count = 1;
	}
	put(page, &u);
}

/// The states that it came to by NOW_NS.
static void live(struct page *page, const struct kind *kind, uint64_t at_ns, uint64_t now_ns,
		 struct ct_step *steps, struct ct_conn *conn)
{
	size_t n = 0;

	conn->opened_ns = at_ns;
	conn->closed_ns = CT_NS_UNKNOWN;
	while (n < STEPS_MAX && kind->states[n]) {
		uint64_t for_ns = kind->for_ms[n] * MS;

		for_ns = for_ns ? for_ns / 2 + below(page, for_ns) : now_ns;
		steps[n] = (struct ct_step){at_ns, for_ns, kind->states[n], CT_BASIS_SEEN};
		at_ns += for_ns;
		if (at_ns > now_ns)
			break;
		n++;
	}
	if (n < STEPS_MAX && kind->states[n])
		steps[n++].for_ns = CT_NS_UNKNOWN;
	else
		conn->closed_ns = at_ns;
	conn->history = (struct ct_history){.steps = steps, .n_steps = (uint16_t)n};
	conn->phase = conn->closed_ns == CT_NS_UNKNOWN ? CT_PHASE_LIVE : CT_PHASE_CLOSED;
	conn->end = conn->closed_ns == CT_NS_UNKNOWN ? CT_END_OPEN : kind->end;
	conn->closed_by = conn->end == CT_END_FIN ? CT_CLOSED_BY_LOCAL : CT_CLOSED_BY_UNKNOWN;
}

static void name(struct page *page, const struct kind *kind, const char *comm,
		 struct ct_conn_id *id)
{
	uint16_t some_port = (uint16_t)(32768 + below(page, 28000));
	bool is_active = kind->role == CT_ROLE_ACTIVE;

	id->cookie = page->cookie++;
	id->role = kind->role;
	id->pid = (uint32_t)(1000 + 100 * (kind - kinds) + below(page, 2));
	id->lport = is_active ? some_port : kind->port;
	id->rport = is_active ? kind->port : some_port;
	strcpy(id->comm, comm);
	id->family = strchr(kind->raddr, ':') ? AF_INET6 : AF_INET;
	set_addr(id->laddr, id->family, id->family == AF_INET6 ? "2001:db8::1" : "10.0.0.1");
	set_addr(id->raddr, id->family, kind->raddr);
}

static void put_life(struct page *page, const struct kind *kind, const char *comm, uint64_t at_ns,
		     uint64_t now_ns)
{
	struct ct_mark mark = {.n_evidence = 1, .evidence = {{.key = "count", .number = 2}}};
	struct ct_step steps[STEPS_MAX];
	struct ct_conn conn = a_conn();
	struct ct_update u;

	live(page, kind, at_ns, now_ns, steps, &conn);
	name(page, kind, comm, &conn.id);
	conn.counters.bytes_sent = below(page, 1 << 20);
	conn.counters.bytes_received = below(page, UINT64_C(1) << 34);
	if (kind->flag >= 0 && below(page, 3)) {
		mark.flag = (uint8_t)kind->flag;
		mark.at_ns = ct_history_last(&conn.history)->at_ns;
		conn.marks = &mark;
		conn.flags = 1U << kind->flag;
		put_event(page, &conn, kind->flag, mark.at_ns);
	}
	u = a_close(&conn);
	u.ts_ns = conn.closed_ns == CT_NS_UNKNOWN ? now_ns : conn.closed_ns;
	put(page, &u);
}

static void put_lives(struct page *page, size_t n, uint64_t for_ns)
{
	for (size_t i = 0; i < n; i++) {
		const struct kind *kind =
			&kinds[i < CT_COUNT(kinds) ? i : below(page, CT_COUNT(kinds))];

		put_life(page, kind, kind->comm, BEGAN + i * (for_ns / n), BEGAN + for_ns);
	}
}

static void make_empty(const char *dir)
{
	struct page page;

	begin(&page, dir, "empty.html");
	open_sink(&page);
	end(&page);
}

/// @room for so many lives; 0: for all of them.
static void make_scene(const char *dir, const char *name, size_t room)
{
	struct ct_update loss = a_loss(17, CT_LOST_RING, CT_NS_UNKNOWN);
	struct ct_capability *capability;
	struct page page;

	begin(&page, dir, name);
	page.options.page_lives = room;
	capability = &page.session.capabilities.of[CT_CAPABILITY_PROBES_RECEIVED];
	capability->level = CT_CAPABILITY_ABSENT;
	strcpy(capability->detail, "this kernel does not name the socket of a dropped segment");
	open_sink(&page);
	put_lives(&page, 400, 300 * S);
	loss.ts_ns = BEGAN + 200 * S;
	put(&page, &loss);
	end(&page);
}

static void make_hostile(const char *dir)
{
	struct page page;

	begin(&page, dir, "hostile.html");
	page.options.problem = "</p><script>" PWN "</script>";
	strcpy(page.session.host, "<img src=x onerror=" PWN ">");
	strcpy(page.session.kernel, "\"><script>" PWN "</script>");
	strcpy(page.session.command_line, "</script><script>" PWN "</script><!--");
	strcpy(page.session.tool_version, "<svg onload=" PWN ">");
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++) {
		page.session.capabilities.of[i].level = CT_CAPABILITY_PARTIAL;
		strcpy(page.session.capabilities.of[i].detail,
		       "<iframe srcdoc='<script>top." PWN "</script>'>");
	}
	open_sink(&page);
	for (size_t i = 0; i < 20 * CT_COUNT(markup); i++)
		put_life(&page, &kinds[i % CT_COUNT(kinds)], markup[i / 20], BEGAN + i * S,
			 BEGAN + 400 * S);
	end(&page);
}

static void make_many(const char *dir)
{
	struct page page;

	begin(&page, dir, "many.html");
	open_sink(&page);
	put_lives(&page, MANY, 3600 * S);
	end(&page);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "Usage: %s DIR\n", argv[0]);
		return 2;
	}
	make_empty(argv[1]);
	make_scene(argv[1], "scene.html", 0);
	make_scene(argv[1], "bounded.html", 50);
	make_hostile(argv[1]);
	make_many(argv[1]);
	return 0;
}
