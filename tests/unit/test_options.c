// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "options_fixture.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conntrace/log.h"
#include "conntrace/names.h"
#include "conntrace/report.h"
#include "support/hostile.h"

/// One line that a terminal can show as it is, in UTF-8.
static void assert_quiet(const char *err)
{
	if (hostile_find(err, strlen(err), true, "") || strchr(err, '\n'))
		fail_msg("'%s' is not one harmless line", err);
}

static void bad_value_is_refused_in_a_line_that_names_it(void **state)
{
	static const struct {
		const char *text;
		const char *named;
	} bad[] = {
		{"-p 0", "--pid: '0'"},
		{"-p -1", "--pid: '-1'"},
		{"-p 4194305", "'4194305'"},
		{"-p nginx", "'nginx'"},
		{"-p 1,,2", "--pid: ''"},
		{"-p 1,x", "'x'"},
		{"-P 0", "--port: '0'"},
		{"-P 65536", "'65536'"},
		{"-L 80-", "--lport: '80-'"},
		{"-D 1-2-3", "--rport: '1-2-3'"},
		{"-P 9000-8000", "'9000-8000' runs backwards"},
		{"-P http", "'http'"},
		{"-H 10.0.0.0/33", "'10.0.0.0/33'"},
		{"-H example.org", "--host: 'example.org'"},
		{"-c kworker/u8:3-events", "try 'kworker/u8:3-ev'"},
		{"-u no.such.user", "--uid: 'no.such.user'"},
		{"-u 4294967295", "'4294967295'"},
		{"--netns 0", "--netns: '0'"},
		{"--netns net", "'net'"},
		{"--netns 4194304", "process 4194304"},
		{"--role server", "'server'; there are active, passive, listener"},
		{"--state OPEN", "'OPEN'; there are ESTABLISHED, SYN_SENT"},
		{"--flag rst", "'rst'; there are half-close-local"},
		{"-o xml", "'xml': table, wide, json or csv"},
		{"--fields=", "--fields: the value is empty"},
		{"--color blue", "'blue'"},
		{"--duration 0", "--duration: '0'"},
		{"--duration 10y", "'10y'"},
		{"--count 0", "--count: '0'"},
		{"--count -5", "'-5'"},
		{"--buffer 4095", "--buffer: '4095'"},
		{"--buffer 2G", "'2G'"},
		{"--buffer lots", "'lots'"},
		{"-w -", "--write: '-'"},
		{"--sync always", "--sync: 'always' is not never, end or frame"},
		{"--min-age 0", "--min-age: '0'"},
		{"--min-age old", "'old'"},
		{"--cgroup no.such.cgroup", "--cgroup: 'no.such.cgroup'"},
		{"--cgroup /proc", "--cgroup: '/proc'"},
		{"--cgroup=", "--cgroup: the path is empty"},
		{"--follow", "--follow"},
		{"--user no.such.user", "--user: 'no.such.user' is no user"},
		{"--user nobody:no.such.group", "--user: 'no.such.group' is no group"},
		{"--user :nogroup", "--user: '' is no user"},
		{"--user 4294967294", "4294967294:GROUP"},
		{"--user 4294967295", "'4294967295' is no user"},
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_refused(CT_COMMAND_WATCH, bad[i].text, bad[i].named);
}

static void wrong_option_is_refused_in_a_line_that_names_it(void **state)
{
	static const struct {
		enum ct_command command;
		const char *text;
		const char *named;
	} bad[] = {
		{CT_COMMAND_WATCH, "--foo", "'--foo'"},
		{CT_COMMAND_WATCH, "--foo=bar", "'--foo';"},
		{CT_COMMAND_WATCH, "-x", "'-x'"},
		{CT_COMMAND_WATCH, "-tx", "'-x'"},
		{CT_COMMAND_WATCH, "--durration 1", "did you mean '--duration'"},
		{CT_COMMAND_WATCH, "--co 1",
		 "'--co' is ambiguous, write it in full: --comm, --color, --count"},
		{CT_COMMAND_INFO, "--v",
		 "'--v' is ambiguous, write it in full: --verbose, --version"},
		{CT_COMMAND_WATCH, "--json=1", "'--json' takes no value"},
		{CT_COMMAND_WATCH, "-p", "'--pid' needs a value"},
		{CT_COMMAND_WATCH, "--pid", "'--pid' needs a value"},
		{CT_COMMAND_CHECK, "--cgroup 1", "'--cgroup'"},
		{CT_COMMAND_INFO, "x.ctr --min-age 1", "'--min-age'"},
		{CT_COMMAND_RECORD, "--json", "'--json'"},
		{CT_COMMAND_REPLAY, "x.ctr -w y.ctr", "'-w'"},
		{CT_COMMAND_RECORD, "-C 0", "-C: '0'"},
		{CT_COMMAND_RECORD, "-C 4095K4", "'4095K4'"},
		{CT_COMMAND_RECORD, "-C 3K", "'3K'"},
		{CT_COMMAND_RECORD, "-C 18446744073710", "'18446744073710'"},
		{CT_COMMAND_RECORD, "-G 0", "-G: '0'"},
		{CT_COMMAND_RECORD, "-G 999ms", "'999ms'"},
		{CT_COMMAND_RECORD, "-W 0", "-W: '0'"},
		{CT_COMMAND_RECORD, "-W 1000001", "'1000001'"},
		{CT_COMMAND_WATCH, "-w x.ctr -C 1", "'-C'"},
		{CT_COMMAND_RECORD, "-W 3", "-W needs -C or -G"},
		{CT_COMMAND_REPLAY, "x.ctr -C 1", "'-C'"},
		{CT_COMMAND_LIST, "--sync end", "'--sync'"},
		{CT_COMMAND_REPLAY, "x.ctr --buffer 4096", "'--buffer'"},
		{CT_COMMAND_REPLAY, "x.ctr --duration 1", "'--duration'"},
		{CT_COMMAND_REPORT, "x.ctr --io-owner", "'--io-owner'"},
		{CT_COMMAND_REPLAY, "x.ctr --no-snapshot", "'--no-snapshot'"},
		{CT_COMMAND_LIST, "--no-snapshot", "'--no-snapshot'"},
		{CT_COMMAND_LIST, "-w x.ctr", "'-w'"},
		{CT_COMMAND_LIST, "--user nobody", "'--user'"},
		{CT_COMMAND_REPORT, "x.ctr --user nobody", "'--user'"},
		{CT_COMMAND_WATCH, "--no-snapshots", "did you mean '--no-snapshot'"},
		{CT_COMMAND_INFO, "x.ctr -p 1", "'-p'"},
		{CT_COMMAND_CHECK, "-o csv", "--output: 'csv' is not table or json"},
		{CT_COMMAND_INFO, "x.ctr -o wide", "--output: 'wide' is not table or json"},
		{CT_COMMAND_DOCTOR, "-o xml", "--output: 'xml' is not table or json"},
		{CT_COMMAND_WATCH, "--cost", "'--cost'"},
		{CT_COMMAND_CHECK, "--duration 1", "--duration goes with --cost"},
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_refused(bad[i].command, bad[i].text, bad[i].named);
}

static void words_that_no_command_takes_are_refused(void **state)
{
	assert_refused(CT_COMMAND_WATCH, "curl", "'curl' at character 1");
	assert_refused(CT_COMMAND_WATCH, "curl", "a command to start stands behind --");
	assert_refused(CT_COMMAND_WATCH, "--", "no command");
	assert_refused(CT_COMMAND_REPLAY, "", "needs a FILE");
	assert_refused(CT_COMMAND_REPORT, "a.ctr b.ctr", "'b.ctr'");
	assert_refused(CT_COMMAND_REPORT, "a.ctr b.ctr", "there is one FILE");
	assert_refused(CT_COMMAND_INFO, "a.ctr b.ctr", "takes one FILE: 'b.ctr'");
	assert_refused(CT_COMMAND_REPLAY, "a.ctr -- curl", "'curl'");
	assert_refused(CT_COMMAND_DOCTOR, "-- curl -s",
		       "what starts a command is 'conntrace record");
	assert_refused(CT_COMMAND_LIST, "-- curl -s", "what starts a command is 'conntrace record");
	assert_refused(CT_COMMAND_LIST, "x.ctr", "'x.ctr'");
	assert_refused(CT_COMMAND_LIST, "-- curl", "'curl'");
	assert_refused(CT_COMMAND_CHECK, "everything", "'everything'");
}

static void hostile_words_make_one_harmless_line(void **state)
{
	static const char *const before[] = {"-p ",	  "-P ",      "-H ",	  "-u ",
					     "--netns ",  "--role ",  "--state ", "--flag ",
					     "-o ",	  "--color ", "--count ", "--duration ",
					     "--buffer ", "--",	      "-",	  ""};

	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		for (size_t k = 0; k < N_ELEMENTS(before); k++) {
			char text[64];

			snprintf(text, sizeof(text), "%s%s", before[k], hostile_names[i].comm);
			if (parse(CT_COMMAND_WATCH, text) != -EINVAL)
				fail_msg("'%s' is taken", text);
			assert_quiet(line.err);
		}
	}
	assert_refused(CT_COMMAND_WATCH, "-p \x1b[2J\n", "--pid: '\\x1b[2J\\x0a'");
	assert_refused(CT_COMMAND_WATCH, "-\xc3\xa4", "'-\\xc3'");
}

static void message_is_whole_when_all_of_its_word_is_escaped(void **state)
{
	char text[200] = "--flag ";

	memset(text + strlen(text), '\x01', 100);
	assert_refused(CT_COMMAND_WATCH, text, "\\x01\\x01'; there are half-close-local");
	assert_non_null(strstr(line.err, ", gap"));
	assert_quiet(line.err);
}

static void long_value_is_cut_in_its_message(void **state)
{
	char text[200] = "--flag ";

	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	assert_refused(CT_COMMAND_WATCH, text, "xxxxx'; there are half-close-local");
	assert_non_null(strstr(line.err, ", gap"));
}

static void nothing_given_selects_everything(void **state)
{
	static const struct ct_select everything;

	assert_memory_equal(selected(""), &everything, sizeof(everything));
	assert_int_equal(line.options.output.format, CT_OUTPUT_TABLE);
	assert_int_equal(line.options.output.time, CT_TIME_CLOCK);
	assert_int_equal(line.options.verbosity, CT_LOG_NORMAL);
	assert_null(line.options.child_argv);
	assert_null(line.options.write_path);
}

static void repeated_values_gather(void **state)
{
	static const uint32_t pids[] = {1, 4194304, 7};
	static const uint32_t uids[] = {0, 4294967294};
	const struct ct_select *select = selected("-p 1,4194304 --follow --pid=7 -u root "
						  "-u4294967294 -c nginx -c php-fpm*,");

	assert_u32s(&select->pids, N_ELEMENTS(pids), pids);
	assert_true(select->follow);
	assert_u32s(&select->uids, N_ELEMENTS(uids), uids);
	assert_int_equal(select->n_comms, 2);
	assert_string_equal(select->comms[0], "nginx");
	assert_string_equal(select->comms[1], "php-fpm*,");
}

static void ports_and_ranges_go_to_their_end(void **state)
{
	const struct ct_select *select = selected("-P 443,8000-8080 -L1 -D 65535-65535");

	assert_int_equal(select->ports.n, 2);
	assert_int_equal(select->ports.ranges[0].first, 443);
	assert_int_equal(select->ports.ranges[0].last, 443);
	assert_int_equal(select->ports.ranges[1].first, 8000);
	assert_int_equal(select->ports.ranges[1].last, 8080);
	assert_int_equal(select->lports.n, 1);
	assert_int_equal(select->lports.ranges[0].last, 1);
	assert_int_equal(select->rports.n, 1);
	assert_int_equal(select->rports.ranges[0].first, 65535);
}

static void hosts_are_addresses_and_networks_of_both_families(void **state)
{
	const struct ct_select *select = selected("-H 10.0.0.0/8,2001:db8::1 -4 -6");

	assert_int_equal(select->n_hosts, 2);
	assert_int_equal(select->hosts[0].family, AF_INET);
	assert_int_equal(select->hosts[0].prefix_len, 8);
	assert_int_equal(select->hosts[1].family, AF_INET6);
	assert_int_equal(select->hosts[1].prefix_len, 128);
	assert_true(select->ipv4);
	assert_true(select->ipv6);
}

static void netns_of_a_process_becomes_its_inode_number(void **state)
{
	uint32_t values[2] = {4026531840};
	char text[64];
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	values[1] = (uint32_t)st.st_ino;
	snprintf(text, sizeof(text), "--netns 4026531840,%d", (int)getpid());
	assert_u32s(&selected(text)->netns, 2, values);
}

static void words_of_enums_become_bits(void **state)
{
	const struct ct_select *select = selected(
		"--role active,passive --state close_wait --state time-wait --flag rst-sent,gap");

	assert_int_equal(select->roles, 1 << CT_ROLE_ACTIVE | 1 << CT_ROLE_PASSIVE);
	assert_int_equal(select->states, 1 << CT_STATE_CLOSE_WAIT | 1 << CT_STATE_TIME_WAIT);
	assert_int_equal(select->flags, 1u << CT_FLAG_RST_SENT | 1u << CT_FLAG_GAP);
}

static void output_options_say_how_to_print(void **state)
{
	const struct ct_options *options =
		parsed(CT_COMMAND_REPLAY, "-o csv -t --utc --fields ts,conn --color never -v x");

	assert_int_equal(options->output.format, CT_OUTPUT_CSV);
	assert_int_equal(options->output.time, CT_TIME_RELATIVE);
	assert_true(options->output.utc);
	assert_string_equal(options->output.fields, "ts,conn");
	assert_int_equal(options->color, CT_COLOR_NEVER);
	assert_int_equal(options->verbosity, CT_LOG_VERBOSE);
	assert_string_equal(options->file, "x");
}

static void later_word_wins(void **state)
{
	const struct ct_options *options = parsed(CT_COMMAND_WATCH, "-o csv --json -t -T -v -q");

	assert_int_equal(options->output.format, CT_OUTPUT_JSON);
	assert_int_equal(options->output.time, CT_TIME_CLOCK);
	assert_int_equal(options->verbosity, CT_LOG_QUIET);
}

static void limits_have_units(void **state)
{
	const struct ct_options *options = parsed(
		CT_COMMAND_RECORD, "--duration 1.5s --count 18446744073709551615 --buffer 4096 "
				   "--strict --io-owner -w out.ctr");

	assert_int_equal(options->duration_ns, 1500000000);
	assert_true(options->count == UINT64_MAX);
	assert_int_equal(options->ring_bytes, 4096);
	assert_true(options->strict);
	assert_true(options->io_owner);
	assert_string_equal(options->write_path, "out.ctr");
	assert_int_equal(parsed(CT_COMMAND_RECORD, "--buffer 64M")->ring_bytes, 64 << 20);
	assert_int_equal(parsed(CT_COMMAND_RECORD, "--duration .5")->duration_ns, 500000000);
}

static void files_are_counted_as_tcpdump_counts_them(void **state)
{
	const struct ct_rotation *rotation =
		&parsed(CT_COMMAND_RECORD, "-C 2 -G 3600 -W 10")->rotation;

	assert_int_equal(rotation->bytes, 2000000);
	assert_int_equal(rotation->period_ns, 3600 * UINT64_C(1000000000));
	assert_int_equal(rotation->files, 10);
	assert_int_equal(parsed(CT_COMMAND_RECORD, "-C 4K")->rotation.bytes, 4096);
	assert_int_equal(parsed(CT_COMMAND_RECORD, "-C 1g")->rotation.bytes, 1 << 30);
	assert_int_equal(parsed(CT_COMMAND_RECORD, "-G 1m")->rotation.period_ns,
			 60 * UINT64_C(1000000000));
	assert_int_equal(parsed(CT_COMMAND_RECORD, "")->rotation.files, 0);
}

static void recording_is_put_on_the_disk_at_its_end(void **state)
{
	assert_int_equal(parsed(CT_COMMAND_RECORD, "")->sync, CT_RECORDING_SYNC_END);
	assert_false(line.options.force);
	assert_int_equal(parsed(CT_COMMAND_RECORD, "--sync end")->sync, CT_RECORDING_SYNC_END);
	assert_int_equal(parsed(CT_COMMAND_RECORD, "--sync never")->sync, CT_RECORDING_SYNC_NEVER);
	assert_int_equal(parsed(CT_COMMAND_WATCH, "-w x --force --sync frame")->sync,
			 CT_RECORDING_SYNC_FRAME);
	assert_true(line.options.force);
}

static void snapshot_is_taken_unless_it_is_refused(void **state)
{
	assert_false(parsed(CT_COMMAND_WATCH, "")->no_snapshot);
	assert_true(parsed(CT_COMMAND_WATCH, "--no-snapshot")->no_snapshot);
	assert_true(parsed(CT_COMMAND_RECORD, "--no-snapshot -w x.ctr")->no_snapshot);
}

static void user_is_a_name_or_a_number_with_a_group(void **state)
{
	static const struct {
		const char *text;
		uid_t uid;
		gid_t gid;
	} good[] = {
		{"--user root", 0, 0},
		{"--user nobody", 65534, 65534},
		{"--user 65534", 65534, 65534},
		{"--user nobody:root", 65534, 0},
		{"--user root:4294967294", 0, 4294967294},
		{"--user 4294967294:7", 4294967294, 7},
	};

	assert_false(parsed(CT_COMMAND_WATCH, "")->user.is_given);
	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		const struct ct_user *user = &parsed(CT_COMMAND_RECORD, good[i].text)->user;

		assert_true(user->is_given);
		assert_int_equal(user->uid, good[i].uid);
		assert_int_equal(user->gid, good[i].gid);
	}
}

