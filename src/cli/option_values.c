// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Values that are no condition: limits, formats, paths. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "conntrace/count.h"
#include "conntrace/finding.h"
#include "conntrace/number.h"
#include "conntrace/report.h"
#include "conntrace/timefmt.h"
#include "option_table.h"

#define RING_BYTES_MIN 4096
#define RING_BYTES_MAX (1ull << 30)

/// What tcpdump's -C counts in.
#define MILLION	       1000000
#define FILE_BYTES_MIN 4096
#define FILES_MAX      1000000
#define NS_PER_S       1000000000

/// Each list walks over the files of all processes: oftener it would do nothing else.
#define INTERVAL_NS_MIN 100000000

/// Longest name of a user, its NUL included.
#define NAME_LEN 256

/// The last number is the kernel's "no user".
#define ID_MAX (UINT32_MAX - 1)

int ct_option_refuse(struct ct_option_value *value, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(value->err, CT_OPTIONS_ERR_LEN, fmt, args);
	va_end(args);
	return -EINVAL;
}

int ct_option_true(struct ct_option_value *value)
{
	*(bool *)value->target = true;
	return 0;
}

int ct_option_constant(struct ct_option_value *value)
{
	*(int *)value->target = value->constant;
	return 0;
}

int ct_option_string(struct ct_option_value *value)
{
	if (!*value->text)
		return ct_option_refuse(value, "the value is empty");
	*(const char **)value->target = value->text;
	return 0;
}

int ct_option_path(struct ct_option_value *value)
{
	if (strcmp(value->text, "-") == 0)
		return ct_option_refuse(value,
					"'-': a recording goes to a regular file, not to stdout");
	return ct_option_string(value);
}

int ct_option_hide(struct ct_option_value *value)
{
	struct ct_options *options = value->target;

	if (options->n_hidden == CT_HIDDEN_MAX)
		return ct_option_refuse(value, "more than %d hooks", CT_HIDDEN_MAX);
	options->hidden[options->n_hidden++] = value->text;
	return 0;
}

int ct_option_count(struct ct_option_value *value)
{
	if (ct_parse_u64(value->text, 1, UINT64_MAX, value->target))
		return ct_option_refuse(value, "'%.64s' is no count: a number, 1 or more",
					value->text);
	return 0;
}

int ct_option_duration(struct ct_option_value *value)
{
	uint64_t ns = 0;

	/* 0 stands for no limit in struct ct_options, and would trace nothing. */
	if (ct_duration_parse(value->text, &ns) || ns == 0)
		return ct_option_refuse(
			value,
			"'%.64s' is no duration: a number above 0 and ns, us, ms, s, m, h or d, such as 10s",
			value->text);
	*(uint64_t *)value->target = ns;
	return 0;
}

int ct_option_interval(struct ct_option_value *value)
{
	uint64_t ns = 0;

	if (ct_duration_parse(value->text, &ns) || ns < INTERVAL_NS_MIN)
		return ct_option_refuse(value,
					"'%.64s' is no time between two lists: 0.1 seconds and up, "
					"such as 2 or 500ms",
					value->text);
	*(uint64_t *)value->target = ns;
	return 0;
}

int ct_option_ring(struct ct_option_value *value)
{
	uint64_t bytes;
	int r = ct_parse_size(value->text, &bytes);

	if (r || bytes < RING_BYTES_MIN || bytes > RING_BYTES_MAX)
		return ct_option_refuse(value, "'%.64s' is no buffer size: 4096 to 1G, such as 64M",
					value->text);
	*(uint64_t *)value->target = bytes;
	return 0;
}

int ct_option_file_size(struct ct_option_value *value)
{
	uint64_t bytes = 0;
	int r = ct_parse_u64(value->text, 1, UINT64_MAX / MILLION, &bytes);

	if (r == 0)
		bytes *= MILLION;
	else if (r == -EINVAL)
		r = ct_parse_size(value->text, &bytes);
	if (r || bytes < FILE_BYTES_MIN)
		return ct_option_refuse(
			value,
			"'%.64s' is no size of a file: millions of bytes, or 4K and "
			"up with K, M or G, such as 64M",
			value->text);
	*(uint64_t *)value->target = bytes;
	return 0;
}

int ct_option_period(struct ct_option_value *value)
{
	uint64_t ns = 0;

	if (ct_duration_parse(value->text, &ns) || ns < NS_PER_S)
		return ct_option_refuse(value,
					"'%.64s' is no time for a file: 1s and up, such as 3600 "
					"or 1h",
					value->text);
	*(uint64_t *)value->target = ns;
	return 0;
}

