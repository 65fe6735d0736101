/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A scene: a server, a client, and what happens between them. */
#pragma once

#include <stdbool.h>

#include "stage.h"

struct scene {
	const char *name;
	const char *finding; /// by id, what the doctor finds in it; NULL: it is innocent
	const char *text;    /// what happens
	const char *server;  /// name of its process, 15 bytes at most as the kernel keeps them
	const char *client;
	uint16_t port;
	bool only_if_named; /// it takes long
	/// NULL: nobody listens at the port. What they leave open is held until all is over.
	void (*serve)(const struct stage *stage, int listener);
	void (*ask)(const struct stage *stage);
};

/// Each ends with one that has no name.
extern const struct scene innocent_scenes[];
extern const struct scene faulty_scenes[];
