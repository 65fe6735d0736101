// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "completion.h"

#include "conntrace/cleanup.h"
#include "offer.h"

static const char *const kinds[] = {
	[CT_OFFER_NOTHING] = "nothing", [CT_OFFER_WORDS] = "words", [CT_OFFER_FILES] = "files",
	[CT_OFFER_FOLDERS] = "folders", [CT_OFFER_PIDS] = "pids",   [CT_OFFER_USERS] = "users",
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == _CT_OFFER_MAX, "a word for each");

/// Variables of the completing function are seen by those that it calls.
static const char helpers[] =
	"# Adds those of the words $2 that begin as $1 does, $3 in front of each. Letters of values\n"
	"# may be in any case, - and _ are the same there.\n"
	"_conntrace_match()\n"
	"{\n"
	"\tlocal word\n"
	"\n"
	"\tfor word in $2; do\n"
	"\t\tif [[ $word == \"$1\"* ]] || _conntrace_is_like \"$word\" \"$1\"; then\n"
	"\t\t\tCOMPREPLY+=(\"${3-}$word\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_conntrace_is_like()\n"
	"{\n"
	"\tlocal word=${1,,} begin=${2,,}\n"
	"\n"
	"\t[[ $begin != -* && ${word//-/_} == \"${begin//-/_}\"* ]]\n"
	"}\n"
	"\n"
	"# Leaves it to readline, which knows about quotes: $1 is default (files) or dirnames.\n"
	"_conntrace_leave()\n"
	"{\n"
	"\tcompopt -o \"$1\" 2>/dev/null\n"
	"}\n"
	"\n"
	"# A value, as $kind, $words and $list say.\n"
	"_conntrace_offer()\n"
	"{\n"
	"\tlocal pids=(/proc/[0-9]*)\n"
	"\n"
	"\tif [[ $list && $cur == *,* ]]; then\n"
	"\t\tbefore+=${cur%,*},\n"
	"\t\tcur=${cur##*,}\n"
	"\tfi\n"
	"\tcase $kind in\n"
	"\twords) _conntrace_match \"$cur\" \"$words\" \"$before\" ;;\n"
	"\tpids) _conntrace_match \"$cur\" \"${pids[*]#/proc/}\" \"$before\" ;;\n"
	"\tusers) _conntrace_match \"$cur\" \"$(compgen -u)\" \"$before\" ;;\n"
	"\tfiles) _conntrace_leave default ;;\n"
	"\tfolders) _conntrace_leave dirnames ;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# What stands behind --, from word $dashes on: another command, or FILE.\n"
	"_conntrace_child()\n"
	"{\n"
	"\tif [[ $_conntrace_with_child != *\" $command \"* ]]; then\n"
	"\t\t_conntrace_leave default\n"
	"\telif declare -F _command_offset >/dev/null; then\n"
	"\t\t_command_offset \"$dashes\"\n"
	"\telif ((COMP_CWORD == dashes)); then\n"
	"\t\t_conntrace_match \"$cur\" \"$(compgen -c -- \"$cur\")\"\n"
	"\telse\n"
	"\t\t_conntrace_leave default\n"
	"\tfi\n"
	"}\n"
	"\n";

static const char walk[] =
	"# Reads the words in front of the cursor, from word $1 on: sets $option (whose value comes\n"
	"# now), $dashes and $file.\n"
	"_conntrace_read()\n"
	"{\n"
	"\tlocal i word\n"
	"\n"
	"\tfor ((i = $1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $option ]]; then\n"
	"\t\t\t[[ $word == '=' ]] || option=\n"
	"\t\telif [[ $word == -- ]]; then\n"
	"\t\t\tdashes=$((i + 1))\n"
	"\t\t\treturn\n"
	"\t\telif [[ $word != -* ]]; then\n"
	"\t\t\tfile=$word\n"
	"\t\telif _conntrace_value \"$command\" \"$word\"; then\n"
	"\t\t\toption=$word\n"
	"\t\tfi\n"
	"\tdone\n"
	"\t# --state=CLOSE is three words, unless = breaks none.\n"
	"\tif [[ $option && $cur == '=' ]]; then\n"
	"\t\tcur=\n"
	"\telif [[ ! $option && $cur == --*=* ]] &&\n"
	"\t\t_conntrace_value \"$command\" \"${cur%%=*}\"; then\n"
	"\t\toption=${cur%%=*}\n"
	"\t\tbefore=$option=\n"
	"\t\tcur=${cur#*=}\n"
	"\tfi\n"
	"}\n"
	"\n";

