// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "columns.h"
#include "conntrace/addr.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/hash.h"
#include "conntrace/names.h"
#include "conntrace/sink_words.h"
#include "conntrace/text.h"
#include "report_text.h"

/// What the connections of a group have in common; what they have not, or what is not known of
/// them, is 0. Compared as bytes: no padding.
struct key {
	uint8_t addr[16];
	uint64_t number; /// a process, a cgroup or a namespace
	char comm[CT_COMM_LEN];
	uint16_t port;
	uint8_t family;
	uint8_t role;
	uint8_t is_uncertain; /// its process may be another one
	uint8_t reserved[3];
};
_Static_assert(sizeof(struct key) == 48, "no padding");

struct sums {
	uint64_t connections;
	uint64_t flagged;
	uint64_t open;	      /// still exchanging at the end
	uint64_t counted;     /// sockets that told what they had counted: all below is of them
	uint64_t sent;	      /// bytes, each once
	uint64_t received;    /// bytes
	uint64_t retransmits; /// segments
};

struct group {
	struct key key;
	struct sums sums;
	UT_hash_handle hh;
};

struct ct_groups {
	enum ct_report_by by;
	struct group *groups; /// owned, a hash of them
	struct sums others;   /// of groups that there was no room for
};

/// Of an IPv4 address no more than its four bytes count.
static void set_addr(struct key *key, uint8_t family, const uint8_t addr[16])
{
	if (family != AF_INET && family != AF_INET6)
		return;
	key->family = family;
	memcpy(key->addr, addr, family == AF_INET ? 4 : 16);
}

static void set_comm(struct key *key, const char *comm)
{
	memcpy(key->comm, comm, strnlen(comm, sizeof(key->comm)));
}

static void key_by_peer(const struct ct_conn_id *id, struct key *ret)
{
	set_addr(ret, id->family, id->raddr);
}

static void key_by_process(const struct ct_conn_id *id, struct key *ret)
{
	if (!id->pid)
		return;
	ret->number = id->pid;
	ret->is_uncertain = id->owner == CT_OWNER_INHERITED || id->owner == CT_OWNER_UNKNOWN;
	set_comm(ret, id->comm);
}

static void key_by_comm(const struct ct_conn_id *id, struct key *ret)
{
	set_comm(ret, id->comm);
}

/// Of a connection of which nobody saw which end asked, neither port is known to be a service's.
static void key_by_port(const struct ct_conn_id *id, struct key *ret)
{
	if (id->role != CT_ROLE_ACTIVE && id->role != CT_ROLE_PASSIVE)
		return;
	ret->role = id->role;
	ret->port = id->role == CT_ROLE_ACTIVE ? id->rport : id->lport;
}

static void key_by_service(const struct ct_conn_id *id, struct key *ret)
{
	key_by_port(id, ret);
	if (ret->role)
		set_addr(ret, id->family, ret->role == CT_ROLE_ACTIVE ? id->raddr : id->laddr);
}

static void key_by_cgroup(const struct ct_conn_id *id, struct key *ret)
{
	ret->number = id->cgroup;
}

static void key_by_netns(const struct ct_conn_id *id, struct key *ret)
{
	ret->number = id->netns;
}

static void put_addr(const struct ct_output_options *options, struct ct_buf *buf,
		     const struct key *key)
{
	char text[CT_ADDR_STRLEN];

	(void)options;
	ct_words_put(buf, key->family ? ct_addr_format(key->family, key->addr, text) : NULL);
}

static void put_pid(const struct ct_output_options *options, struct ct_buf *buf,
		    const struct key *key)
{
	const struct ct_conn_id id = {
		.pid = (uint32_t)key->number,
		.owner = key->is_uncertain ? CT_OWNER_INHERITED : CT_OWNER_ACTOR,
	};

	(void)options;
	ct_words_pid(buf, &id);
}

static void put_comm(const struct ct_output_options *options, struct ct_buf *buf,
		     const struct key *key)
{
	if (*key->comm)
		ct_text_escape(buf, key->comm, strnlen(key->comm, sizeof(key->comm)),
			       options->utf8);
	else
		ct_words_put(buf, NULL);
}

static void put_port(const struct ct_output_options *options, struct ct_buf *buf,
		     const struct key *key)
{
	(void)options;
	if (key->port)
		ct_buf_u64(buf, key->port);
	else
		ct_words_put(buf, NULL);
}

