/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Fit what the functions below write, NUL included.
#define CT_TIME_RFC3339_STRLEN 32
#define CT_TIME_ZONED_STRLEN   40
#define CT_ZONE_STRLEN	       16
#define CT_TIME_CLOCK_STRLEN   16
#define CT_DURATION_STRLEN     16

/// Writes the time, nanoseconds since 1970 on the real-time clock, as
/// `2026-11-21T09:35:23.123456789Z`: UTC, always nine digits (RFC 3339). Every int64_t has such a
/// form. Returns out.
char *ct_time_rfc3339(int64_t real_ns, char out[CT_TIME_RFC3339_STRLEN]);

/// Writes the same in UTC or, as `2026-11-21T10:35:23.123456789+01:00`, in the local zone. Returns
/// out.
char *ct_time_zoned(int64_t real_ns, bool utc, char out[CT_TIME_ZONED_STRLEN]);

/// Writes in which zone that is: `UTC`, `UTC+01:00`. Returns out.
char *ct_time_zone(int64_t real_ns, bool utc, char out[CT_ZONE_STRLEN]);

/// Writes the time of day as `09:35:23.123456`, in UTC or in the local zone. Digits beyond
/// microseconds are cut, not rounded. Returns out.
char *ct_time_clock(int64_t real_ns, bool utc, char out[CT_TIME_CLOCK_STRLEN]);

/// Writes a duration for people: three significant digits and a unit up to a minute (`0 ns`, `15.3
/// us`, `1.23 ms`, `12.0 s`), then `3m05s`, `2h07m`, `4d03h`, cut. With utf8 the micro sign is `µ`
/// instead of `u`. Returns out.
char *ct_duration_format(uint64_t ns, bool utf8, char out[CT_DURATION_STRLEN]);

/// Parses a decimal number, a fraction allowed, also alone (".5"), with unit ns, us, ms, s, m, h or
/// d; without unit it is seconds. Returns 0, -EINVAL when it is none, or -ERANGE when it does not
/// fit; *ret_ns unchanged on failure. What is below a nanosecond is cut.
int ct_duration_parse(const char *text, uint64_t *ret_ns);
