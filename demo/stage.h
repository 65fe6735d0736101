/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What scenes are made of: sockets on loopback, and a word between the two processes of a scene.
 *
 * Whatever fails here says so on stderr and ends the process; who started it sees that by its end.
 * Descriptors that are returned are the caller's.
 */
#pragma once

#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>

#define STAGE_REQUEST_BYTES 200
#define STAGE_ANSWER_BYTES  1000

/// Where a scene plays, as one of its two processes sees it.
struct stage {
	uint16_t port; /// of its server, on 127.0.0.1
	int cue_fd;    /// to the other process; -1: there is none
};

/// Says on stderr which step failed, with errno, and exits.
_Noreturn void stage_die(const char *what);

void stage_sleep_ms(long ms);

int stage_listen(const struct stage *stage);
int stage_accept(int listener);
int stage_connect(const struct stage *stage);

/// As stage_connect(), and does not wait for an answer.
int stage_begin_connect(const struct stage *stage);

/// A connect() that is refused.
void stage_be_refused(const struct stage *stage);

/// All of it, or the process ends.
void stage_send(int fd, size_t bytes);

/// So much of it as there is room for.
void stage_send_some(int fd, size_t bytes);

/// Exactly so much.
void stage_receive(int fd, size_t bytes);

/// Waits for the peer's FIN, behind which nothing comes, and takes note of it as read() does: 0.
void stage_receive_end(int fd);

/// A request is sent and its answer received …
void stage_ask(int fd);

/// … and the other way round.
void stage_answer(int fd);

/// A connection on which that has been done already, as most begin.
int stage_connect_and_ask(const struct stage *stage);
int stage_accept_and_answer(int listener);

/// Waits until so many bytes can be read, and leaves them there.
void stage_await_bytes(int fd, int bytes);

/// Waits for the peer's FIN, and does not look at it.
void stage_await_end(int fd);

/// Waits until a reset or an error has ended the connection.
void stage_await_error(int fd);

/// Waits until all that was sent is acknowledged.
void stage_settle(int fd);

/// What the kernel tells of the connection now: TCP_INFO.
struct tcp_info stage_info(int fd);

/// From here on nothing that is sent to the socket gets there, as if its host had gone.
void stage_cut(int fd);
void stage_uncut(int fd);

/// The other process may go on behind its stage_await_cue().
void stage_cue(const struct stage *stage);
void stage_await_cue(const struct stage *stage);

/// Both processes have come so far.
void stage_meet(const struct stage *stage);
