/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options of a socket as far as they are known, and the key `options` that tells them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conntrace/buf.h"
#include "conntrace/conn.h"
#include "conntrace/json_writer.h"
#include "conntrace/update.h"

struct ct_socket_options {
	uint8_t sock_flags; /// CT_SOCK_*
	bool flags_known;   /// a full socket has told them: mini-sockets and requests have none
	bool values_known;
	struct ct_event_options values;
};

/// What was in force last.
void ct_options_of_conn(const struct ct_conn *conn, struct ct_socket_options *ret);

/// What was in force when the flag was raised.
void ct_options_of_mark(const struct ct_mark *mark, struct ct_socket_options *ret);

/// What was in force when it was found. @update is a CT_UPDATE_FOUND.
void ct_options_of_found(const struct ct_update *update, struct ct_socket_options *ret);

/// An object of all keys, those that are not known null.
void ct_options_put_json(struct ct_json *json, const struct ct_socket_options *options);

/// name=value name=value …, those that are known.
void ct_options_put_text(struct ct_buf *buf, const struct ct_socket_options *options);
