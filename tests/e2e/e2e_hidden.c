// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that the loss of a hook degrades what it serves and nothing else, and that this is told.
// One tracer has all hooks, beside it others lack one each; they see the same connections.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "support/capability.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/pair.h"

#define WAIT_MS	    20000
#define MISSING_MAX 4
#define ALLOWED_MAX 12
#define ABSENT_MAX  4

/// What may be missing or differ without one hook. Everything else must be as with it.
struct loss {
	const char *hook;
	const char *absent[ABSENT_MAX];	  /// capabilities that `check` calls absent then
	const char *or_absent;		  /// one more, where it is partial and rests on this hook
	const char *partial;		  /// one that it calls partial
	const char *missing[MISSING_MAX]; /// kinds of events, or KIND=DIRECTION
	/// A reset that no socket answers for, where the kernel gives no reasons: it is told from
	/// the segment that it answers then.
	bool nobodys_resets;
	const char *allowed[ALLOWED_MAX]; /// keys that are null; KEY=WORD: that say this instead
	bool tells_all;			  /// in these lives: another hook stands in
	const char *flags;		  /// that are not raised
	const char *moved;		  /// of them those that another event may raise instead
};

static const struct loss losses[] = {
	{.hook = "tcp_send_reset",
	 .absent = {"resets sent"},
	 .missing = {"rst=sent"},
	 .allowed = {"end=unknown", "closed_by"},
	 .flags = "rst-sent"},
	{.hook = "ct_send_reset", .partial = "resets sent", .allowed = {"reason"}},
	{.hook = "tcp_receive_reset",
	 .absent = {"resets received"},
	 .missing = {"rst=received"},
	 .allowed = {"end=unknown", "closed_by"},
	 .flags = "rst-received refused"},
	{.hook = "inet_sk_error_report", .absent = {"errors"}, .missing = {"error"}},
	{.hook = "tcp_retransmit_skb",
	 .absent = {"retransmits"},
	 .missing = {"retransmit"},
	 .flags = "retransmit"},
	{.hook = "timer_expire_exit",
	 .absent = {"retransmit kinds", "probes sent"},
	 .missing = {"keepalive=sent"},
	 .allowed = {"keepalives_sent", "kind=unknown", "cause=unknown", "end=rst-sent",
		     "closed_by=local"},
	 .flags = "keepalive-probe keepalive-dead",
	 .moved = "keepalive-dead"},
	{.hook = "timer_start",
	 .or_absent = "owner by first send",
	 .absent = {"time-wait entry", "time-wait end", "half-open handshakes",
		    "accept queue overflows"},
	 .allowed = {"to=CLOSE", "basis=seen", "history", "opened_ns", "closed_ns", "duration_ns",
		     "handshake_us", "in_state_ns", "handshake", "end=unknown"}},
	{.hook = "kfree_skb",
	 .absent = {"accept queue overflows", "probes received"},
	 .missing = {"keepalive=received"},
	 .nobodys_resets = true,
	 .flags = "keepalive-probe"},
	{.hook = "ct_kfree_skb", .partial = "probes received", .tells_all = true},
	{.hook = "iter/tcp",
	 .absent = {"snapshot"},
	 .missing = {"found"},
	 .allowed = {"found_ns", "pid", "comm", "owner=unknown", "owner=actor", "role", "lport"}},
	{.hook = "iter/task_file",
	 .absent = {"owner scan"},
	 .allowed = {"pid", "comm", "owner=unknown", "owner=actor"}},
};

struct run {
	struct e2e *e2e;
	struct e2e_tracer *whole;
	struct e2e_tracer *without[CT_COUNT(losses)];
	struct e2e_pair pair, silent, before;
};

static bool gives_reasons; /// of resets: the kernel does

