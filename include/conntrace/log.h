/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/// Messages for the person at the terminal: `conntrace: …`, one line each, on stderr. Control
/// characters that came in with an argument (a file name, a comm) are escaped, so that a message
/// stays one line and harmless. Only src/cli/ and what it calls at start and end print; stages
/// return errors. errno is kept by all of them.

enum ct_log_verbosity {
	/// -q: errors and warnings only
	CT_LOG_QUIET = -1,
	CT_LOG_NORMAL = 0,
	/// -v: everything, and what libbpf says
	CT_LOG_VERBOSE = 1,
};

/// Before this call the verbosity is CT_LOG_NORMAL. Values beyond the ends mean the nearest end.
void ct_log_init(int verbosity);

/// Why the command fails: what was being done, with what, and what to do about it. Always printed.
__attribute__((format(printf, 1, 2))) void ct_error(const char *fmt, ...);

/// What makes the result less than it seems. Always printed.
__attribute__((format(printf, 1, 2))) void ct_warn(const char *fmt, ...);

/// Progress and totals. Not printed when quiet.
__attribute__((format(printf, 1, 2))) void ct_info(const char *fmt, ...);

/// Printed when verbose.
__attribute__((format(printf, 1, 2))) void ct_debug(const char *fmt, ...);

/// Calls MAKE_ROOM before each line: what stands on the terminal without a newline goes out of its
/// way. NULL: nothing does. Of one caller at a time.
void ct_log_make_room(void (*make_room)(void *context), void *context);
