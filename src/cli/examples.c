// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "examples.h"

#include <stddef.h>

static const struct ct_example watch[] = {
	{"-p 1234 --follow", "it and its children"},
	{"-D 5432 --flag rst-sent,rst-received", "who resets, and why"},
	{"'dport = :443 and not dst 10.0.0.0/8'", "HTTPS to the outside"},
	{"-- curl -s https://localhost/", "from its first SYN on"},
	{NULL, NULL},
};

static const struct ct_example record[] = {
	{"-w lunch.ctr --duration 10m", "ten minutes of all"},
	{"-w day.ctr -C 100 -W 24", "a ring of 24 x 100 MB"},
	{"-w test.ctr --strict -- ./test.sh", "exit 5: events were lost"},
	{NULL, NULL},
};

static const struct ct_example replay[] = {
	{"lunch.ctr -t -P 5432", "one port, times from 0 on"},
	{"lunch.ctr --json --count 1000", "the first thousand, for jq"},
	{NULL, NULL},
};

static const struct ct_example report[] = {
	{"lunch.ctr --flag close-wait-stuck", "who never closes"},
	{"lunch.ctr --flag rst-sent,rst-received", "resets and causes"},
	{"lunch.ctr --by service", "how many, to whom"},
	{"lunch.ctr --html lunch.html", "for a browser"},
	{NULL, NULL},
};

static const struct ct_example list[] = {
	{"-P 5432", "who talks to the database"},
	{"--role listener", "who listens, with backlogs"},
	{"--state CLOSE_WAIT --watch 2", "closed by the peer alone"},
	{NULL, NULL},
};

static const struct ct_example info[] = {
	{"lunch.ctr", "where it comes from, and is it whole"},
	{"lunch.ctr -o json", "the same for a script"},
	{NULL, NULL},
};

static const struct ct_example check[] = {
	{"", "what can be traced here, and what not"},
	{"-o json", "the same for a script"},
	{"--cost --duration 30s", "what the programs take of a CPU"},
	{NULL, NULL},
};

static const struct ct_example doctor[] = {
	{"", "what is wrong here, in 10 s"},
	{"--duration 2m 'dport = :443'", "one service, two minutes"},
	{"lunch.ctr", "what was, in a recording"},
	{"lunch.ctr -q --fail-on crit", "in a script: 4 if it is bad"},
	{NULL, NULL},
};

const struct ct_example *const ct_examples[] = {
	[CT_COMMAND_WATCH] = watch,   [CT_COMMAND_RECORD] = record, [CT_COMMAND_REPLAY] = replay,
	[CT_COMMAND_REPORT] = report, [CT_COMMAND_LIST] = list,	    [CT_COMMAND_INFO] = info,
	[CT_COMMAND_CHECK] = check,   [CT_COMMAND_DOCTOR] = doctor,
};
_Static_assert(sizeof(ct_examples) / sizeof(ct_examples[0]) == _CT_COMMAND_MAX,
	       "every command has examples");
