// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who descends from whom, as /proc has it now: children that come later are told by the kernel. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "conntrace/cleanup.h"
#include "conntrace/number.h"
#include "options.h"

#define PID_MAX 4194304

struct process {
	uint32_t pid;
	uint32_t parent_pid;
};

struct process_list {
	struct process *items;
	size_t n;
	size_t capacity;
};

static void process_list_fini(struct process_list *list)
{
	free(list->items);
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/// 0 when the process is gone, or there is no making sense of its line.
static uint32_t read_parent(uint32_t pid)
{
	_cleanup_(ct_fclosep) FILE *file = NULL;
	char line[512];
	char path[32];
	const char *end;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, file);
	line[n] = '\0';
	/* "pid (comm) S ppid …": a comm may hold parentheses and spaces, its end is the last one.
	 */
	end = strrchr(line, ')');
	if (!end || strlen(end) < strlen(") S "))
		return 0;
	return (uint32_t)strtoul(end + strlen(") S "), NULL, 10);
}

static int list_add(struct process_list *list, uint32_t pid)
{
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 256;
		struct process *items = reallocarray(list->items, capacity, sizeof(*list->items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->n++] = (struct process){.pid = pid, .parent_pid = read_parent(pid)};
	return 0;
}

static int list_processes(struct process_list *list)
{
	_cleanup_(closedirp) DIR *dir = opendir("/proc");
	const struct dirent *entry;
	uint64_t pid;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (ct_parse_u64(entry->d_name, 1, PID_MAX, &pid) == 0 &&
		    list_add(list, (uint32_t)pid))
			return -ENOMEM;
	return 0;
}

static bool contains(const struct ct_u32_list *pids, uint32_t pid)
{
	for (size_t i = 0; i < pids->n; i++)
		if (pids->values[i] == pid)
			return true;
	return false;
}

/// The list grows while it is walked: grandchildren are found behind their parents.
static int add_children(struct ct_u32_list *pids, const struct process_list *all, uint32_t parent)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->items[i].parent_pid != parent || contains(pids, all->items[i].pid))
			continue;
		if (ct_u32_list_add(pids, all->items[i].pid))
			return -ENOMEM;
	}
	return 0;
}

int ct_descendants_add(struct ct_u32_list *pids)
{
	_cleanup_(process_list_fini) struct process_list all = {};
	int r = list_processes(&all);

	for (size_t i = 0; r == 0 && i < pids->n; i++)
		r = add_children(pids, &all, pids->values[i]);
	return r;
}
