// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sink behind `conntrace doctor`. */
#include "conntrace/doctor.h"

#include <errno.h>
#include <stdlib.h>

#include "conntrace/diagnosis.h"
#include "conntrace/sink_field.h"
#include "conntrace/sink_out.h"

struct doctor_sink {
	struct ct_sink sink;
	struct ct_sink_out out;
	const struct ct_session *session;
	struct ct_output_options options;
	struct ct_diagnosis *diagnosis; /// owned
};

static int doctor_update(struct ct_sink *sink, const struct ct_update *update)
{
	return ct_diagnosis_observe(((struct doctor_sink *)sink)->diagnosis, update);
}

static void put_finding(struct doctor_sink *s, const struct ct_finding *finding)
{
	if (s->options.format == CT_OUTPUT_JSON)
		ct_diagnosis_put_json(&s->out.buf, s->session, s->diagnosis, finding);
	else
		ct_finding_put_text(&s->options, &s->out.buf, finding);
	if (s->options.worst && *s->options.worst < finding->severity + 1)
		*s->options.worst = finding->severity + 1;
}

static void put_totals(const struct doctor_sink *s, size_t width, struct ct_buf *buf)
{
	struct ct_output_options options = s->options;

	options.width = width;
	ct_diagnosis_put_totals(&options, buf, s->diagnosis);
	ct_diagnosis_put_slow(&options, buf, s->diagnosis);
}

static int doctor_finish(struct ct_sink *sink)
{
	struct doctor_sink *s = (struct doctor_sink *)sink;
	const struct ct_finding *findings;
	size_t n;
	int r;

	r = ct_diagnosis_conclude(s->diagnosis, &s->options, s->session);
	if (r)
		return r;
	if (s->options.format != CT_OUTPUT_JSON)
		put_totals(s, s->options.width, &s->out.buf);
	findings = ct_diagnosis_findings(s->diagnosis, &n);
	for (size_t i = 0; i < n; i++)
		put_finding(s, &findings[i]);
	r = ct_sink_out_flush(&s->out);
	if (r == 0 && !n && s->options.totals && s->options.format == CT_OUTPUT_JSON)
		put_totals(s, 0, s->options.totals);
	return r;
}

static void doctor_free(struct ct_sink *sink)
{
	struct doctor_sink *s = (struct doctor_sink *)sink;

	ct_diagnosis_free(&s->diagnosis);
	ct_sink_out_fini(&s->out);
	free(s);
}

static const struct ct_sink_ops doctor_ops = {
	.name = "doctor",
	.update = doctor_update,
	.finish = doctor_finish,
	.free = doctor_free,
};

int ct_sink_doctor_new(const struct ct_output_options *options, const struct ct_session *session,
		       FILE *out, struct ct_sink **ret_sink, const char **ret_bad_field)
{
	struct doctor_sink *s;
	int r = ct_field_refuse(options->fields, ret_bad_field);

	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->diagnosis = ct_diagnosis_new();
	if (!s->diagnosis) {
		free(s);
		return -ENOMEM;
	}
	if (options->idle_ns)
		ct_diagnosis_set_idle(s->diagnosis, options->idle_ns);
	s->sink.ops = &doctor_ops;
	s->session = session;
	s->options = *options;
	ct_sink_out_init(&s->out, out);
	*ret_sink = &s->sink;
	return 0;
}
