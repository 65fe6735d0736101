// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table: a line an update, columns aligned, for the eye. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "conntrace/addr.h"
#include "conntrace/cleanup.h"
#include "conntrace/names.h"
#include "conntrace/sink_fit.h"
#include "conntrace/sink_formats.h"
#include "conntrace/sink_out.h"
#include "conntrace/sink_words.h"

/// What a line is made of.
struct line {
	const struct ct_output_options *options;
	const struct ct_session *session;
	const struct ct_update *update;
	const struct ct_conn_id *id; /// the update's; an empty one if it is not about a connection
	bool is_listed;		     /// there is nothing but what was found
};

struct column {
	const char *name;
	void (*put)(const struct line *line, struct ct_buf *cell); /// appends the cell's text
	uint8_t width;
	uint8_t wide_width; /// in CT_OUTPUT_WIDE; 0: as otherwise
	bool only_wide;
	bool only_listed; /// of what was found, where there is nothing else
	bool right;	  /// aligned to the right
	bool is_cut;	  /// what does not fit is left out
	bool is_styled;	  /// looks as the event's kind does
	bool is_address;  /// grows with the longest IPv6 address, on lines of IPv6 alone
	bool is_rare;	  /// mostly empty: what is longer pushes the rest of its line on
	bool is_event;	  /// as wide as the longest transition
	bool begins;	  /// a group: where the screen is narrow, another line
};

struct table_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	struct ct_buf cell; /// of one cell, before it is padded
	const struct ct_session *session;
	struct ct_output_options options;
	uint32_t kinds;
	size_t n_columns;
	const struct column *columns[CT_FIT_COLUMNS_MAX];
	uint8_t v6_widths[CT_FIT_COLUMNS_MAX]; /// longest IPv6 address so far
	size_t event_width;		       /// of the longest transition
	struct ct_fit fit;		       /// of a list on a screen
	bool is_headed;
};

static void put_time(const struct line *line, struct ct_buf *cell)
{
	ct_words_time(line->options, line->session, cell, line->update->ts_ns);
}

static void put_state(const struct line *line, struct ct_buf *cell)
{
	ct_words_put(cell, ct_state_name(line->update->found.state));
}

static void put_age(const struct line *line, struct ct_buf *cell)
{
	ct_words_found_age(line->options, cell, line->update);
}

static void put_timer(const struct line *line, struct ct_buf *cell)
{
	ct_words_found_timer(line->options, cell, line->update);
}

static void put_flags(const struct line *line, struct ct_buf *cell)
{
	ct_words_found_flags(line->options, cell, line->update);
}

static void put_recvq(const struct line *line, struct ct_buf *cell)
{
	ct_words_found_recvq(cell, line->update);
}

static void put_sendq(const struct line *line, struct ct_buf *cell)
{
	ct_words_found_sendq(cell, line->update);
}

static void put_pid(const struct line *line, struct ct_buf *cell)
{
	ct_words_pid(cell, line->id);
}

static void put_comm(const struct line *line, struct ct_buf *cell)
{
	ct_words_comm(line->options, cell, line->id);
}

static void put_address(struct ct_buf *cell, const struct ct_conn_id *id, const uint8_t addr[16])
{
	char text[CT_ADDR_STRLEN];

	if (id->family == AF_INET || id->family == AF_INET6)
		ct_buf_puts(cell, ct_addr_format(id->family, addr, text));
	else
		ct_words_put(cell, NULL);
}

static void put_number(struct ct_buf *cell, uint64_t number)
{
	if (number)
		ct_buf_u64(cell, number);
	else
		ct_words_put(cell, NULL);
}

static void put_laddr(const struct line *line, struct ct_buf *cell)
{
	put_address(cell, line->id, line->id->laddr);
}

static void put_lport(const struct line *line, struct ct_buf *cell)
{
	put_number(cell, line->id->lport);
}

static void put_raddr(const struct line *line, struct ct_buf *cell)
{
	if (line->id->role == CT_ROLE_LISTENER)
		ct_words_put(cell, NULL);
	else
		put_address(cell, line->id, line->id->raddr);
}

static void put_rport(const struct line *line, struct ct_buf *cell)
{
	put_number(cell, line->id->role == CT_ROLE_LISTENER ? 0 : line->id->rport);
}

