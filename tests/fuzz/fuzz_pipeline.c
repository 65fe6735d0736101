// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Any bytes as a stream of events, through every stage and into every sink that prints. Most events
// are brought within the bounds of their layouts, so that they get behind decode; lives get to meet
// because cookies, ports and pids are few.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conntrace/cleanup.h"
#include "conntrace/decode.h"
#include "conntrace/doctor.h"
#include "conntrace/pipeline.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_list.h"
#include "conntrace/report.h"
#include "support/hostile.h"

#define EVENTS_MAX 512
#define BEGAN_NS   1000000000000ull
#define NS_PER_MS  1000000ull

/// The first byte of an input.
#define WITH_COLOR	  0x01
#define WITH_UTF8	  0x02
#define WITH_WIDE	  0x04
#define WITH_RELATIVE	  0x08
#define WITH_SMALL_TABLE  0x10
#define WITH_WILD_SESSION 0x20
#define WITH_BLINDNESS	  0x40

/// The second: how little room there is, two bits each; and what else is said of a recording.
#define PAGE_LIVES(room) ((room)&3)
#define PAGE_BYTES(room) ((room) >> 2 & 3)
#define TABLE_LESS(room) ((room) >> 4 & 3)
#define WITH_PROBLEM	 0x40
#define WITH_LITTLE_IDLE 0x80

/// The third: by what the report counts, and this.
#define WITHOUT_HEAD 0x80

/// A record that is fed as it stands there, but for its time.
#define RAW_RECORD 0x80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	const uint8_t *end;
	uint64_t now_ns;
};

/// A little-endian integer; behind the end there are zeroes.
static uint64_t take(struct input *in, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n && in->p < in->end; i++)
		value |= (uint64_t)*in->p++ << (8 * i);
	return value;
}

/// Mostly one of a few, so that it is met again; now and then any.
static uint64_t take_number(struct input *in, size_t size)
{
	uint64_t value = take(in, 1);

	if (size == 1)
		return value;
	return value < 0xf0 ? value & 15 : take(in, size);
}

static void take_fields(struct input *in, const struct ct_event_field *fields, size_t n,
			struct ct_event *event)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = take_number(in, fields[i].size);

		if (fields[i].limit)
			value = fields[i].first + value % (fields[i].limit - fields[i].first);
		ct_event_set(event, &fields[i], value);
	}
}

static void take_address(struct input *in, uint8_t family, uint8_t address[16])
{
	uint8_t b = (uint8_t)take(in, 1);

	memset(address, 0, 16);
	if (family == AF_INET) {
		address[0] = 10;
		address[3] = b & 3;
		return;
	}
	if (b & 0x80) /* v4-mapped */
		memset(address + 10, 0xff, 2);
	address[b & 0x80 ? 12 : 0] = b & 0x40 ? 0xfe : 10;
	address[15] = b & 3;
}

/// Forwards as a rule, by seconds now and then; a little backwards, as between CPUs; anywhere. No
/// clock comes near 2^63: a duration that is longer went below 0.
static uint64_t take_time(struct input *in)
{
	uint64_t b = take(in, 1), back_ns = (b & 0x1f) * 1000;

	if (b < 0x80)
		in->now_ns += b * NS_PER_MS;
	else if (b < 0xa0)
		in->now_ns -= back_ns < in->now_ns ? back_ns : in->now_ns;
	else if (b < 0xf0)
		in->now_ns += (b & 0x3f) * 1000 * NS_PER_MS;
	else
		in->now_ns = take(in, 8) >> 2;
	return in->now_ns;
}

static void take_event(struct input *in, struct ct_event *ret)
{
	static const uint8_t families[] = {AF_INET, AF_INET6, AF_INET, 0};
	const struct ct_event_field *core;
	const struct ct_event_layout *layout;
	uint8_t kind = (uint8_t)(1 + take(in, 1) % (_CT_EVENT_MAX - 1));
	size_t n_core;

	memset(ret, 0, sizeof(*ret));
	core = ct_event_core_fields(&n_core);
	take_fields(in, core, n_core, ret);
	ret->kind = kind;
	ret->ts_ns = take_time(in);
	ret->family = families[ret->family % 4];
	ret->generation = ret->generation % 16 >= 12 ? CT_GENERATION_ANY : ret->generation % 2;
	take_address(in, ret->family, ret->laddr);
	take_address(in, ret->family, ret->raddr);
	if (kind == CT_EVENT_STATE && !ret->state)
		ret->state = CT_STATE_CLOSE;
	layout = ct_event_layout(kind);
	take_fields(in, layout->fields, layout->n_fields, ret);
}

