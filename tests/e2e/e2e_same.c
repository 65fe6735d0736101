// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that what every kernel can give reads the same on each: the JSON of a few lives, without
// what is measured or numbered by chance, is tests/e2e/same.jsonl to the byte. E2E_UPDATE=1 writes
// it anew.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define KEPT	  "tests/e2e/same.jsonl"
#define WAIT_MS	  20000
#define LIVES_MAX 16

/// Another on each run; and every time in ns and us.
static const char *const by_chance[] = {"pid", "netns", "cgroup", "lport", "rport"};

/// Given by some kernels alone: the word for why it sent a reset. ts is ts_ns once more.
static const char *const left_out[] = {"reason", "ts"};

struct lives {
	const char *conns[LIVES_MAX];
	size_t n;
};

/// "A" for the first connection that was told of, "B" for the next …
static char letter_of(struct lives *lives, const char *conn)
{
	for (size_t i = 0; i < lives->n; i++)
		if (strcmp(lives->conns[i], conn) == 0)
			return (char)('A' + i);
	assert_true(lives->n < LIVES_MAX);
	lives->conns[lives->n++] = conn;
	return (char)('A' + lives->n - 1);
}

static bool is_among(const char *const *keys, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static bool is_measured(const char *key)
{
	size_t len = strlen(key);

	return len > 3 && (strcmp(key + len - 3, "_ns") == 0 || strcmp(key + len - 3, "_us") == 0);
}

/// A copy in which only that it is known is left of what chance gives.
static json_t *settled(const json_t *value)
{
	json_t *ret, *member;
	const char *key;
	size_t i;

	if (json_is_array(value)) {
		ret = json_array();
		json_array_foreach(value, i, member) json_array_append_new(ret, settled(member));
		return ret;
	}
	if (!json_is_object(value))
		return json_deep_copy(value);
	ret = json_object();
	json_object_foreach((json_t *)value, key, member)
	{
		if (is_among(left_out, CT_COUNT(left_out), key))
			continue;
		if (!json_is_null(member) &&
		    (is_measured(key) || is_among(by_chance, CT_COUNT(by_chance), key)))
			json_object_set_new(ret, key, json_string("#"));
		else
			json_object_set_new(ret, key, settled(member));
	}
	return ret;
}

static void put_life(FILE *text, const json_t *events, const char *conn, char letter)
{
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event)
	{
		json_t *copy;
		char *line;

		if (strcmp(e2e_event_text(event, "conn"), conn) != 0)
			continue;
		copy = settled(event);
		json_object_set_new(copy, "conn", json_stringn(&letter, 1));
		line = json_dumps(copy, JSON_COMPACT);
		assert_true(fprintf(text, "%s\n", line) > 0);
		free(line);
		json_decref(copy);
	}
}

/// A life behind the other: what happens at two ends at once has no order.
static void put_all(FILE *text, const json_t *events)
{
	struct lives lives = {};
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event)
	{
		assert_false(json_is_null(json_object_get(event, "conn")));
		letter_of(&lives, e2e_event_text(event, "conn"));
	}
	for (i = 0; i < lives.n; i++)
		put_life(text, events, lives.conns[i], (char)('A' + i));
}

static void live(struct e2e_pair *pair)
{
	/* the client closes first */
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, 1000, 2000);
	e2e_pair_close(pair);
	/* the client half-closes, the server answers */
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_actor_shutdown(pair->client, pair->client_fd, SHUT_WR);
	e2e_actor_receive_fin(pair->server, pair->server_fd);
	e2e_actor_send(pair->server, pair->server_fd, 500);
	e2e_actor_receive(pair->client, pair->client_fd, 500);
	e2e_actor_close(pair->server, pair->server_fd);
	e2e_actor_receive_fin(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	/* the server closes with something unread */
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_actor_send(pair->client, pair->client_fd, 100);
	e2e_actor_wait_readable(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	assert_int_equal(e2e_actor_try_receive(pair->client, pair->client_fd, 1), ECONNRESET);
	e2e_actor_close(pair->client, pair->client_fd);
	/* the client aborts */
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_actor_set_linger0(pair->client, pair->client_fd);
	e2e_actor_close(pair->client, pair->client_fd);
	assert_int_equal(e2e_actor_try_receive(pair->server, pair->server_fd, 1), ECONNRESET);
	e2e_actor_close(pair->server, pair->server_fd);
	/* last of all: its cookie may be no socket's on the other side */
	e2e_actor_close(pair->server, pair->listen_fd);
}

static void compare(const char *text, size_t len)
{
	size_t bytes, line = 1;
	char *kept;

	if (getenv("E2E_UPDATE"))
		e2e_file_write(KEPT, text, len);
	kept = e2e_file_read(KEPT, &bytes);
	for (size_t i = 0; i < bytes && i < len && kept[i] == text[i]; i++)
		line += kept[i] == '\n';
	if (bytes != len || memcmp(kept, text, bytes) != 0) {
		print_message("from line %zu of " KEPT " on it is\n%s", line, text);
		fail();
	}
	free(kept);
}

static void every_kernel_tells_the_same(void **state)
{
	_cleanup_(ct_freep) char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);
	struct e2e *e2e = *state;
	struct e2e_tracer *tracer;
	struct e2e_pair pair;

	assert_non_null(stream);
	e2e_add_far(e2e);
	tracer = E2E_TRACE(e2e, "watch", "--json", "-P", e2e_port_text(e2e, 0));
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &pair);
	live(&pair);
	e2e_tracer_wait_event(tracer, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      pair.server_conn);
	e2e_tracer_stop(tracer, 0);
	e2e_assert_no_loss(e2e_tracer_events(tracer));
	put_all(stream, e2e_tracer_events(tracer));
	assert_int_equal(fclose(stream), 0);
	compare(text, len);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(every_kernel_tells_the_same),
};

E2E_MAIN("same", tests)
