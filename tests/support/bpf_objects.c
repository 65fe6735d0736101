// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/bpf_objects.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/process.h"

#define PIN_DIR "/sys/fs/bpf"
#define POLL_MS 50

/// How the kernel's objects of one kind are asked for. An object is the tracer's own by its name;
/// a link has none, and goes by its program's.
static const struct {
	const char *word;
	const char *key; /// in /proc/PID/fdinfo
	const char *prefix;
	int (*next)(__u32 id, __u32 *ret_next);
	int (*open)(__u32 id);
} kinds[] = {
	[E2E_BPF_PROGRAM] = {"program", "prog_id:", "ct_", bpf_prog_get_next_id,
			     bpf_prog_get_fd_by_id},
	[E2E_BPF_LINK] = {"link", "link_id:", "ct_", bpf_link_get_next_id, bpf_link_get_fd_by_id},
	[E2E_BPF_MAP] = {"map", "map_id:", "conntrac", bpf_map_get_next_id, bpf_map_get_fd_by_id},
};

static bool has(const struct e2e_bpf_objects *objects, enum e2e_bpf_kind kind, uint32_t id)
{
	for (size_t i = 0; i < objects->n[kind]; i++)
		if (objects->ids[kind][i] == id)
			return true;
	return false;
}

static void add(struct e2e_bpf_objects *objects, enum e2e_bpf_kind kind, uint32_t id)
{
	if (has(objects, kind, id))
		return;
	assert_true(objects->n[kind] < E2E_BPF_IDS_MAX);
	objects->ids[kind][objects->n[kind]++] = id;
}

void e2e_bpf_all(struct e2e_bpf_objects *ret)
{
	for (size_t kind = 0; kind < _E2E_BPF_KIND_MAX; kind++) {
		__u32 id = 0;
		int r;

		ret->n[kind] = 0;
		while ((r = kinds[kind].next(id, &id)) == 0)
			add(ret, kind, id);
		if (r != -ENOENT)
			fail_msg("ask for the kernel's BPF %ss: %s", kinds[kind].word,
				 strerror(-r));
	}
}

/// A link's descriptor names its program, too: that is held by it.
static void add_descriptor(struct e2e_bpf_objects *objects, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];

	if (!file) /* closed meanwhile */
		return;
	while (fgets(line, sizeof(line), file))
		for (size_t kind = 0; kind < _E2E_BPF_KIND_MAX; kind++) {
			size_t len = strlen(kinds[kind].key);

			if (strncmp(line, kinds[kind].key, len) == 0)
				add(objects, kind, (uint32_t)strtoul(line + len, NULL, 10));
		}
	fclose(file);
}

static void add_process(struct e2e_bpf_objects *objects, pid_t pid)
{
	char path[64], file[320];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	if (!dir) /* it has ended */
		return;
	while ((entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		add_descriptor(objects, file);
	}
	closedir(dir);
}

void e2e_bpf_of_process(pid_t pid, struct e2e_bpf_objects *ret)
{
	memset(ret->n, 0, sizeof(ret->n));
	add_process(ret, pid);
}

static void of_all_processes(struct e2e_bpf_objects *ret)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	assert_non_null(dir);
	memset(ret->n, 0, sizeof(ret->n));
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_process(ret, atoi(entry->d_name));
	closedir(dir);
}

/// "" of one that is gone.
static void name_of(enum e2e_bpf_kind kind, uint32_t id, char ret_name[BPF_OBJ_NAME_LEN])
{
	union {
		struct bpf_prog_info program;
		struct bpf_link_info link;
		struct bpf_map_info map;
	} info = {0};
	__u32 len = kind == E2E_BPF_PROGRAM ? sizeof(info.program)
		    : kind == E2E_BPF_LINK  ? sizeof(info.link)
					    : sizeof(info.map);
	int fd = kinds[kind].open(id);
	int r = fd < 0 ? fd : bpf_obj_get_info_by_fd(fd, &info, &len);

	ret_name[0] = '\0';
	if (fd >= 0)
		close(fd);
	if (r < 0)
		return;
	if (kind == E2E_BPF_LINK)
		name_of(E2E_BPF_PROGRAM, info.link.prog_id, ret_name);
	else
		snprintf(ret_name, BPF_OBJ_NAME_LEN, "%s",
			 kind == E2E_BPF_MAP ? info.map.name : info.program.name);
}

static bool is_named_like_ours(enum e2e_bpf_kind kind, uint32_t id)
{
	char name[BPF_OBJ_NAME_LEN];

	name_of(kind, id, name);
	return strncmp(name, kinds[kind].prefix, strlen(kinds[kind].prefix)) == 0;
}

/// Another tracer's is that of a process that is there.
static bool is_anybodys(enum e2e_bpf_kind kind, uint32_t id)
{
	static struct e2e_bpf_objects of_processes;

	of_all_processes(&of_processes);
	return has(&of_processes, kind, id);
}

/// The first thing that is left; false: nothing is.
static bool find_left(const struct e2e_bpf_objects *before, const struct e2e_bpf_objects *held,
		      enum e2e_bpf_kind *ret_kind, uint32_t *ret_id)
{
	static struct e2e_bpf_objects now;

	e2e_bpf_all(&now);
	for (size_t kind = 0; kind < _E2E_BPF_KIND_MAX; kind++)
		for (size_t i = 0; i < now.n[kind]; i++) {
			uint32_t id = now.ids[kind][i];

			if (!has(held, kind, id) &&
			    (has(before, kind, id) || !is_named_like_ours(kind, id) ||
			     is_anybodys(kind, id)))
				continue;
			*ret_kind = kind;
			*ret_id = id;
			return true;
		}
	return false;
}

void e2e_assert_bpf_is_gone(const struct e2e_bpf_objects *before,
			    const struct e2e_bpf_objects *held, int limit_ms)
{
	char name[BPF_OBJ_NAME_LEN];
	enum e2e_bpf_kind kind;
	uint32_t id;

	/* the kernel frees them a moment later */
	for (int waited_ms = 0; find_left(before, held, &kind, &id); waited_ms += POLL_MS) {
		if (waited_ms >= limit_ms) {
			name_of(kind, id, name);
			fail_msg("BPF %s %u is left (%s)", kinds[kind].word, id, name);
		}
		e2e_sleep_ms(POLL_MS);
	}
}

void e2e_bpf_mount(void)
{
	if (mount("bpffs", PIN_DIR, "bpf", 0, NULL))
		print_message("no file system of its own for what is pinned: %s\n",
			      strerror(errno));
}

static size_t pinned;

static int count_pinned(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	pinned += type == FTW_F;
	return 0;
}

size_t e2e_bpf_pinned(void)
{
	pinned = 0;
	/* a directory that is not there holds nothing */
	(void)nftw(PIN_DIR, count_pinned, 8, FTW_PHYS);
	return pinned;
}
