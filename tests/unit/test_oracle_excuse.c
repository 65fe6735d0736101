// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_excuse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conntrace/event.h"

#define MS 1000000LL
#define AT (1000000 * MS)

static const char names_it[] =
	"tcp_retransmit_skb: skbaddr=1 skaddr=2 family=AF_INET sport=1000 dport=80 saddr=10.99.0.1 "
	"daddr=10.99.0.2 saddrv6=::ffff:10.99.0.1 daddrv6=::ffff:10.99.0.2 state=TCP_FIN_WAIT1 err=0";
static const char reset_v4[] = "tcp_send_reset: skbaddr=1 skaddr=2 src=10.99.0.1:1000 "
			       "dest=10.99.0.2:80 state=TCP_CLOSE reason=NO_SOCKET";
static const char reset_v6[] = "tcp_send_reset: skbaddr=1 skaddr=2 src=[fd99::1]:1000 "
			       "dest=[fd99::2]:80 state=TCP_CLOSE reason=NO_SOCKET";
static const char write_timer[] =
	"timer_expire_entry: timer=1 function=tcp_write_timer now=1 baseclk=1";
static const char tw_timer[] =
	"timer_expire_entry: timer=1 function=tw_timer_handler now=1 baseclk=1";

static struct oracle_end end_of(const char *local, const char *remote, uint16_t lport)
{
	struct oracle_end end = {.lport = lport, .rport = 80};

	oracle_addr_parse(local, end.laddr);
	oracle_addr_parse(remote, end.raddr);
	return end;
}

static struct oracle_end client(uint16_t lport)
{
	return end_of("10.99.0.1", "10.99.0.2", lport);
}

static struct oracle_excuses excuses;

static void happen(int64_t at_ns, const char *text)
{
	struct e2e_unseen *event = &excuses.events[excuses.n_events++];

	event->at_ns = at_ns;
	snprintf(event->text, sizeof(event->text), "%s", text);
}

static int reset(void **state)
{
	oracle_excuses_fini(&excuses);
	return 0;
}

static bool excuse(struct oracle_end end, int64_t at_ns)
{
	return oracle_excuse(&excuses, &end, at_ns, "test");
}

static void named_event_excuses_its_connection_from_then_on(void **state)
{
	struct oracle_end far = client(1000);

	happen(AT, names_it);
	oracle_excuses_bind(&excuses, &(struct oracle_record){0});
	assert_false(excuse(client(1000), AT - 6 * MS));
	assert_true(excuse(client(1000), AT - 4 * MS));
	assert_true(excuse(oracle_end_turn(&far), AT + 9000 * MS));
	assert_false(excuse(client(1000), AT - 6 * MS));
	assert_false(excuse(client(1001), AT));
	assert_false(excuse(end_of("fd99::1", "fd99::2", 1000), AT));
	assert_int_equal(excuses.n_excused, 1);
}

static void reset_names_its_connection(void **state)
{
	happen(AT, reset_v4);
	happen(AT, reset_v6);
	oracle_excuses_bind(&excuses, &(struct oracle_record){0});
	assert_true(excuse(client(1000), AT));
	assert_true(excuse(end_of("fd99::1", "fd99::2", 1000), AT));
	assert_false(excuse(client(1001), AT));
}

static void nameless_event_excuses_one_that_something_was_seen_of(void **state)
{
	struct oracle_segment segments[] = {
		{.at_ns = AT + 39 * MS, .from = client(1)},
		{.at_ns = AT - 39 * MS, .from = client(2)},
		{.at_ns = AT + 41 * MS, .from = client(3)},
	};
	struct oracle_record record = {.segments = segments, .n_segments = 3};

	happen(AT, write_timer);
	oracle_excuses_bind(&excuses, &record);
	assert_false(excuse(client(3), AT + 41 * MS));
	assert_false(excuse(client(4), AT + 41 * MS));
	assert_true(excuse(client(1), AT + 41 * MS));
	assert_false(excuse(client(2), AT + 41 * MS));
}

