// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Pages that have room for less lives than there are.
#include "unit/page_fixture.h"

#include "../../src/report/html_lives.h"
#include "conntrace/count.h"

#define LIVES 1000

#define FLAG(name) (1U << CT_FLAG_##name)

/// From the worst on; those of one rank are as bad as each other.
static const struct {
	uint32_t flags;
	unsigned int rank;
} kinds[] = {
	{FLAG(REFUSED) | FLAG(TIMEOUT), 0},
	{FLAG(REFUSED) | FLAG(RETRANSMIT), 1},
	{FLAG(REFUSED) | FLAG(GAP), 1},
	{FLAG(REFUSED), 2},
	{FLAG(RETRANSMIT) | FLAG(SIMULTANEOUS_OPEN) | FLAG(GAP), 3},
	{FLAG(RETRANSMIT) | FLAG(SIMULTANEOUS_OPEN), 4},
	{FLAG(RETRANSMIT), 5},
	{FLAG(GAP), 5},
	{0, 6},
};

struct life {
	size_t place;
	size_t kind;
	uint64_t since_ns;
};

/// Many of one kind, and many that began at the same time. The same in every run.
static void some_lives(struct life *lives, size_t n)
{
	uint64_t random = 1;

	for (size_t i = 0; i < n; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		lives[i] = (struct life){
			.place = i,
			.kind = (random >> 33) % (2 * CT_COUNT(kinds)),
			.since_ns = BEGAN + (random >> 50) % 50 * MS,
		};
		if (lives[i].kind >= CT_COUNT(kinds))
			lives[i].kind = CT_COUNT(kinds) - 1;
	}
}

/// The doctor says nothing of a connection that has gaps: none becomes an example.
static struct ct_conn conn_of(const struct life *life)
{
	struct ct_conn conn = a_conn();

	conn.id.cookie = 0x1000 + life->place;
	conn.id.pid = (uint32_t)life->place + 1;
	conn.flags = kinds[life->kind].flags;
	conn.gaps = 1;
	conn.opened_ns = life->since_ns;
	if (life->place % 7 == 0) {
		conn.opened_ns = CT_NS_UNKNOWN;
		conn.found_ns = life->since_ns;
	}
	return conn;
}

static struct ct_sink *open_page(struct page *page, size_t room)
{
	struct ct_output_options options = in_utc;
	struct ct_sink *sink = NULL;

	options.page_lives = room;
	printed_init(&page->printed);
	assert_int_equal(
		ct_sink_html_new(&options, &page->printed.session, page->printed.file, &sink, NULL),
		0);
	return sink;
}

static void close_page(struct page *page, struct ct_sink *sink)
{
	print_all(&page->printed, sink, NULL, 0);
	take_data(page);
}

static void put(struct ct_sink *sink, const struct ct_conn *conn, uint64_t ts_ns)
{
	struct ct_update u = a_close(conn);

	u.ts_ns = ts_ns;
	assert_int_equal(sink->ops->update(sink, &u), 0);
}

static void print_lives(struct page *page, size_t room, const struct life *lives, size_t n)
{
	struct ct_sink *sink = open_page(page, room);

	for (size_t i = 0; i < n; i++) {
		struct ct_conn conn = conn_of(&lives[i]);

		put(sink, &conn, BEGAN + 1500 * MS);
	}
	close_page(page, sink);
}

static int by_want(const void *a, const void *b)
{
	const struct life *one = a, *other = b;
	unsigned int rank = kinds[one->kind].rank, other_rank = kinds[other->kind].rank;

	if (rank != other_rank)
		return rank < other_rank ? -1 : 1;
	if (one->since_ns != other->since_ns)
		return one->since_ns < other->since_ns ? -1 : 1;
	return one->place < other->place ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
	const struct life *one = a, *other = b;

	return one->place < other->place ? -1 : 1;
}

static uint32_t pid_of(const struct page *page, size_t life)
{
	return (uint32_t)json_integer_value(value_of(page, life, "pid"));
}

static void worst_are_shown_then_the_first_in_their_order(void **state)
{
	static const size_t rooms[] = {1, 7, 100, 499, 500, 501, LIVES - 1};
	struct life lives[LIVES], wanted[LIVES];

	some_lives(lives, LIVES);
	for (size_t k = 0; k < CT_COUNT(rooms); k++) {
		_cleanup_(page_fini) struct page page = {};

		memcpy(wanted, lives, sizeof(lives));
		qsort(wanted, LIVES, sizeof(wanted[0]), by_want);
		qsort(wanted, rooms[k], sizeof(wanted[0]), by_place);
		print_lives(&page, rooms[k], lives, LIVES);
		assert_int_equal(n_lives(&page), rooms[k]);
		for (size_t i = 0; i < rooms[k]; i++)
			assert_int_equal(pid_of(&page, i), wanted[i].place + 1);
	}
}

