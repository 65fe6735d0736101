/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lives of a page that has room for so many. Which of them are wanted most is known at the end
 * only: until then they wait in a spool, as the JSON that they are in the page, and whenever it
 * holds twice what there is room for, those are sifted out that cannot be wanted any more.
 *
 * Wanted most are the examples of findings, then those of most bad flags, of as many those of most
 * flags, of as many those that came into sight first. None is left out for one that is wanted less,
 * be that ever so small. In the page they stand as they came.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conntrace/conn.h"
#include "conntrace/sink_out.h"
#include "conntrace/sink_spool.h"
#include "html.h"

/// What there is room for.
struct ct_html_bound {
	size_t lives;
	uint64_t bytes; /// of their JSON
};

struct ct_html_life;

/// Starts as all zeroes.
struct ct_html_lives {
	struct ct_spool texts;	    /// the JSON of each, one behind the other
	struct ct_html_life *lives; /// owned; in the order in which they came
	size_t n;
	size_t room;	 /// of lives
	uint64_t bytes;	 /// of texts
	size_t sifted_n; /// what was left behind the last sift
	uint64_t sifted_bytes;
	uint64_t seen; /// how many were added
};

/// A connection that is wanted, as page and lives know it: by its number, or where no socket has
/// given it one by its two ends.
struct ct_html_example {
	uint64_t key;
	bool taken;
};

/// Starts as all zeroes.
struct ct_html_examples {
	struct ct_html_example *of; /// owned
	size_t n;
	size_t room;
};

/// Adds one; the same twice does no harm. 0; -ENOMEM.
int ct_html_examples_add(struct ct_html_examples *examples, const struct ct_conn_id *id);
void ct_html_examples_fini(struct ct_html_examples *examples);

/// Takes what was written of the life out of W. 0; -errno of the spool's file; -ENOMEM.
int ct_html_lives_add(struct ct_html_lives *lives, const struct ct_conn *conn,
		      struct ct_html_json *w);

/// Whether it is time to sift.
bool ct_html_lives_is_full(const struct ct_html_lives *lives, const struct ct_html_bound *bound);

/**
 * Leaves out what has no place in the page whatever comes. Nothing can be done with the lives after
 * a failure but to free them.
 *
 * @examples all that a finding may name of what was added up to now; they are sorted.
 * @return 0; -errno of the spool's file; -ENOMEM.
 */
int ct_html_lives_sift(struct ct_html_lives *lives, const struct ct_html_bound *bound,
		       struct ct_html_examples *examples);

/**
 * Puts those that there is room for behind what stands in OUT, a newline before each and commas
 * between them; once, behind the last that was added.
 *
 * @examples those that the findings name; they are sorted.
 * @return 0; -errno of a file; -ENOMEM.
 */
int ct_html_lives_put(struct ct_html_lives *lives, const struct ct_html_bound *bound,
		      struct ct_html_examples *examples, struct ct_sink_out *out);

void ct_html_lives_fini(struct ct_html_lives *lives);
