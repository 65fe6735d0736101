// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "capabilities.h"
#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/decode.h"
#include "conntrace/json_writer.h"
#include "conntrace/log.h"
#include "conntrace/names.h"
#include "conntrace/text.h"
#include "conntrace/timefmt.h"
#include "progress.h"
#include "stop.h"

/// What is missing in a recording.
struct losses {
	uint64_t at[_CT_LOST_MAX]; /// as the recorder told it, by enum ct_lost_where
	uint64_t unreadable;	   /// events that it wrote, and that cannot be read or understood
};

/// A recording may claim any number.
static void add(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

/// Reading alone finds out how whole a recording is.
static int pass(void *context, const void *bytes, size_t len)
{
	struct losses *losses = context;
	const struct ct_event *event;

	if (ct_decode(bytes, len, &event))
		add(&losses->unreadable, 1);
	else if (event->kind == CT_EVENT_LOST)
		add(&losses->at[event->lost.where], event->lost.events);
	return 0;
}

/// The reader tells what it passed over in the stream, like what the recorder told as lost: they
/// are counted apart, each once.
static void take_apart(struct losses *losses, uint64_t passed_over)
{
	uint64_t *decode = &losses->at[CT_LOST_DECODE];

	if (*decode != UINT64_MAX)
		*decode -= passed_over;
	add(&losses->unreadable, passed_over);
}

static uint64_t sum_of(const struct losses *losses)
{
	uint64_t sum = 0;

	for (unsigned int where = 0; where < _CT_LOST_MAX; where++)
		add(&sum, losses->at[where]);
	return sum;
}

static void put_json_losses(struct ct_json *json, const struct losses *losses)
{
	ct_json_key(json, "lost_at");
	ct_json_object_begin(json);
	for (unsigned int where = 0; where < _CT_LOST_MAX; where++)
		if (losses->at[where])
			ct_json_kv_u64(json, ct_lost_where_name(where) ?: "unknown",
				       losses->at[where]);
	ct_json_object_end(json);
}

/// As in `check`, but what the recorder did not tell is null.
static void put_json_privileges(struct ct_json *json, uint64_t privileges)
{
	ct_json_key(json, "privileges");
	if (!privileges) {
		ct_json_null(json);
		return;
	}
	ct_json_object_begin(json);
	for (unsigned int id = 0; id < _CT_PRIVILEGE_MAX; id++)
		if (privileges & CT_PRIVILEGE_KNOWN(id))
			ct_json_kv_bool(json, ct_privilege_name(id),
					privileges & CT_PRIVILEGE_HELD(id));
		else
			ct_json_kv_null(json, ct_privilege_name(id));
	ct_json_object_end(json);
}

static void put_time(struct ct_json *json, const char *key, const char *key_ns, bool known,
		     int64_t real_ns)
{
	char text[CT_TIME_RFC3339_STRLEN];

	ct_json_kv_str(json, key, known ? ct_time_rfc3339(real_ns, text) : NULL);
	if (known)
		ct_json_kv_i64(json, key_ns, real_ns);
	else
		ct_json_kv_null(json, key_ns);
}

static void put_json(struct ct_buf *buf, const char *path, const struct ct_session *session,
		     const struct ct_recording_info *info, const struct losses *losses)
{
	struct ct_json json;

	ct_json_init(&json, buf);
	ct_json_object_begin(&json);
	ct_json_kv_str(&json, "file", path);
	ct_json_kv_u64(&json, "version", info->version);
	ct_json_kv_str(&json, "tool_version", session->tool_version);
	ct_json_kv_str(&json, "host", session->host);
	ct_json_kv_str(&json, "kernel", session->kernel);
	ct_json_kv_str(&json, "machine", session->machine);
	ct_json_kv_str(&json, "boot_id", session->boot_id);
	ct_json_kv_str(&json, "command_line", session->command_line);
	put_time(&json, "began", "began_ns", true, session->real_ns);
	put_time(&json, "first", "first_ns", info->events > 0,
		 ct_session_real_ns(session, info->first_ts_ns));
	put_time(&json, "last", "last_ns", info->events > 0,
		 ct_session_real_ns(session, info->last_ts_ns));
	put_json_privileges(&json, session->privileges);
	ct_capabilities_put_json(&json, &session->capabilities);
	ct_json_kv_u64(&json, "events", info->events);
	ct_json_kv_u64(&json, "lost", sum_of(losses));
	put_json_losses(&json, losses);
	ct_json_kv_u64(&json, "unreadable", losses->unreadable);
	ct_json_kv_u64(&json, "frames", info->frames);
	ct_json_kv_u64(&json, "file_bytes", info->file_bytes);
	ct_json_kv_u64(&json, "payload_bytes", info->payload_bytes);
	ct_json_kv_u64(&json, "damaged_frames", info->damaged_frames);
	ct_json_kv_u64(&json, "cut_bytes", info->cut_bytes);
	ct_json_kv_bool(&json, "finished", info->has_index);
	ct_json_kv_bool(&json, "whole", !*info->problem);
	ct_json_kv_str(&json, "problem", *info->problem ? info->problem : NULL);
	ct_json_object_end(&json);
	ct_buf_putc(buf, '\n');
}

/// A line: what comes from the file is escaped.
__attribute__((format(printf, 3, 4))) static void put_line(struct ct_buf *buf, const char *label,
							   const char *fmt, ...)
{
	_cleanup_(ct_buf_fini) struct ct_buf value = {};
	va_list args;

	va_start(args, fmt);
	ct_buf_vprintf(&value, fmt, args);
	va_end(args);
	ct_buf_printf(buf, "%-14s", label);
	ct_text_escape(buf, value.data, value.len, ct_output_utf8());
	ct_buf_putc(buf, '\n');
}

static void put_sizes(struct ct_buf *buf, const struct ct_recording_info *info,
		      const struct losses *losses)
{
	char places[CT_LOSSES_STRLEN];

	ct_list_losses(losses->at, places, sizeof(places));
	put_line(buf, "events", "%" PRIu64, info->events);
	put_line(buf, "lost", "%" PRIu64 "%s%s%s", sum_of(losses), *places ? " (" : "", places,
		 *places ? ")" : "");
	if (losses->unreadable)
		put_line(buf, "unreadable", "%" PRIu64 " more that were recorded",
			 losses->unreadable);
	put_line(buf, "frames", "%" PRIu64, info->frames);
	if (info->events)
		put_line(buf, "size", "%" PRIu64 " bytes, %.1f an event, %" PRIu64 " unpacked",
			 info->file_bytes, (double)info->file_bytes / (double)info->events,
			 info->payload_bytes);
	else
		put_line(buf, "size", "%" PRIu64 " bytes", info->file_bytes);
}

/// What the kernel could not give; what the call did without stands in the command line.
static void put_capabilities(struct ct_buf *buf, const struct ct_capabilities *capabilities)
{
	const char *label = "not traced";

	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++) {
		const struct ct_capability *capability = &capabilities->of[i];

		if (!ct_capability_is_lessened(capability))
			continue;
		put_line(buf, label, "%s%s: %s",
			 capability->level == CT_CAPABILITY_PARTIAL ? "part of " : "",
			 ct_capability_name(i), capability->detail);
		label = "";
	}
}