static void put_conn(const struct line *line, struct ct_buf *cell)
{
	ct_words_conn(cell, line->id);
}

static void put_netns(const struct line *line, struct ct_buf *cell)
{
	put_number(cell, line->id->netns);
}

static void put_uid(const struct line *line, struct ct_buf *cell)
{
	if (line->id->uid_known)
		ct_buf_u64(cell, line->id->uid);
	else
		ct_words_put(cell, NULL);
}

static void put_role(const struct line *line, struct ct_buf *cell)
{
	ct_words_put(cell, ct_role_name(line->id->role));
}

static void put_owner(const struct line *line, struct ct_buf *cell)
{
	ct_words_put(cell,
		     line->id->owner == CT_OWNER_UNKNOWN ? NULL : ct_owner_name(line->id->owner));
}

static const struct {
	const char *text;
	uint8_t style; /// enum ct_style
} events[_CT_UPDATE_MAX] = {
	[CT_UPDATE_FOUND] = {"FOUND", CT_STYLE_CALM},
	[CT_UPDATE_RETRANSMIT] = {"RETRANSMIT", CT_STYLE_NOTE},
	[CT_UPDATE_RESET] = {"RST", CT_STYLE_BAD},
	[CT_UPDATE_PROBE] = {"KEEPALIVE", CT_STYLE_NOTE},
	[CT_UPDATE_ERROR] = {"ERROR", CT_STYLE_BAD},
	[CT_UPDATE_FLAG] = {"FLAG", CT_STYLE_NOTE},
	[CT_UPDATE_CLOSE] = {"CLOSED", CT_STYLE_CALM},
	[CT_UPDATE_LOST] = {"LOST", CT_STYLE_BAD},
};

static void put_event(const struct line *line, struct ct_buf *cell)
{
	const struct ct_update *u = line->update;

	if (u->kind == CT_UPDATE_STATE) {
		ct_words_put(cell, ct_state_name(u->state.from));
		ct_buf_puts(cell, ct_words_arrow(line->options));
		ct_words_put(cell, ct_state_name(u->state.to));
	} else if (u->kind == CT_UPDATE_PROBE && u->probe.type == CT_PROBE_WINDOW) {
		ct_buf_puts(cell, "ZERO-WINDOW PROBE");
	} else if (u->kind == CT_UPDATE_CLOSE && u->conn->closed_ns == CT_NS_UNKNOWN) {
		ct_buf_puts(cell, "OPEN");
	} else {
		ct_buf_puts(cell, events[u->kind].text);
	}
}

static void put_detail(const struct line *line, struct ct_buf *cell)
{
	if (line->is_listed)
		ct_words_found(line->options, cell, line->update);
	else
		ct_words_detail(line->options, cell, line->update);
}

/* Together they take 105 columns and leave 15 to DETAIL: "12.3 ms close()"; in ASCII, where the
 * arrow is longer, 14. */
