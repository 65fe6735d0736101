// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_US  UINT64_C(1000)
#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_S   UINT64_C(1000000000)
#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_H   (60 * NS_PER_MIN)
#define NS_PER_DAY (24 * NS_PER_H)

/// Second and nanosecond of a time that may lie before 1970: the nanosecond is never negative.
static void split(int64_t real_ns, time_t *ret_s, uint32_t *ret_ns)
{
	int64_t s = real_ns / (int64_t)NS_PER_S;
	int64_t ns = real_ns % (int64_t)NS_PER_S;

	if (ns < 0) {
		s--;
		ns += (int64_t)NS_PER_S;
	}
	*ret_s = s;
	*ret_ns = (uint32_t)ns;
}

/// printf() is too slow for a stamp on every line.
static char *put_digits(char *out, unsigned int value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + digits;
}

static char *put_number(char *out, unsigned int value)
{
	int digits = 1;

	for (unsigned int rest = value / 10; rest; rest /= 10)
		digits++;
	return put_digits(out, value, digits);
}

static char *put_clock(char *out, const struct tm *tm)
{
	out = put_digits(out, (unsigned int)tm->tm_hour, 2);
	*out++ = ':';
	out = put_digits(out, (unsigned int)tm->tm_min, 2);
	*out++ = ':';
	out = put_digits(out, (unsigned int)tm->tm_sec, 2);
	*out++ = '.';
	return out;
}

/// "2026-11-21T09:35:23.123456789"
static char *put_date_and_time(char *out, const struct tm *tm, uint32_t ns)
{
	out = put_digits(out, (unsigned int)tm->tm_year + 1900, 4);
	*out++ = '-';
	out = put_digits(out, (unsigned int)tm->tm_mon + 1, 2);
	*out++ = '-';
	out = put_digits(out, (unsigned int)tm->tm_mday, 2);
	*out++ = 'T';
	out = put_clock(out, tm);
	return put_digits(out, ns, 9);
}

/// "+01:00"; RFC 3339 has no seconds of an offset, and since 1972 no zone has any.
static char *put_offset(char *out, long offset_s)
{
	unsigned int minutes = (unsigned int)(labs(offset_s) / 60);

	*out++ = offset_s < 0 ? '-' : '+';
	out = put_digits(out, minutes / 60, 2);
	*out++ = ':';
	return put_digits(out, minutes % 60, 2);
}

char *ct_time_rfc3339(int64_t real_ns, char out[CT_TIME_RFC3339_STRLEN])
{
	uint32_t ns;
	struct tm tm;
	time_t s;
	char *p;

	split(real_ns, &s, &ns);
	gmtime_r(&s, &tm);
	p = put_date_and_time(out, &tm, ns);
	*p++ = 'Z';
	*p = '\0';
	return out;
}

char *ct_time_zoned(int64_t real_ns, bool utc, char out[CT_TIME_ZONED_STRLEN])
{
	uint32_t ns;
	struct tm tm;
	time_t s;
	char *p;

	if (utc)
		return ct_time_rfc3339(real_ns, out);
	split(real_ns, &s, &ns);
	localtime_r(&s, &tm);
	p = put_offset(put_date_and_time(out, &tm, ns), tm.tm_gmtoff);
	*p = '\0';
	return out;
}

char *ct_time_zone(int64_t real_ns, bool utc, char out[CT_ZONE_STRLEN])
{
	char *p = stpcpy(out, "UTC");
	uint32_t ns;
	struct tm tm;
	time_t s;

	split(real_ns, &s, &ns);
	if (!utc && localtime_r(&s, &tm) && labs(tm.tm_gmtoff) >= 60)
		*put_offset(p, tm.tm_gmtoff) = '\0';
	return out;
}

char *ct_time_clock(int64_t real_ns, bool utc, char out[CT_TIME_CLOCK_STRLEN])
{
	char *p = out;
	uint32_t ns;
	struct tm tm;
	time_t s;

	split(real_ns, &s, &ns);
	if (utc)
		gmtime_r(&s, &tm);
	else
		localtime_r(&s, &tm);
	p = put_clock(p, &tm);
	p = put_digits(p, ns / 1000, 6);
	*p = '\0';
	return out;
}

