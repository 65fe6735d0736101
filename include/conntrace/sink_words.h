/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Words for people, shared by the table and the report: nothing here is for programs.
 *
 * Every function appends to the buffer; a failure stays there (buf->error). Of the options, color
 * and utf8 are looked at, and for times time and utc. What is not known is `-`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/sink.h"
#include "conntrace/update.h"

enum ct_style {
	CT_STYLE_PLAIN = 0,
	CT_STYLE_CALM, /// there, but not what one looks for
	CT_STYLE_HEAD,
	CT_STYLE_NOTE, /// worth a look
	CT_STYLE_BAD,
	_CT_STYLE_MAX,
};

/// What stands between the two turns to the style's colour, if there are colours.
void ct_words_begin(const struct ct_output_options *options, struct ct_buf *buf,
		    enum ct_style style);
void ct_words_end(const struct ct_output_options *options, struct ct_buf *buf, enum ct_style style);
void ct_words_styled(const struct ct_output_options *options, struct ct_buf *buf,
		     enum ct_style style, const char *text);

/// How much a flag asks for attention.
enum ct_style ct_words_flag_style(unsigned int flag);

/// The word; "-" for NULL and "".
void ct_words_put(struct ct_buf *buf, const char *word);

/// " → ", or " -> " in ASCII.
const char *ct_words_arrow(const struct ct_output_options *options);

/// Screen columns that n bytes take: colours none, every character one.
size_t ct_words_width(const char *text, size_t n);

/**
 * Appends words, several lines of them where one would be wider than the screen.
 *
 * @text its words are separated by blanks; a word is never broken. NULL is none.
 * @indent the column that the buffer's last line has come to, and where the others begin.
 * @width of the screen; 0, or too little behind the indent to read: everything in one line.
 */
void ct_words_wrap(struct ct_buf *buf, const char *text, size_t indent, size_t width);

void ct_words_time(const struct ct_output_options *options, const struct ct_session *session,
		   struct ct_buf *buf, uint64_t ts_ns);
void ct_words_duration(const struct ct_output_options *options, struct ct_buf *buf, uint64_t ns);

/// "1 event", "17 events".
void ct_words_count(struct ct_buf *buf, uint64_t n, const char *noun);

/// "5 B", "1.23 kB" …: powers of 1000, three significant digits from 1000 on.
void ct_words_bytes(struct ct_buf *buf, uint64_t bytes);

/// "in_state 3m05s", "unread 5 B", "call shutdown(SHUT_WR)": units by the end of the key.
void ct_words_evidence(const struct ct_output_options *options, struct ct_buf *buf,
		       const struct ct_evidence *evidence);

/// The pid, with a `~` before it when it is not surely the owner's: inherited or without origin.
void ct_words_pid(struct ct_buf *buf, const struct ct_conn_id *id);

/// What the owner calls itself, nothing raw.
void ct_words_comm(const struct ct_output_options *options, struct ct_buf *buf,
		   const struct ct_conn_id *id);

/// "1a2b", "1a2b.1": as the JSON key `conn`.
void ct_words_conn(struct ct_buf *buf, const struct ct_conn_id *id);

/// "[half-close-local] [rst-sent]": one bracket for each bit of 1 << enum ct_flag.
void ct_words_flags(const struct ct_output_options *options, struct ct_buf *buf, uint32_t flags);

/// "ring buffer full" …; never NULL.
const char *ct_words_lost_where(unsigned int where);

/// Why a mini-socket or a half-open handshake is gone, enum ct_left_by: "expired", "reused by
/// connect()" …; NULL when unknown. @state enum ct_state that it was in.
const char *ct_words_left_by(unsigned int left_by, unsigned int state);

/// What was unusual about enum ct_handshake: "syncookie", "fast open"; NULL: nothing.
const char *ct_words_handshake(unsigned int handshake);

/// "fin by local after 1.23 ms", or for one that is still there "ESTABLISHED for 5.00 s"; where
/// ct_conn_was_given_up() says more than its end, that.
/// @now_ns when the summary was made.
void ct_words_outcome(const struct ct_output_options *options, struct ct_buf *buf,
		      const struct ct_conn *conn, uint64_t now_ns);

/// "sent 5 B, received 5 B" behind the text of BEFORE; nothing at all when they were not counted.
void ct_words_traffic(struct ct_buf *buf, const char *before, const struct ct_conn *conn);

/// The DETAIL of a line of `list`, whose state, times and owner have columns of their own: role,
/// queues, options; in CT_OUTPUT_WIDE, which has columns for the first two, what was counted.
/// @update a CT_UPDATE_FOUND, here and below.
void ct_words_found(const struct ct_output_options *options, struct ct_buf *buf,
		    const struct ct_update *update);

/// At least how long it has been in its state: ">=27.9 s".
void ct_words_found_age(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_update *update);

/// Bytes; of a listener the connections that wait, and how many may.
void ct_words_found_recvq(struct ct_buf *buf, const struct ct_update *update);
void ct_words_found_sendq(struct ct_buf *buf, const struct ct_update *update);

/// What has been noticed of it by now: "[half-close-local]".
void ct_words_found_flags(const struct ct_output_options *options, struct ct_buf *buf,
			  const struct ct_update *update);

/// The timer of a full socket, the time until it expires and, if there are any, the time-outs or
/// probes that nobody has answered: "rto 1.23 s/3", "none"; the time alone of a mini-socket and of
/// a half-open handshake, which always have one.
void ct_words_found_timer(const struct ct_output_options *options, struct ct_buf *buf,
			  const struct ct_update *update);

/// The DETAIL of a line; in CT_OUTPUT_WIDE with the reason that the kernel gives for a reset.
void ct_words_detail(const struct ct_output_options *options, struct ct_buf *buf,
		     const struct ct_update *update);