static const struct column columns[] = {
	{.name = "TIME", .put = put_time, .width = 15, .right = true},
	{.name = "STATE", .put = put_state, .width = 11, .only_listed = true},
	{.name = "AGE", .put = put_age, .width = 8, .only_listed = true, .right = true},
	{.name = "TIMER", .put = put_timer, .width = 16, .only_listed = true},
	{.name = "PID", .put = put_pid, .width = 8, .right = true},
	{.name = "COMM", .put = put_comm, .width = 10, .wide_width = 15, .is_cut = true},
	{.name = "LADDR", .put = put_laddr, .width = 15, .is_address = true, .begins = true},
	{.name = "LPORT", .put = put_lport, .width = 5, .right = true},
	{.name = "RADDR", .put = put_raddr, .width = 15, .is_address = true},
	{.name = "RPORT", .put = put_rport, .width = 5, .right = true},
	{.name = "CONN", .put = put_conn, .width = 8, .only_wide = true, .begins = true},
	{.name = "NETNS", .put = put_netns, .width = 10, .only_wide = true, .right = true},
	{.name = "UID", .put = put_uid, .width = 5, .only_wide = true, .right = true},
	{.name = "ROLE", .put = put_role, .width = 8, .only_wide = true},
	{.name = "OWNER", .put = put_owner, .width = 9, .only_wide = true, .begins = true},
	{.name = "RECVQ", .put = put_recvq, .width = 6, .only_listed = true, .right = true},
	{.name = "SENDQ", .put = put_sendq, .width = 6, .only_listed = true, .right = true},
	{.name = "FLAGS", .put = put_flags, .width = 5, .only_listed = true, .is_rare = true},
	{.name = "EVENT", .put = put_event, .is_event = true, .is_styled = true},
	{.name = "DETAIL", .put = put_detail},
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

_Static_assert(N_COLUMNS <= CT_FIT_COLUMNS_MAX, "room for every column");

static bool has_column(uint32_t kinds, const struct column *column)
{
	return !column->only_listed || kinds == CT_KIND(FOUND);
}

void ct_sink_table_put_columns(struct ct_buf *buf, uint32_t kinds)
{
	const char *before = "";

	for (size_t i = 0; i < N_COLUMNS; i++) {
		if (!has_column(kinds, &columns[i]))
			continue;
		ct_buf_printf(buf, "%s%s", before, columns[i].name);
		before = ", ";
	}
}

static bool is_listing(const struct table_sink *s)
{
	return s->kinds == CT_KIND(FOUND);
}

static size_t nominal_width(const struct table_sink *s, const struct column *column)
{
	return s->options.format == CT_OUTPUT_WIDE && column->wide_width ? column->wide_width
									 : column->width;
}

/// What the column takes of the line, if the text in it is so wide.
static size_t width_of(struct table_sink *s, size_t index, size_t text, bool is_v6)
{
	const struct column *column = s->columns[index];
	size_t width = nominal_width(s, column);

	if (s->fit.screen)
		return s->fit.widths[index];
	if (column->is_event)
		return s->event_width;
	if (!column->is_address || !is_v6)
		return width;
	if (text > s->v6_widths[index])
		s->v6_widths[index] = (uint8_t)text;
	return s->v6_widths[index] > width ? s->v6_widths[index] : width;
}

/// Puts the text in s->cell into its column of the line.
static void put_cell(struct table_sink *s, size_t index, enum ct_style style, bool is_v6)
{
	const struct column *column = s->columns[index];
	struct ct_buf *line = &s->out.buf;
	size_t text = ct_words_width(s->cell.data, s->cell.len);
	size_t width = width_of(s, index, text, is_v6);

	if (column->is_cut && text > width) {
		ct_fit_cut(&s->cell, width, s->options.utf8);
		text = width;
	}
	ct_fit_put_gap(&s->fit, line, index, s->cell.data, text);
	if (column->right && width > text)
		ct_buf_fill(line, ' ', width - text);
	ct_words_begin(&s->options, line, style);
	if (s->fit.screen && index + 1 == s->n_columns)
		ct_words_wrap(line, s->cell.data, s->fit.at, s->fit.screen);
	else
		ct_buf_append(line, s->cell.data, s->cell.len);
	ct_words_end(&s->options, line, style);
	if (!column->right && width > text && !ct_fit_ends_line(&s->fit, index))
		ct_buf_fill(line, ' ', width - text);
}

static void put_header(struct table_sink *s)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		ct_buf_reset(&s->cell);
		ct_buf_puts(&s->cell, s->columns[i]->name);
		put_cell(s, i, CT_STYLE_HEAD, false);
	}
	ct_buf_putc(&s->out.buf, '\n');
}

static struct line line_of(const struct table_sink *s, const struct ct_update *update)
{
	static const struct ct_conn_id no_id;

	return (struct line){
		.options = &s->options,
		.session = s->session,
		.update = update,
		.id = update->has_id ? &update->id : &no_id,
		.is_listed = is_listing(s),
	};
}

/// The cell's text into s->cell.
static void make_cell(struct table_sink *s, size_t index, const struct line *line)
{
	ct_buf_reset(&s->cell);
	s->columns[index]->put(line, &s->cell);
}

void ct_sink_table_fit(struct ct_sink *sink, const struct ct_update *update)
{
	struct table_sink *s = (struct table_sink *)sink;
	struct line line = line_of(s, update);

	for (size_t i = 0; i < s->n_columns && s->fit.screen; i++) {
		make_cell(s, i, &line);
		ct_fit_widen(&s->fit, i, ct_words_width(s->cell.data, s->cell.len));
	}
}

/// Above the first line, when it is known how wide they are.
static void head(struct table_sink *s)
{
	if (s->is_headed)
		return;
	s->is_headed = true;
	ct_fit_lay_out(&s->fit);
	put_header(s);
}

