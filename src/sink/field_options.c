// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The options of a socket: at its end, when a flag was raised, when it was found. */
#include "conntrace/sink_options.h"

#include "conntrace/count.h"
#include "conntrace/sink_field.h"

void ct_options_of_conn(const struct ct_conn *conn, struct ct_socket_options *ret)
{
	*ret = (struct ct_socket_options){
		.sock_flags = conn->sock_flags,
		.flags_known = conn->sock_flags || conn->options_known,
		.values_known = conn->options_known,
		.values = conn->options,
	};
}

void ct_options_of_mark(const struct ct_mark *mark, struct ct_socket_options *ret)
{
	*ret = (struct ct_socket_options){
		.sock_flags = mark->sock_flags,
		.flags_known = mark->sock_flags || mark->options_known,
		.values_known = mark->options_known,
		.values = mark->options,
	};
}

void ct_options_of_found(const struct ct_update *update, struct ct_socket_options *ret)
{
	*ret = (struct ct_socket_options){
		.sock_flags = update->found.sock_flags,
		.flags_known = update->found.sock_flags || update->found.full,
		.values_known = update->found.full,
		.values = ct_options_of_counters(&update->found.counters),
	};
}

static void set_flag(struct ct_value *ret, const struct ct_socket_options *options, uint8_t flag)
{
	if (options->flags_known)
		ct_value_set_bool(ret, options->sock_flags & flag);
}

static void set_number(struct ct_value *ret, const struct ct_socket_options *options,
		       uint32_t number)
{
	if (options->values_known)
		ct_value_set_u64(ret, number);
}

static void get_keepalive(const struct ct_socket_options *options, struct ct_value *ret)
{
	set_flag(ret, options, CT_SOCK_KEEPALIVE);
}

static void get_keepalive_time(const struct ct_socket_options *options, struct ct_value *ret)
{
	set_number(ret, options, options->values.keepalive_time_s);
}

static void get_keepalive_interval(const struct ct_socket_options *options, struct ct_value *ret)
{
	set_number(ret, options, options->values.keepalive_interval_s);
}

static void get_keepalive_probes(const struct ct_socket_options *options, struct ct_value *ret)
{
	set_number(ret, options, options->values.keepalive_probes);
}

static void get_user_timeout(const struct ct_socket_options *options, struct ct_value *ret)
{
	set_number(ret, options, options->values.user_timeout_ms);
}

static void get_linger(const struct ct_socket_options *options, struct ct_value *ret)
{
	set_flag(ret, options, CT_SOCK_LINGER);
}

/// A time that lingering does not have when it is off.
static void get_linger_time(const struct ct_socket_options *options, struct ct_value *ret)
{
	if (options->sock_flags & CT_SOCK_LINGER)
		set_number(ret, options, options->values.linger_s);
}

static void get_nodelay(const struct ct_socket_options *options, struct ct_value *ret)
{
	set_flag(ret, options, CT_SOCK_NODELAY);
}

static const struct {
	const char *name;
	/// Fills *ret, which is CT_VALUE_NULL before: a boolean or a number.
	void (*get)(const struct ct_socket_options *options, struct ct_value *ret);
} keys[] = {
	{"keepalive", get_keepalive},
	{"keepalive_time_s", get_keepalive_time},
	{"keepalive_interval_s", get_keepalive_interval},
	{"keepalive_probes", get_keepalive_probes},
	{"user_timeout_ms", get_user_timeout},
	{"linger", get_linger},
	{"linger_s", get_linger_time},
	{"nodelay", get_nodelay},
};

void ct_options_put_json(struct ct_json *json, const struct ct_socket_options *options)
{
	ct_json_object_begin(json);
	for (size_t i = 0; i < CT_COUNT(keys); i++) {
		struct ct_value value = {.type = CT_VALUE_NULL};

		keys[i].get(options, &value);
		if (value.type == CT_VALUE_BOOL)
			ct_json_kv_bool(json, keys[i].name, value.truth);
		else if (value.type == CT_VALUE_U64)
			ct_json_kv_u64(json, keys[i].name, value.u64);
		else
			ct_json_kv_null(json, keys[i].name);
	}
	ct_json_object_end(json);
}

void ct_options_put_text(struct ct_buf *buf, const struct ct_socket_options *options)
{
	const char *separator = "";

	for (size_t i = 0; i < CT_COUNT(keys); i++) {
		struct ct_value value = {.type = CT_VALUE_NULL};

		keys[i].get(options, &value);
		if (value.type == CT_VALUE_NULL)
			continue;
		ct_buf_puts(buf, separator);
		ct_buf_puts(buf, keys[i].name);
		ct_buf_putc(buf, '=');
		if (value.type == CT_VALUE_BOOL)
			ct_buf_puts(buf, value.truth ? "true" : "false");
		else
			ct_buf_u64(buf, value.u64);
		separator = " ";
	}
}
