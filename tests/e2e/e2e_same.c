// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what every kernel can give reads the same on each: the JSON of a scene, normalised by
// rules[], is tests/e2e/same/SCENE.jsonl to the byte. E2E_UPDATE=1 writes it anew.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "support/capability.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define KEPT	       "tests/e2e/same"
#define WAIT_MS	       20000
#define LIVES_MAX      16
#define NEEDS_MAX      3
#define FIN_TIMEOUT_S  10
#define ANSWER_MS      100  /// the clock of TCP's timestamps goes on
#define REUSE_DELAY_MS 1100 /// what connect() waits until it takes a port out of TIME_WAIT

enum how {
	HOW_KNOWN,  /// only whether it is known: another on each run
	HOW_LETTER, /// a connection: "A" for the first that was told of, "B" for the next …
	HOW_ABSENT, /// left out
};

/// What is not compared as it is. A key may be in an object at any depth.
struct rule {
	const char *key; /// a pattern of the shell
	enum how how;
	const char *unless_full; /// a capability: where it is there in full, the rule is none
};

static const struct rule rules[] = {
	{.key = "ts", .how = HOW_ABSENT}, /* ts_ns once more */
	{.key = "*_ns", .how = HOW_KNOWN},
	{.key = "*_us", .how = HOW_KNOWN},
	{.key = "pid", .how = HOW_KNOWN},
	{.key = "by_pid", .how = HOW_KNOWN},
	{.key = "netns", .how = HOW_KNOWN},
	{.key = "cgroup", .how = HOW_KNOWN},
	{.key = "lport", .how = HOW_KNOWN},
	{.key = "rport", .how = HOW_KNOWN},
	{.key = "conn", .how = HOW_LETTER},
	{.key = "by_conn", .how = HOW_LETTER},
	{.key = "reason",
	 .how = HOW_ABSENT,
	 .unless_full = "resets sent"}, /* a kernel's own word for it */
};

struct stage {
	struct e2e *e2e;
	const char *host; /// the server's
	struct e2e_tracer *tracer;
	struct e2e_pair pair;
};

struct scene {
	const char *name;
	const char *host; /// the server's; E2E_FAR_HOST: in a namespace of its own
	void (*live)(struct stage *stage);
	const char *needs[NEEDS_MAX]; /// capabilities; without them the scene is skipped
};

struct lives {
	const char *conns[LIVES_MAX];
	size_t n;
};

/// Of a connection that has none yet, the next.
static char letter_of(struct lives *lives, const char *conn)
{
	for (size_t i = 0; i < lives->n; i++)
		if (strcmp(lives->conns[i], conn) == 0)
			return (char)('A' + i);
	assert_true(lives->n < LIVES_MAX);
	lives->conns[lives->n++] = conn;
	return (char)('A' + lives->n - 1);
}

static bool holds(struct e2e *e2e, const struct rule *rule)
{
	return !rule->unless_full || !e2e_has_full_capability(e2e, rule->unless_full);
}

/// NULL: it is compared as it is.
static const struct rule *rule_of(struct e2e *e2e, const char *key)
{
	for (size_t i = 0; i < CT_COUNT(rules); i++)
		if (fnmatch(rules[i].key, key, 0) == 0 && holds(e2e, &rules[i]))
			return &rules[i];
	return NULL;
}

static json_t *normal(struct e2e *e2e, struct lives *lives, const json_t *value);

/// NULL: it is left out.
static json_t *normal_member(struct e2e *e2e, struct lives *lives, const char *key,
			     const json_t *member)
{
	const struct rule *rule = rule_of(e2e, key);
	char letter;

	if (rule && rule->how == HOW_ABSENT)
		return NULL;
	if (!rule || json_is_null(member))
		return normal(e2e, lives, member);
	if (rule->how == HOW_KNOWN)
		return json_string("#");
	if (!lives)
		return json_deep_copy(member);
	letter = letter_of(lives, json_string_value(member));
	return json_stringn(&letter, 1);
}

