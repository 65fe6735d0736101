// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Questions to the JSON Lines that conntrace prints (doc: conntrace-json(5)).
//
// A pattern is a jansson pack format with its arguments, e.g. "{s:s, s:i}", "event", "rst",
// "rport", 80. An event matches when it has every key of the pattern with an equal value.
//
// The assertions are macros so that a failure names the line of the test; they print every event of
// the connection concerned before they fail.
#pragma once

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/// Parses JSON Lines. A line that is no JSON object, or is cut, fails the test and is printed. The
/// caller owns the array.
json_t *e2e_events_parse(const char *text, size_t bytes);

/// A pattern with its arguments, for e2e_event_matches(). The caller owns it.
json_t *e2e_events_pattern(const char *pattern, va_list args);

bool e2e_event_matches(const json_t *event, const json_t *pattern);

/// String value of a key; "(null)" for null and "(none)" when it is absent. Borrowed.
const char *e2e_event_text(const json_t *event, const char *key);

/// Integer value of a key, -1 for null or absent.
long long e2e_event_number(const json_t *event, const char *key);

size_t e2e_events_count(const json_t *events, const char *pattern, ...);

/// The nth match (from 0), or NULL. Borrowed.
json_t *e2e_events_nth(const json_t *events, size_t nth, const char *pattern, ...);

/// Position of the first match in the stream, or -1.
long e2e_events_position(const json_t *events, const char *pattern, ...);

/// The one match of a pattern; none or several fail the test. Borrowed.
#define e2e_events_one(events, ...) e2e_events_one_at(__FILE__, __LINE__, events, __VA_ARGS__)

/// There is no match.
#define e2e_assert_none(events, ...) e2e_assert_none_at(__FILE__, __LINE__, events, __VA_ARGS__)

/// The transitions of a connection, in order: "CLOSE>SYN_SENT SYN_SENT>ESTABLISHED".
#define e2e_assert_path(events, conn, want) \
	e2e_assert_path_at(__FILE__, __LINE__, events, conn, want)

/// The flags of a connection, wherever they are told, sorted: "rst-sent zero-window"; "" for none.
/// A connection without any event fails.
#define e2e_assert_flags(events, conn, want) \
	e2e_assert_flags_at(__FILE__, __LINE__, events, conn, want)

/// The same of one summary, whose conn may be null.
void e2e_assert_life_flags(const json_t *life, const char *want);

/// One flag is among those of a connection.
#define e2e_assert_flag(events, conn, want) \
	e2e_assert_flag_at(__FILE__, __LINE__, events, conn, want)

/// The states of a summary's history, in order: "SYN_SENT ESTABLISHED".
#define e2e_assert_history(summary, want) e2e_assert_history_at(__FILE__, __LINE__, summary, want)

/// An object has each key of the pattern with that value.
#define e2e_assert_has(event, ...) e2e_assert_has_at(__FILE__, __LINE__, event, __VA_ARGS__)

/// Nothing was lost, neither told as `lost` nor marked as a gap.
#define e2e_assert_no_loss(events) e2e_assert_no_loss_at(__FILE__, __LINE__, events)

/// Every event belongs to one of the connections.
#define e2e_assert_only(events, ...) \
	e2e_assert_only_list(events, ((const char *const[]){__VA_ARGS__, NULL}))

/// The same with a NULL-terminated list.
#define e2e_assert_only_list(events, conns) e2e_assert_only_at(__FILE__, __LINE__, events, conns)

json_t *e2e_events_one_at(const char *file, int line, const json_t *events, const char *pattern,
			  ...);
void e2e_assert_none_at(const char *file, int line, const json_t *events, const char *pattern, ...);
void e2e_assert_path_at(const char *file, int line, const json_t *events, const char *conn,
			const char *want);
void e2e_assert_flags_at(const char *file, int line, const json_t *events, const char *conn,
			 const char *want);
void e2e_assert_flag_at(const char *file, int line, const json_t *events, const char *conn,
			const char *want);
void e2e_assert_history_at(const char *file, int line, const json_t *summary, const char *want);
void e2e_assert_has_at(const char *file, int line, const json_t *event, const char *pattern, ...);
void e2e_assert_no_loss_at(const char *file, int line, const json_t *events);
void e2e_assert_only_at(const char *file, int line, const json_t *events,
			const char *const conns[]);

/// An object from `conn` to the first summary of that connection: where many are looked up. The
/// caller owns it.
json_t *e2e_events_summaries(const json_t *events);
