// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "option_table.h"

#include "conntrace/log.h"

const struct ct_syntax ct_syntaxes[] = {
	[CT_COMMAND_WATCH] = {"watch",
			      "[watch] [SELECT] [OUTPUT] [LIMITS] [-w FILE] [EXPRESSION]\n"
			      "                 [-- CMD...]",
			      "show TCP connections live: a line a transition, a line an event",
			      .child = true, .expression = true},
	[CT_COMMAND_RECORD] = {"record",
			       "record [-w FILE] [SELECT] [LIMITS] [EXPRESSION] [-- CMD...]",
			       "write what happens to a recording", .child = true,
			       .expression = true},
	[CT_COMMAND_REPLAY] = {"replay", "replay FILE [SELECT] [OUTPUT] [--count N] [EXPRESSION]",
			       "print what watch would have printed", .file = true,
			       .expression = true},
	[CT_COMMAND_REPORT] = {"report", "report FILE [SELECT] [OUTPUT] [--html OUT] [EXPRESSION]",
			       "tell each connection's history, flags, end and counters",
			       .file = true, .expression = true},
	[CT_COMMAND_LIST] = {"list", "list [SELECT] [OUTPUT] [--watch N] [EXPRESSION]",
			     "list what is connected now, mini-sockets included",
			     .expression = true},
	[CT_COMMAND_INFO] = {"info", "info FILE [--json]",
			     "tell a recording's origin, size, losses and integrity", .file = true},
	[CT_COMMAND_CHECK] = {"check", "check [--json] [--cost [--duration D]]",
			      "tell what this kernel and user permit, capability by capability",
			      .file = false},
	[CT_COMMAND_DOCTOR] = {"doctor",
			       "doctor [FILE] [SELECT] [--duration D] [--idle D] "
			       "[--fail-on warn|crit] [--json] [EXPRESSION]",
			       "tell what is wrong, with whom, and what to do about it",
			       .may_file = true, .expression = true},
};
_Static_assert(sizeof(ct_syntaxes) / sizeof(ct_syntaxes[0]) == _CT_COMMAND_MAX,
	       "every command is described");

const struct ct_side_command ct_side_commands[CT_SIDE_COMMANDS] = {
	{"help", "print the commands, or the options of one: help COMMAND"},
	{"completion", "print what completes command lines: completion bash|zsh"},
};

#define WATCH	 (1u << CT_COMMAND_WATCH)
#define RECORD	 (1u << CT_COMMAND_RECORD)
#define REPLAY	 (1u << CT_COMMAND_REPLAY)
#define REPORT	 (1u << CT_COMMAND_REPORT)
#define LIST	 (1u << CT_COMMAND_LIST)
#define INFO	 (1u << CT_COMMAND_INFO)
#define CHECK	 (1u << CT_COMMAND_CHECK)
#define DOCTOR	 (1u << CT_COMMAND_DOCTOR)
#define LIVE	 (WATCH | RECORD)
#define PRINTING (WATCH | REPLAY | REPORT | LIST)
#define TRACING	 (LIVE | REPLAY | REPORT | LIST | DOCTOR)
#define ALL	 (TRACING | INFO | CHECK)

#define FIELD(member) offsetof(struct ct_options, member)

/// For options without a letter.
enum {
	KEY_FOLLOW = 256,
	KEY_NETNS,
	KEY_ROLE,
	KEY_STATE,
	KEY_FLAG,
	KEY_CGROUP,
	KEY_MIN_AGE,
	KEY_JSON,
	KEY_UTC,
	KEY_FIELDS,
	KEY_COLOR,
	KEY_DURATION,
	KEY_COUNT,
	KEY_BUFFER,
	KEY_STRICT,
	KEY_IO_OWNER,
	KEY_USER,
	KEY_NO_SNAPSHOT,
	KEY_VERSION,
	KEY_COST,
	KEY_HIDE_HOOK,
	KEY_BTF,
	KEY_FLOOR,
	KEY_FAIL_ON,
	KEY_IDLE,
	KEY_FORCE,
	KEY_SYNC,
	KEY_WATCH,
	KEY_BY,
	KEY_HTML,
};

