// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Findings as JSON, a line each, and as text for people. */
#include <string.h>

#include "conntrace/addr.h"
#include "conntrace/cleanup.h"
#include "conntrace/count.h"
#include "conntrace/diagnosis.h"
#include "conntrace/json_writer.h"
#include "conntrace/names.h"
#include "conntrace/sink_field.h"
#include "conntrace/sink_words.h"
#include "conntrace/text.h"
#include "conntrace/timefmt.h"
#include "finder.h"

static void put_number(struct ct_json *json, const char *key, uint64_t number, bool known)
{
	if (known)
		ct_json_kv_u64(json, key, number);
	else
		ct_json_kv_null(json, key);
}

static void put_name(struct ct_json *json, const char *comm, bool known)
{
	ct_json_kv_str(json, "comm", known && *comm ? comm : NULL);
}

/// Those that are kept, each with its own.
static void put_processes(struct ct_json *json, const struct ct_culprits *culprits)
{
	ct_json_key(json, "processes");
	ct_json_array_begin(json);
	for (uint32_t i = 0; i < culprits->n; i++) {
		const struct ct_culprit *culprit = &culprits->first[i];

		ct_json_object_begin(json);
		put_number(json, "pid", culprit->pid, culprit->pid);
		put_name(json, culprit->comm, !culprit->has_other_names);
		ct_json_kv_str(json, "owner", culprit->pid ? ct_owner_name(culprit->owner) : NULL);
		put_number(json, "cgroup", culprit->cgroup, culprit->cgroup);
		ct_json_kv_u64(json, "count", culprit->count);
		ct_json_object_end(json);
	}
	ct_json_array_end(json);
}

/// The process, as far as it is one; and the address that the trouble is with, unless it is the
/// process that has to change something.
static void put_culprit(struct ct_json *json, const struct ct_finding *finding)
{
	const struct ct_culprits *culprits = &finding->culprits;
	const struct ct_culprit *first = &culprits->first[0];
	const struct ct_conn_id *id = &finding->culprit;
	bool one = first->pid && !culprits->pids_differ;
	bool owner = finding->is_of_owner && one;
	bool asks = ct_finder_asks(id);
	char address[CT_ADDR_STRLEN];

	ct_json_key(json, "culprit");
	ct_json_object_begin(json);
	put_number(json, "pid", first->pid, one);
	put_name(json, first->comm, !culprits->comms_differ);
	ct_json_kv_str(json, "owner", one ? ct_owner_name(culprits->owner) : NULL);
	put_number(json, "cgroup", first->cgroup, first->cgroup && !culprits->cgroups_differ);
	ct_json_kv_str(json, "address",
		       owner || !asks ? NULL : ct_addr_format(id->family, id->raddr, address));
	put_number(json, "port", asks ? id->rport : id->lport, !owner);
	put_processes(json, culprits);
	put_number(json, "netns", id->netns, id->netns);
	ct_json_object_end(json);
}

static void put_connections(struct ct_json *json, const struct ct_finding *finding)
{
	char text[CT_VALUE_TEXT_LEN];

	ct_json_key(json, "connections");
	ct_json_array_begin(json);
	for (size_t i = 0; i < finding->n_examples; i++) {
		if (!finding->examples[i].cookie) /* a half-open handshake may have none */
			continue;
		ct_field_conn_text(&finding->examples[i], text);
		ct_json_str(json, text, strlen(text));
	}
	ct_json_array_end(json);
}

static void put_evidence(struct ct_json *json, const struct ct_finding *finding)
{
	ct_json_key(json, "evidence");
	ct_json_object_begin(json);
	for (size_t i = 0; i < finding->n_evidence; i++)
		ct_json_kv_u64(json, finding->evidence[i].key, finding->evidence[i].number);
	ct_json_object_end(json);
}

static void put_text(struct ct_json *json, const char *key, const struct ct_buf *text)
{
	ct_json_kv_strn(json, key, text->data, text->len);
}

/// For how long it was watched, and for what that may be too short.
static void put_slow(struct ct_json *json, const struct ct_diagnosis *diagnosis)
{
	uint64_t observed_ns = ct_diagnosis_totals(diagnosis)->observed_ns, takes_ns;
	const char *id;
	size_t at = 0;

	if (!observed_ns) {
		ct_json_kv_null(json, "observed_ns");
		ct_json_kv_null(json, "may_be_too_short_for");
		return;
	}
	ct_json_kv_u64(json, "observed_ns", observed_ns);
	ct_json_key(json, "may_be_too_short_for");
	ct_json_array_begin(json);
	while ((id = ct_diagnosis_next_slow(diagnosis, &at, &takes_ns)))
		ct_json_str(json, id, strlen(id));
	ct_json_array_end(json);
}

