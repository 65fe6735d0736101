/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/// Elements of an array, which must be one and not a pointer.
#define CT_COUNT(array) (sizeof(array) / sizeof((array)[0]))
