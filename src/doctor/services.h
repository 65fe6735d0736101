/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services that were seen to be there: those that answered a connect(), and those that listen on
 * this host. Whoever gets no answer from one of them has not met a host that is down.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/hash.h"
#include "conntrace/update.h"

/// Compared as bytes: no padding.
struct ct_service_key {
	uint8_t address[16]; /// all 0: of a listener on every address
	uint32_t netns;	     /// inode number of who asks, or listens
	uint32_t port;	     /// host order
	uint32_t family;
};

struct ct_service {
	struct ct_service_key key;
	uint64_t answered; /// connect() calls
	bool has_listener;
	UT_hash_handle hh;
};

struct ct_services {
	struct ct_service *all; /// owned, a hash
	bool is_crowded;	/// there were too many: of those that are not here nothing is known
};

/// What is known of the service that a connect() asked.
struct ct_service_seen {
	uint64_t answered; /// connect() calls, while it was watched
	bool has_listener; /// in the network namespace of who asks, at its address and port
	bool is_unknown;   /// there may be more
};

/**
 * Looks at an update: notes a listener, and a service whose answer was seen.
 *
 * @return 0, also when there are too many to note another one; -ENOMEM.
 */
int ct_services_look(struct ct_services *services, const struct ct_update *update);

struct ct_service_seen ct_services_of(const struct ct_services *services,
				      const struct ct_conn_id *id);

/// "; 2 other connect() calls were answered while it was watched", nothing of none.
void ct_service_put_others(struct ct_buf *buf, const struct ct_service_seen *seen);

void ct_services_fini(struct ct_services *services);
