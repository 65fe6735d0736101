// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/privileges.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void read_sets(const char *line, struct e2e_privileges *p)
{
	const struct {
		const char *name;
		uint64_t *set;
	} sets[] = {
		{"CapInh:", &p->inheritable}, {"CapPrm:", &p->permitted},
		{"CapEff:", &p->effective},   {"CapBnd:", &p->bounding},
		{"CapAmb:", &p->ambient},
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (!strncmp(line, sets[i].name, strlen("CapInh:")))
			*sets[i].set = strtoull(line + strlen("CapInh:"), NULL, 16);
}

static void read_ids(const char *line, unsigned ret[4])
{
	char *rest = strchr(line, '\t');

	for (size_t i = 0; i < 4 && rest; i++)
		ret[i] = (unsigned)strtoul(rest, &rest, 10);
}

static void read_line(char *line, struct e2e_privileges *p)
{
	char *save;

	read_sets(line, p);
	if (!strncmp(line, "NoNewPrivs:", 11))
		p->no_new_privs = (unsigned)strtoul(line + 11, NULL, 10);
	if (!strncmp(line, "Seccomp:", 8))
		p->seccomp = (unsigned)strtoul(line + 8, NULL, 10);
	if (!strncmp(line, "Uid:", 4))
		read_ids(line, p->uids);
	if (!strncmp(line, "Gid:", 4))
		read_ids(line, p->gids);
	if (!strncmp(line, "Groups:", 7))
		for (char *word = strtok_r(line + 7, " \t\n", &save); word;
		     word = strtok_r(NULL, " \t\n", &save))
			p->groups++;
}

struct e2e_privileges e2e_privileges_of(pid_t pid)
{
	struct e2e_privileges privileges = {0};
	char path[32], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		read_line(line, &privileges);
	fclose(file);
	return privileges;
}

void e2e_assert_keeps(const struct e2e_privileges *privileges, uint64_t capabilities)
{
	assert_int_equal(privileges->effective, capabilities);
	assert_int_equal(privileges->permitted, capabilities);
	assert_int_equal(privileges->inheritable, 0);
	assert_int_equal(privileges->ambient, 0);
	assert_int_equal(privileges->no_new_privs, 1);
	assert_int_equal(privileges->seccomp, 2);
}

void e2e_assert_is(const struct e2e_privileges *privileges, unsigned id)
{
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(privileges->uids[i], id);
		assert_int_equal(privileges->gids[i], id);
	}
}
