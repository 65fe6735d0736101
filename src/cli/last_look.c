// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a live run does for the doctor alone. */
#include <errno.h>

#include "cli.h"
#include "conntrace/log.h"
#include "conntrace/source_live.h"
#include "last_owners.h"

/// Where that is not possible nothing more is known of what is silent, and no more said.
static int look_again(struct ct_source_live *source, ct_record_fn fn, void *context,
		      const struct ct_feed *feed)
{
	char err[512];
	int r = ct_source_live_snapshot(source, fn, context, err, sizeof(err));

	if (feed->error || r == -ENOTRECOVERABLE)
		return r;
	if (r)
		ct_warn("what is silent is known as of the beginning: %s", err);
	return 0;
}

void ct_doctor_tell_duration(const struct ct_options *options)
{
	if (options->duration_is_default)
		ct_info("watching for %.3g s; --duration changes that",
			(double)options->duration_ns / 1e9);
}

int ct_doctor_finish(const struct ct_options *options, struct ct_source_live *source,
		     struct ct_last_owners *owners, struct ct_feed *feed)
{
	ct_record_fn fn = owners ? ct_last_owners_record : ct_feed_record;
	void *context = owners ? (void *)owners : feed;
	int r = options->no_snapshot ? 0 : look_again(source, fn, context, feed);

	return r ? r : ct_source_live_finish(source, fn, context);
}