void ct_diagnosis_put_json(struct ct_buf *buf, const struct ct_session *session,
			   const struct ct_diagnosis *diagnosis, const struct ct_finding *finding)
{
	const struct ct_diagnosis_totals *totals = ct_diagnosis_totals(diagnosis);
	int64_t real_ns = ct_session_real_ns(session, totals->end_ns);
	char ts[CT_TIME_RFC3339_STRLEN];
	struct ct_json json;

	ct_json_init(&json, buf);
	ct_json_object_begin(&json);
	ct_json_kv_str(&json, "event", "finding");
	ct_json_kv_str(&json, "ts", ct_time_rfc3339(real_ns, ts));
	ct_json_kv_i64(&json, "ts_ns", real_ns);
	ct_json_kv_str(&json, "id", finding->id);
	ct_json_kv_str(&json, "severity", ct_severity_name(finding->severity));
	ct_json_kv_str(&json, "confidence", ct_confidence_name(finding->confidence));
	put_text(&json, "summary", &finding->summary);
	put_culprit(&json, finding);
	ct_json_kv_u64(&json, "count", finding->count);
	put_connections(&json, finding);
	put_evidence(&json, finding);
	put_text(&json, "confirm", &finding->confirm);
	put_text(&json, "remedy", &finding->remedy);
	put_slow(&json, diagnosis);
	ct_json_object_end(&json);
	ct_buf_putc(buf, '\n');
}

static const struct {
	const char *word;
	enum ct_style style;
} severities[] = {
	[CT_SEVERITY_NOTE] = {"NOTE", CT_STYLE_CALM},
	[CT_SEVERITY_WARN] = {"WARN", CT_STYLE_NOTE},
	[CT_SEVERITY_CRIT] = {"CRIT", CT_STYLE_BAD},
};
_Static_assert(CT_COUNT(severities) == _CT_SEVERITY_MAX, "each severity has a word");

/// Where summaries begin, and what stands behind a label.
#define SEVERITY_WIDTH 6
#define LABEL_WIDTH    16

static void put_label(struct ct_buf *buf, const char *label)
{
	ct_buf_printf(buf, "%*s%-*s", SEVERITY_WIDTH, "", LABEL_WIDTH - SEVERITY_WIDTH, label);
}

static void put_example(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_conn_id *id)
{
	char text[CT_VALUE_TEXT_LEN];

	ct_finder_put_address(buf, id->family, id->laddr, id->lport);
	ct_buf_puts(buf, ct_words_arrow(options));
	ct_finder_put_address(buf, id->family, id->raddr, id->rport);
	if (id->cookie)
		ct_buf_printf(buf, "  sk:%s", ct_field_conn_text(id, text));
	ct_buf_putc(buf, '\n');
}

static void put_sentence(const struct ct_output_options *options, struct ct_buf *buf,
			 const char *label, const struct ct_buf *text)
{
	put_label(buf, label);
	ct_words_wrap(buf, text->data, LABEL_WIDTH, options->width);
	ct_buf_putc(buf, '\n');
}

static void put_evidence_line(const struct ct_output_options *options, struct ct_buf *buf,
			      const struct ct_finding *finding)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};

	for (size_t i = 0; i < finding->n_evidence; i++) {
		ct_buf_puts(&text, i ? ", " : "");
		ct_words_evidence(options, &text, &finding->evidence[i]);
	}
	if (text.error)
		buf->error = text.error;
	put_sentence(options, buf, "evidence", &text);
}

/// A command stays in one line: it is there to be pasted. For the shell what stands behind it is a
/// comment.
static void put_confirm(struct ct_buf *buf, const struct ct_finding *finding)
{
	put_label(buf, "confirm");
	ct_buf_append(buf, finding->confirm.data, finding->confirm.len);
	ct_buf_puts(buf, finding->confirms_next ? "  # shows the next one, when it comes\n" : "\n");
}

static void put_process(const struct ct_output_options *options, struct ct_buf *buf,
			const struct ct_culprit *culprit)
{
	struct ct_conn_id id = {.pid = culprit->pid, .owner = culprit->owner};

	memcpy(id.comm, culprit->comm, sizeof(id.comm));
	ct_finder_put_process(options, buf, &id);
	if (culprit->has_other_names)
		ct_buf_puts(buf, " (under other names, too)");
	ct_buf_puts(buf, ", cgroup ");
	if (culprit->cgroup)
		ct_buf_u64(buf, culprit->cgroup);
	else
		ct_buf_puts(buf, "not known");
}

static void put_others(const struct ct_output_options *options, struct ct_buf *buf,
		       const struct ct_culprits *culprits)
{
	const struct ct_culprit *first = &culprits->first[0];

	ct_buf_puts(buf, "others");
	if (!culprits->comms_differ && *first->comm) {
		ct_buf_puts(buf, ", called ");
		ct_text_escape(buf, first->comm, strlen(first->comm), options->utf8);
		ct_buf_puts(buf, " too");
	}
	if (!culprits->cgroups_differ && first->cgroup)
		ct_buf_puts(buf, ", of the same cgroup");
}

