// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conntrace/sink_words.h"
#include "finder.h"

/// Who talks to more is not told from who met one of them by chance: is_crowded.
#define SERVICES_MAX 65536

static struct ct_service_key key_of(const struct ct_conn_id *id, uint8_t family,
				    const uint8_t address[16], uint16_t port)
{
	struct ct_service_key key;

	_Static_assert(sizeof(key) == 28, "no padding: it is compared as bytes");

	memcpy(key.address, address, sizeof(key.address));
	key.netns = id->netns;
	key.port = port;
	key.family = family;
	return key;
}

static struct ct_service *find(const struct ct_services *services, const struct ct_service_key *key)
{
	struct ct_service *service;

	HASH_FIND(hh, services->all, key, sizeof(*key), service);
	return service;
}

/// *ret is NULL where there are too many.
static int find_or_make(struct ct_services *services, const struct ct_service_key *key,
			struct ct_service **ret)
{
	struct ct_service *service = find(services, key);

	*ret = service;
	if (service)
		return 0;
	if (HASH_COUNT(services->all) >= SERVICES_MAX) {
		services->is_crowded = true;
		return 0;
	}
	service = calloc(1, sizeof(*service));
	if (!service)
		return -ENOMEM;
	service->key = *key;
	HASH_ADD(hh, services->all, key, sizeof(service->key), service);
	if (!service->hh.tbl) {
		free(service);
		return -ENOMEM;
	}
	*ret = service;
	return 0;
}

/// It asked, and was seen to be answered.
static bool was_answered(const struct ct_conn *conn)
{
	return conn->id.role == CT_ROLE_ACTIVE && conn->established_ns != CT_NS_UNKNOWN &&
	       !ct_finder_never_connected(conn);
}

int ct_services_look(struct ct_services *services, const struct ct_update *update)
{
	const struct ct_conn_id *id = update->conn ? &update->conn->id : &update->id;
	struct ct_service *service;
	struct ct_service_key key;
	int r;

	if (ct_update_shows_listener(update)) {
		key = key_of(id, id->family, id->laddr, id->lport);
		r = find_or_make(services, &key, &service);
		if (r == 0 && service)
			service->has_listener = true;
		return r;
	}
	if (update->kind != CT_UPDATE_CLOSE || !update->conn || !was_answered(update->conn))
		return 0;
	key = key_of(id, id->family, id->raddr, id->rport);
	r = find_or_make(services, &key, &service);
	if (r == 0 && service)
		service->answered++;
	return r;
}

static bool listens_at(const struct ct_services *services, const struct ct_conn_id *id,
		       uint8_t family, const uint8_t address[16])
{
	const struct ct_service_key key = key_of(id, family, address, id->rport);
	const struct ct_service *service = find(services, &key);

	return service && service->has_listener;
}

struct ct_service_seen ct_services_of(const struct ct_services *services,
				      const struct ct_conn_id *id)
{
	static const uint8_t any[sizeof(id->raddr)];
	const struct ct_service_key key = key_of(id, id->family, id->raddr, id->rport);
	const struct ct_service *service = find(services, &key);

	/* one on every address of IPv6 is asked by IPv4, too, but for IPV6_V6ONLY */
	return (struct ct_service_seen){
		.answered = service ? service->answered : 0,
		.has_listener = listens_at(services, id, id->family, id->raddr) ||
				(ct_finder_is_within_host(id) &&
				 (listens_at(services, id, id->family, any) ||
				  listens_at(services, id, AF_INET6, any))),
		.is_unknown = services->is_crowded,
	};
}

void ct_service_put_others(struct ct_buf *buf, const struct ct_service_seen *seen)
{
	if (!seen->answered)
		return;
	ct_buf_puts(buf, "; ");
	ct_words_count(buf, seen->answered, "other connect() call");
	ct_buf_puts(buf, seen->answered == 1 ? " was" : " were");
	ct_buf_puts(buf, " answered while it was watched");
}

void ct_services_fini(struct ct_services *services)
{
	struct ct_service *service, *next;

	HASH_ITER(hh, services->all, service, next) {
		HASH_DELETE(hh, services->all, service);
		free(service);
	}
}