static void list_selects_and_prints_as_watch_does(void **state)
{
	const struct ct_options *options = parsed(
		CT_COMMAND_LIST, "-P 80 --state TIME_WAIT -o csv --fields conn,state --strict");

	assert_int_equal(options->select.ports.n, 1);
	assert_int_equal(options->select.states, 1 << CT_STATE_TIME_WAIT);
	assert_int_equal(options->output.format, CT_OUTPUT_CSV);
	assert_string_equal(options->output.fields, "conn,state");
	assert_true(options->strict);
}

static void command_behind_dashes_keeps_its_options(void **state)
{
	const struct ct_options *options = parsed(CT_COMMAND_WATCH, "-P 80 -- curl -p --foo -- x");

	assert_string_equal(options->child_argv[0], "curl");
	assert_string_equal(options->child_argv[1], "-p");
	assert_string_equal(options->child_argv[2], "--foo");
	assert_string_equal(options->child_argv[3], "--");
	assert_string_equal(options->child_argv[4], "x");
	assert_null(options->child_argv[5]);
	assert_int_equal(options->select.pids.n, 0);
}

static void file_may_stand_anywhere(void **state)
{
	assert_string_equal(parsed(CT_COMMAND_REPORT, "x.ctr --json")->file, "x.ctr");
	assert_string_equal(parsed(CT_COMMAND_REPORT, "--json -- -odd.ctr")->file, "-odd.ctr");
	assert_string_equal(parsed(CT_COMMAND_INFO, "--json x.ctr")->file, "x.ctr");
}

