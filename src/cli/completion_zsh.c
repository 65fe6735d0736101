// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "completion.h"

#include <string.h>

#include "conntrace/cleanup.h"
#include "offer.h"

/// What is special in the places of an _arguments specification, beside the backslash.
#define IN_EXPLANATION "[]:"
#define IN_MESSAGE     ":"

static const char head[] =
	"\n"
	"# One of the words, in any case of letters; - and _ are the same.\n"
	"_conntrace_words()\n"
	"{\n"
	"\tcompadd -M 'm:{[:lower:]-}={[:upper:]_}' \"$@\"\n"
	"}\n"
	"\n"
	"# Several of them, with commas between.\n"
	"_conntrace_several()\n"
	"{\n"
	"\tcompset -P '*,'\n"
	"\t_conntrace_words -q -S , \"$@\"\n"
	"}\n"
	"\n"
	"# Processes, with their names; whatever else stands in a name is not for a terminal.\n"
	"_conntrace_pids()\n"
	"{\n"
	"\tlocal pid name\n"
	"\tlocal -a pids\n"
	"\n"
	"\tcompset -P '*,'\n"
	"\tfor pid in /proc/<->(N:t); do\n"
	"\t\t{ read -r name </proc/$pid/comm } 2>/dev/null || continue\n"
	"\t\tpids+=(\"$pid:${name//[^a-zA-Z0-9_.\\/-]/?}\")\n"
	"\tdone\n"
	"\t_describe -t processes process pids\n"
	"}\n"
	"\n";

static const char entry[] =
	"_conntrace()\n"
	"{\n"
	"\tlocal curcontext=$curcontext name=$words[2] command=watch\n"
	"\tlocal -a known expl\n"
	"\tinteger dashes\n"
	"\n"
	"\tknown=($_conntrace_commands $_conntrace_others)\n"
	"\tif (( CURRENT == 2 )) && [[ $name != -* ]]; then\n"
	"\t\t_describe -t commands command known\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $name in\n"
	"\t(help)\n"
	"\t\t(( CURRENT > 3 )) || _describe -t commands command known\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\t(completion)\n"
	"\t\t(( CURRENT > 3 )) || _wanted shells expl shell compadd $_conntrace_shells\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\tesac\n"
	"\tif (( ${+functions[_conntrace_of_$name]} )); then\n"
	"\t\tcommand=$name\n"
	"\t\tshift words\n"
	"\t\t(( CURRENT-- ))\n"
	"\tfi\n"
	"\t(( dashes = ${words[(i)--]} ))\n"
	"\tif (( dashes < CURRENT && $_conntrace_with_child[(Ie)$command] )); then\n"
	"\t\tshift $dashes words\n"
	"\t\t(( CURRENT -= dashes ))\n"
	"\t\t_normal\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcurcontext=\"${curcontext%:*:*}:conntrace-$command:\"\n"
	"\t_conntrace_of_$command\n"
	"}\n"
	"\n"
	"# As a file of $fpath it is called; with source it is told what it is for.\n"
	"if [[ $funcstack[1] == _conntrace ]]; then\n"
	"\t_conntrace \"$@\"\n"
	"else\n"
	"\tcompdef _conntrace conntrace\n"
	"fi\n";

void ct_completion_quote_zsh(struct ct_buf *buf, const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'') {
			ct_buf_puts(buf, "'\\''");
			continue;
		}
		if (*text == '\\' || strchr(special, *text))
			ct_buf_putc(buf, '\\');
		ct_buf_putc(buf, *text);
	}
}

/// The function that completes a value, and its words.
static void put_action(struct ct_buf *buf, const struct ct_option_spec *spec)
{
	_cleanup_(ct_buf_fini) struct ct_buf words = {};
	bool list = ct_offer_is_list(spec);

	switch (ct_offer(spec, &words)) {
	case CT_OFFER_WORDS:
		ct_buf_printf(buf, "%s %s", list ? "_conntrace_several" : "_conntrace_words",
			      words.data ?: "");
		break;
	case CT_OFFER_FILES:
		ct_buf_puts(buf, "_files");
		break;
	case CT_OFFER_FOLDERS:
		ct_buf_puts(buf, "_files -/");
		break;
	case CT_OFFER_PIDS:
		ct_buf_puts(buf, "_conntrace_pids");
		break;
	case CT_OFFER_USERS:
		ct_buf_puts(buf, list ? "_sequence _users" : "_users");
		break;
	case CT_OFFER_NOTHING:
	default:
		ct_buf_putc(buf, ' ');
		break;
	}
	if (words.error)
		buf->error = words.error;
}