/// A word is in a list of words.
static bool is_among(const char *const *list, size_t max, const char *word)
{
	for (size_t i = 0; i < max && list[i]; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/// A flag is in a text of flags; NULL has none.
static bool is_in(const char *flags, const char *flag)
{
	const char *at = flags ? strstr(flags, flag) : NULL;

	return at && (at[strlen(flag)] == ' ' || !at[strlen(flag)]);
}

static bool may_be_missing(const struct loss *loss, const json_t *event)
{
	const char *kind = e2e_event_text(event, "event");
	char both[64];

	if (loss->nobodys_resets && !gives_reasons && strcmp(kind, "rst") == 0 &&
	    json_is_null(json_object_get(event, "conn")))
		return true;
	snprintf(both, sizeof(both), "%s=%s", kind, e2e_event_text(event, "direction"));
	return is_among(loss->missing, MISSING_MAX, kind) ||
	       is_among(loss->missing, MISSING_MAX, both);
}

/// Measured by each tracer on its own: only whether it is known can be compared.
static bool is_measured(const char *key)
{
	size_t len = strlen(key);

	return strcmp(key, "ts") == 0 || (len > 3 && strcmp(key + len - 3, "_ns") == 0) ||
	       (len > 3 && strcmp(key + len - 3, "_us") == 0);
}

static bool is_less_and_allowed(const struct loss *loss, const char *key, const json_t *less)
{
	char both[64];

	if (json_is_null(less))
		return is_among(loss->allowed, ALLOWED_MAX, key);
	if (!json_is_string(less))
		return json_is_array(less) && is_among(loss->allowed, ALLOWED_MAX, key);
	snprintf(both, sizeof(both), "%s=%s", key, json_string_value(less));
	return is_among(loss->allowed, ALLOWED_MAX, both);
}

static void fail_at(const struct loss *loss, const char *key, const json_t *whole,
		    const json_t *less)
{
	char *with = json_dumps(whole, JSON_COMPACT | JSON_ENCODE_ANY);
	char *without = json_dumps(less, JSON_COMPACT | JSON_ENCODE_ANY);

	print_message("without %s: %s is %s, with it %s\n", loss->hook, key, without, with);
	free(with);
	free(without);
}

static const char *flag_in(const json_t *flags, size_t i)
{
	const json_t *flag = json_array_get(flags, i);

	return json_is_string(flag) ? json_string_value(flag) : e2e_event_text(flag, "flag");
}

/// A flag that is raised with the event at hand, and not one of those that a summary lists.
static bool is_moved(const struct loss *loss, const json_t *flags, size_t i)
{
	return json_is_string(json_array_get(flags, i)) && is_in(loss->moved, flag_in(flags, i));
}

/// Those of WHOLE, in turn, but for what the loss takes away or lets another event raise.
static bool are_flags_right(const struct loss *loss, const json_t *whole, const json_t *less)
{
	size_t next = 0;

	for (size_t i = 0; i < json_array_size(whole); i++) {
		const char *flag = flag_in(whole, i);

		if (next < json_array_size(less) && strcmp(flag_in(less, next), flag) == 0)
			next++;
		else if (!is_in(loss->flags, flag))
			return false;
	}
	while (is_moved(loss, less, next))
		next++;
	return next == json_array_size(less);
}

static bool are_steps_right(const json_t *whole, const json_t *less)
{
	bool right = json_array_size(whole) == json_array_size(less);

	for (size_t i = 0; right && i < json_array_size(whole); i++)
		right = strcmp(e2e_event_text(json_array_get(whole, i), "state"),
			       e2e_event_text(json_array_get(less, i), "state")) == 0;
	return right;
}

static bool is_value_right(const struct loss *loss, const char *key, const json_t *whole,
			   const json_t *less)
{
	if (is_less_and_allowed(loss, key, less))
		return true;
	if (strcmp(key, "flags") == 0)
		return are_flags_right(loss, whole, less);
	if (strcmp(key, "history") == 0)
		return are_steps_right(whole, less);
	if (is_measured(key))
		return json_is_null(whole) == json_is_null(less);
	return json_equal(whole, less);
}

/// Right, and not the same. Times within differ by what each tracer measured.
static bool says_less(const json_t *whole, const json_t *less)
{
	if (json_is_null(whole) || json_is_null(less))
		return json_is_null(whole) != json_is_null(less);
	if (json_is_array(whole))
		return json_array_size(whole) != json_array_size(less);
	return json_is_string(whole) && !json_equal(whole, less);
}

/// What was found when two tracers were compared.
struct tally {
	unsigned wrong;
	unsigned less; /// differences that the loss explains
};

static void compare_event(const struct loss *loss, const json_t *whole, const json_t *less,
			  struct tally *tally)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)whole, key, value)
	{
		const json_t *other = json_object_get(less, key);

		if (other && is_value_right(loss, key, value, other)) {
			tally->less += strcmp(key, "ts") != 0 && says_less(value, other);
			continue;
		}
		fail_at(loss, key, value, other);
		tally->wrong++;
	}
}

