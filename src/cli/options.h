/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line: what a subcommand was asked to do. Parsing prints nothing and looks up little.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conntrace/buf.h"
#include "conntrace/confine.h"
#include "conntrace/recording.h"
#include "conntrace/select.h"
#include "conntrace/sink.h"

enum ct_command {
	CT_COMMAND_WATCH,
	CT_COMMAND_RECORD,
	CT_COMMAND_REPLAY,
	CT_COMMAND_REPORT,
	CT_COMMAND_LIST,
	CT_COMMAND_INFO,
	CT_COMMAND_CHECK,
	CT_COMMAND_DOCTOR,
	_CT_COMMAND_MAX,
};

/// What a subcommand is called and what it takes beside options.
struct ct_syntax {
	const char *name;
	const char *synopsis; /// behind "Usage: conntrace ", and as far in where it goes on
	const char *summary;
	bool file;	 /// exactly one FILE, the first word
	bool may_file;	 /// a FILE, or none: the first word, unless an expression begins with it
	bool child;	 /// `-- CMD…`
	bool expression; /// other words are conditions
};

/// Indexed by enum ct_command, below _CT_COMMAND_MAX.
extern const struct ct_syntax ct_syntaxes[];

/// What stands where a command does, takes a word or none, and has no options.
struct ct_side_command {
	const char *name;
	const char *summary;
};

#define CT_SIDE_COMMANDS 2
extern const struct ct_side_command ct_side_commands[CT_SIDE_COMMANDS];

enum ct_color_when { CT_COLOR_AUTO, CT_COLOR_ALWAYS, CT_COLOR_NEVER };

/// When a recording goes on in another file; all 0: never.
struct ct_rotation {
	uint64_t bytes;	    /// when it holds so many; 0: no matter
	uint64_t period_ns; /// when it is so old; 0: no matter
	uint64_t files;	    /// so many of them; 0: no bound
};

/// Hooks that can be hidden in one run.
#define CT_HIDDEN_MAX 16

struct ct_options {
	enum ct_command command;
	struct ct_select select;
	/// color and utf8 are left false: who prints looks at stdout and the locale
	struct ct_output_options output;
	enum ct_color_when color;
	int verbosity; /// enum ct_log_verbosity
	bool help;     /// nothing else was checked then
	bool version;  /// likewise
	bool strict;
	bool io_owner;
	bool no_snapshot; /// what was there before is left out
	bool cost;	  /// what each program takes is measured
	bool idle;	  /// attached, and told to do nothing
	int fail_on; /// doctor: exit with 4 for findings as severe: 1 + enum ct_severity; 0 none
	uint64_t watch_ns;		   /// list: from one to the next; 0: once
	uint64_t duration_ns;		   /// 0: no limit
	bool duration_is_default;	   /// nobody has asked for one: it is told
	uint64_t count;			   /// 0: no limit
	uint64_t ring_bytes;		   /// 0: the default
	const char *hidden[CT_HIDDEN_MAX]; /// hooks to do without
	size_t n_hidden;
	const char *btf_path;	/// the kernel's types; NULL: its own
	struct ct_user user;	/// whom to be once attached
	const char *write_path; /// of the recording to write; NULL none
	const char *html_path;	/// report: of the page to write, "-" for stdout; NULL none
	bool force;		/// it may be there already
	enum ct_recording_sync sync;
	struct ct_rotation rotation;
	const char *file;    /// of the recording to read; NULL none
	struct ct_buf words; /// of the expression, a blank behind each; parsed into select
	bool behind_dashes;  /// words stand behind --, where no command can
	char **child_argv;   /// `-- CMD…`, NULL-terminated; NULL none
	char **command_line; /// all words of the call, for the recording's header; NULL-terminated
};

/// Fits every message of ct_options_parse(); longer values are cut.
#define CT_OPTIONS_ERR_LEN 640

/**
 * Parses the arguments of one subcommand.
 *
 * @argv NULL-terminated, its first word (the name that was called) is passed over; outlives *ret,
 *       which points into it.
 * @err (CT_OPTIONS_ERR_LEN) gets one line without newline on failure, as ct_text_escape() leaves it
 * in UTF-8: which value of which option is wrong and what it may be. Empty on success.
 * @return 0; -EINVAL; -EPERM, this user may not look up a value; -ENOMEM. *ret is the caller's,
 * freed by ct_options_fini(), also on failure.
 */
int ct_options_parse(enum ct_command command, int argc, char **argv, struct ct_options *ret,
		     char *err);

/// Appends to a list of conditions. 0 or -ENOMEM, the list is unchanged then.
int ct_u32_list_add(struct ct_u32_list *list, uint32_t number);

void ct_options_fini(struct ct_options *options);

/// Prints how the subcommand is called and its options.
void ct_options_help(enum ct_command command, FILE *out);
