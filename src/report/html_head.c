// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the page says before its connections. */
#include <string.h>

#include "conntrace/addr.h"
#include "conntrace/capability.h"
#include "conntrace/names.h"
#include "conntrace/sink_words.h"
#include "html.h"
#include "report_text.h"

#define NS_PER_US 1000

static void put_session(struct ct_html_json *w, const struct ct_html_context *context)
{
	const struct ct_session *session = context->session;
	const char *time = context->options->utc ? "utc" : "local";

	if (context->options->time == CT_TIME_RELATIVE)
		time = "relative";
	ct_json_key(&w->json, "session");
	ct_json_object_begin(&w->json);
	ct_html_kv_text(w, "host", session->host);
	ct_html_kv_text(w, "kernel", session->kernel);
	ct_html_kv_text(w, "machine", session->machine);
	ct_html_kv_text(w, "command", session->command_line);
	ct_html_kv_text(w, "version", session->tool_version);
	ct_json_kv_i64(&w->json, "began_us", session->real_ns / NS_PER_US);
	ct_json_kv_str(&w->json, "time", time);
	ct_json_object_end(&w->json);
}

static void put_totals(struct ct_html_json *w, const struct ct_html_context *context,
		       const struct ct_html_totals *totals, const struct ct_diagnosis *diagnosis)
{
	const struct ct_diagnosis_totals *seen = ct_diagnosis_totals(diagnosis);

	ct_json_key(&w->json, "totals");
	ct_json_object_begin(&w->json);
	ct_json_kv_u64(&w->json, "connections", totals->connections);
	ct_json_kv_u64(&w->json, "lives", totals->lives);
	ct_json_kv_u64(&w->json, "flagged", totals->flagged);
	ct_json_kv_u64(&w->json, "listeners", totals->listeners);
	ct_json_kv_u64(&w->json, "gaps", totals->gaps);
	ct_json_kv_u64(&w->json, "unkept", totals->unkept);
	ct_json_kv_u64(&w->json, "unclaimed", totals->unclaimed);
	ct_json_kv_u64(&w->json, "observed_ns", seen->observed_ns);
	ct_json_object_end(&w->json);
	ct_html_kv_text(w, "problem", context->options->problem);
	ct_report_strays(&w->words, totals->strays);
	ct_json_key(&w->json, "strays"); /* a sentence, or none */
	ct_html_words(w);
}

static void put_losses(struct ct_html_json *w, const struct ct_html_context *context,
		       const struct ct_html_totals *totals)
{
	ct_json_key(&w->json, "lost");
	ct_json_array_begin(&w->json);
	for (unsigned int where = 0; where < _CT_LOST_MAX; where++) {
		if (!totals->lost[where])
			continue;
		ct_json_array_begin(&w->json);
		ct_buf_puts(&w->words, ct_words_lost_where(where));
		ct_html_words(w);
		ct_json_u64(&w->json, totals->lost[where]);
		ct_json_array_end(&w->json);
	}
	ct_json_array_end(&w->json);
	ct_json_key(&w->json, "losses");
	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < totals->n_losses; i++) {
		ct_json_array_begin(&w->json);
		ct_html_time(w, context->session, totals->losses[i].at_ns);
		ct_json_u64(&w->json, totals->losses[i].events);
		ct_buf_puts(&w->words, ct_words_lost_where(totals->losses[i].where));
		ct_html_words(w);
		ct_json_array_end(&w->json);
	}
	ct_json_array_end(&w->json);
}

/// Whose silence means nothing: [level, what, why].
static void put_not_traced(struct ct_html_json *w, const struct ct_capabilities *capabilities)
{
	ct_json_key(&w->json, "not_traced");
	ct_json_array_begin(&w->json);
	for (unsigned int i = 0; i < _CT_CAPABILITY_MAX; i++) {
		const struct ct_capability *capability = &capabilities->of[i];

		if (!ct_capability_is_lessened(capability))
			continue;
		ct_json_array_begin(&w->json);
		ct_buf_puts(&w->words, ct_capability_level_name(capability->level));
		ct_html_words(w);
		ct_buf_puts(&w->words, ct_capability_name(i));
		ct_html_words(w);
		ct_html_text(w, capability->detail, strlen(capability->detail));
		ct_json_array_end(&w->json);
	}
	ct_json_array_end(&w->json);
}

static void put_end(struct ct_html_json *w, const char *address_key, const char *port_key,
		    uint8_t family, const uint8_t address[16], uint16_t port)
{
	char text[CT_ADDR_STRLEN];

	ct_json_kv_str(&w->json, address_key, ct_addr_format(family, address, text));
	if (port)
		ct_json_kv_u64(&w->json, port_key, port);
	else
		ct_json_kv_null(&w->json, port_key);
}

