// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file of a recording, before anything is written to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conntrace/cleanup.h"
#include "conntrace/recording.h"

/// As mktemp(1) leaves it.
static bool is_free(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == 0 && st->st_uid == geteuid() &&
	       !(st->st_mode & (S_IRWXG | S_IRWXO));
}

/// Opens without changing what is there. A FIFO or a device must not make it wait.
static int open_unchanged(const char *path, bool *ret_created)
{
	const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*ret_created = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

/// -1 where it cannot be: a folder may be one that we may not read.
static int open_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(ct_freep) char *folder = slash ? strndup(path, (size_t)(slash - path) + 1)
						 : strdup(".");

	return folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int ct_recording_file_open(const char *path, bool overwrite, struct ct_recording_file *ret)
{
	bool created = false;
	_cleanup_(ct_closep) int fd = open_unchanged(path, &created);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (!created && !overwrite && !is_free(&st))
		return -EEXIST;
	*ret = (struct ct_recording_file){
		.fd = CT_TAKE_FD(fd),
		.folder_fd = open_folder(path),
		.created = created,
	};
	return 0;
}

int ct_recording_file_check(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	return is_free(&st) ? 0 : -EEXIST;
}

void ct_recording_file_close(struct ct_recording_file *file)
{
	ct_closep(&file->fd);
	ct_closep(&file->folder_fd);
}
