// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <string.h>

#include "examples.h"
#include "option_table.h"

#define HELP_COLUMN 27

static const char *const group_titles[] = {
	[CT_OPTION_SELECT] = "SELECT: all together mean \"and\", repeated values mean \"or\"",
	[CT_OPTION_OUTPUT] = "OUTPUT",
	[CT_OPTION_LIMIT] = "LIMITS",
	[CT_OPTION_OTHER] = "Other options",
};
_Static_assert(sizeof(group_titles) / sizeof(group_titles[0]) == _CT_OPTION_GROUP_MAX,
	       "every group has a title");

static const char expression[] =
	"\nEXPRESSION: as ss has it, \"and\" SELECT; made of state, sport, dport, src, dst, pid, "
	"comm,\n  age, flag, and, or, not, ( )\n"
	"  state established and '( sport = :http or dport = :443 )' and not dst 10.0.0.0/8\n"
	"  comm = 'php*' age gt 5s not flag rst-sent\n";

static void print_option(const struct ct_option_spec *spec, FILE *out)
{
	int width;

	if (spec->key > UINT8_MAX)
		width = fprintf(out, "      --%s", spec->name);
	else if (!spec->name)
		width = fprintf(out, "  -%c", spec->key);
	else
		width = fprintf(out, "  -%c, --%s", spec->key, spec->name);
	if (spec->value)
		width += fprintf(out, " %s", spec->value);
	/* At least two spaces: what is too long moves its help along. */
	fprintf(out, "%*s%s\n", width < HELP_COLUMN - 2 ? HELP_COLUMN - width : 2, "", spec->help);
}

/// As one types them, the comment included.
static void print_examples(enum ct_command command, FILE *out)
{
	const struct ct_example *examples = ct_examples[command];
	size_t widest = 0;

	for (size_t i = 0; examples[i].words; i++)
		if (strlen(examples[i].words) > widest)
			widest = strlen(examples[i].words);
	fputs("\nExamples\n", out);
	for (size_t i = 0; examples[i].words; i++)
		fprintf(out, "  conntrace %s %-*s  # %s\n", ct_syntaxes[command].name, (int)widest,
			examples[i].words, examples[i].what);
}

void ct_options_help(enum ct_command command, FILE *out)
{
	const struct ct_syntax *syntax = &ct_syntaxes[command];
	int group = -1;

	fprintf(out, "Usage: conntrace %s\n\nconntrace %s: %s\n", syntax->synopsis, syntax->name,
		syntax->summary);
	for (size_t i = 0; i < ct_option_specs_n; i++) {
		const struct ct_option_spec *spec = &ct_option_specs[i];

		if (!(spec->commands & 1u << command) || !spec->help)
			continue;
		if (spec->group != group)
			fprintf(out, "\n%s\n", group_titles[spec->group]);
		group = spec->group;
		print_option(spec, out);
	}
	if (syntax->expression)
		fputs(expression, out);
	print_examples(command, out);
	fprintf(out, "\nconntrace(1) has the rest, conntrace-json(5) the keys of the JSON.\n");
}