static void assert_same(const struct page *one, const struct page *other, const char *key)
{
	assert_non_null(json_object_get(one->data, key));
	assert_true(json_equal(json_object_get(one->data, key), json_object_get(other->data, key)));
}

static void all_are_counted_however_few_are_shown(void **state)
{
	_cleanup_(page_fini) struct page all = {}, few = {};
	struct life lives[LIVES];

	some_lives(lives, LIVES);
	print_lives(&all, LIVES, lives, LIVES);
	print_lives(&few, 3, lives, LIVES);
	assert_int_equal(n_lives(&all), LIVES);
	assert_int_equal(n_lives(&few), 3);
	assert_int_equal(total_of(&few, "lives"), LIVES);
	assert_int_equal(total_of(&few, "connections"), LIVES);
	assert_same(&few, &all, "totals");
	assert_same(&few, &all, "chart");
	assert_same(&few, &all, "diagnosis");
}

static void page_without_a_bound_of_its_own_has_the_usual_one(void **state)
{
	_cleanup_(page_fini) struct page page = {};
	struct life lives[LIVES];

	some_lives(lives, LIVES);
	print_lives(&page, 0, lives, LIVES);
	assert_int_equal(n_lives(&page), LIVES);
	assert_true(CT_REPORT_PAGE_LIVES > LIVES);
}

#define LEAKS 10

/// In CLOSE_WAIT for ten minutes: the I-th is a little worse than the one before it, and its steps
/// are the caller's.
static struct ct_conn a_leak(size_t i, struct ct_step steps[2])
{
	struct ct_conn conn = a_conn();
	uint64_t at_ns = BEGAN + (20 - i) * S;

	steps[0] = (struct ct_step){
		.at_ns = BEGAN + S, .for_ns = at_ns - BEGAN - S, .state = CT_STATE_ESTABLISHED};
	steps[1] = (struct ct_step){
		.at_ns = at_ns, .for_ns = CT_NS_UNKNOWN, .state = CT_STATE_CLOSE_WAIT};
	conn.id.cookie = 0x100 + i;
	conn.history = (struct ct_history){.steps = steps, .n_steps = 2, .capacity = 2};
	conn.opened_ns = BEGAN + S;
	conn.closed_ns = CT_NS_UNKNOWN;
	conn.end = CT_END_OPEN;
	return conn;
}

/// Not flagged, and later than all others: nothing else speaks for them.
static void examples_of_findings_are_shown_whatever_else_there_is(void **state)
{
	static const char *const conns[] = {"\"1000\"", "\"107\"", "\"108\"", "\"109\""};
	const struct life plain = {.kind = CT_COUNT(kinds) - 1, .since_ns = BEGAN};
	_cleanup_(page_fini) struct page page = {};
	struct ct_sink *sink = open_page(&page, CT_COUNT(conns));
	const json_t *finding;
	size_t place = 0;

	for (size_t i = 0; i < LEAKS; i++) {
		struct ct_step steps[2];
		struct ct_conn leak = a_leak(i, steps);

		for (size_t k = 0; k < 20; k++) {
			struct life one = plain;
			struct ct_conn conn;

			one.place = place++;
			conn = conn_of(&one);
			put(sink, &conn, BEGAN + 600 * S);
		}
		put(sink, &leak, BEGAN + 600 * S);
	}
	close_page(&page, sink);
	finding = json_array_get(json_object_get(page.data, "findings"), 0);
	assert_dumps(json_object_get(finding, "id"), "\"close-wait-leak\"");
	assert_dumps(json_object_get(finding, "count"), "10");
	assert_int_equal(json_array_size(json_object_get(finding, "examples")), 3);
	assert_int_equal(n_lives(&page), CT_COUNT(conns));
	for (size_t i = 0; i < CT_COUNT(conns); i++)
		assert_value(&page, i, "conn", conns[i]);
	assert_int_equal(total_of(&page, "lives"), LEAKS * 20 + LEAKS);
}