static void doctor_takes_a_file_or_watches(void **state)
{
	const struct ct_options *options = parsed(CT_COMMAND_DOCTOR, "x.ctr --fail-on crit");

	assert_string_equal(options->file, "x.ctr");
	assert_int_equal(options->fail_on, 3);
	options = parsed(CT_COMMAND_DOCTOR, "--duration 5s --fail-on warn -P 80");
	assert_null(options->file);
	assert_int_equal(options->fail_on, 2);
	assert_int_equal(options->output.idle_ns, 0);
	assert_int_equal(parsed(CT_COMMAND_DOCTOR, "x.ctr --idle 90s")->output.idle_ns,
			 90000000000);
	assert_refused(CT_COMMAND_DOCTOR, "--idle soon", "--idle: 'soon' is no duration");
	assert_refused(CT_COMMAND_DOCTOR, "--fail-on note", "'note' is not warn or crit");
	assert_refused(CT_COMMAND_DOCTOR, "x.ctr y.ctr", "there is one FILE");
	assert_refused(CT_COMMAND_DOCTOR, "x.ctr --duration 5s", "'x.ctr' is a recording");
}

static void what_is_no_list_is_text_or_json(void **state)
{
	static const enum ct_command commands[] = {CT_COMMAND_INFO, CT_COMMAND_CHECK,
						   CT_COMMAND_DOCTOR};

	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		const char *file = commands[i] == CT_COMMAND_INFO ? "x.ctr " : "";
		char text[64];

		snprintf(text, sizeof(text), "%s-o json", file);
		assert_int_equal(parsed(commands[i], text)->output.format, CT_OUTPUT_JSON);
		snprintf(text, sizeof(text), "%s--json --output table", file);
		assert_int_equal(parsed(commands[i], text)->output.format, CT_OUTPUT_TABLE);
	}
}

