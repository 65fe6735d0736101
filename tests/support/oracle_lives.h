// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From what conntrace prints of a recording to lives and facts.
#pragma once

#include <jansson.h>

#include "support/oracle_model.h"

/// Lives are the objects of `report --json`, and the listeners of `replay --json`; facts are their
/// steps and the events of `replay --json`. Facts are sorted by end, then time; lives by cookie.
/// Both arrays of the record are replaced. Fails the running test on what it does not understand.
void oracle_lives_load(const json_t *report, const json_t *replay, struct oracle_record *record);

/// Puts facts into the order that the judge wants: by end, then time.
void oracle_facts_sort(struct oracle_record *record);