/// In memory of exactly its length.
static int feed(struct ct_pipeline *pipeline, const void *record, size_t len)
{
	_cleanup_(ct_freep) void *bytes = malloc(len ? len : 1);

	if (!bytes)
		abort();
	memcpy(bytes, record, len);
	return ct_pipeline_feed(pipeline, bytes, len);
}

static int feed_next(struct input *in, struct ct_pipeline *pipeline)
{
	const struct ct_event *decoded;
	struct ct_event event;
	size_t len;

	if (*in->p & RAW_RECORD) {
		len = take(in, 1) % (sizeof(event) + 1);
		if (len > (size_t)(in->end - in->p))
			len = (size_t)(in->end - in->p);
		memset(&event, 0, sizeof(event));
		memcpy(&event, in->p, len);
		event.ts_ns &= INT64_MAX;
		in->p += len;
		return feed(pipeline, &event, len);
	}
	take_event(in, &event);
	len = ct_event_layout(event.kind)->size;
	if (ct_decode(&event, len, &decoded))
		abort();
	return feed(pipeline, &event, len);
}

static void feed_all(struct input *in, struct ct_pipeline *pipeline)
{
	struct ct_event end = {.kind = CT_EVENT_END, .generation = CT_GENERATION_ANY};
	int r = 0;

	for (size_t n = 0; n < EVENTS_MAX && in->p < in->end && r == 0; n++)
		r = feed_next(in, pipeline);
	if (r == 0) {
		end.ts_ns = in->now_ns;
		r = feed(pipeline, &end, CT_EVENT_CORE_SIZE);
	}
	if ((r && r != CT_PIPELINE_STOP) || ct_pipeline_finish(pipeline))
		abort();
}

/// What a sink has printed.
struct printed {
	FILE *file;
	char *text;
	size_t len;
};

enum { JSON, CSV, TABLE, LIST, FINDINGS, REPORT, PAGE, SINKS };

static void check_durations(const json_t *value)
{
	static const char *const keys[] = {"in_state_ns", "for_ns", "duration_ns"};
	const json_t *element;
	const char *key;
	size_t i;

	json_array_foreach(value, i, element) check_durations(element);
	/* not a loop of jansson's: that takes no const */
	for (void *at = json_object_iter((json_t *)value); at;
	     at = json_object_iter_next((json_t *)value, at)) {
		key = json_object_iter_key(at);
		element = json_object_iter_value(at);
		check_durations(element);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (strcmp(key, keys[k]) == 0 && json_is_number(element) &&
			    json_number_value(element) >= 0x1p63) /* it went below 0 */
				abort();
	}
}

static void check_json(const struct printed *printed)
{
	const char *line = printed->text, *end;

	if (hostile_find(printed->text, printed->len, true, ""))
		abort();
	for (; (end = memchr(line, '\n', printed->len - (size_t)(line - printed->text)));
	     line = end + 1) {
		/* counters may be beyond the integers that jansson has */
		json_t *json = json_loadb(line, (size_t)(end - line), JSON_DECODE_INT_AS_REAL,
					  NULL);

		if (!json_is_object(json) || !json_is_string(json_object_get(json, "event")))
			abort();
		check_durations(json);
		json_decref(json);
	}
	if (line != printed->text + printed->len)
		abort();
}

static void check_csv(const struct printed *printed)
{
	size_t columns = 0, wanted = 0;
	bool quoted = false;

	if (hostile_find(printed->text, printed->len, true, "\r"))
		abort();
	for (size_t i = 0; i < printed->len; i++) {
		char c = printed->text[i];

		quoted ^= c == '"';
		columns += c == ',' && !quoted;
		if (c != '\n')
			continue;
		if (quoted || printed->text[i - 1] != '\r' || (wanted && columns != wanted))
			abort();
		wanted = columns;
		columns = 0;
	}
}