static void timer_whose_work_names_a_connection_is_of_that_one(void **state)
{
	struct oracle_segment segment = {.at_ns = AT, .from = client(1)};
	struct oracle_record record = {.segments = &segment, .n_segments = 1};

	happen(AT, write_timer);
	happen(AT + 20000, names_it);
	oracle_excuses_bind(&excuses, &record);
	assert_false(excuse(client(1), AT));
	assert_true(excuse(client(1000), AT));
}

static void the_event_before_the_disagreement_is_taken(void **state)
{
	struct oracle_segment segments[] = {
		{.at_ns = AT, .from = client(1)},
		{.at_ns = AT, .from = client(2)},
		{.at_ns = AT + 2000 * MS, .from = client(1)},
	};
	struct oracle_record record = {.segments = segments, .n_segments = 3};

	happen(AT, write_timer);
	happen(AT + 2000 * MS, write_timer);
	oracle_excuses_bind(&excuses, &record);
	assert_true(excuse(client(1), AT + 2000 * MS));
	assert_true(excuse(client(2), AT));
	assert_false(excuse(client(1), AT + 10 * MS));
}

static void play_time_wait(int64_t last_seen_ns, int64_t until_ns)
{
	struct oracle_life life = {
		.cookie = 7,
		.end = client(1),
		.n_steps = 1,
		.steps = {{.at_ns = AT - 60000 * MS,
			   .until_ns = until_ns,
			   .state = CT_STATE_TIME_WAIT}},
	};
	struct oracle_sighting sightings[] = {
		{.poll = 1, .began_ns = AT - 1000 * MS, .ended_ns = AT - 990 * MS},
		{.poll = 1,
		 .cookie = 7,
		 .end = client(1),
		 .state = CT_STATE_TIME_WAIT,
		 .began_ns = AT - 1000 * MS,
		 .ended_ns = AT - 990 * MS},
		{.poll = 2,
		 .cookie = 7,
		 .end = client(1),
		 .state = CT_STATE_TIME_WAIT,
		 .began_ns = last_seen_ns,
		 .ended_ns = last_seen_ns + 10 * MS},
	};
	struct oracle_record record = {
		.lives = &life, .n_lives = 1, .sightings = sightings, .n_sightings = 3};

	happen(AT, tw_timer);
	oracle_excuses_bind(&excuses, &record);
}

static void timer_may_be_of_a_life_that_ss_sees_no_more(void **state)
{
	play_time_wait(AT - 200 * MS, AT + 10000 * MS);
	assert_true(excuse(client(1), AT + 300 * MS));
}

static void timer_is_not_of_a_life_that_ss_still_sees(void **state)
{
	play_time_wait(AT + 300 * MS, AT + 10000 * MS);
	assert_false(excuse(client(1), AT + 400 * MS));
}

static void timer_is_not_of_a_life_that_is_told_to_be_over(void **state)
{
	play_time_wait(AT - 200 * MS, AT - 100 * MS);
	assert_false(excuse(client(1), AT));
}

static void last_sighting_speaks_for_a_connection(void **state)
{
	play_time_wait(AT + 20 * MS, AT - 100 * MS);
	assert_true(excuse(client(1), AT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(named_event_excuses_its_connection_from_then_on, reset),
		cmocka_unit_test_setup(reset_names_its_connection, reset),
		cmocka_unit_test_setup(nameless_event_excuses_one_that_something_was_seen_of,
				       reset),
		cmocka_unit_test_setup(timer_whose_work_names_a_connection_is_of_that_one, reset),
		cmocka_unit_test_setup(the_event_before_the_disagreement_is_taken, reset),
		cmocka_unit_test_setup(timer_may_be_of_a_life_that_ss_sees_no_more, reset),
		cmocka_unit_test_setup(timer_is_not_of_a_life_that_ss_still_sees, reset),
		cmocka_unit_test_setup(timer_is_not_of_a_life_that_is_told_to_be_over, reset),
		cmocka_unit_test_setup(last_sighting_speaks_for_a_connection, reset),
	};

	return cmocka_run_group_tests_name("oracle_excuse", tests, NULL, NULL);
}
