// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Values that are conditions: each adds to what is in the list already. */
#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conntrace/names.h"
#include "conntrace/number.h"
#include "option_table.h"

/// PID_MAX_LIMIT of 64-bit kernels, include/linux/threads.h.
#define PID_MAX 4194304

/// TASK_COMM_LEN - 1, include/linux/sched.h.
#define COMM_MAX 15

/// Longest value between two commas, its NUL included.
#define WORD_LEN 256

/// Hands each word between commas to TAKE, empty ones too.
static int each_word(struct ct_option_value *value,
		     int (*take)(struct ct_option_value *value, const char *word))
{
	const char *p = value->text;

	for (;;) {
		size_t length = strcspn(p, ",");
		char word[WORD_LEN];
		int r;

		if (length >= sizeof(word))
			return ct_option_refuse(value, "'%.64s...' is too long", p);
		memcpy(word, p, length);
		word[length] = '\0';
		r = take(value, word);
		if (r || !p[length])
			return r;
		p += length + 1;
	}
}

/// Makes room for one more: *array holds n items of SIZE bytes. 0 or -ENOMEM, unchanged then.
static int grow(void *array_ptr, size_t n, size_t size)
{
	void **array = array_ptr;
	void *bigger = reallocarray(*array, n + 1, size);

	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	return 0;
}

int ct_u32_list_add(struct ct_u32_list *list, uint32_t number)
{
	int r = grow(&list->values, list->n, sizeof(*list->values));

	if (r == 0)
		list->values[list->n++] = number;
	return r;
}

static int take_pid(struct ct_option_value *value, const char *word)
{
	struct ct_select *select = value->target;
	uint64_t pid;

	if (ct_parse_u64(word, 1, PID_MAX, &pid))
		return ct_option_refuse(value, "'%.64s' is no process id: a number from 1 to %d",
					word, PID_MAX);
	return ct_u32_list_add(&select->pids, (uint32_t)pid);
}

int ct_option_pids(struct ct_option_value *value)
{
	return each_word(value, take_pid);
}

static int take_ports(struct ct_option_value *value, const char *word)
{
	struct ct_port_list *list = value->target;
	size_t first_length = strcspn(word, "-");
	char first_word[WORD_LEN] = "";
	uint64_t first;
	uint64_t last;
	int r;

	memcpy(first_word, word, first_length);
	if (ct_parse_u64(first_word, 1, UINT16_MAX, &first) ||
	    ct_parse_u64(word[first_length] ? word + first_length + 1 : word, 1, UINT16_MAX, &last))
		return ct_option_refuse(
			value, "'%.64s' is no port: 1 to 65535, or a range such as 8000-8080",
			word);
	if (first > last)
		return ct_option_refuse(value, "the range '%.64s' runs backwards", word);
	r = grow(&list->ranges, list->n, sizeof(*list->ranges));
	if (r == 0)
		list->ranges[list->n++] = (struct ct_port_range){(uint16_t)first, (uint16_t)last};
	return r;
}

int ct_option_ports(struct ct_option_value *value)
{
	return each_word(value, take_ports);
}

static int take_host(struct ct_option_value *value, const char *word)
{
	struct ct_select *select = value->target;
	struct ct_cidr cidr;
	int r;

	if (ct_cidr_parse(word, &cidr))
		return ct_option_refuse(
			value,
			"'%.64s' is no address or network: 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32",
			word);
	r = grow(&select->hosts, select->n_hosts, sizeof(*select->hosts));
	if (r == 0)
		select->hosts[select->n_hosts++] = cidr;
	return r;
}

int ct_option_hosts(struct ct_option_value *value)
{
	return each_word(value, take_host);
}

/// One glob a value: a comma may stand in a command's name.
int ct_option_comm(struct ct_option_value *value)
{
	struct ct_select *select = value->target;
	int r;

	if (!*value->text)
		return ct_option_refuse(value, "the pattern is empty");
	if (strlen(value->text) > COMM_MAX && !strpbrk(value->text, "*?[\\"))
		return ct_option_refuse(
			value,
			"'%.64s' matches nothing: the kernel keeps %d bytes of a command's name, try '%.*s'",
			value->text, COMM_MAX, COMM_MAX, value->text);
	r = grow(&select->comms, select->n_comms, sizeof(*select->comms));
	if (r)
		return r;
	select->comms[select->n_comms] = strdup(value->text);
	if (!select->comms[select->n_comms])
		return -ENOMEM;
	select->n_comms++;
	return 0;
}