static void put_role(const struct ct_output_options *options, struct ct_buf *buf,
		     const struct key *key)
{
	(void)options;
	ct_words_put(buf, ct_role_name(key->role));
}

static void put_service(const struct ct_output_options *options, struct ct_buf *buf,
			const struct key *key)
{
	(void)options;
	if (key->family)
		ct_report_endpoint(buf, key->family, key->addr, key->port);
	else
		ct_words_put(buf, NULL);
}

static void put_number(const struct ct_output_options *options, struct ct_buf *buf,
		       const struct key *key)
{
	(void)options;
	if (key->number)
		ct_buf_u64(buf, key->number);
	else
		ct_words_put(buf, NULL);
}

#define NAMES_MAX 2

static const struct kind {
	void (*make_key)(const struct ct_conn_id *id, struct key *ret);
	/// The columns that name a group, before those of its sums.
	struct {
		struct ct_column column;
		void (*put)(const struct ct_output_options *options, struct ct_buf *buf,
			    const struct key *key);
	} names[NAMES_MAX];
} kinds[] = {
	[CT_REPORT_BY_PEER] = {key_by_peer, {{{"PEER", false}, put_addr}}},
	[CT_REPORT_BY_PROCESS] = {key_by_process,
				  {{{"PID", true}, put_pid}, {{"COMM", false}, put_comm}}},
	[CT_REPORT_BY_COMM] = {key_by_comm, {{{"COMM", false}, put_comm}}},
	[CT_REPORT_BY_PORT] = {key_by_port,
			       {{{"PORT", true}, put_port}, {{"ROLE", false}, put_role}}},
	[CT_REPORT_BY_SERVICE] = {key_by_service,
				  {{{"SERVICE", false}, put_service}, {{"ROLE", false}, put_role}}},
	[CT_REPORT_BY_CGROUP] = {key_by_cgroup, {{{"CGROUP", true}, put_number}}},
	[CT_REPORT_BY_NETNS] = {key_by_netns, {{{"NETNS", true}, put_number}}},
};
_Static_assert(CT_COUNT(kinds) == _CT_REPORT_BY_MAX, "each has its key");

static const struct ct_column sum_columns[] = {
	{"CONNECTIONS", true}, {"FLAGGED", true},  {"OPEN", true},
	{"SENT", true},	       {"RECEIVED", true}, {"RETRANSMITS", true},
};
_Static_assert(NAMES_MAX + CT_COUNT(sum_columns) <= CT_COLUMNS_MAX, "a line holds them all");

static size_t n_names(const struct kind *kind)
{
	size_t n = 0;

	while (n < NAMES_MAX && kind->names[n].put)
		n++;
	return n;
}

struct ct_groups *ct_groups_new(enum ct_report_by by)
{
	struct ct_groups *groups = calloc(1, sizeof(*groups));

	if (groups)
		groups->by = by;
	return groups;
}

/// A recording may claim any numbers: what is beyond all numbers stays there.
static void add_to(uint64_t *sum, uint64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = UINT64_MAX;
}

static void add(struct sums *sums, const struct ct_conn *conn)
{
	const struct ct_event_counters *counters = &conn->counters;
	uint64_t again = counters->bytes_retransmitted;

	sums->connections++;
	sums->flagged += conn->flags != 0;
	sums->open += conn->end == CT_END_OPEN;
	if (!conn->counted)
		return;
	sums->counted++;
	add_to(&sums->sent, counters->bytes_sent > again ? counters->bytes_sent - again : 0);
	add_to(&sums->received, counters->bytes_received);
	add_to(&sums->retransmits, counters->retransmits);
}

int ct_groups_add(struct ct_groups *groups, const struct ct_conn *conn)
{
	struct group *group;
	struct key key;

	memset(&key, 0, sizeof(key));
	kinds[groups->by].make_key(&conn->id, &key);
	HASH_FIND(hh, groups->groups, &key, sizeof(key), group);
	if (!group) {
		if (HASH_COUNT(groups->groups) >= CT_GROUPS_MAX) {
			add(&groups->others, conn);
			return 0;
		}
		group = calloc(1, sizeof(*group));
		if (!group)
			return -ENOMEM;
		group->key = key;
		HASH_ADD(hh, groups->groups, key, sizeof(group->key), group);
		if (!group->hh.tbl) {
			free(group);
			return -ENOMEM;
		}
	}
	add(&group->sums, conn);
	return 0;
}

