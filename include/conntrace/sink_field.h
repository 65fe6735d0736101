/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an update has to say, key by key: the const tables that JSON and CSV are printed from.
 *
 * Names and meanings are those of CONTRACT's "JSON Lines", conntrace-json(5).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/json_writer.h"
#include "conntrace/session.h"
#include "conntrace/sink_formats.h"
#include "conntrace/update.h"

enum ct_value_type {
	CT_VALUE_NULL = 0, /// not known
	CT_VALUE_ABSENT,   /// there is nothing to say: the key is left out
	CT_VALUE_U64,
	CT_VALUE_I64,
	CT_VALUE_BOOL,
	CT_VALUE_STR,
	CT_VALUE_COMPOUND, /// an array or an object, written by the field's put_*()
};

/// Longest text that a value makes of its own: an address or a time.
#define CT_VALUE_TEXT_LEN 48

struct ct_value {
	enum ct_value_type type;
	union {
		uint64_t u64;
		int64_t i64;
		bool truth;
		const char *str; /// untrusted bytes; static storage, the update's, or text below
	};
	char text[CT_VALUE_TEXT_LEN];
};

struct ct_field_source {
	const struct ct_session *session;
	const struct ct_update *update;
};

/// One key. Fields of different kinds may share a name.
struct ct_field {
	const char *name;
	uint32_t name_len;
	uint32_t kinds; /// CT_KIND(): the updates that have it
	/// Fills *ret, which is CT_VALUE_NULL before.
	void (*get)(const struct ct_field_source *source, struct ct_value *ret);
	/// For CT_VALUE_COMPOUND only: as JSON, and as one flat text without quotes and newlines.
	void (*put_json)(struct ct_json *json, const struct ct_field_source *source);
	void (*put_text)(struct ct_buf *buf, const struct ct_field_source *source);
};

#define CT_FIELD(name_, kinds_, get_)                                                            \
	{                                                                                        \
		.name = (name_), .name_len = sizeof(name_) - 1, .kinds = (kinds_), .get = (get_) \
	}
#define CT_FIELD_COMPOUND(name_, kinds_, get_, put_json_, put_text_)                              \
	{                                                                                         \
		.name = (name_), .name_len = sizeof(name_) - 1, .kinds = (kinds_), .get = (get_), \
		.put_json = (put_json_), .put_text = (put_text_)                                  \
	}

/// The value of the key "conn": the cookie as `ss -e` has it, and its generation. Returns text.
const char *ct_field_conn_text(const struct ct_conn_id *id, char text[CT_VALUE_TEXT_LEN]);

/// Tables, each ended by a field without a name.
extern const struct ct_field ct_identity_fields[];
extern const struct ct_field ct_event_fields[];
extern const struct ct_field ct_summary_fields[];

#define CT_FIELD_SET_MAX 96

/// Fields of the tables above, in their order.
struct ct_field_set {
	const struct ct_field *fields[CT_FIELD_SET_MAX];
	size_t n;
};

/**
 * Chooses the fields that the kinds have, and of those the ones named in the list.
 *
 * @list comma-separated names; NULL: all.
 * @always a name that is taken even if the list lacks it; NULL: none.
 * @ret_bad_field on -EINVAL: the first word of the list that names no such field. May be NULL.
 * @return 0; -EINVAL, *ret is unchanged.
 */
int ct_field_set_init(struct ct_field_set *ret, uint32_t kinds, const char *list,
		      const char *always, const char **ret_bad_field);

/**
 * For a sink that has no fields to choose from.
 *
 * @list what was asked for; NULL: nothing.
 * @ret_bad_field on -EINVAL: the list. May be NULL.
 * @return 0; -EINVAL: some were.
 */
int ct_field_refuse(const char *list, const char **ret_bad_field);

/// Writes key and value, or nothing for CT_VALUE_ABSENT.
void ct_field_put_json(const struct ct_field *field, const struct ct_field_source *source,
		       struct ct_json *json);

static inline void ct_value_set_u64(struct ct_value *value, uint64_t u64)
{
	value->type = CT_VALUE_U64;
	value->u64 = u64;
}

static inline void ct_value_set_bool(struct ct_value *value, bool truth)
{
	value->type = CT_VALUE_BOOL;
	value->truth = truth;
}

/// NULL and "" are not known.
static inline void ct_value_set_str(struct ct_value *value, const char *str)
{
	if (!str || !*str)
		return;
	value->type = CT_VALUE_STR;
	value->str = str;
}

/// A duration.
static inline void ct_value_set_ns(struct ct_value *value, uint64_t ns)
{
	if (ns != CT_NS_UNKNOWN)
		ct_value_set_u64(value, ns);
}

/// A point in time, CLOCK_MONOTONIC; its value is CLOCK_REALTIME.
static inline void ct_value_set_time(struct ct_value *value, const struct ct_session *session,
				     uint64_t ts_ns)
{
	if (ts_ns == CT_NS_UNKNOWN)
		return;
	value->type = CT_VALUE_I64;
	value->i64 = ct_session_real_ns(session, ts_ns);
}