static int take_uid(struct ct_option_value *value, const char *word)
{
	struct ct_select *select = value->target;
	const struct passwd *user;
	uint64_t uid;

	/* The last number is the kernel's "no user". */
	if (ct_parse_u64(word, 0, UINT32_MAX - 1, &uid) == 0)
		return ct_u32_list_add(&select->uids, (uint32_t)uid);
	user = getpwnam(word);
	if (!user)
		return ct_option_refuse(value, "'%.64s' is no user of this machine and no uid",
					word);
	return ct_u32_list_add(&select->uids, user->pw_uid);
}

int ct_option_uids(struct ct_option_value *value)
{
	return each_word(value, take_uid);
}

/// Inode numbers of namespaces lie above every pid: they count down from 0xf0000000 and up from it.
static int take_netns(struct ct_option_value *value, const char *word)
{
	struct ct_select *select = value->target;
	struct stat st;
	uint64_t number;
	char path[32];

	if (ct_parse_u64(word, 1, UINT32_MAX, &number))
		return ct_option_refuse(
			value,
			"'%.64s' is no network namespace: its inode number (lsns -t net), or a process id",
			word);
	if (number > PID_MAX)
		return ct_u32_list_add(&select->netns, (uint32_t)number);
	snprintf(path, sizeof(path), "/proc/%u/ns/net", (unsigned int)number);
	if (stat(path, &st) < 0) {
		bool is_hidden = errno == EACCES || errno == EPERM;

		ct_option_refuse(value, "cannot look up the network namespace of process %s: %s",
				 word, errno == ENOENT ? "no such process" : strerror(errno));
		return is_hidden ? -EPERM : -EINVAL;
	}
	return ct_u32_list_add(&select->netns, (uint32_t)st.st_ino);
}

int ct_option_netns(struct ct_option_value *value)
{
	return each_word(value, take_netns);
}

/// Refuses a word of an enum, with all that would do.
static int refuse_word(struct ct_option_value *value, const char *kind, const char *word,
		       const char *(*name)(unsigned int number), unsigned int max)
{
	const char *separator = "";
	size_t used;

	ct_option_refuse(value, "unknown %s '%.64s'; there are ", kind, word);
	used = strlen(value->err);
	for (unsigned int i = 0; i < max && used < CT_OPTIONS_ERR_LEN; i++) {
		if (!name(i))
			continue;
		used += (size_t)snprintf(value->err + used, CT_OPTIONS_ERR_LEN - used, "%s%s",
					 separator, name(i));
		separator = ", ";
	}
	return -EINVAL;
}

static int take_role(struct ct_option_value *value, const char *word)
{
	struct ct_select *select = value->target;
	uint8_t role;

	if (ct_role_from_name(word, &role))
		return refuse_word(value, "role", word, ct_role_name, _CT_ROLE_MAX);
	select->roles |= (uint8_t)(1u << role);
	return 0;
}

int ct_option_roles(struct ct_option_value *value)
{
	return each_word(value, take_role);
}

static int take_state(struct ct_option_value *value, const char *word)
{
	struct ct_select *select = value->target;
	uint8_t state;

	if (ct_state_from_name(word, &state))
		return refuse_word(value, "state", word, ct_state_name, _CT_STATE_MAX);
	select->states |= (uint16_t)(1u << state);
	return 0;
}

int ct_option_states(struct ct_option_value *value)
{
	return each_word(value, take_state);
}

static int take_flag(struct ct_option_value *value, const char *word)
{
	struct ct_select *select = value->target;
	uint8_t flag;

	if (ct_flag_from_name(word, &flag))
		return refuse_word(value, "flag", word, ct_flag_name, _CT_FLAG_MAX);
	select->flags |= 1u << flag;
	return 0;
}

int ct_option_flags(struct ct_option_value *value)
{
	return each_word(value, take_flag);
}