static void put_text(struct ct_buf *buf, const char *path, const struct ct_session *session,
		     const struct ct_recording_info *info, const struct losses *losses)
{
	uint64_t span_ns = ct_session_span_ns(session, info->last_ts_ns);
	char time[CT_TIME_RFC3339_STRLEN];
	char duration[CT_DURATION_STRLEN];
	char privileges[CT_PRIVILEGES_STRLEN];

	put_line(buf, "file", "%s", path);
	put_line(buf, "format", "version %u", info->version);
	put_line(buf, "recorded by", "conntrace %s", session->tool_version);
	put_line(buf, "host", "%s", session->host);
	put_line(buf, "kernel", "%s %s", session->kernel, session->machine);
	put_line(buf, "boot id", "%s", session->boot_id);
	put_line(buf, "command line", "%s", session->command_line);
	put_line(buf, "began", "%s", ct_time_rfc3339(session->real_ns, time));
	put_line(buf, "span", "%s",
		 span_ns ? ct_duration_format(span_ns, ct_output_utf8(), duration) : "not known");
	put_line(buf, "privileges", "%s", ct_privileges_describe(session->privileges, privileges));
	put_capabilities(buf, &session->capabilities);
	put_sizes(buf, info, losses);
	put_line(buf, "integrity", "%s", *info->problem ? info->problem : "whole");
}

int ct_cmd_info(struct ct_options *options)
{
	_cleanup_(ct_recording_reader_free) struct ct_recording_reader *reader = NULL;
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};
	const struct ct_session *session;
	struct ct_recording_info info = {};
	struct losses losses = {};
	int r;

	ct_stop_catch();
	ct_stop_insist();
	r = ct_file_open(options, &reader);
	if (r != CT_EXIT_DONE || !reader)
		return r;
	r = ct_progress_read(options, reader, pass, &losses, &info);
	if (r == -EINTR && ct_stop_is_wanted()) {
		ct_file_tell_interrupted(options, reader);
		return CT_EXIT_DONE;
	}
	if (r) {
		ct_error("cannot read the recording '%s': %s", options->file, strerror(-r));
		return CT_EXIT_FAILED;
	}
	take_apart(&losses, info.unreadable);
	session = ct_recording_session(reader);
	if (options->output.format == CT_OUTPUT_JSON)
		put_json(&buf, options->file, session, &info, &losses);
	else
		put_text(&buf, options->file, session, &info, &losses);
	r = ct_output_write(&buf);
	if (r == CT_EXIT_DONE && *info.problem) {
		ct_error("the recording '%s' is not whole: %s", options->file, info.problem);
		return CT_EXIT_FAILED;
	}
	return r;
}