const struct ct_option_spec ct_option_specs[] = {
	{'p', "pid", "PID[,...]", "connections that these processes own", TRACING, CT_OPTION_SELECT,
	 FIELD(select), 0, ct_option_pids},
	{KEY_FOLLOW, "follow", NULL, "with --pid: their children too", TRACING, CT_OPTION_SELECT,
	 FIELD(select.follow), 0, ct_option_true},
	{'P', "port", "N[,A-B]", "port of either end", TRACING, CT_OPTION_SELECT,
	 FIELD(select.ports), 0, ct_option_ports},
	{'L', "lport", "N[,A-B]", "local port", TRACING, CT_OPTION_SELECT, FIELD(select.lports), 0,
	 ct_option_ports},
	{'D', "rport", "N[,A-B]", "remote port", TRACING, CT_OPTION_SELECT, FIELD(select.rports), 0,
	 ct_option_ports},
	{'H', "host", "CIDR[,...]", "address or network of either end", TRACING, CT_OPTION_SELECT,
	 FIELD(select), 0, ct_option_hosts},
	{'c', "comm", "GLOB", "command name of the owner", TRACING, CT_OPTION_SELECT, FIELD(select),
	 0, ct_option_comm},
	{'u', "uid", "UID[,...]", "owner of the socket, a number or a name", TRACING,
	 CT_OPTION_SELECT, FIELD(select), 0, ct_option_uids},
	{'4', "ipv4", NULL, "IPv4, v4-mapped included", TRACING, CT_OPTION_SELECT,
	 FIELD(select.ipv4), 0, ct_option_true},
	{'6', "ipv6", NULL, "IPv6", TRACING, CT_OPTION_SELECT, FIELD(select.ipv6), 0,
	 ct_option_true},
	{KEY_NETNS, "netns", "INUM|PID[,...]", "network namespace, by inode number or of a process",
	 TRACING, CT_OPTION_SELECT, FIELD(select), 0, ct_option_netns},
	{KEY_ROLE, "role", "ROLE[,...]",
	 "active (it connected), passive (it was accepted) or listener", TRACING, CT_OPTION_SELECT,
	 FIELD(select), 0, ct_option_roles},
	{KEY_STATE, "state", "STATE[,...]", "was in one of these states at some time", TRACING,
	 CT_OPTION_SELECT, FIELD(select), 0, ct_option_states},
	{KEY_FLAG, "flag", "FLAG[,...]", "one of these flags was raised at some time", TRACING,
	 CT_OPTION_SELECT, FIELD(select), 0, ct_option_flags},
	{KEY_MIN_AGE, "min-age", "D", "its life lasts, or lasted, so long: 500ms, 10s, 5m", TRACING,
	 CT_OPTION_SELECT, FIELD(select.min_age_ns), 0, ct_option_duration},
	{KEY_CGROUP, "cgroup", "PATH", "its socket was made in this cgroup v2, or in one below",
	 TRACING, CT_OPTION_SELECT, FIELD(select), 0, ct_option_cgroup},

	{'o', "output", "FORMAT", "table, wide, json or csv", PRINTING, CT_OPTION_OUTPUT,
	 FIELD(output.format), 0, ct_option_format},
	{'o', "output", "FORMAT", "table (text) or json", INFO | CHECK | DOCTOR, CT_OPTION_OUTPUT,
	 FIELD(output.format), 0, ct_option_text_json},
	{KEY_JSON, "json", NULL, "the same as -o json", PRINTING | INFO | CHECK | DOCTOR,
	 CT_OPTION_OUTPUT, FIELD(output.format), CT_OUTPUT_JSON, ct_option_constant},
	{'T', NULL, NULL, "times by the wall clock (the default)", PRINTING, CT_OPTION_OUTPUT,
	 FIELD(output.time), CT_TIME_CLOCK, ct_option_constant},
	{'t', NULL, NULL, "times in seconds since the start", PRINTING, CT_OPTION_OUTPUT,
	 FIELD(output.time), CT_TIME_RELATIVE, ct_option_constant},
	{KEY_UTC, "utc", NULL, "wall clock in UTC, not in local time", PRINTING, CT_OPTION_OUTPUT,
	 FIELD(output.utc), 0, ct_option_true},
	{KEY_FIELDS, "fields", "LIST", "columns or keys to print", PRINTING, CT_OPTION_OUTPUT,
	 FIELD(output.fields), 0, ct_option_string},
	{KEY_BY, "by", "WHAT",
	 "count connections by peer, process, comm, port, service, cgroup or netns", REPORT,
	 CT_OPTION_OUTPUT, FIELD(output.by), 0, ct_option_by},
	{KEY_COLOR, "color", "WHEN", "auto, always or never; NO_COLOR turns auto off",
	 PRINTING | DOCTOR, CT_OPTION_OUTPUT, FIELD(color), 0, ct_option_color},

	{KEY_DURATION, "duration", "D", "stop after a time: 500ms, 10s, 5m, 1h",
	 LIVE | CHECK | DOCTOR, CT_OPTION_LIMIT, FIELD(duration_ns), 0, ct_option_duration},
	{KEY_COUNT, "count", "N", "stop after N events", LIVE | REPLAY, CT_OPTION_LIMIT,
	 FIELD(count), 0, ct_option_count},
	{KEY_WATCH, "watch", "N", "list again every N seconds: 2, 0.5", LIST, CT_OPTION_LIMIT,
	 FIELD(watch_ns), 0, ct_option_interval},
	{KEY_DURATION, "duration", "D", "with --watch: stop after a time: 500ms, 10s, 5m, 1h", LIST,
	 CT_OPTION_LIMIT, FIELD(duration_ns), 0, ct_option_duration},
	{KEY_COUNT, "count", "N", "with --watch: stop when it has listed N times", LIST,
	 CT_OPTION_LIMIT, FIELD(count), 0, ct_option_count},
	{KEY_BUFFER, "buffer", "SIZE",
	 "ring between kernel and program: 4096, 64M; 16M if not given", LIVE | LIST | DOCTOR,
	 CT_OPTION_LIMIT, FIELD(ring_bytes), 0, ct_option_ring},
	{KEY_NO_SNAPSHOT, "no-snapshot", NULL, "leave out what was there before", LIVE,
	 CT_OPTION_LIMIT, FIELD(no_snapshot), 0, ct_option_true},

	{'C', NULL, "SIZE", "go on in FILE1, FILE2 ... at this size: 100 (millions), 64M, 1G",
	 RECORD, CT_OPTION_LIMIT, FIELD(rotation.bytes), 0, ct_option_file_size},
	{'G', NULL, "SECS", "go on in another file after this time; FILE is an strftime format",
	 RECORD, CT_OPTION_LIMIT, FIELD(rotation.period_ns), 0, ct_option_period},
	{'W', NULL, "COUNT", "with -C: overwrite the oldest of COUNT files; with -G: stop behind",
	 RECORD, CT_OPTION_LIMIT, FIELD(rotation.files), 0, ct_option_files},

	{'w', "write", "FILE", "the recording; record without it: conntrace.ctr", LIVE,
	 CT_OPTION_OTHER, FIELD(write_path), 0, ct_option_path},
	{KEY_FORCE, "force", NULL, "overwrite a recording that is there", LIVE, CT_OPTION_OTHER,
	 FIELD(force), 0, ct_option_true},
	{KEY_HTML, "html", "OUT", "write a page for a browser instead; - for standard output",
	 REPORT, CT_OPTION_OTHER, FIELD(html_path), 0, ct_option_string},
	{KEY_FORCE, "force", NULL, "overwrite a page that is there", REPORT, CT_OPTION_OTHER,
	 FIELD(force), 0, ct_option_true},
	{KEY_SYNC, "sync", "WHEN",
	 "put the recording on the disk: never, at its end (the default) or each frame", LIVE,
	 CT_OPTION_OTHER, FIELD(sync), 0, ct_option_sync},
	{KEY_STRICT, "strict", NULL, "exit with 5 when events were lost", TRACING, CT_OPTION_OTHER,
	 FIELD(strict), 0, ct_option_true},
	{KEY_IO_OWNER, "io-owner", NULL,
	 "learn who owns accepted connections from their first I/O: costs small exchanges 5 to 7 %",
	 LIVE, CT_OPTION_OTHER, FIELD(io_owner), 0, ct_option_true},
	{KEY_USER, "user", "NAME[:GROUP]",
	 "be this user once attached, and let the recording be theirs; a name or a number", LIVE,
	 CT_OPTION_OTHER, FIELD(user), 0, ct_option_user},
	{KEY_COST, "cost", NULL,
	 "trace for --duration, 5s if not given, and tell what each program took", CHECK,
	 CT_OPTION_OTHER, FIELD(cost), 0, ct_option_true},
	{KEY_FAIL_ON, "fail-on", "SEVERITY", "exit with 4 if a finding is as severe: warn or crit",
	 DOCTOR, CT_OPTION_OTHER, FIELD(fail_on), 0, ct_option_severity},
	{KEY_IDLE, "idle", "D",
	 "a connection that nothing came or went on for this time may be a ghost; 2m if not given",
	 DOCTOR, CT_OPTION_OTHER, FIELD(output.idle_ns), 0, ct_option_duration},
	{'q', "quiet", NULL, "errors and warnings only", ALL, CT_OPTION_OTHER, FIELD(verbosity),
	 CT_LOG_QUIET, ct_option_constant},
	{'v', "verbose", NULL, "tell more, on stderr", ALL, CT_OPTION_OTHER, FIELD(verbosity),
	 CT_LOG_VERBOSE, ct_option_constant},
	{'h', "help", NULL, "print this help", ALL, CT_OPTION_OTHER, FIELD(help), 0,
	 ct_option_true},
	{KEY_VERSION, "version", NULL, "print the version", ALL, CT_OPTION_OTHER, FIELD(version), 0,
	 ct_option_true},
	{KEY_HIDE_HOOK, "hide-hook", "NAME", NULL, LIVE | LIST | CHECK, CT_OPTION_OTHER, 0, 0,
	 ct_option_hide},
	{KEY_BTF, "btf", "FILE", NULL, LIVE | LIST | CHECK, CT_OPTION_OTHER, FIELD(btf_path), 0,
	 ct_option_string},
	{KEY_FLOOR, "do-nothing", NULL, NULL, LIVE, CT_OPTION_OTHER, FIELD(idle), 0,
	 ct_option_true},
};
const size_t ct_option_specs_n = sizeof(ct_option_specs) / sizeof(ct_option_specs[0]);

_Static_assert(sizeof(enum ct_output_format) == sizeof(int) &&
		       sizeof(enum ct_output_time) == sizeof(int),
	       "ct_option_constant() writes an int");
