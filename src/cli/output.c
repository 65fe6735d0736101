// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"
#include "conntrace/names.h"
#include "conntrace/sink_formats.h"
#include "stop.h"
#include "tally.h"
#include "terminal.h"

bool ct_output_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool is_color_wanted(enum ct_color_when when)
{
	const char *no_color = getenv("NO_COLOR");

	if (when != CT_COLOR_AUTO)
		return when == CT_COLOR_ALWAYS;
	/* no-color.org: set and not empty. */
	if (no_color && *no_color)
		return false;
	return ct_terminal_can(STDOUT_FILENO, CT_TERMINAL_COLOURS);
}

/// Columns of a table are few enough to name them all.
static void refuse_field(const struct ct_options *options, const char *word)
{
	enum ct_output_format format = options->output.format;
	_cleanup_(ct_buf_fini) struct ct_buf columns = {};
	int len = (int)strcspn(word, ",");

	if (format == CT_OUTPUT_TABLE || format == CT_OUTPUT_WIDE)
		ct_sink_table_put_columns(&columns, options->command == CT_COMMAND_LIST
							    ? CT_KIND(FOUND)
							    : CT_KINDS_ALL);
	if (columns.len && !columns.error)
		ct_error("--fields: unknown field '%.*s'; there are %s", len, word, columns.data);
	else
		ct_error("--fields: unknown field '%.*s'; conntrace(1) lists them", len, word);
}

/// Where the shell finds no program by its name, it was called by its path.
static const char *called_as(const struct ct_options *options)
{
	const char *word = options->command_line ? options->command_line[0] : NULL;

	return word && strchr(word, '/') ? word : NULL;
}

int ct_output_add_sink(struct ct_options *options, ct_sink_new_fn new_sink,
		       const struct ct_session *session, struct ct_pipeline *pipeline)
{
	return ct_output_add_sink_to(options, new_sink, session, stdout, pipeline);
}

int ct_output_add_sink_to(struct ct_options *options, ct_sink_new_fn new_sink,
			  const struct ct_session *session, FILE *out, struct ct_pipeline *pipeline)
{
	const char *bad_field = "";
	struct ct_sink *sink;
	int r;

	options->output.utf8 = ct_output_utf8();
	options->output.width = out == stdout ? ct_terminal_width() : 0;
	options->output.color = is_color_wanted(options->color);
	options->output.program = called_as(options);
	r = new_sink(&options->output, session, out, &sink, &bad_field);
	if (r == -EINVAL) {
		refuse_field(options, bad_field);
		return CT_EXIT_USAGE;
	}
	if (r == 0)
		r = ct_pipeline_add_sink(pipeline, sink);
	if (r) {
		ct_error("cannot print: %s", strerror(-r));
		return CT_EXIT_FAILED;
	}
	return CT_EXIT_DONE;
}

int ct_output_failed(int r)
{
	if (r == -EPIPE || (r == -EINTR && ct_stop_is_wanted()))
		return CT_EXIT_DONE;
	ct_error("cannot write to standard output: %s", strerror(-r));
	return CT_EXIT_FAILED;
}

bool ct_output_is_unread(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) == 1 && out.revents & POLLERR;
}

int ct_output_write(const struct ct_buf *buf)
{
	if (buf->error) {
		ct_error("cannot print: %s", strerror(-buf->error));
		return CT_EXIT_FAILED;
	}
	if (fwrite(buf->data, 1, buf->len, stdout) != buf->len || fflush(stdout))
		return ct_output_failed(-errno);
	return CT_EXIT_DONE;
}

int ct_feed_record(void *feed, const void *bytes, size_t len)
{
	struct ct_feed *f = feed;
	int r = ct_pipeline_feed(f->pipeline, bytes, len);

	if (r < 0 && !f->error)
		f->error = r;
	return r;
}

void ct_list_losses(const uint64_t lost_at[_CT_LOST_MAX], char *text, size_t len)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int where = 0; where < _CT_LOST_MAX && used < len; where++)
		if (lost_at[where])
			used += (size_t)snprintf(
				text + used, len - used, "%s%s %" PRIu64, used ? ", " : "",
				ct_lost_where_name(where) ?: "unknown", lost_at[where]);
}

int ct_tell_losses(const struct ct_options *options, const struct ct_pipeline_stats *stats,
		   const char *when, const char *advice)
{
	_cleanup_(ct_buf_fini) struct ct_buf evicted = {}, unheld = {};
	uint64_t unreadable = stats->lost_at[CT_LOST_DECODE], lost = stats->lost - unreadable;
	uint64_t lost_at[_CT_LOST_MAX];
	char places[CT_LOSSES_STRLEN];

	if (stats->evicted)
		ct_evicted_put(&evicted, stats->evicted);
	if (evicted.len)
		ct_warn("%s", evicted.data);
	if (!stats->lost)
		return CT_EXIT_DONE;
	if (unreadable)
		ct_warn("%" PRIu64 " event%s unreadable", unreadable,
			unreadable == 1 ? " is" : "s are");
	memcpy(lost_at, stats->lost_at, sizeof(lost_at));
	lost_at[CT_LOST_DECODE] = 0;
	ct_list_losses(lost_at, places, sizeof(places));
	if (lost)
		ct_warn("%" PRIu64 " event%s lost%s (%s)%s", lost, lost == 1 ? " was" : "s were",
			when, places, lost_at[CT_LOST_RING] ? advice : "");
	if (lost_at[CT_LOST_HOLD])
		ct_unheld_put(&unheld, lost_at[CT_LOST_HOLD]);
	if (unheld.len)
		ct_warn("%s", unheld.data);
	return options->strict ? CT_EXIT_LOST : CT_EXIT_DONE;
}