static void put_examples(struct ct_html_json *w, const struct ct_finding *finding)
{
	char text[CT_VALUE_TEXT_LEN];

	ct_json_key(&w->json, "examples");
	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < finding->n_examples; i++) {
		const struct ct_conn_id *id = &finding->examples[i];

		ct_json_object_begin(&w->json);
		ct_json_kv_str(&w->json, "conn", id->cookie ? ct_field_conn_text(id, text) : NULL);
		put_end(w, "laddr", "lport", id->family, id->laddr, id->lport);
		put_end(w, "raddr", "rport", id->family, id->raddr, id->rport);
		ct_json_object_end(&w->json);
	}
	ct_json_array_end(&w->json);
}

static void put_processes(struct ct_html_json *w, const struct ct_output_options *options,
			  const struct ct_finding *finding)
{
	ct_json_key(&w->json, "processes");
	ct_json_array_begin(&w->json);
	for (size_t i = 0; ct_finding_put_process(options, &w->words, finding, i); i++)
		ct_html_words(w);
	ct_json_array_end(&w->json);
}

static void put_sentence(struct ct_html_json *w, const char *key, const struct ct_buf *text)
{
	ct_json_key(&w->json, key);
	ct_html_text(w, text->data, text->len);
}

static void put_finding(struct ct_html_json *w, const struct ct_output_options *options,
			const struct ct_finding *finding)
{
	ct_json_object_begin(&w->json);
	ct_json_kv_str(&w->json, "id", finding->id);
	ct_json_kv_str(&w->json, "severity", ct_severity_name(finding->severity));
	ct_json_kv_str(&w->json, "confidence", ct_confidence_name(finding->confidence));
	ct_json_kv_u64(&w->json, "count", finding->count);
	put_sentence(w, "summary", &finding->summary);
	put_processes(w, options, finding);
	ct_json_key(&w->json, "evidence");
	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < finding->n_evidence; i++) {
		ct_words_evidence(options, &w->words, &finding->evidence[i]);
		ct_html_words(w);
	}
	ct_json_array_end(&w->json);
	put_examples(w, finding);
	put_sentence(w, "confirm", &finding->confirm);
	put_sentence(w, "remedy", &finding->remedy);
	ct_json_object_end(&w->json);
}

static void put_findings(struct ct_html_json *w, const struct ct_html_context *context,
			 const struct ct_diagnosis *diagnosis)
{
	const struct ct_finding *findings;
	size_t n;

	ct_json_key(&w->json, "diagnosis");
	ct_diagnosis_put_totals(context->options, &w->words, diagnosis);
	ct_html_words(w); /* lines */
	findings = ct_diagnosis_findings(diagnosis, &n);
	ct_json_key(&w->json, "findings");
	ct_json_array_begin(&w->json);
	for (size_t i = 0; i < n; i++)
		put_finding(w, context->options, &findings[i]);
	ct_json_array_end(&w->json);
}

static void put_names(struct ct_html_json *w, const char *key, const char *(*name_of)(unsigned int),
		      unsigned int n)
{
	ct_json_key(&w->json, key);
	ct_json_array_begin(&w->json);
	for (unsigned int i = 0; i < n; i++) {
		const char *name = name_of(i);

		if (name)
			ct_json_str(&w->json, name, strlen(name));
		else
			ct_json_null(&w->json);
	}
	ct_json_array_end(&w->json);
}

/// Those that mean trouble, and not only something worth a look.
static void put_bad_flags(struct ct_html_json *w)
{
	ct_json_key(&w->json, "bad_flags");
	ct_json_array_begin(&w->json);
	for (unsigned int flag = 0; flag < _CT_FLAG_MAX; flag++)
		if (ct_words_flag_style(flag) == CT_STYLE_BAD)
			ct_json_u64(&w->json, flag);
	ct_json_array_end(&w->json);
}

void ct_html_put_head(struct ct_html_json *w, const struct ct_html_context *context,
		      const struct ct_html_totals *totals, const struct ct_diagnosis *diagnosis)
{
	put_session(w, context);
	put_totals(w, context, totals, diagnosis);
	put_losses(w, context, totals);
	put_not_traced(w, &context->session->capabilities);
	put_findings(w, context, diagnosis);
	put_names(w, "states", ct_state_name, _CT_STATE_MAX);
	put_names(w, "flags", ct_flag_name, _CT_FLAG_MAX);
	put_names(w, "bases", ct_basis_name, _CT_BASIS_MAX);
	put_bad_flags(w);
}
