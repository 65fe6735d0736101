/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Capabilities for a reader: of this kernel (`check`) or of a recording (`info`). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conntrace/buf.h"
#include "conntrace/capability.h"
#include "conntrace/json_writer.h"

/// The key "capabilities" with an array of objects: name, level, detail or null.
void ct_capabilities_put_json(struct ct_json *json, const struct ct_capabilities *capabilities);

/// A row each, under a headline; those that one reason speaks of are together, and it stands in the
/// first of them. @width of the terminal, 0: a row is a line.
void ct_capabilities_put_table(struct ct_buf *buf, const struct ct_capabilities *capabilities,
			       size_t width, bool utf8);