int ct_option_files(struct ct_option_value *value)
{
	if (ct_parse_u64(value->text, 1, FILES_MAX, value->target))
		return ct_option_refuse(value, "'%.64s' is no number of files: 1 to %d",
					value->text, FILES_MAX);
	return 0;
}

int ct_option_format(struct ct_option_value *value)
{
	if (ct_output_format_from_name(value->text, value->target))
		return ct_option_refuse(value, "unknown format '%.64s': table, wide, json or csv",
					value->text);
	return 0;
}

/// What is no list of connections has neither columns nor rows.
int ct_option_text_json(struct ct_option_value *value)
{
	enum ct_output_format format = _CT_OUTPUT_MAX;

	ct_output_format_from_name(value->text, &format);
	if (format != CT_OUTPUT_TABLE && format != CT_OUTPUT_JSON)
		return ct_option_refuse(value, "'%.64s' is not table or json", value->text);
	*(enum ct_output_format *)value->target = format;
	return 0;
}

/// 1 + enum ct_severity: 0 stands for none.
int ct_option_severity(struct ct_option_value *value)
{
	uint8_t severity;

	if (ct_severity_from_name(value->text, &severity) || severity == CT_SEVERITY_NOTE)
		return ct_option_refuse(value, "'%.64s' is not warn or crit", value->text);
	*(int *)value->target = severity + 1;
	return 0;
}

/// The word's place among N of them, or -1.
static int find_word(const char *text, const char *const words[], int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -1;
}

int ct_option_color(struct ct_option_value *value)
{
	static const char *const words[] = {
		[CT_COLOR_AUTO] = "auto",
		[CT_COLOR_ALWAYS] = "always",
		[CT_COLOR_NEVER] = "never",
	};
	int i = find_word(value->text, words, CT_COUNT(words));

	if (i < 0)
		return ct_option_refuse(value, "'%.64s' is not auto, always or never", value->text);
	*(enum ct_color_when *)value->target = (enum ct_color_when)i;
	return 0;
}

int ct_option_by(struct ct_option_value *value)
{
	if (ct_report_by_from_name(value->text, value->target))
		return ct_option_refuse(
			value, "'%.64s' is not peer, process, comm, port, service, cgroup or netns",
			value->text);
	return 0;
}

int ct_option_sync(struct ct_option_value *value)
{
	static const char *const words[] = {
		[CT_RECORDING_SYNC_END] = "end",
		[CT_RECORDING_SYNC_NEVER] = "never",
		[CT_RECORDING_SYNC_FRAME] = "frame",
	};
	int i = find_word(value->text, words, CT_COUNT(words));

	if (i < 0)
		return ct_option_refuse(value, "'%.64s' is not never, end or frame", value->text);
	*(enum ct_recording_sync *)value->target = (enum ct_recording_sync)i;
	return 0;
}

static int find_group(struct ct_option_value *value, const char *name, gid_t *ret)
{
	const struct group *group;
	uint64_t gid;

	if (ct_parse_u64(name, 0, ID_MAX, &gid) == 0) {
		*ret = (gid_t)gid;
		return 0;
	}
	group = getgrnam(name);
	if (!group)
		return ct_option_refuse(value, "'%.64s' is no group of this machine and no gid",
					name);
	*ret = group->gr_gid;
	return 0;
}

/// NAME[:GROUP], either of them a number. A user has a group unless there is nobody of that number.
int ct_option_user(struct ct_option_value *value)
{
	size_t length = strcspn(value->text, ":");
	const char *group = value->text[length] ? value->text + length + 1 : NULL;
	struct ct_user user = {.is_given = true};
	const struct passwd *entry;
	char name[NAME_LEN];
	bool is_number;
	uint64_t uid;
	int r = 0;

	if (length >= sizeof(name))
		return ct_option_refuse(value, "'%.64s...' is too long", value->text);
	memcpy(name, value->text, length);
	name[length] = '\0';
	is_number = ct_parse_u64(name, 0, ID_MAX, &uid) == 0;
	entry = is_number ? getpwuid((uid_t)uid) : getpwnam(name);
	if (!entry && !is_number)
		return ct_option_refuse(value, "'%.64s' is no user of this machine and no uid",
					name);
	if (!entry && !group)
		return ct_option_refuse(value, "nobody has the uid %s here: name a group, %s:GROUP",
					name, name);
	user.uid = entry ? entry->pw_uid : (uid_t)uid;
	user.gid = entry ? entry->pw_gid : 0;
	if (group)
		r = find_group(value, group, &user.gid);
	if (r == 0)
		*(struct ct_user *)value->target = user;
	return r;
}
