// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Values for the page, and the way into it. */
#include <string.h>

#include "conntrace/text.h"
#include "html.h"

void ct_html_json_init(struct ct_html_json *w)
{
	*w = (struct ct_html_json){};
	ct_json_init(&w->json, &w->buf);
}

void ct_html_json_fini(struct ct_html_json *w)
{
	ct_buf_fini(&w->buf);
	ct_buf_fini(&w->words);
}

void ct_html_words(struct ct_html_json *w)
{
	if (w->words.error && !w->buf.error)
		w->buf.error = w->words.error;
	ct_json_str(&w->json, w->words.data, w->words.len);
	ct_buf_reset(&w->words);
}

void ct_html_text(struct ct_html_json *w, const char *text, size_t n)
{
	ct_text_escape(&w->words, text, n, true);
	ct_html_words(w);
}

void ct_html_kv_text(struct ct_html_json *w, const char *key, const char *text)
{
	ct_json_key(&w->json, key);
	if (text && *text)
		ct_html_text(w, text, strlen(text));
	else
		ct_json_null(&w->json);
}

void ct_html_time(struct ct_html_json *w, const struct ct_session *session, uint64_t ts_ns)
{
	if (ts_ns == CT_NS_UNKNOWN)
		ct_json_null(&w->json);
	else
		ct_json_i64(&w->json, (int64_t)(ts_ns - session->mono_ns));
}

void ct_html_ns(struct ct_html_json *w, uint64_t ns)
{
	if (ns == CT_NS_UNKNOWN)
		ct_json_null(&w->json);
	else
		ct_json_u64(&w->json, ns);
}

static const char *escape_of(char c)
{
	switch (c) {
	case '<':
		return "\\u003c";
	case '>':
		return "\\u003e";
	default:
		return "\\u0026";
	}
}

int ct_html_json_move(struct ct_html_json *w, struct ct_buf *to)
{
	const char *from = w->buf.data, *end = from + w->buf.len;

	if (w->buf.error)
		return w->buf.error;
	while (from < end) {
		size_t plain = strcspn(from, "<>&"); /* JSON has no NUL */

		ct_buf_append(to, from, plain);
		from += plain;
		if (from < end)
			ct_buf_puts(to, escape_of(*from++));
	}
	ct_buf_reset(&w->buf);
	return to->error;
}