/// A copy by the rules. lives NULL: it has letters already.
static json_t *normal(struct e2e *e2e, struct lives *lives, const json_t *value)
{
	json_t *ret, *member;
	const char *key;
	size_t i;

	if (json_is_array(value)) {
		ret = json_array();
		json_array_foreach(value, i, member)
			json_array_append_new(ret, normal(e2e, lives, member));
		return ret;
	}
	if (!json_is_object(value))
		return json_deep_copy(value);
	ret = json_object();
	json_object_foreach((json_t *)value, key, member)
	{
		json_t *copy = normal_member(e2e, lives, key, member);

		if (copy)
			json_object_set_new(ret, key, copy);
	}
	return ret;
}

/// Those of one connection, or of none: conn NULL.
static void append_life(json_t *sorted, const json_t *events, const char *conn)
{
	json_t *event;
	size_t i;

	json_array_foreach(events, i, event)
	{
		const char *is = json_string_value(json_object_get(event, "conn"));

		if (conn && is ? strcmp(is, conn) == 0 : conn == is)
			json_array_append(sorted, event);
	}
}

/// A life behind the other: what happens at two ends at once has no order. Last what is nobody's.
static json_t *told(struct e2e *e2e, const json_t *events)
{
	struct lives lives = {};
	json_t *copy = normal(e2e, &lives, events), *ret = json_array();

	for (size_t i = 0; i < lives.n; i++)
		append_life(ret, copy, (char[]){(char)('A' + i), '\0'});
	append_life(ret, copy, NULL);
	json_decref(copy);
	return ret;
}

/// JSON Lines of an array that is let go of. The caller frees it.
static char *text_of(json_t *events)
{
	size_t i, bytes;
	char *text;
	FILE *stream = open_memstream(&text, &bytes);
	json_t *event;

	assert_non_null(stream);
	json_array_foreach(events, i, event)
	{
		assert_int_equal(json_dumpf(event, stream, JSON_COMPACT), 0);
		fputc('\n', stream);
	}
	assert_int_equal(fclose(stream), 0);
	json_decref(events);
	return text;
}

/// Tells what this kernel does not give; true if there is anything.
static bool is_less_than_kept(struct e2e *e2e)
{
	bool less = false;

	for (size_t i = 0; i < CT_COUNT(rules); i++) {
		if (!rules[i].unless_full || !holds(e2e, &rules[i]))
			continue;
		print_message("left out: `%s`, for \"%s\" is not there in full\n", rules[i].key,
			      rules[i].unless_full);
		less = true;
	}
	return less;
}

static char *kept_text(struct e2e *e2e, const char *path)
{
	size_t bytes;
	char *text = e2e_file_read(path, &bytes);
	json_t *kept = e2e_events_parse(text, bytes), *less = normal(e2e, NULL, kept);

	free(text);
	json_decref(kept);
	return text_of(less);
}

/// A line at a time: what is printed is cut at 1024 bytes.
static void print_lines(const char *from)
{
	for (const char *end; *from; from = end) {
		end = strchrnul(from, '\n');
		end += *end != '\0';
		print_message("%.*s", (int)(end - from), from);
	}
}

/// From the first line on in which they differ.
static void print_difference(const char *path, const char *text, const char *kept)
{
	size_t start = 0, line = 1;

	for (size_t i = 0; kept[i] && kept[i] == text[i]; i++) {
		if (kept[i] != '\n')
			continue;
		start = i + 1;
		line++;
	}
	print_message("from line %zu of %s on it is\n", line, path);
	print_lines(text + start);
	print_message("wanted\n");
	print_lines(kept + start);
}

static void compare(struct e2e *e2e, const char *name, const json_t *events)
{
	const char *path = e2e_format(e2e, KEPT "/%s.jsonl", name);
	_cleanup_(ct_freep) char *text = text_of(told(e2e, events));
	_cleanup_(ct_freep) char *kept = NULL;
	bool less = is_less_than_kept(e2e);

	if (getenv("E2E_UPDATE") && !less)
		e2e_file_write(path, text, strlen(text));
	kept = kept_text(e2e, path);
	if (strcmp(kept, text) == 0)
		return;
	print_difference(path, text, kept);
	fail();
}