static void help_and_version_come_before_what_is_wrong(void **state)
{
	assert_true(parsed(CT_COMMAND_REPLAY, "--help --foo")->help);
	assert_true(parsed(CT_COMMAND_WATCH, "-?")->help);
	assert_true(parsed(CT_COMMAND_CHECK, "-h")->help);
	assert_true(parsed(CT_COMMAND_REPLAY, "--version")->version);
}

static void help_tells_each_option_of_the_command_alone(void **state)
{
	_Static_assert(_CT_COMMAND_MAX == 8, "a new command: is its help right?");
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	ct_options_help(CT_COMMAND_REPLAY, out);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "  -p, --pid PID[,...]"));
	assert_non_null(strstr(text, "      --count N"));
	assert_null(strstr(text, "--buffer"));
	assert_null(strstr(text, "--write"));
	assert_non_null(strstr(text, "      --min-age D"));
	assert_non_null(strstr(text, "EXPRESSION: "));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_value_is_refused_in_a_line_that_names_it),
		cmocka_unit_test(wrong_option_is_refused_in_a_line_that_names_it),
		cmocka_unit_test(words_that_no_command_takes_are_refused),
		cmocka_unit_test(hostile_words_make_one_harmless_line),
		cmocka_unit_test(message_is_whole_when_all_of_its_word_is_escaped),
		cmocka_unit_test(long_value_is_cut_in_its_message),
		cmocka_unit_test(nothing_given_selects_everything),
		cmocka_unit_test(repeated_values_gather),
		cmocka_unit_test(ports_and_ranges_go_to_their_end),
		cmocka_unit_test(hosts_are_addresses_and_networks_of_both_families),
		cmocka_unit_test(netns_of_a_process_becomes_its_inode_number),
		cmocka_unit_test(words_of_enums_become_bits),
		cmocka_unit_test(output_options_say_how_to_print),
		cmocka_unit_test(later_word_wins),
		cmocka_unit_test(limits_have_units),
		cmocka_unit_test(files_are_counted_as_tcpdump_counts_them),
		cmocka_unit_test(recording_is_put_on_the_disk_at_its_end),
		cmocka_unit_test(snapshot_is_taken_unless_it_is_refused),
		cmocka_unit_test(user_is_a_name_or_a_number_with_a_group),
		cmocka_unit_test(list_selects_and_prints_as_watch_does),
		cmocka_unit_test(command_behind_dashes_keeps_its_options),
		cmocka_unit_test(file_may_stand_anywhere),
		cmocka_unit_test(doctor_takes_a_file_or_watches),
		cmocka_unit_test(what_is_no_list_is_text_or_json),
		cmocka_unit_test(help_and_version_come_before_what_is_wrong),
		cmocka_unit_test(help_tells_each_option_of_the_command_alone),
	};

	return cmocka_run_group_tests(tests, NULL, forget_line);
}