/// They tell of the same thing.
static bool is_same(const struct loss *loss, const json_t *whole, const json_t *less)
{
	static const char *const keys[] = {"event", "from", "to", "direction", "errno", "segment"};

	for (size_t i = 0; i < CT_COUNT(keys); i++) {
		const json_t *other = json_object_get(less, keys[i]);

		if (strcmp(e2e_event_text(whole, keys[i]), e2e_event_text(less, keys[i])) != 0 &&
		    !(other && is_less_and_allowed(loss, keys[i], other)))
			return false;
	}
	return true;
}

/// Next event of a connection from *at on, *at behind it; NULL: no more. Summaries apart: they come
/// by the time that has passed, each tracer's own.
static const json_t *next_of(const json_t *events, const char *conn, bool summary, size_t *at)
{
	while (*at < json_array_size(events)) {
		const json_t *event = json_array_get(events, (*at)++);

		if (strcmp(e2e_event_text(event, "conn"), conn) == 0 &&
		    (strcmp(e2e_event_text(event, "event"), "close") == 0) == summary)
			return event;
	}
	return NULL;
}

/// What one tracer tells of a connection is what the whole one does, less what was to be lost.
static void compare(const struct loss *loss, const json_t *whole, const json_t *less,
		    const char *conn, bool summary, struct tally *tally)
{
	size_t at = 0, at_less = 0;
	const json_t *event, *other = next_of(less, conn, summary, &at_less);

	while ((event = next_of(whole, conn, summary, &at))) {
		if (other && is_same(loss, event, other)) {
			compare_event(loss, event, other, tally);
			other = next_of(less, conn, summary, &at_less);
		} else if (may_be_missing(loss, event)) {
			tally->less++;
		} else {
			fail_at(loss, conn, event, other);
			tally->wrong++;
		}
	}
	if (other) {
		fail_at(loss, conn, NULL, other);
		tally->wrong++;
	}
}

static void start_tracers(struct run *run)
{
	const char *port = e2e_format(run->e2e, "%u-%u", e2e_port(0), e2e_port(3));

	run->whole = E2E_TRACE(run->e2e, "watch", "--json", "-P", port, "-H", E2E_FAR_HOST);
	for (size_t i = 0; i < CT_COUNT(losses); i++)
		run->without[i] = E2E_TRACE(run->e2e, "watch", "--json", "-P", port, "-H",
					    E2E_FAR_HOST, "--hide-hook", losses[i].hook);
}

/// One life each: a graceful one, one reset for unread data, one refused, one that dies of silence,
/// one that had to send again, one that was there before.
static void live(struct run *run)
{
	struct e2e_pair *pair = &run->pair;

	e2e_pair_connect(&run->silent, E2E_FAR_HOST);
	e2e_pair_exchange(&run->silent, 100, 100);
	e2e_actor_set_keepalive(run->silent.client, run->silent.client_fd);
	e2e_netns_drop(&run->e2e->home, e2e_format(run->e2e, "tcp sport %u", run->silent.port));
	e2e_actor_send(run->silent.server, run->silent.server_fd, 100);
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_pair_exchange(pair, 1000, 2000);
	e2e_pair_close(pair);
	e2e_pair_connect(pair, E2E_FAR_HOST);
	e2e_actor_send(pair->client, pair->client_fd, 100);
	e2e_actor_wait_readable(pair->server, pair->server_fd);
	e2e_actor_close(pair->server, pair->server_fd);
	(void)e2e_actor_try_receive(pair->client, pair->client_fd, 1);
	e2e_actor_close(pair->client, pair->client_fd);
	e2e_actor_connect_fails(pair->client, E2E_FAR_HOST, e2e_port(3), ECONNREFUSED);
	e2e_pair_close(&run->before);
	(void)e2e_actor_try_receive(run->silent.client, run->silent.client_fd, 1);
	e2e_actor_close(run->silent.client, run->silent.client_fd);
}