/// Three significant digits of ns in the unit; ns rounds to less than 1000 units.
static void format_decimal(uint64_t ns, uint64_t unit_ns, const char *unit, char *out)
{
	int decimals = ns < 10 * unit_ns ? 2 : ns < 100 * unit_ns ? 1 : 0;
	unsigned int scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
	unsigned int scaled = (unsigned int)((ns * scale + unit_ns / 2) / unit_ns);

	/* 9.996 became 10.00 and 99.96 became 100.0: one digit too many. */
	if (decimals && scaled >= 1000) {
		decimals--;
		scaled /= 10;
		scale /= 10;
	}
	out = put_number(out, scaled / scale);
	if (decimals) {
		*out++ = '.';
		out = put_digits(out, scaled % scale, decimals);
	}
	*out++ = ' ';
	stpcpy(out, unit);
}

static const struct {
	/// the first duration that is written in the next unit, because it would round to it
	uint64_t end_ns;
	uint64_t unit_ns;
	const char *name, *name_utf8;
} decimal_units[] = {
	{NS_PER_US * 1000 - NS_PER_US / 2, NS_PER_US, "us", "\u00b5s"},
	{NS_PER_MS * 1000 - NS_PER_MS / 2, NS_PER_MS, "ms", "ms"},
	{NS_PER_MIN - NS_PER_S / 20, NS_PER_S, "s", "s"},
};

char *ct_duration_format(uint64_t ns, bool utf8, char out[CT_DURATION_STRLEN])
{
	if (ns < NS_PER_US) {
		snprintf(out, CT_DURATION_STRLEN, "%" PRIu64 " ns", ns);
		return out;
	}
	for (size_t i = 0; i < sizeof(decimal_units) / sizeof(decimal_units[0]); i++) {
		if (ns >= decimal_units[i].end_ns)
			continue;
		format_decimal(ns, decimal_units[i].unit_ns,
			       utf8 ? decimal_units[i].name_utf8 : decimal_units[i].name, out);
		return out;
	}
	/* 59.97 s would have been 60.0 s. */
	if (ns < NS_PER_MIN)
		ns = NS_PER_MIN;
	if (ns < NS_PER_H)
		snprintf(out, CT_DURATION_STRLEN, "%" PRIu64 "m%02" PRIu64 "s", ns / NS_PER_MIN,
			 ns % NS_PER_MIN / NS_PER_S);
	else if (ns < NS_PER_DAY)
		snprintf(out, CT_DURATION_STRLEN, "%" PRIu64 "h%02" PRIu64 "m", ns / NS_PER_H,
			 ns % NS_PER_H / NS_PER_MIN);
	else
		snprintf(out, CT_DURATION_STRLEN, "%" PRIu64 "d%02" PRIu64 "h", ns / NS_PER_DAY,
			 ns % NS_PER_DAY / NS_PER_H);
	return out;
}

static const struct {
	const char *name;
	uint64_t ns;
} parse_units[] = {
	{"", NS_PER_S},	 {"ns", 1},	    {"us", NS_PER_US}, {"ms", NS_PER_MS},
	{"s", NS_PER_S}, {"m", NS_PER_MIN}, {"h", NS_PER_H},   {"d", NS_PER_DAY},
};

static int parse_unit(const char *name, uint64_t *ret_ns)
{
	for (size_t i = 0; i < sizeof(parse_units) / sizeof(parse_units[0]); i++) {
		if (strcmp(parse_units[i].name, name) != 0)
			continue;
		*ret_ns = parse_units[i].ns;
		return 0;
	}
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int ct_duration_parse(const char *text, uint64_t *ret_ns)
{
	uint64_t whole = 0, fraction = 0, scale = 1, unit_ns;
	const char *p = text;
	bool too_big = false;
	unsigned __int128 total;

	/* ".5", as sleep(1) takes it; a point alone is no number */
	if (!is_digit(*p) && *p != '.')
		return -EINVAL;
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			too_big = true;
	if (*p == '.') {
		if (!is_digit(*++p))
			return -EINVAL;
		for (; is_digit(*p); p++) {
			/* A day has 14 digits of nanoseconds: more than that says nothing. */
			if (scale >= 10 * NS_PER_DAY)
				continue;
			fraction = fraction * 10 + (uint64_t)(*p - '0');
			scale *= 10;
		}
	}
	if (parse_unit(p, &unit_ns))
		return -EINVAL;
	total = (unsigned __int128)whole * unit_ns + (unsigned __int128)fraction * unit_ns / scale;
	if (too_big || total > UINT64_MAX)
		return -ERANGE;
	*ret_ns = (uint64_t)total;
	return 0;
}