static int new_table(const struct kind *kind, struct libscols_table **ret)
{
	struct ct_column columns[CT_COLUMNS_MAX];
	size_t n = n_names(kind);

	for (size_t i = 0; i < n; i++)
		columns[i] = kind->names[i].column;
	memcpy(columns + n, sum_columns, sizeof(sum_columns));
	return ct_columns_new(columns, n + CT_COUNT(sum_columns), ret);
}

/// The cells behind the name, in the order of sum_columns.
static void put_sums(struct ct_buf *cells, const struct sums *sums)
{
	ct_buf_u64(&cells[0], sums->connections);
	ct_buf_u64(&cells[1], sums->flagged);
	ct_buf_u64(&cells[2], sums->open);
	if (!sums->counted) {
		for (size_t i = 3; i < CT_COUNT(sum_columns); i++)
			ct_words_put(&cells[i], NULL);
		return;
	}
	ct_words_bytes(&cells[3], sums->sent);
	ct_words_bytes(&cells[4], sums->received);
	ct_buf_u64(&cells[5], sums->retransmits);
}

static int put_group(const struct ct_output_options *options, const struct kind *kind,
		     const struct group *group, struct libscols_table *table,
		     struct ct_cells *cells)
{
	size_t n = n_names(kind);

	for (size_t i = 0; i < n; i++)
		kind->names[i].put(options, &cells->of[i], &group->key);
	put_sums(cells->of + n, &group->sums);
	return ct_columns_add(table, cells);
}

static int put_others(const struct ct_groups *groups, struct libscols_table *table,
		      struct ct_cells *cells)
{
	if (!groups->others.connections)
		return 0;
	ct_buf_puts(&cells->of[0], "(others)");
	put_sums(cells->of + n_names(&kinds[groups->by]), &groups->others);
	return ct_columns_add(table, cells);
}

/// Of most connections first, of as many the one of more flags, and else the one that came first.
static int by_connections(const struct group *a, const struct group *b)
{
	if (a->sums.connections != b->sums.connections)
		return a->sums.connections < b->sums.connections ? 1 : -1;
	return a->sums.flagged < b->sums.flagged ? 1 : -(a->sums.flagged > b->sums.flagged);
}

static void put_rest(const struct ct_groups *groups, const struct group *rest, size_t n,
		     struct ct_buf *buf)
{
	uint64_t connections = 0;

	for (; rest; rest = rest->hh.next)
		connections += rest->sums.connections;
	if (n) {
		ct_buf_printf(buf, "and %zu more, of ", n);
		ct_words_count(buf, connections, "connection");
		ct_buf_printf(buf, ": --by %s shows all\n", ct_report_by_name(groups->by));
	}
	if (groups->others.connections)
		ct_buf_printf(buf, "(others): there was room for %d of these\n", CT_GROUPS_MAX);
}

int ct_groups_put(const struct ct_output_options *options, struct ct_groups *groups, size_t most,
		  struct ct_buf *buf)
{
	const struct kind *kind = &kinds[groups->by];
	_cleanup_(ct_columns_free) struct libscols_table *table = NULL;
	_cleanup_(ct_cells_fini) struct ct_cells cells = {};
	const struct group *group;
	size_t n = 0;
	int r = new_table(kind, &table);

	HASH_SORT(groups->groups, by_connections);
	for (group = groups->groups; group && r == 0 && (!most || n < most);
	     group = group->hh.next, n++)
		r = put_group(options, kind, group, table, &cells);
	if (r == 0)
		r = put_others(groups, table, &cells);
	if (r == 0)
		r = ct_columns_put(table, buf);
	if (r == 0)
		put_rest(groups, group, HASH_COUNT(groups->groups) - n, buf);
	return r;
}

void ct_groups_put_uncounted(struct ct_buf *buf, uint64_t uncounted)
{
	if (!uncounted)
		return;
	ct_buf_puts(buf, "\nSENT, RECEIVED and RETRANSMITS are without those of ");
	ct_words_count(buf, uncounted, "connection");
	ct_buf_puts(buf, " whose socket did not tell them.\n");
}

void ct_groups_free(struct ct_groups **groups)
{
	struct group *group, *next;

	if (!*groups)
		return;
	HASH_ITER(hh, (*groups)->groups, group, next) {
		HASH_DELETE(hh, (*groups)->groups, group);
		free(group);
	}
	free(*groups);
	*groups = NULL;
}
