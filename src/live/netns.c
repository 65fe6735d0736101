// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conntrace/cleanup.h"

#define OWN_PROCESS    "/proc/thread-self"
#define PROCESS_SUFFIX "/ns/net"
#define OWN_NETNS      OWN_PROCESS PROCESS_SUFFIX

/// Where namespaces are found: DIRECTORY/NAME SUFFIX. What is no process has no ns/net.
static const struct {
	const char *directory;
	const char *suffix;
} places[] = {
	{"/proc", PROCESS_SUFFIX},
	{"/run/netns", ""}, /// ip-netns(8)
};

/// A process whose namespace could not be opened: another one may have led into the same.
struct refused {
	ino_t file; /// of a file of its namespace, 0: not known
	int error;
	char path[CT_NETNS_PATH_LEN];
};

struct walk {
	const struct ct_netns_visitor *visitor;
	struct ct_netns_left_out *left_out;
	int own_fd;
	dev_t device; /// of all namespaces: nsfs
	ino_t *seen;  /// owned
	size_t n_seen;
	size_t max_seen;
	struct refused *refused; /// owned
	size_t n_refused;
};

static void walk_fini(struct walk *walk)
{
	ct_closep(&walk->own_fd);
	ct_freep(&walk->seen);
	ct_freep(&walk->refused);
}

static void leave_out(struct walk *walk, const char *path, int error)
{
	struct ct_netns_left_out *left_out = walk->left_out;

	if (left_out->n++)
		return;
	left_out->error = error;
	snprintf(left_out->first, sizeof(left_out->first), "%s", path);
}

/// 1 if it was seen before, 0 if it is remembered from now on, -ENOMEM.
static int remember(struct walk *walk, ino_t inode)
{
	for (size_t i = 0; i < walk->n_seen; i++)
		if (walk->seen[i] == inode)
			return 1;
	if (walk->n_seen == walk->max_seen) {
		size_t max = walk->max_seen ? 2 * walk->max_seen : 16;
		ino_t *seen = reallocarray(walk->seen, max, sizeof(*seen));

		if (!seen)
			return -ENOMEM;
		walk->seen = seen;
		walk->max_seen = max;
	}
	walk->seen[walk->n_seen++] = inode;
	return 0;
}

static int read_visited(const struct walk *walk, int fd)
{
	_cleanup_(ct_closep) int opened = fd;

	return opened < 0 ? opened : walk->visitor->read(walk->visitor->context, opened);
}

static int visit_other(struct walk *walk, int netns_fd, const char *path)
{
	int opened;

	if (setns(netns_fd, CLONE_NEWNET) < 0) {
		leave_out(walk, path, errno);
		return 0;
	}
	opened = walk->visitor->open(walk->visitor->context);
	if (setns(walk->own_fd, CLONE_NEWNET) < 0) {
		ct_closep(&opened);
		return -ENOTRECOVERABLE;
	}
	return read_visited(walk, opened);
}

/**
 * A file of the namespace of the process whose ns/net is PATH.
 *
 * The kernel hides the namespaces of a process that may do more than this one, but not what is in
 * them. Inodes of namespaces and of their files are never the same: proc_alloc_inum().
 *
 * @return its inode; 0 when it cannot be told.
 */
static ino_t file_of(const char *path)
{
	int process = (int)(strlen(path) - strlen(PROCESS_SUFFIX));
	char file[CT_NETNS_PATH_LEN];
	struct stat status;

	if (process <= 0)
		return 0;
	snprintf(file, sizeof(file), "%.*s/net/tcp", process, path);
	return stat(file, &status) == 0 ? status.st_ino : 0;
}

static int remember_file(struct walk *walk, const char *path)
{
	ino_t file = file_of(path);

	return file ? remember(walk, file) : 0;
}

static int note_refused(struct walk *walk, const char *path, int error)
{
	ino_t file = file_of(path);
	struct refused *refused;

	for (size_t i = 0; file && i < walk->n_refused; i++)
		if (walk->refused[i].file == file)
			return 0;
	refused = reallocarray(walk->refused, walk->n_refused + 1, sizeof(*refused));
	if (!refused)
		return -ENOMEM;
	walk->refused = refused;
	refused += walk->n_refused++;
	*refused = (struct refused){.file = file, .error = error};
	snprintf(refused->path, sizeof(refused->path), "%s", path);
	return 0;
}

/* Behind the walk: what nobody led into is left out. */
static int tell_refused(struct walk *walk)
{
	for (size_t i = 0; i < walk->n_refused; i++) {
		const struct refused *refused = &walk->refused[i];
		int r = refused->file ? remember(walk, refused->file) : 0;

		if (r < 0)
			return r;
		if (r == 0)
			leave_out(walk, refused->path, refused->error);
	}
	return 0;
}

static int visit_path(struct walk *walk, const char *path)
{
	_cleanup_(ct_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	int r;

	if (fd < 0) {
		int error = errno;

		/* a process that has ended, or something else than a process */
		if (error == ENOENT || error == ESRCH || error == ENOTDIR)
			return 0;
		return note_refused(walk, path, error);
	}
	if (fstat(fd, &status) < 0 || status.st_dev != walk->device)
		return 0;
	r = remember(walk, status.st_ino);
	if (r)
		return r < 0 ? r : 0;
	if (remember_file(walk, path) < 0)
		return -ENOMEM;
	return visit_other(walk, fd, path);
}

static int visit_place(struct walk *walk, const char *directory, const char *suffix)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[CT_NETNS_PATH_LEN];
	int r = 0;

	if (!dir) {
		if (errno != ENOENT)
			leave_out(walk, directory, errno);
		return 0;
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", directory, entry->d_name, suffix);
		r = visit_path(walk, path);
	}
	closedir(dir);
	return r;
}

int ct_netns_walk(const struct ct_netns_visitor *visitor, struct ct_netns_left_out *ret_left_out)
{
	_cleanup_(walk_fini) struct walk walk = {
		.visitor = visitor,
		.left_out = ret_left_out,
		.own_fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC),
	};
	struct stat own;
	int r;

	*ret_left_out = (struct ct_netns_left_out){};
	if (walk.own_fd < 0 || fstat(walk.own_fd, &own) < 0) {
		leave_out(&walk, OWN_NETNS, errno); /* no way back: no way out */
		return read_visited(&walk, visitor->open(visitor->context));
	}
	walk.device = own.st_dev;
	r = remember(&walk, own.st_ino);
	if (r == 0)
		r = remember_file(&walk, OWN_NETNS);
	if (r == 0)
		r = read_visited(&walk, visitor->open(visitor->context));
	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		r = visit_place(&walk, places[i].directory, places[i].suffix);
	return r == 0 ? tell_refused(&walk) : r;
}

bool ct_netns_may_enter(void)
{
	_cleanup_(ct_closep) int fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
}