bool ct_finding_put_process(const struct ct_output_options *options, struct ct_buf *buf,
			    const struct ct_finding *finding, size_t at)
{
	const struct ct_culprits *culprits = &finding->culprits;
	bool is_kept = at < culprits->n;

	if (!is_kept && (at > culprits->n || !culprits->others))
		return false;
	if (is_kept)
		put_process(options, buf, &culprits->first[at]);
	else
		put_others(options, buf, culprits);
	if (culprits->n == 1 && !culprits->others)
		return true;
	ct_buf_puts(buf, ": ");
	ct_words_count(buf, is_kept ? culprits->first[at].count : culprits->others, "connection");
	return true;
}

static void put_process_lines(const struct ct_output_options *options, struct ct_buf *buf,
			      const struct ct_finding *finding)
{
	const struct ct_culprits *culprits = &finding->culprits;
	bool are_several = culprits->n > 1 || culprits->others;

	for (size_t i = 0; i < culprits->n + (culprits->others != 0); i++) {
		put_label(buf, i ? "" : are_several ? "processes" : "process");
		(void)ct_finding_put_process(options, buf, finding, i);
		ct_buf_putc(buf, '\n');
	}
}

void ct_finding_put_text(const struct ct_output_options *options, struct ct_buf *buf,
			 const struct ct_finding *finding)
{
	enum ct_style style = severities[finding->severity].style;

	ct_buf_putc(buf, '\n');
	ct_words_styled(options, buf, style, severities[finding->severity].word);
	ct_buf_puts(buf, "  ");
	ct_words_begin(options, buf, CT_STYLE_HEAD);
	ct_words_wrap(buf, finding->summary.data, SEVERITY_WIDTH, options->width);
	ct_words_end(options, buf, CT_STYLE_HEAD);
	ct_buf_putc(buf, '\n');
	put_label(buf, "finding");
	ct_buf_printf(buf, "%s, confidence %s\n", finding->id,
		      ct_confidence_name(finding->confidence));
	put_process_lines(options, buf, finding);
	put_evidence_line(options, buf, finding);
	for (size_t i = 0; i < finding->n_examples; i++) {
		put_label(buf, i ? "" : "examples");
		put_example(options, buf, &finding->examples[i]);
	}
	put_confirm(buf, finding);
	put_sentence(options, buf, "remedy", &finding->remedy);
}

void ct_diagnosis_put_totals(const struct ct_output_options *options, struct ct_buf *buf,
			     const struct ct_diagnosis *diagnosis)
{
	const struct ct_diagnosis_totals *totals = ct_diagnosis_totals(diagnosis);
	size_t n_findings;

	(void)ct_diagnosis_findings(diagnosis, &n_findings);
	if (n_findings)
		ct_words_count(buf, n_findings, "finding");
	else
		ct_buf_puts(buf, "nothing found");
	ct_buf_puts(buf, ", ");
	ct_words_count(buf, totals->connections, "connection");
	ct_buf_puts(buf, " seen in ");
	if (totals->observed_ns)
		ct_words_duration(options, buf, totals->observed_ns);
	else
		ct_buf_puts(buf, "a time that is not known");
	ct_buf_putc(buf, '\n');
	if (totals->lost) {
		ct_words_count(buf, totals->lost, "event");
		ct_buf_puts(buf, " lost\n");
	}
	if (totals->unreadable) {
		ct_words_count(buf, totals->unreadable, "event");
		ct_buf_puts(buf, " unreadable\n");
	}
	if (totals->unshown) {
		ct_words_count(buf, totals->unshown, "finding");
		ct_buf_puts(buf, " more, of the same kinds and of fewer connections, not shown\n");
	}
	if (totals->left_out) {
		ct_words_count(buf, totals->left_out, "connection");
		ct_buf_puts(buf, " left out: too many processes or services to keep apart\n");
	}
	if (totals->with_gaps) {
		ct_words_count(buf, totals->with_gaps, "connection");
		ct_buf_puts(buf, " left out: events of theirs are missing\n");
	}
}

void ct_diagnosis_put_slow(const struct ct_output_options *options, struct ct_buf *buf,
			   const struct ct_diagnosis *diagnosis)
{
	uint64_t takes_ns;
	_cleanup_(ct_buf_fini) struct ct_buf text = {};
	const char *id;
	size_t at = 0;

	while ((id = ct_diagnosis_next_slow(diagnosis, &at, &takes_ns))) {
		bool first = !text.len;

		if (first)
			ct_words_duration(options, &text,
					  ct_diagnosis_totals(diagnosis)->observed_ns);
		ct_buf_printf(&text, first ? " may be too short for %s (takes up to " : ", %s (",
			      id);
		ct_words_duration(options, &text, takes_ns);
		ct_buf_putc(&text, ')');
	}
	if (text.error)
		buf->error = text.error;
	if (!text.len)
		return;
	ct_words_wrap(buf, text.data, 0, options->width);
	ct_buf_putc(buf, '\n');
}
