// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/log.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "conntrace/text.h"

static int log_verbosity = CT_LOG_NORMAL;
static void (*log_make_room)(void *);
static void *log_make_room_context;

void ct_log_init(int verbosity)
{
	if (verbosity < CT_LOG_QUIET)
		verbosity = CT_LOG_QUIET;
	if (verbosity > CT_LOG_VERBOSE)
		verbosity = CT_LOG_VERBOSE;
	log_verbosity = verbosity;
}

void ct_log_make_room(void (*make_room)(void *context), void *context)
{
	log_make_room = make_room;
	log_make_room_context = context;
}

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(STDERR_FILENO, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return;
		p += r;
		n -= (size_t)r;
	}
}

/// One write() a message: lines of several processes on one stderr do not mix.
__attribute__((format(printf, 2, 0))) static void log_line(const char *prefix, const char *fmt,
							   va_list args)
{
	_cleanup_(ct_buf_fini) struct ct_buf message = {};
	_cleanup_(ct_buf_fini) struct ct_buf line = {};
	bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	int saved = errno;

	ct_buf_puts(&line, prefix);
	/* An argument that cannot be formatted must not cost the message itself. */
	if (ct_buf_vprintf(&message, fmt, args))
		ct_buf_puts(&line, fmt);
	else
		ct_text_escape(&line, message.data, message.len, utf8);
	ct_buf_putc(&line, '\n');
	if (log_make_room)
		log_make_room(log_make_room_context);
	if (line.error)
		write_all("conntrace: out of memory\n", strlen("conntrace: out of memory\n"));
	else
		write_all(line.data, line.len);
	errno = saved;
}

void ct_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line("conntrace: ", fmt, args);
	va_end(args);
}

void ct_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line("conntrace: warning: ", fmt, args);
	va_end(args);
}

void ct_info(const char *fmt, ...)
{
	va_list args;

	if (log_verbosity < CT_LOG_NORMAL)
		return;
	va_start(args, fmt);
	log_line("conntrace: ", fmt, args);
	va_end(args);
}

void ct_debug(const char *fmt, ...)
{
	va_list args;

	if (log_verbosity < CT_LOG_VERBOSE)
		return;
	va_start(args, fmt);
	log_line("conntrace: ", fmt, args);
	va_end(args);
}
