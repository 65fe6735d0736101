/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every option of every subcommand: shared by the parser and the help. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "options.h"

/// One value on its way from the command line into struct ct_options.
struct ct_option_value {
	void *target;	  /// the field that the option sets
	const char *text; /// what was given; NULL for an option without a value
	int constant;	  /// of the option's line in the table
	char *err;	  /// CT_OPTIONS_ERR_LEN
};

/// Puts a value where it belongs: 0; -EINVAL with a message in err, the option left out; -EPERM
/// likewise, this user may not look it up; -ENOMEM.
typedef int (*ct_option_fn)(struct ct_option_value *value);

/// The message, without the option's name: "'65536' is no port: …". Returns -EINVAL.
__attribute__((format(printf, 2, 3))) int ct_option_refuse(struct ct_option_value *value,
							   const char *fmt, ...);

int ct_option_true(struct ct_option_value *value);	/// bool
int ct_option_constant(struct ct_option_value *value);	/// int or enum: takes .constant
int ct_option_string(struct ct_option_value *value);	/// const char *, not empty
int ct_option_path(struct ct_option_value *value);	/// const char *, of a file to write
int ct_option_count(struct ct_option_value *value);	/// uint64_t, 1 and up
int ct_option_duration(struct ct_option_value *value);	/// uint64_t, ns
int ct_option_interval(struct ct_option_value *value);	/// uint64_t, ns
int ct_option_hide(struct ct_option_value *value);	/// struct ct_options
int ct_option_ring(struct ct_option_value *value);	/// uint64_t, bytes
int ct_option_file_size(struct ct_option_value *value); /// uint64_t, bytes
int ct_option_period(struct ct_option_value *value);	/// uint64_t, ns
int ct_option_files(struct ct_option_value *value);	/// uint64_t, 1 and up
int ct_option_sync(struct ct_option_value *value);	/// enum ct_recording_sync
int ct_option_format(struct ct_option_value *value);	/// enum ct_output_format
int ct_option_text_json(struct ct_option_value *value); /// likewise, table or json alone
int ct_option_color(struct ct_option_value *value);	/// enum ct_color_when
int ct_option_user(struct ct_option_value *value);	/// struct ct_user
int ct_option_by(struct ct_option_value *value);	/// uint8_t, enum ct_report_by
int ct_option_severity(struct ct_option_value *value);	/// int, 1 + enum ct_severity

/// Conditions: all of these add to the struct ct_select they are given.
int ct_option_pids(struct ct_option_value *value);
int ct_option_ports(struct ct_option_value *value); /// adds to a struct ct_port_list
int ct_option_hosts(struct ct_option_value *value);
int ct_option_comm(struct ct_option_value *value);
int ct_option_uids(struct ct_option_value *value);
int ct_option_netns(struct ct_option_value *value);
int ct_option_roles(struct ct_option_value *value);
int ct_option_states(struct ct_option_value *value);
int ct_option_flags(struct ct_option_value *value);
int ct_option_cgroup(struct ct_option_value *value);

enum ct_option_group {
	CT_OPTION_SELECT,
	CT_OPTION_OUTPUT,
	CT_OPTION_LIMIT,
	CT_OPTION_OTHER,
	_CT_OPTION_GROUP_MAX,
};

struct ct_option_spec {
	int key;	   /// the letter, or above 255 for an option without one
	const char *name;  /// long; NULL none
	const char *value; /// what it is called in the help; NULL: takes none
	const char *help;  /// NULL: for tests, not in the help
	uint8_t commands;  /// 1 << enum ct_command
	uint8_t group;	   /// enum ct_option_group
	uint16_t offset;   /// in struct ct_options
	int constant;
	ct_option_fn set;
};

extern const struct ct_option_spec ct_option_specs[];
extern const size_t ct_option_specs_n;