static void wait_for(struct stage *stage, const char *conn, const char *key, const char *value)
{
	e2e_tracer_wait_event(stage->tracer, WAIT_MS, "{s:s, s:s}", "conn", conn, key, value);
}

/// The client closes first.
static void live_close(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;

	e2e_pair_connect(pair, stage->host);
	e2e_pair_exchange(pair, 1000, 2000);
	e2e_pair_close(pair);
	wait_for(stage, pair->server_conn, "event", "close");
}

/// The client half-closes, the server answers.
static void live_half_close(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;

	e2e_pair_connect(pair, stage->host);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_send(pair->server, pair->server_fd, 500);
	e2e_actor_receive(pair->client, pair->client_fd, 500);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	wait_for(stage, pair->server_conn, "event", "close");
}

/// The server closes with something unread.
static void live_unread(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;

	e2e_pair_connect(pair, stage->host);
	e2e_actor_send(pair->client, pair->client_fd, 100);
	e2e_actor_wait_readable(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	assert_int_equal(e2e_actor_try_receive(pair->client, pair->client_fd, 1), ECONNRESET);
	e2e_actor_close(pair->client, pair->client_fd);
}

/// The client aborts.
static void live_abort(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;

	e2e_pair_connect(pair, stage->host);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	assert_int_equal(e2e_actor_try_receive(pair->server, pair->server_fd, 1), ECONNRESET);
	e2e_actor_close(pair->server, pair->server_fd);
}

/// Nobody listens any more.
static void live_refused(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;

	e2e_actor_close(pair->server, pair->listen_fd);
	pair->listen_fd = -1;
	e2e_actor_connect_fails(pair->client, stage->host, pair->port, ECONNREFUSED);
}

/// One data segment is lost: the first. No tail loss probe is sent, so it is the timer's.
static void live_loss(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;

	e2e_netns_sysctl("ipv4/tcp_early_retrans", "0");
	e2e_pair_connect(pair, stage->host);
	e2e_pair_exchange(pair, 100, 100);
	e2e_netns_shell(
		&stage->e2e->far,
		"nft 'add table inet ct_e2e; add chain inet ct_e2e in { type filter hook input priority 0; }; "
		"add rule inet ct_e2e in tcp flags psh limit rate over 1/day burst 1 packets accept; "
		"add rule inet ct_e2e in tcp flags psh drop'");
	e2e_pair_exchange(pair, 100, 100);
	e2e_pair_close(pair);
	wait_for(stage, pair->server_conn, "event", "close");
}

/// The server's segments do not arrive: the client probes, gives up and resets.
static void live_keepalive(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;

	e2e_pair_connect(pair, stage->host);
	e2e_pair_exchange(pair, 100, 100);
	e2e_actor_set_keepalive(pair->client, pair->client_fd);
	e2e_netns_drop(&stage->e2e->home, e2e_format(stage->e2e, "tcp sport %u", pair->port));
	wait_for(stage, pair->client_conn, "event", "close");
	assert_int_equal(e2e_actor_try_receive(pair->client, pair->client_fd, 1), ETIMEDOUT);
	assert_int_equal(e2e_actor_try_receive(pair->server, pair->server_fd, 1), ECONNRESET);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_close(pair->server, pair->server_fd);
}

/// The client takes its last port out of TIME_WAIT again.
static void live_reuse(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;
	const char *old;

	e2e_netns_sysctl("ipv4/tcp_tw_reuse", "1");
	e2e_netns_sysctl("ipv4/ip_local_port_range",
			 e2e_format(stage->e2e, "%u %u", e2e_port(1), e2e_port(1)));
	live_close(stage);
	old = pair->client_conn;
	wait_for(stage, old, "to", "TIME_WAIT");
	e2e_sleep_ms(REUSE_DELAY_MS);
	live_close(stage);
	wait_for(stage, old, "event", "close");
}

/// The server closes first; the client comes back from the same port: RFC 9293 3.6.1.
static void live_recycle(struct stage *stage)
{
	struct e2e_pair *pair = &stage->pair;
	struct e2e_addr from = {E2E_HOME_HOST, 0}, to = {E2E_FAR_HOST, pair->port};
	const char *old;

	e2e_pair_connect(pair, stage->host);
	from.port = pair->client_port;
	old = pair->server_conn;
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	wait_for(stage, old, "to", "TIME_WAIT");
	wait_for(stage, pair->client_conn, "event", "close");
	e2e_sleep_ms(ANSWER_MS);
	pair->client_fd = e2e_actor_connect_from(pair->client, &from, &to);
	pair->server_fd = e2e_actor_accept(pair->server, pair->listen_fd);
	pair->server_conn = e2e_actor_conn(pair->server, pair->server_fd);
	e2e_pair_close(pair);
	wait_for(stage, pair->server_conn, "event", "close");
	wait_for(stage, old, "event", "close");
}

/// A kernel may be without IPv6.
static void need_host(const char *host)
{
	struct e2e_addr at = {.port = 0};
	int fd;

	snprintf(at.host, sizeof(at.host), "%s", host);
	fd = e2e_sock_listen(&at);
	if (fd < 0)
		e2e_skip("no address %s here: %s", host, strerror(-fd));
	close(fd);
}

/// Where FIN_WAIT2 of a mini-socket and TIME_WAIT end at about the same time, the kernel may leave
/// the timer where it is: it is inferred then that one became the other, and not seen.
static void set_fin_timeout(const struct e2e_netns *netns)
{
	e2e_netns_shell(netns, "echo %d >/proc/sys/net/ipv4/tcp_fin_timeout", FIN_TIMEOUT_S);
}

static void scene_is_told_as_everywhere(void **state)
{
	struct e2e *e2e = *state;
	const struct scene *scene = e2e->argument;
	struct stage stage = {.e2e = e2e, .host = scene->host};

	set_fin_timeout(&e2e->home);
	if (strcmp(scene->host, E2E_FAR_HOST) == 0) {
		e2e_add_far(e2e);
		set_fin_timeout(&e2e->far);
	} else {
		need_host(scene->host);
	}
	for (size_t i = 0; i < NEEDS_MAX && scene->needs[i]; i++)
		e2e_need_capability(e2e, scene->needs[i]);
	stage.tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, scene->host, e2e_port(0), &stage.pair);
	scene->live(&stage);
	/* last of all: its cookie may be no socket's on the other side */
	if (stage.pair.listen_fd >= 0)
		e2e_actor_close(stage.pair.server, stage.pair.listen_fd);
	e2e_tracer_stop(stage.tracer, 0);
	e2e_assert_no_loss(e2e_tracer_events(stage.tracer));
	compare(e2e, scene->name, e2e_tracer_events(stage.tracer));
}

#define SCENE(name, host, live, ...)                                                       \
	E2E_TEST_WITH("every_kernel_tells_the_same_of_" name, scene_is_told_as_everywhere, \
		      (&(struct scene){name, host, live, {__VA_ARGS__}}))
#define FAR(name, live, ...) SCENE(name, E2E_FAR_HOST, live, __VA_ARGS__)

static const struct CMUnitTest tests[] = {
	FAR("close", live_close, NULL),
	FAR("half_close", live_half_close, NULL),
	FAR("unread", live_unread, NULL),
	FAR("abort", live_abort, NULL),
	FAR("refused", live_refused, NULL),
	FAR("loss", live_loss, "retransmit kinds"),
	FAR("keepalive", live_keepalive, "probes sent", "probes received"),
	FAR("time_wait_reused", live_reuse, "time-wait end"),
	FAR("time_wait_recycled", live_recycle, "time-wait end"),
	SCENE("ipv6", "::1", live_close, NULL),
};

E2E_MAIN("same", tests)
