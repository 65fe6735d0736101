// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink.h"

#include "unit/sink_fixture.h"

#include <errno.h>

#include "conntrace/cleanup.h"

static const char *const names[] = {"table", "wide", "json", "csv"};

static struct ct_sink *new_sink(enum ct_output_format format, const struct ct_session *session,
				FILE *out)
{
	struct ct_output_options options = {.format = format};
	struct ct_sink *sink = NULL;

	assert_int_equal(ct_sink_output_new(&options, session, out, &sink, NULL), 0);
	assert_non_null(sink);
	return sink;
}

static void each_format_has_a_name_and_a_sink(void **state)
{
	struct ct_session session = a_session();

	for (size_t i = 0; i < _CT_OUTPUT_MAX; i++) {
		enum ct_output_format format = _CT_OUTPUT_MAX;
		struct ct_sink *sink;

		assert_int_equal(ct_output_format_from_name(names[i], &format), 0);
		assert_int_equal(format, i);
		sink = new_sink(format, &session, stdout);
		ct_sink_free(&sink);
		assert_null(sink);
		ct_sink_free(&sink);
	}
}

static void unknown_format_leaves_the_result_alone(void **state)
{
	enum ct_output_format format = CT_OUTPUT_CSV;

	assert_int_equal(ct_output_format_from_name("yaml", &format), -EINVAL);
	assert_int_equal(ct_output_format_from_name("", &format), -EINVAL);
	assert_int_equal(format, CT_OUTPUT_CSV);
}

static void full_disk_is_returned_by_flush_and_ever_after(void **state)
{
	struct ct_session session = a_session();
	struct ct_update u = a_transition(CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);

	for (enum ct_output_format format = 0; format < _CT_OUTPUT_MAX; format++) {
		_cleanup_(ct_fclosep) FILE *full = fopen("/dev/full", "w");
		struct ct_sink *sink;

		assert_non_null(full);
		sink = new_sink(format, &session, full);
		assert_int_equal(sink->ops->update(sink, &u), 0);
		assert_int_equal(sink->ops->flush(sink), -ENOSPC);
		assert_int_equal(sink->ops->finish(sink), -ENOSPC);
		ct_sink_free(&sink);
	}
}

static void full_disk_is_noticed_without_a_flush(void **state)
{
	_cleanup_(ct_fclosep) FILE *full = fopen("/dev/full", "w");
	struct ct_session session = a_session();
	struct ct_update u = a_transition(CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);
	struct ct_sink *sink;
	int r = 0;

	assert_non_null(full);
	sink = new_sink(CT_OUTPUT_JSON, &session, full);
	for (int i = 0; i < 1000 && r == 0; i++)
		r = sink->ops->update(sink, &u);
	assert_int_equal(r, -ENOSPC);
	ct_sink_free(&sink);
}

static void nothing_is_written_before_a_flush_and_all_after_it(void **state)
{
	_cleanup_(printed_fini) struct printed printed = {};
	struct ct_update u = a_transition(CT_STATE_SYN_SENT, CT_STATE_ESTABLISHED, MS);
	struct ct_sink *sink;
	size_t before;

	printed_init(&printed);
	sink = new_sink(CT_OUTPUT_JSON, &printed.session, printed.file);
	assert_int_equal(sink->ops->update(sink, &u), 0);
	fflush(printed.file);
	before = printed.len;
	assert_int_equal(sink->ops->flush(sink), 0);
	assert_int_equal(before, 0);
	assert_int_equal(printed.text[printed.len - 1], '\n');
	ct_sink_free(&sink);
}

static void detail_stays_in_its_column_behind_the_longest_transition(void **state)
{
	static const char *const expected[] = {
		"EVENT                     DETAIL\n"
		"ESTABLISHED -> CLOSE_WAIT 1.00 ms\n"
		"FIN_WAIT1 -> FIN_WAIT2    1.00 ms\n",
		"EVENT                    DETAIL\n"
		"ESTABLISHED → CLOSE_WAIT 1.00 ms\n"
		"FIN_WAIT1 → FIN_WAIT2    1.00 ms\n",
	};
	const struct ct_update updates[] = {
		a_transition(CT_STATE_ESTABLISHED, CT_STATE_CLOSE_WAIT, MS),
		a_transition(CT_STATE_FIN_WAIT1, CT_STATE_FIN_WAIT2, MS),
	};

	for (int utf8 = 0; utf8 < 2; utf8++) {
		const struct ct_output_options options = {.utf8 = utf8, .fields = "event,detail"};
		_cleanup_(printed_fini) struct printed printed = {};
		struct ct_sink *sink;

		printed_init(&printed);
		assert_int_equal(
			ct_sink_output_new(&options, &printed.session, printed.file, &sink, NULL),
			0);
		print_all(&printed, sink, updates, 2);
		assert_string_equal(printed.text, expected[utf8]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_has_a_name_and_a_sink),
		cmocka_unit_test(unknown_format_leaves_the_result_alone),
		cmocka_unit_test(full_disk_is_returned_by_flush_and_ever_after),
		cmocka_unit_test(full_disk_is_noticed_without_a_flush),
		cmocka_unit_test(nothing_is_written_before_a_flush_and_all_after_it),
		cmocka_unit_test(detail_stays_in_its_column_behind_the_longest_transition),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