/// The later, the less wanted.
static void add_number(struct ct_html_lives *lives, const struct ct_html_bound *bound,
		       struct ct_html_json *w, uint64_t since_ns, uint64_t number)
{
	struct ct_html_examples none = {};
	struct ct_conn conn = a_conn();

	conn.opened_ns = since_ns;
	ct_json_u64(&w->json, number);
	assert_int_equal(ct_html_lives_add(lives, &conn, w), 0);
	if (ct_html_lives_is_full(lives, bound))
		assert_int_equal(ct_html_lives_sift(lives, bound, &none), 0);
}

/// Lives of seven bytes each, as many as there are of them sifted whenever it is time.
static void fill(struct ct_html_lives *lives, const struct ct_html_bound *bound,
		 uint64_t *ret_most_bytes)
{
	struct ct_html_json w;

	ct_html_json_init(&w);
	for (uint64_t i = 0; i < LIVES; i++) {
		uint64_t bytes = lives->bytes + 7;

		if (bytes > *ret_most_bytes)
			*ret_most_bytes = bytes;
		add_number(lives, bound, &w, BEGAN + i, 1000000 + i);
	}
	ct_html_json_fini(&w);
}

static void no_more_bytes_are_shown_or_kept_than_there_is_room_for(void **state)
{
	const struct ct_html_bound bound = {.lives = LIVES, .bytes = 27};
	_cleanup_(ct_html_lives_fini) struct ct_html_lives lives = {};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_html_examples none = {};
	struct ct_sink_out out;
	uint64_t most_bytes = 0;

	printed_init(&printed);
	ct_sink_out_init(&out, printed.file);
	fill(&lives, &bound, &most_bytes);
	assert_in_range(most_bytes, bound.bytes, 2 * bound.bytes + 7);
	assert_int_equal(ct_html_lives_put(&lives, &bound, &none, &out), 0);
	assert_int_equal(ct_sink_out_flush(&out), 0);
	ct_sink_out_fini(&out);
	assert_string_equal(printed.text, "\n1000000,\n1000001,\n1000002");
	assert_int_equal(lives.seen, LIVES);
}

/// 20 bytes: the third, of ten, is what they do not suffice for. It is long gone, if it may go,
/// when smaller ones come.
static void small_life_does_not_take_the_place_of_a_large_one_before_it(void **state)
{
	static const uint64_t numbers[] = {1000000, 1000001, 1000000002, 1000003,
					   1000004, 1000005, 8,		 9};
	const struct ct_html_bound bound = {.lives = LIVES, .bytes = 20};
	_cleanup_(ct_html_lives_fini) struct ct_html_lives lives = {};
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_html_examples none = {};
	struct ct_html_json w;
	struct ct_sink_out out;

	printed_init(&printed);
	ct_sink_out_init(&out, printed.file);
	ct_html_json_init(&w);
	for (size_t i = 0; i < CT_COUNT(numbers); i++)
		add_number(&lives, &bound, &w, BEGAN + i, numbers[i]);
	ct_html_json_fini(&w);
	assert_true(lives.n < CT_COUNT(numbers)); /* it was sifted */
	assert_int_equal(ct_html_lives_put(&lives, &bound, &none, &out), 0);
	assert_int_equal(ct_sink_out_flush(&out), 0);
	ct_sink_out_fini(&out);
	assert_string_equal(printed.text, "\n1000000,\n1000001");
}

static void no_more_lives_are_kept_than_twice_the_room(void **state)
{
	const struct ct_html_bound bound = {.lives = 10, .bytes = UINT64_C(1) << 30};
	_cleanup_(ct_html_lives_fini) struct ct_html_lives lives = {};
	uint64_t most_bytes = 0;

	fill(&lives, &bound, &most_bytes);
	assert_int_equal(most_bytes, 2 * bound.lives * 7);
	assert_int_equal(lives.seen, LIVES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worst_are_shown_then_the_first_in_their_order),
		cmocka_unit_test(all_are_counted_however_few_are_shown),
		cmocka_unit_test(page_without_a_bound_of_its_own_has_the_usual_one),
		cmocka_unit_test(examples_of_findings_are_shown_whatever_else_there_is),
		cmocka_unit_test(no_more_bytes_are_shown_or_kept_than_there_is_room_for),
		cmocka_unit_test(small_life_does_not_take_the_place_of_a_large_one_before_it),
		cmocka_unit_test(no_more_lives_are_kept_than_twice_the_room),
	};

	return cmocka_run_group_tests_name("report_html_bound", tests, NULL, NULL);
}
