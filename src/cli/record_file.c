// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "record_file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/log.h"

const char *ct_record_file_reason(int error)
{
	static const struct {
		int error;
		const char *reason;
	} reasons[] = {
		{-ELOOP, "it is a symbolic link, and those are not followed"},
		{-EISDIR, "it is a directory"},
		{-EINVAL, "it is no regular file"},
		{-ENXIO, "it is no regular file"}, /* a FIFO without a reader */
		{-EEXIST, "it exists already; --force overwrites it"},
	};

	for (size_t i = 0; i < CT_COUNT(reasons); i++)
		if (reasons[i].error == error)
			return reasons[i].reason;
	return strerror(-error);
}

static int refuse(const char *path, int error)
{
	ct_error("cannot create the recording '%s': %s", path, ct_record_file_reason(error));
	return ct_exit_of_open(error);
}

int ct_record_file_refuse(const char *path, int error)
{
	return refuse(path, error);
}

/// 0 or -errno.
static int open_file(struct ct_record_file *file, const char *path, bool force)
{
	int r = ct_recording_file_open(path, force, &file->file);

	file->path = path;
	file->writer = NULL;
	file->created = r == 0 && file->file.created;
	return r;
}

int ct_record_file_open(struct ct_record_file *file, const char *path, bool force)
{
	int r = open_file(file, path, force);

	return r ? refuse(path, r) : CT_EXIT_DONE;
}

int ct_record_file_try(struct ct_record_file *file, const char *path, bool force)
{
	int r = open_file(file, path, force);

	if (r == -EEXIST || ct_recording_is_full(r))
		return r;
	return r ? refuse(path, r) : CT_EXIT_DONE;
}

int ct_record_file_give(const struct ct_record_file *file, const struct ct_user *user)
{
	int error;

	if (fchown(file->file.fd, user->uid, user->gid) == 0)
		return CT_EXIT_DONE;
	error = errno;
	ct_error("cannot give the recording '%s' to the user of --user: %s", file->path,
		 strerror(error));
	return error == EPERM ? CT_EXIT_UNSUPPORTED : CT_EXIT_FAILED;
}

int ct_record_file_begin(struct ct_record_file *file, enum ct_recording_sync sync,
			 bool full_is_no_error, const struct ct_session *session,
			 struct ct_pipeline *pipeline)
{
	struct ct_recording_writer *writer = NULL;
	struct ct_sink *sink;
	int r = ct_recording_create(&file->file, sync, session, &writer);

	if (full_is_no_error && ct_recording_is_full(r))
		return r;
	if (r)
		return refuse(file->path, r);
	file->created = false;
	r = ct_sink_recording_new(writer, full_is_no_error, &sink);
	if (r == 0)
		r = ct_pipeline_add_sink(pipeline, sink);
	if (r)
		return refuse(file->path, r);
	file->writer = writer;
	return CT_EXIT_DONE;
}

int ct_record_file_failed(const struct ct_record_file *file, int error)
{
	struct ct_recording_progress progress;

	ct_recording_progress(file->writer, &progress);
	if (error == -ESTALE)
		ct_error("the recording '%s' was deleted while it was written; what it held is "
			 "gone",
			 file->path);
	else if (error == -ENODATA)
		ct_error("the recording '%s' was cut by somebody else while it was written; it "
			 "holds what stands before the cut",
			 file->path);
	else
		ct_error("cannot write the recording '%s': %s; it holds what came before, %" PRIu64
			 " events",
			 file->path, strerror(-error), progress.events);
	return CT_EXIT_FAILED;
}

void ct_record_file_fini(struct ct_record_file *file)
{
	if (file->created)
		unlink(file->path);
	file->created = false;
	ct_recording_file_close(&file->file);
}