static void run_all(struct run *run, struct e2e *e2e)
{
	*run = (struct run){.e2e = e2e};
	e2e_add_far(e2e);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(0), &run->pair);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(1), &run->silent);
	e2e_pair_listen(e2e, E2E_FAR_HOST, e2e_port(2), &run->before);
	e2e_pair_connect(&run->before, E2E_FAR_HOST);
	start_tracers(run);
	live(run);
	e2e_tracer_wait_event(run->whole, WAIT_MS, "{s:s, s:s}", "event", "close", "conn",
			      run->silent.client_conn);
	e2e_tracer_stop(run->whole, 0);
	for (size_t i = 0; i < CT_COUNT(losses); i++)
		e2e_tracer_stop(run->without[i], 0);
	e2e_assert_no_loss(e2e_tracer_events(run->whole));
}

/// Every connection that is told of, once: its first event.
static bool is_first_of(const json_t *events, size_t index)
{
	const char *conn = e2e_event_text(json_array_get(events, index), "conn");
	size_t at = 0;

	return next_of(events, conn, false, &at) && at == index + 1;
}

static void compare_all(const struct loss *loss, const json_t *whole, const json_t *less,
			struct tally *tally)
{
	for (size_t i = 0; i < json_array_size(whole); i++) {
		const char *conn = e2e_event_text(json_array_get(whole, i), "conn");

		if (!is_first_of(whole, i))
			continue;
		compare(loss, whole, less, conn, false, tally);
		compare(loss, whole, less, conn, true, tally);
	}
}

/// The kernel gives what the loss takes.
static bool is_given(const struct loss *loss, const json_t *told)
{
	if (loss->partial)
		return strcmp(e2e_capability_level(told, loss->partial), "full") == 0;
	return strcmp(e2e_capability_level(told, loss->absent[0]), "absent") != 0;
}

static void hook_that_is_hidden_degrades_its_capability_alone(void **state)
{
	json_t *told = E2E_CONNTRACE_JSON("check", "--json");
	struct run run;
	const json_t *whole;

	gives_reasons = strcmp(e2e_capability_level(json_array_get(told, 0), "resets sent"),
			       "full") == 0;
	run_all(&run, *state);
	whole = e2e_tracer_events(run.whole);
	for (size_t i = 0; i < CT_COUNT(losses); i++) {
		const json_t *less = e2e_tracer_events(run.without[i]);
		struct tally tally = {};

		compare_all(&losses[i], whole, less, &tally);
		print_message("without %s: %u differences\n", losses[i].hook, tally.less);
		assert_int_equal(tally.wrong, 0);
		if (losses[i].tells_all)
			assert_int_equal(tally.less, 0);
		else if (is_given(&losses[i], json_array_get(told, 0)))
			assert_true(tally.less > 0);
	}
	json_decref(told);
}

/// Capabilities are as they are with every hook, but for those that the loss takes.
static unsigned compare_levels(const struct loss *loss, const json_t *whole, const json_t *less)
{
	const json_t *capability;
	unsigned wrong = 0;
	size_t i;

	json_array_foreach(json_object_get(whole, "capabilities"), i, capability)
	{
		const char *name = e2e_event_text(capability, "name");
		const char *wanted = e2e_event_text(capability, "level");

		if (is_among(loss->absent, ABSENT_MAX, name) ||
		    (loss->or_absent && strcmp(loss->or_absent, name) == 0 &&
		     strcmp(wanted, "full") != 0))
			wanted = "absent";
		else if (loss->partial && strcmp(loss->partial, name) == 0)
			wanted = "partial";
		if (strcmp(e2e_capability_level(less, name), wanted) == 0)
			continue;
		print_message("without %s: %s is %s, wanted %s\n", loss->hook, name,
			      e2e_capability_level(less, name), wanted);
		wrong++;
	}
	return wrong;
}

static void check_tells_what_is_lost_without_a_hook(void **state)
{
	json_t *whole = E2E_CONNTRACE_JSON("check", "--json");
	unsigned wrong = 0;

	for (size_t i = 0; i < CT_COUNT(losses); i++) {
		json_t *less = E2E_CONNTRACE_JSON("check", "--json", "--hide-hook", losses[i].hook);

		wrong += compare_levels(&losses[i], json_array_get(whole, 0),
					json_array_get(less, 0));
		json_decref(less);
	}
	json_decref(whole);
	assert_int_equal(wrong, 0);
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(hook_that_is_hidden_degrades_its_capability_alone),
	E2E_TEST(check_tells_what_is_lost_without_a_hook),
};

E2E_MAIN("hidden", tests)