static const char entry[] =
	"_conntrace()\n"
	"{\n"
	"\tlocal IFS=$' \\t\\n' cur=${COMP_WORDS[COMP_CWORD]-} name=${COMP_WORDS[1]-}\n"
	"\tlocal command=watch first=1\n"
	"\tlocal option='' dashes='' file='' before='' kind='' words='' list=''\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tif ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then\n"
	"\t\t_conntrace_match \"$cur\" \"$_conntrace_commands $_conntrace_others\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $name in\n"
	"\thelp) words=\"$_conntrace_commands $_conntrace_others\" ;;\n"
	"\tcompletion) words=$_conntrace_shells ;;\n"
	"\tesac\n"
	"\tif [[ $words ]]; then\n"
	"\t\t((COMP_CWORD > 2)) || _conntrace_match \"$cur\" \"$words\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tif [[ $_conntrace_commands == *\" $name \"* ]]; then\n"
	"\t\tcommand=$name first=2\n"
	"\tfi\n"
	"\t_conntrace_read \"$first\"\n"
	"\tif [[ $dashes ]]; then\n"
	"\t\t_conntrace_child\n"
	"\telif [[ $option ]]; then\n"
	"\t\t_conntrace_offer\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\t_conntrace_options \"$command\"\n"
	"\t\t_conntrace_match \"$cur\" \"$words\"\n"
	"\telif [[ ! $file && $_conntrace_with_file == *\" $command \"* ]]; then\n"
	"\t\t_conntrace_leave default\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _conntrace conntrace\n";

/// -p SEPARATOR --pid, or the one that there is.
static void put_spellings(struct ct_buf *buf, const struct ct_option_spec *spec,
			  const char *separator)
{
	if (spec->key <= UINT8_MAX)
		ct_buf_printf(buf, "-%c%s", spec->key, spec->name ? separator : "");
	if (spec->name)
		ct_buf_printf(buf, "--%s", spec->name);
}

/// The names of commands between blanks, so that each is found between two.
static void put_commands(struct ct_buf *buf)
{
	ct_buf_puts(buf, "_conntrace_commands=' ");
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		ct_buf_printf(buf, "%s ", ct_syntaxes[i].name);
	ct_buf_puts(buf, "'\n_conntrace_others='");
	for (int i = 0; i < CT_SIDE_COMMANDS; i++)
		ct_buf_printf(buf, "%s%s", i ? " " : "", ct_side_commands[i].name);
	ct_buf_puts(buf, "'\n_conntrace_with_file=' ");
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		if (ct_syntaxes[i].file || ct_syntaxes[i].may_file)
			ct_buf_printf(buf, "%s ", ct_syntaxes[i].name);
	ct_buf_puts(buf, "'\n_conntrace_with_child=' ");
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		if (ct_syntaxes[i].child)
			ct_buf_printf(buf, "%s ", ct_syntaxes[i].name);
	ct_buf_puts(buf, "'\n_conntrace_shells='");
	for (unsigned int i = 0; ct_completion_shell(i); i++)
		ct_buf_printf(buf, "%s%s", i ? " " : "", ct_completion_shell(i));
	ct_buf_puts(buf, "'\n\n");
}

static void put_options(struct ct_buf *buf)
{
	ct_buf_puts(buf, "# Options of the command $1: sets $words.\n"
			 "_conntrace_options()\n{\n\tcase $1 in\n");
	for (int command = 0; command < _CT_COMMAND_MAX; command++) {
		const char *separator = "";

		ct_buf_printf(buf, "\t%s) words='", ct_syntaxes[command].name);
		for (size_t i = 0; i < ct_option_specs_n; i++) {
			if (!ct_completion_shows((enum ct_command)command, &ct_option_specs[i]))
				continue;
			ct_buf_puts(buf, separator);
			put_spellings(buf, &ct_option_specs[i], " ");
			separator = " ";
		}
		ct_buf_puts(buf, "' ;;\n");
	}
	ct_buf_puts(buf, "\tesac\n}\n\n");
}

static void put_value(struct ct_buf *buf, const struct ct_option_spec *spec)
{
	_cleanup_(ct_buf_fini) struct ct_buf words = {};
	enum ct_offer offer = ct_offer(spec, &words);

	ct_buf_puts(buf, "\t\t");
	put_spellings(buf, spec, " | ");
	ct_buf_printf(buf, ") kind=%s", kinds[offer]);
	if (words.len)
		ct_buf_printf(buf, " words='%s'", words.data);
	if (ct_offer_is_list(spec))
		ct_buf_puts(buf, " list=yes");
	ct_buf_puts(buf, " ;;\n");
	if (words.error)
		buf->error = words.error;
}

static void put_values(struct ct_buf *buf)
{
	ct_buf_puts(buf, "# The value of the option $2 of the command $1: sets $kind, $words and "
			 "$list. Fails where it takes\n# none.\n"
			 "_conntrace_value()\n{\n\tkind='' words='' list=''\n\tcase $1 in\n");
	for (int command = 0; command < _CT_COMMAND_MAX; command++) {
		ct_buf_printf(buf, "\t%s)\n\t\tcase $2 in\n", ct_syntaxes[command].name);
		for (size_t i = 0; i < ct_option_specs_n; i++)
			if (ct_completion_shows((enum ct_command)command, &ct_option_specs[i]) &&
			    ct_option_specs[i].value)
				put_value(buf, &ct_option_specs[i]);
		ct_buf_puts(buf, "\t\tesac\n\t\t;;\n");
	}
	ct_buf_puts(buf, "\tesac\n\t[[ $kind ]]\n}\n\n");
}

void ct_completion_put_bash(struct ct_buf *buf)
{
	ct_buf_printf(buf,
		      "# Completion of conntrace %s for bash: the output of `conntrace completion "
		      "bash`.\n\n",
		      CT_VERSION);
	put_commands(buf);
	put_options(buf);
	put_values(buf);
	ct_buf_puts(buf, helpers);
	ct_buf_puts(buf, walk);
	ct_buf_puts(buf, entry);
}