/// One spelling: '(-w --write)-w+[the recording]:FILE:_files'.
static void put_spelling(struct ct_buf *buf, const struct ct_option_spec *spec,
			 const char *spelling, char before_value)
{
	ct_buf_puts(buf, "\t\t'");
	/* each further value of a condition adds to it, and of other options the last one counts */
	if (spec->value && spec->group == CT_OPTION_SELECT)
		ct_buf_putc(buf, '*');
	else if (spec->key <= UINT8_MAX && spec->name)
		ct_buf_printf(buf, "(-%c --%s)", spec->key, spec->name);
	ct_buf_puts(buf, spelling);
	if (spec->value)
		ct_buf_putc(buf, before_value);
	ct_buf_putc(buf, '[');
	ct_completion_quote_zsh(buf, spec->help, IN_EXPLANATION);
	ct_buf_putc(buf, ']');
	if (spec->value) {
		ct_buf_putc(buf, ':');
		ct_completion_quote_zsh(buf, spec->value, IN_MESSAGE);
		ct_buf_putc(buf, ':');
		put_action(buf, spec);
	}
	ct_buf_puts(buf, "'\n");
}

static void put_option(struct ct_buf *buf, const struct ct_option_spec *spec)
{
	const char letter[] = {'-', (char)spec->key, '\0'};
	_cleanup_(ct_buf_fini) struct ct_buf name = {};

	if (spec->key <= UINT8_MAX)
		put_spelling(buf, spec, letter, '+');
	if (!spec->name)
		return;
	if (ct_buf_printf(&name, "--%s", spec->name) == 0)
		put_spelling(buf, spec, name.data, '=');
	else
		buf->error = name.error;
}

static void put_command(struct ct_buf *buf, enum ct_command command)
{
	const struct ct_syntax *syntax = &ct_syntaxes[command];

	ct_buf_printf(buf, "_conntrace_of_%s()\n{\n\tlocal -a specs=(\n", syntax->name);
	for (size_t i = 0; i < ct_option_specs_n; i++)
		if (ct_completion_shows(command, &ct_option_specs[i]))
			put_option(buf, &ct_option_specs[i]);
	if (syntax->file || syntax->may_file)
		ct_buf_puts(buf, "\t\t'1:FILE:_files'\n");
	if (syntax->expression)
		ct_buf_puts(buf, "\t\t'*:EXPRESSION: '\n");
	ct_buf_puts(buf, "\t)\n\n\t_arguments -s -S $specs\n}\n\n");
}

static void put_name(struct ct_buf *buf, const char *name, const char *summary)
{
	ct_buf_printf(buf, "\t'%s:", name);
	ct_completion_quote_zsh(buf, summary, "");
	ct_buf_puts(buf, "'\n");
}

static void put_names(struct ct_buf *buf)
{
	ct_buf_puts(buf, "typeset -ga _conntrace_commands=(\n");
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		put_name(buf, ct_syntaxes[i].name, ct_syntaxes[i].summary);
	ct_buf_puts(buf, ")\ntypeset -ga _conntrace_others=(\n");
	for (int i = 0; i < CT_SIDE_COMMANDS; i++)
		put_name(buf, ct_side_commands[i].name, ct_side_commands[i].summary);
	ct_buf_puts(buf, ")\ntypeset -ga _conntrace_with_child=(");
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		if (ct_syntaxes[i].child)
			ct_buf_printf(buf, " %s", ct_syntaxes[i].name);
	ct_buf_puts(buf, " )\ntypeset -ga _conntrace_shells=(");
	for (unsigned int i = 0; ct_completion_shell(i); i++)
		ct_buf_printf(buf, " %s", ct_completion_shell(i));
	ct_buf_puts(buf, " )\n\n");
}

void ct_completion_put_zsh(struct ct_buf *buf)
{
	ct_buf_printf(buf,
		      "#compdef conntrace\n"
		      "# Completion of conntrace %s for zsh: the output of `conntrace completion "
		      "zsh`.\n",
		      CT_VERSION);
	ct_buf_puts(buf, head);
	put_names(buf);
	for (int command = 0; command < _CT_COMMAND_MAX; command++)
		put_command(buf, (enum ct_command)command);
	ct_buf_puts(buf, entry);
}
