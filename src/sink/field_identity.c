// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What every object has: which event, when, of which connection and whose. */
#include <stdio.h>
#include <sys/socket.h>

#include "conntrace/addr.h"
#include "conntrace/names.h"
#include "conntrace/sink_field.h"
#include "conntrace/timefmt.h"

static const char *const event_names[_CT_UPDATE_MAX] = {
	[CT_UPDATE_FOUND] = "found",
	[CT_UPDATE_STATE] = "state",
	[CT_UPDATE_RETRANSMIT] = "retransmit",
	[CT_UPDATE_RESET] = "rst",
	[CT_UPDATE_PROBE] = "keepalive",
	[CT_UPDATE_ERROR] = "error",
	[CT_UPDATE_FLAG] = "flag",
	[CT_UPDATE_CLOSE] = "close",
	[CT_UPDATE_LOST] = "lost",
};

static void get_event(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_update *u = source->update;

	if (u->kind == CT_UPDATE_PROBE && u->probe.type == CT_PROBE_WINDOW)
		ct_value_set_str(ret, "window_probe");
	else
		ct_value_set_str(ret, event_names[u->kind]);
}

static void get_ts(const struct ct_field_source *source, struct ct_value *ret)
{
	int64_t real_ns = ct_session_real_ns(source->session, source->update->ts_ns);

	ct_value_set_str(ret, ct_time_rfc3339(real_ns, ret->text));
}

static void get_ts_ns(const struct ct_field_source *source, struct ct_value *ret)
{
	ct_value_set_time(ret, source->session, source->update->ts_ns);
}

/// The connection's identity; NULL, and *ret absent, for an update that is not about one.
static const struct ct_conn_id *identity(const struct ct_field_source *source, struct ct_value *ret)
{
	if (source->update->has_id)
		return &source->update->id;
	ret->type = CT_VALUE_ABSENT;
	return NULL;
}

/// As ss -e has it. Returns where it ends.
static char *put_hex(char *to, uint64_t value)
{
	unsigned int digits = 1;

	while (digits < 16 && value >> 4 * digits)
		digits++;
	for (unsigned int i = digits; i-- > 0; value >>= 4)
		to[i] = "0123456789abcdef"[value & 15];
	return to + digits;
}

const char *ct_field_conn_text(const struct ct_conn_id *id, char text[CT_VALUE_TEXT_LEN])
{
	char *end = put_hex(text, id->cookie);

	*end = '\0';
	if (id->generation)
		snprintf(end, CT_VALUE_TEXT_LEN - (size_t)(end - text), ".%u", id->generation);
	return text;
}

static void get_conn(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && id->cookie)
		ct_value_set_str(ret, ct_field_conn_text(id, ret->text));
}

static void get_family(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (!id)
		return;
	if (id->family == AF_INET)
		ct_value_set_str(ret, "ipv4");
	else if (id->family == AF_INET6)
		ct_value_set_str(ret, "ipv6");
}

static bool has_address(const struct ct_conn_id *id)
{
	return id->family == AF_INET || id->family == AF_INET6;
}

static void get_laddr(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && has_address(id))
		ct_value_set_str(ret, ct_addr_format(id->family, id->laddr, ret->text));
}

static void get_lport(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && id->lport)
		ct_value_set_u64(ret, id->lport);
}

static void get_raddr(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && has_address(id) && id->role != CT_ROLE_LISTENER)
		ct_value_set_str(ret, ct_addr_format(id->family, id->raddr, ret->text));
}

static void get_rport(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && id->rport && id->role != CT_ROLE_LISTENER)
		ct_value_set_u64(ret, id->rport);
}

static void get_netns(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && id->netns)
		ct_value_set_u64(ret, id->netns);
}

static void get_role(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id)
		ct_value_set_str(ret, ct_role_name(id->role));
}

static void get_pid(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && id->pid)
		ct_value_set_u64(ret, id->pid);
}

static void get_comm(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id)
		ct_value_set_str(ret, id->comm);
}

static void get_owner(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id)
		ct_value_set_str(ret, ct_owner_name(id->owner));
}

static void get_uid(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && id->uid_known)
		ct_value_set_u64(ret, id->uid);
}

static void get_cgroup(const struct ct_field_source *source, struct ct_value *ret)
{
	const struct ct_conn_id *id = identity(source, ret);

	if (id && id->cgroup)
		ct_value_set_u64(ret, id->cgroup);
	else
		ret->type = CT_VALUE_ABSENT;
}

/// Every kind but the one that is never about a connection.
#define OF_CONN (CT_KINDS_ALL & ~CT_KIND(LOST))

const struct ct_field ct_identity_fields[] = {
	CT_FIELD("event", CT_KINDS_ALL, get_event),
	CT_FIELD("ts", CT_KINDS_ALL, get_ts),
	CT_FIELD("ts_ns", CT_KINDS_ALL, get_ts_ns),
	CT_FIELD("conn", OF_CONN, get_conn),
	CT_FIELD("family", OF_CONN, get_family),
	CT_FIELD("laddr", OF_CONN, get_laddr),
	CT_FIELD("lport", OF_CONN, get_lport),
	CT_FIELD("raddr", OF_CONN, get_raddr),
	CT_FIELD("rport", OF_CONN, get_rport),
	CT_FIELD("netns", OF_CONN, get_netns),
	CT_FIELD("role", OF_CONN, get_role),
	CT_FIELD("pid", OF_CONN, get_pid),
	CT_FIELD("comm", OF_CONN, get_comm),
	CT_FIELD("owner", OF_CONN, get_owner),
	CT_FIELD("uid", OF_CONN, get_uid),
	CT_FIELD("cgroup", OF_CONN, get_cgroup),
	{},
};