/// All lives that there is room for, and no more. DATA: what LIVES was read from, up to END.
static void check_room(const json_t *page, const char *data, const char *end,
		       const struct ct_output_options *options)
{
	static const char begins[] = "\"lives\":[";
	const json_t *lives = json_object_get(page, "lives");
	const char *begin = strstr(data, begins), *last = memrchr(data, ']', (size_t)(end - data));
	const json_t *all = json_object_get(json_object_get(page, "totals"), "lives");
	size_t n = json_array_size(lives), wanted = (size_t)json_number_value(all), bytes;

	if (options->page_lives && options->page_lives < wanted)
		wanted = options->page_lives;
	if (!json_is_array(lives) || !json_is_number(all) || !begin || !last || n > wanted ||
	    (n < wanted && !options->page_bytes))
		abort();
	/* a newline before each, and commas between them */
	bytes = (size_t)(last - begin) - strlen(begins) - (n ? 2 * n - 1 : 0);
	if (options->page_bytes && bytes > options->page_bytes)
		abort();
}

/// The data stand in one block, which nothing in them ends.
static void check_page(const struct printed *printed, const struct ct_output_options *options)
{
	static const char begins[] = "<script type=\"application/json\" id=\"data\">";
	const char *data = strstr(printed->text, begins), *end;
	json_t *json;

	if (!data || strlen(printed->text) != printed->len ||
	    hostile_find(printed->text, printed->len, true, "\t"))
		abort();
	data += strlen(begins);
	end = data + strcspn(data, "<>&");
	if (strncmp(end, "</script>\n<script>", 18) != 0)
		abort();
	json = json_loadb(data, (size_t)(end - data), JSON_DECODE_INT_AS_REAL, NULL);
	check_room(json, data, end, options);
	json_decref(json);
}

/// Colours are all that may act on a terminal, and only if they were asked for.
static void check_text(struct printed *printed, const struct ct_output_options *options)
{
	char *to = printed->text;

	if (strlen(printed->text) != printed->len)
		abort();
	for (const char *from = printed->text; *from; from++) {
		size_t colour = 0;

		if (options->color && from[0] == '\033' && from[1] == '[')
			colour = 2 + strspn(from + 2, "0123456789;");
		if (colour && from[colour] == 'm')
			from += colour;
		else
			*to++ = *from;
	}
	if (hostile_find(printed->text, (size_t)(to - printed->text), options->utf8, ""))
		abort();
}

/// Its maker, and the format that it has whatever was chosen.
static const struct {
	int (*make)(const struct ct_output_options *options, const struct ct_session *session,
		    FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field);
	enum ct_output_format format; /// CT_OUTPUT_TABLE: what was chosen
} sinks[SINKS] = {
	[JSON] = {ct_sink_output_new, CT_OUTPUT_JSON},
	[CSV] = {ct_sink_output_new, CT_OUTPUT_CSV},
	[TABLE] = {ct_sink_output_new, CT_OUTPUT_TABLE},
	[LIST] = {ct_sink_list_new, CT_OUTPUT_TABLE},
	[FINDINGS] = {ct_sink_doctor_new, CT_OUTPUT_JSON},
	[REPORT] = {ct_sink_report_new, CT_OUTPUT_TABLE},
	[PAGE] = {ct_sink_html_new, CT_OUTPUT_TABLE},
};

static void add_sinks(struct ct_pipeline *pipeline, const struct ct_session *session,
		      const struct ct_output_options *options, struct printed printed[SINKS])
{
	struct ct_sink *sink = NULL;

	for (int i = 0; i < SINKS; i++) {
		struct ct_output_options own = *options;

		printed[i].file = open_memstream(&printed[i].text, &printed[i].len);
		if (!printed[i].file)
			abort();
		if (sinks[i].format != CT_OUTPUT_TABLE)
			own.format = sinks[i].format;
		if (sinks[i].make(&own, session, printed[i].file, &sink, NULL) ||
		    ct_pipeline_add_sink(pipeline, sink))
			abort();
	}
}

