/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Capabilities for a reader: of this kernel (`check`) or of a recording (`info`). */
#pragma once

#include "conntrace/buf.h"
#include "conntrace/capability.h"
#include "conntrace/json_writer.h"

/// The key "capabilities" with an array of objects: name, level, detail or null.
void ct_capabilities_put_json(struct ct_json *json, const struct ct_capabilities *capabilities);

/// A line each, under a headline.
void ct_capabilities_put_table(struct ct_buf *buf, const struct ct_capabilities *capabilities);
