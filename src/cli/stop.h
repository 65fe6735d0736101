/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SIGINT, SIGTERM and SIGHUP as a wish that is looked at when there is time for it. */
#pragma once

#include <stdbool.h>

/// From here on these signals end nothing by themselves, but calls that wait: -EINTR. SIGHUP that
/// was ignored (nohup) stays ignored.
void ct_stop_catch(void);

/// Whoever sends another one a while behind the first that nobody has taken means it: it ends the
/// process at once, as done. For those who have nothing to clean up.
void ct_stop_insist(void);

/// SIGCHLD ends waits, too.
void ct_stop_wait_for_children(void);

/// Behind a Ctrl-C the terminal has "^C" where its cursor was: what is printed next on stderr, or
/// on stdout if that is the terminal, gets a line without it. Nothing if the terminal sent none
/// since the last call, or if who asks is not ALONE with it: a command may stand there in the midst
/// of a line.
void ct_stop_clear_echo(bool alone);

/// One came that nobody has taken yet.
bool ct_stop_is_wanted(void);

/**
 * Takes the last signal that came since the last call.
 *
 * @ret_from_process whether a process sent it, not the terminal.
 * @return its number; 0: none came.
 */
int ct_stop_take(bool *ret_from_process);

/**
 * Waits until FD can be read from, or nobody writes to it any more.
 *
 * @return 0; -EINTR: a signal is wanted to be taken, be it one that came before this was called: it
 *	   is not waited then. -errno of ppoll(2).
 */
int ct_stop_wait_readable(int fd);