static void check_sinks(const struct ct_output_options *options, struct printed printed[SINKS])
{
	for (int i = 0; i < SINKS; i++)
		fclose(printed[i].file);
	check_json(&printed[JSON]);
	check_json(&printed[FINDINGS]);
	check_csv(&printed[CSV]);
	check_text(&printed[TABLE], options);
	check_text(&printed[LIST], options);
	check_text(&printed[REPORT], options);
	check_page(&printed[PAGE], options);
	for (int i = 0; i < SINKS; i++)
		free(printed[i].text);
}

/// One condition of those that hold back.
static void take_select(struct input *in, struct ct_select *ret)
{
	static struct ct_port_range port = {.first = 3, .last = 5};
	static uint32_t pid = 3;
	static char *comm = "*[a-z]*";

	switch (take(in, 1) % 8) {
	case 1:
		ret->lports = (struct ct_port_list){.ranges = &port, .n = 1};
		break;
	case 2:
		ret->pids = (struct ct_u32_list){.values = &pid, .n = 1};
		ret->follow = true;
		break;
	case 3:
		ret->comms = &comm;
		ret->n_comms = 1;
		break;
	case 4:
		ret->states = 1u << CT_STATE_ESTABLISHED;
		break;
	case 5:
		ret->flags = 1u << CT_FLAG_RST_SENT | 1u << CT_FLAG_GAP;
		break;
	case 6:
		ret->ipv6 = true;
		ret->roles = 1u << CT_ROLE_PASSIVE;
		break;
	case 7:
		ret->min_age_ns = 1000 * NS_PER_MS;
		break;
	default:
		break;
	}
}

/// How it is printed, by the first three bytes, and how many connections are known at most.
static size_t take_options(struct input *in, uint64_t with, struct ct_output_options *ret)
{
	static const uint64_t page_bytes[] = {0, 1, 800, 4000};
	uint64_t room = take(in, 1), by = take(in, 1);

	*ret = (struct ct_output_options){
		.format = with & WITH_WIDE ? CT_OUTPUT_WIDE : CT_OUTPUT_TABLE,
		.time = with & WITH_RELATIVE ? CT_TIME_RELATIVE : CT_TIME_CLOCK,
		.utc = true,
		.color = with & WITH_COLOR,
		.utf8 = with & WITH_UTF8,
		.headless = by & WITHOUT_HEAD,
		.idle_ns = room & WITH_LITTLE_IDLE ? 1 : 0,
		.by = by % _CT_REPORT_BY_MAX,
		.page_lives = PAGE_LIVES(room),
		.page_bytes = page_bytes[PAGE_BYTES(room)],
		.problem = room & WITH_PROBLEM ? "it was cut" : NULL,
	};
	return with & WITH_SMALL_TABLE ? 4 - TABLE_LESS(room) : 64;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ct_pipeline_free) struct ct_pipeline *pipeline = NULL;
	struct input in = {.p = data, .end = data + size, .now_ns = BEGAN_NS};
	struct ct_session session = {.mono_ns = BEGAN_NS, .real_ns = 1700000000000000000};
	struct ct_select select = {};
	struct ct_pipeline_config config = {.select = &select,
					    .capabilities = &session.capabilities};
	struct ct_output_options options;
	struct printed printed[SINKS] = {};
	uint64_t with = take(&in, 1), limit;

	config.max_conns = take_options(&in, with, &options);
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++)
		session.capabilities.of[i].level = with & WITH_BLINDNESS
							   ? take(&in, 1) % _CT_CAPABILITY_LEVEL_MAX
							   : CT_CAPABILITY_FULL;
	if (with & WITH_WILD_SESSION) {
		session.mono_ns = take(&in, 8);
		session.real_ns = (int64_t)take(&in, 8);
		for (size_t i = 0; i < CT_COMM_LEN; i++)
			session.host[i] = session.command_line[i] = (char)take(&in, 1);
	}
	take_select(&in, &select);
	limit = take(&in, 1);
	config.max_updates = limit < 0xc0 ? 0 : limit & 0x3f;
	if (ct_pipeline_new(&config, &pipeline))
		abort();
	add_sinks(pipeline, &session, &options, printed);
	feed_all(&in, pipeline);
	ct_pipeline_free(&pipeline);
	check_sinks(&options, printed);
	return 0;
}
