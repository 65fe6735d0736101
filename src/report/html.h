/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pieces of the page that `report --html` makes. All that it shows is JSON in one block of it;
 * a failure to write that stays in its buffer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/diagnosis.h"
#include "conntrace/hash.h"
#include "conntrace/json_writer.h"
#include "conntrace/session.h"
#include "conntrace/sink.h"
#include "conntrace/sink_field.h"
#include "conntrace/update.h"

/// A part of the page that is the same for all reports: tools/page.sh makes them of
/// src/report/page/.
struct ct_html_part {
	const unsigned char *bytes;
	size_t len;
};

extern const struct ct_html_part ct_html_before_data;
extern const struct ct_html_part ct_html_behind_data;

/// JSON on its way into the page. It points into itself: not to be copied.
struct ct_html_json {
	struct ct_json json;
	struct ct_buf buf;   /// what was written; as it is, not to stand in a page
	struct ct_buf words; /// append here, then ct_html_words()
};

void ct_html_json_init(struct ct_html_json *w);
void ct_html_json_fini(struct ct_html_json *w);

/// A text from outside: what acts on a screen is spelled out, as ct_text_escape() does it.
void ct_html_text(struct ct_html_json *w, const char *text, size_t n);
/// The same behind a key; NULL and "" are null.
void ct_html_kv_text(struct ct_html_json *w, const char *key, const char *text);
/// What stands in words, which is empty then. Words of the program's own.
void ct_html_words(struct ct_html_json *w);
/// Nanoseconds since the session began; null for CT_NS_UNKNOWN.
void ct_html_time(struct ct_html_json *w, const struct ct_session *session, uint64_t ts_ns);
/// A duration or a number that may not be known.
void ct_html_ns(struct ct_html_json *w, uint64_t ns);

/**
 * Moves what was written to the end of TO, in a form in which no text can end the block of JSON or
 * begin anything else: < > & only occur in strings, and are \u003c … there.
 *
 * @return 0; -ENOMEM.
 */
int ct_html_json_move(struct ct_html_json *w, struct ct_buf *to);

/// Events of one life that are marked in its picture; those behind them are counted.
#define CT_HTML_EVENTS_MAX 32

struct ct_html_event {
	uint64_t at_ns;
	const char *word; /// static storage
	size_t text_at;	  /// in texts
};

/// Compared as bytes: no padding.
struct ct_html_key {
	uint64_t cookie;
	uint64_t generation;
};

/// What happened to a connection beside its transitions, until its summary comes.
struct ct_html_events {
	struct ct_html_key key;
	struct ct_html_event events[CT_HTML_EVENTS_MAX];
	size_t n;
	uint64_t left_out;
	struct ct_buf texts; /// owned; NUL-terminated, one behind the other
	UT_hash_handle hh;
};

/// Whether the update is such an event.
bool ct_html_events_has(const struct ct_update *update);

/**
 * Keeps the update, which is such an event and has a cookie.
 *
 * @all uthash of them, each owned; freed by ct_html_events_free().
 * @return 0; -ENOSPC: too many connections have events at once, this one is not kept; -ENOMEM.
 */
int ct_html_events_add(struct ct_html_events **all, const struct ct_output_options *options,
		       const struct ct_update *update);

/// Takes those of a connection out of the hash; NULL: it had none. The caller's, then.
struct ct_html_events *ct_html_events_take(struct ct_html_events **all,
					   const struct ct_conn_id *id);
/// How many events nobody has taken.
uint64_t ct_html_events_count(const struct ct_html_events *all);
/// Frees what was taken out and nulls the pointer; NULL is fine.
void ct_html_events_drop(struct ct_html_events **events);
void ct_html_events_free(struct ct_html_events **all);

/// What a life is written with.
struct ct_html_context {
	const struct ct_output_options *options;
	const struct ct_session *session;
	const struct ct_field_set *fields; /// of ct_html_life_fields()
};

/// The keys of conntrace-json(5) that a life has in the page. 0; -EINVAL.
int ct_html_life_fields(struct ct_field_set *ret);
/// An array of what ct_html_put_life() writes, in that order.
void ct_html_put_life_names(struct ct_html_json *w, const struct ct_field_set *fields);
/// A life as an array of values. @update its CT_UPDATE_CLOSE. @events NULL: none.
void ct_html_put_life(struct ct_html_json *w, const struct ct_html_context *context,
		      const struct ct_update *update, const struct ct_html_events *events);

/// Losses whose place in time is shown; all of them are counted.
#define CT_HTML_LOSSES_MAX 256

struct ct_html_loss {
	uint64_t at_ns;
	uint64_t events;
	uint8_t where;
};

struct ct_html_totals {
	uint64_t connections; /// listeners left out
	uint64_t lives;	      /// summaries; the page may have room for less
	uint64_t listeners;
	uint64_t flagged;
	uint64_t gaps;
	uint64_t unkept;    /// events that are not marked, for want of room
	uint64_t unclaimed; /// events that are not marked: no life has come for them
	uint64_t strays;    /// resets of no socket: ct_report_is_stray()
	uint64_t lost[_CT_LOST_MAX];
	struct ct_html_loss losses[CT_HTML_LOSSES_MAX];
	size_t n_losses;
};

/// The keys of the page's object but for `chart`, `fields` and `lives`: what was recorded, what was
/// lost, what was found.
void ct_html_put_head(struct ct_html_json *w, const struct ct_html_context *context,
		      const struct ct_html_totals *totals, const struct ct_diagnosis *diagnosis);