static int table_update(struct ct_sink *sink, const struct ct_update *update)
{
	struct table_sink *s = (struct table_sink *)sink;
	struct line line = line_of(s, update);

	if (update->kind == CT_UPDATE_SILENT || !(s->kinds & (1U << update->kind)))
		return 0;
	head(s);
	for (size_t i = 0; i < s->n_columns; i++) {
		make_cell(s, i, &line);
		if (s->cell.error)
			return s->cell.error;
		put_cell(s, i,
			 s->columns[i]->is_styled ? events[update->kind].style : CT_STYLE_PLAIN,
			 line.id->family == AF_INET6);
	}
	ct_fit_end_line(&s->fit, &s->out.buf);
	return ct_sink_out_commit(&s->out);
}

static int table_flush(struct ct_sink *sink)
{
	return ct_sink_out_flush(&((struct table_sink *)sink)->out);
}

static int table_finish(struct ct_sink *sink)
{
	head((struct table_sink *)sink);
	return table_flush(sink);
}

static void table_free(struct ct_sink *sink)
{
	struct table_sink *s = (struct table_sink *)sink;

	ct_sink_out_fini(&s->out);
	ct_buf_fini(&s->cell);
	free(s);
}

static const struct ct_sink_ops table_ops = {
	.name = "table",
	.update = table_update,
	.flush = table_flush,
	.finish = table_finish,
	.free = table_free,
};

static size_t find_column(const struct table_sink *s, const char *word, size_t n)
{
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (has_column(s->kinds, &columns[i]) && strlen(columns[i].name) == n &&
		    strncasecmp(columns[i].name, word, n) == 0)
			return i;
	return N_COLUMNS;
}

/// 1 << index of each column that the list names, in any case of letters.
static int parse_fields(const struct table_sink *s, const char *list, uint32_t *ret_chosen,
			const char **ret_bad_field)
{
	const char *word = list;
	uint32_t chosen = 0;

	for (;;) {
		size_t n = strcspn(word, ",");
		size_t column = find_column(s, word, n);

		if (column == N_COLUMNS) {
			if (ret_bad_field)
				*ret_bad_field = word;
			return -EINVAL;
		}
		chosen |= 1U << column;
		if (!word[n])
			break;
		word += n + 1;
	}
	*ret_chosen = chosen;
	return 0;
}

static int choose_columns(struct table_sink *s, const char **ret_bad_field)
{
	uint32_t chosen = 0;
	int r;

	for (size_t i = 0; i < N_COLUMNS; i++)
		if (!columns[i].only_listed &&
		    (!columns[i].only_wide || s->options.format == CT_OUTPUT_WIDE))
			chosen |= 1U << i;
	if (s->options.fields) {
		r = parse_fields(s, s->options.fields, &chosen, ret_bad_field);
		if (r)
			return r;
	}
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (chosen & (1U << i))
			s->columns[s->n_columns++] = &columns[i];
	return 0;
}

/// What is listed is all known before the first line.
static void begin_fit(struct table_sink *s)
{
	s->fit.n = s->n_columns;
	s->fit.screen = is_listing(s) ? s->options.width : 0;
	for (size_t i = 0; i < s->n_columns; i++) {
		s->fit.groups |= (uint32_t)s->columns[i]->begins << i;
		if (s->columns[i]->is_cut || s->columns[i]->is_rare)
			s->fit.most[i] = nominal_width(s, s->columns[i]);
		ct_fit_widen(&s->fit, i, strlen(s->columns[i]->name));
	}
}

int ct_sink_table_new(const struct ct_output_options *options, const struct ct_session *session,
		      FILE *out, uint32_t kinds, struct ct_sink **ret_sink,
		      const char **ret_bad_field)
{
	_cleanup_(ct_freep) struct table_sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->kinds = kinds;
	s->event_width = ct_fit_transition_width(options);
	r = choose_columns(s, ret_bad_field);
	if (r)
		return r;
	s->sink.ops = &table_ops;
	s->session = session;
	ct_sink_out_init(&s->out, out);
	begin_fit(s);
	s->is_headed = options->headless;
	if (!s->fit.screen)
		head(s);
	*ret_sink = &CT_TAKE_PTR(s)->sink;
	return 0;
}
