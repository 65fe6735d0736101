// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* --cgroup: from a path to the numbers that events have, which are those of the directories. */
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "conntrace/cleanup.h"
#include "conntrace/number.h"
#include "option_table.h"

static int list_add(struct ct_u64_list *list, uint64_t number)
{
	uint64_t *bigger = reallocarray(list->values, list->n + 1, sizeof(*list->values));

	if (!bigger)
		return -ENOMEM;
	bigger[list->n++] = number;
	list->values = bigger;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool is_cgroup(const char *path)
{
	struct statfs fs;
	struct stat st;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC &&
	       stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void endmntentp(FILE **file)
{
	if (*file)
		endmntent(*file);
}

/*
 * Looks for TEXT in the hierarchies of cgroup v2 that are mounted, as systemd-cgls shows it: from
 * the mount on. RET has PATH_MAX bytes. -ENOENT; -ENODEV: there is no hierarchy.
 */
static int find_below_mounts(const char *text, char *ret)
{
	_cleanup_(endmntentp) FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;
	int r = -ENODEV;

	while (mounts && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup2") != 0)
			continue;
		r = -ENOENT;
		if (snprintf(ret, PATH_MAX, "%s/%s", mount->mnt_dir, text) < PATH_MAX &&
		    is_cgroup(ret))
			return 0;
	}
	return r;
}

static void fts_closep(FTS **tree)
{
	if (*tree)
		fts_close(*tree);
}

/* A cgroup's number is the inode number of its directory, fs/kernfs: kernfs_ino(). */
static int add_tree(struct ct_u64_list *list, char *path)
{
	char *const roots[] = {path, NULL};
	_cleanup_(fts_closep)
		FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	const FTSENT *entry;
	int r = tree ? 0 : -errno;

	while (r == 0 && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_D)
			r = list_add(list, entry->fts_statp->st_ino);
	return r;
}

static int take_path(struct ct_option_value *value, struct ct_u64_list *list)
{
	char path[PATH_MAX];
	int r = 0;

	if (value->text[0] == '/' && strlen(value->text) < sizeof(path) && is_cgroup(value->text))
		strcpy(path, value->text);
	else
		r = find_below_mounts(value->text, path);
	if (r == -ENODEV)
		return ct_option_refuse(value,
					"'%.64s': no hierarchy of cgroup v2 is mounted here; its "
					"number would do, as JSON has it",
					value->text);
	if (r)
		return ct_option_refuse(value,
					"'%.64s' is no cgroup: a path as systemd-cgls shows it, or "
					"a number, as JSON has it",
					value->text);
	r = add_tree(list, path);
	if (r && r != -ENOMEM)
		return ct_option_refuse(value, "cannot look below '%.64s': %s", value->text,
					strerror(-r));
	return r;
}

int ct_option_cgroup(struct ct_option_value *value)
{
	struct ct_select *select = value->target;
	struct ct_u64_list *list = &select->cgroups;
	uint64_t number;
	int r;

	if (!*value->text)
		return ct_option_refuse(value, "the path is empty");
	if (ct_parse_u64(value->text, 1, UINT64_MAX, &number) == 0)
		r = list_add(list, number);
	else
		r = take_path(value, list);
	if (r == 0)
		qsort(list->values, list->n, sizeof(*list->values), compare);
	return r;
}
