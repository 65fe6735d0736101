// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * getopt_long() with a table of our own. argp cannot do it: it tells its caller that an option is
 * wrong but not which one, and what it prints itself is more than one line.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/buf.h"
#include "conntrace/cleanup.h"
#include "conntrace/text.h"
#include "option_table.h"
#include "suggest.h"

#define OPTIONS_MAX  48
#define NAME_MAX_LEN 40

/// The options of one subcommand, in getopt's form.
struct grammar {
	char letters[2 + 2 * OPTIONS_MAX + 1];
	struct option names[OPTIONS_MAX + 1];
	size_t n_names;
	const char *words[OPTIONS_MAX]; /// of the long names those that the help tells
	size_t n_words;
};

__attribute__((format(printf, 2, 3))) static int refuse(char *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, CT_OPTIONS_ERR_LEN, fmt, args);
	va_end(args);
	return -EINVAL;
}

static void make_grammar(enum ct_command command, struct grammar *ret)
{
	char *letter = ret->letters;

	memset(ret, 0, sizeof(*ret));
	/* '-': other words come as an option of key 1, in their order, so that FILE and `-- CMD…`
	 * are told apart. ':': a missing value is told from an unknown option. */
	*letter++ = '-';
	*letter++ = ':';
	for (size_t i = 0; i < ct_option_specs_n; i++) {
		const struct ct_option_spec *spec = &ct_option_specs[i];

		if (!(spec->commands & 1u << command))
			continue;
		if (spec->key <= UINT8_MAX) {
			*letter++ = (char)spec->key;
			if (spec->value)
				*letter++ = ':';
		}
		if (!spec->name)
			continue;
		if (spec->help)
			ret->words[ret->n_words++] = spec->name;
		ret->names[ret->n_names++] = (struct option){
			.name = spec->name,
			.has_arg = spec->value ? required_argument : no_argument,
			.val = spec->key,
		};
	}
}

static const struct ct_option_spec *find_spec(enum ct_command command, int key)
{
	for (size_t i = 0; i < ct_option_specs_n; i++) {
		const struct ct_option_spec *spec = &ct_option_specs[i];

		if (spec->key == key && spec->commands & 1u << command)
			return spec;
	}
	return NULL;
}

/// "--pid", or "-T" for an option without a long name.
static const char *spec_name(const struct ct_option_spec *spec, char name[NAME_MAX_LEN])
{
	if (spec->name)
		snprintf(name, NAME_MAX_LEN, "--%s", spec->name);
	else
		snprintf(name, NAME_MAX_LEN, "-%c", spec->key);
	return name;
}

/// "option '--co' is ambiguous, write it in full: --color, --count"; of what the help tells.
/// @length behind the dashes.
static int refuse_ambiguous(const struct grammar *grammar, const char *name, size_t length,
			    char *err)
{
	const char *separator = ": ";
	size_t used;

	refuse(err, "option '%s' is ambiguous, write it in full", name);
	used = strlen(err);
	for (size_t i = 0; i < grammar->n_words && used < CT_OPTIONS_ERR_LEN; i++) {
		if (strncmp(grammar->words[i], name + 2, length) != 0)
			continue;
		used += (size_t)snprintf(err + used, CT_OPTIONS_ERR_LEN - used, "%s--%s", separator,
					 grammar->words[i]);
		separator = ", ";
	}
	return -EINVAL;
}

/// An option word that getopt did not take for one.
static int refuse_word(const struct grammar *grammar, enum ct_command command, const char *word,
		       char *err)
{
	const char *nearest;
	char name[NAME_MAX_LEN];
	size_t matches = 0;
	size_t length;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	length = strlen(name + 2);
	for (size_t i = 0; i < grammar->n_names; i++)
		matches += strncmp(grammar->names[i].name, name + 2, length) == 0;
	if (length && matches > 1)
		return refuse_ambiguous(grammar, name, length, err);
	nearest = ct_suggest(name + 2, grammar->words, grammar->n_words);
	if (nearest)
		return refuse(err, "unknown option '%s', did you mean '--%s'?", name, nearest);
	return refuse(err, "unknown option '%s'; 'conntrace %s --help' lists the options", name,
		      ct_syntaxes[command].name);
}

/// What getopt answered '?' to.
static int refuse_option(const struct grammar *grammar, enum ct_command command, const char *word,
			 char *err)
{
	const struct ct_option_spec *spec = find_spec(command, optopt);
	char name[NAME_MAX_LEN];

	if (spec)
		return refuse(err, "option '%s' takes no value", spec_name(spec, name));
	if (optopt == 0)
		return refuse_word(grammar, command, word, err);
	return refuse(err, "unknown option '-%c'; 'conntrace %s --help' lists the options", optopt,
		      ct_syntaxes[command].name);
}

static int set_option(struct ct_options *options, const struct ct_option_spec *spec, char *err)
{
	char name[NAME_MAX_LEN];
	char message[CT_OPTIONS_ERR_LEN] = "";
	struct ct_option_value value = {
		.target = (char *)options + spec->offset,
		.text = optarg,
		.constant = spec->constant,
		.err = message,
	};
	int r = spec->set(&value);

	if (r == -EINVAL || r == -EPERM)
		snprintf(err, CT_OPTIONS_ERR_LEN, "%s: %.*s", spec_name(spec, name),
			 CT_OPTIONS_ERR_LEN - NAME_MAX_LEN - 3, message);
	return r;
}

static int take_condition(struct ct_options *options, const char *word)
{
	int r = ct_buf_puts(&options->words, word);

	return r ? r : ct_buf_putc(&options->words, ' ');
}

/// Where there may be none, what begins an expression is none: a FILE of such a name is "./state".
static bool is_file(const struct ct_options *options, const char *word)
{
	const struct ct_syntax *syntax = &ct_syntaxes[options->command];

	if (options->file)
		return false;
	if (syntax->may_file)
		return !options->words.len && !ct_expression_begins(word);
	return syntax->file;
}

static int take_word(struct ct_options *options, const char *word, char *err)
{
	const struct ct_syntax *syntax = &ct_syntaxes[options->command];

	if (is_file(options, word)) {
		options->file = word;
		return 0;
	}
	if (syntax->expression)
		return take_condition(options, word);
	if (syntax->file)
		return refuse(err, "%s takes one FILE: '%.64s' is one too many", syntax->name,
			      word);
	return refuse(err, "%s takes no '%.64s'", syntax->name, word);
}

static int check_rotation(const struct ct_options *options, char *err)
{
	const struct ct_rotation *rotation = &options->rotation;

	if (rotation->files && !rotation->bytes && !rotation->period_ns)
		return refuse(err, "-W needs -C or -G: when is a file full?");
	return 0;
}

/// Other programs count for themselves.
static int check_by(const struct ct_options *options, char *err)
{
	enum ct_output_format format = options->output.format;

	if (options->output.by && (format == CT_OUTPUT_JSON || format == CT_OUTPUT_CSV))
		return refuse(err, "--by: the text of the report counts connections together, "
				   "-o json and -o csv have each of them");
	return 0;
}

/// A page has everything, in one form.
static int check_page(const struct ct_options *options, char *err)
{
	const struct ct_output_options *output = &options->output;

	if (options->command != CT_COMMAND_REPORT)
		return 0;
	if (options->force && !options->html_path)
		return refuse(err, "option '--force' goes with --html: nothing else is written");
	if (options->html_path && output->by)
		return refuse(err, "--by: the text of the report counts connections together, a "
				   "page has each of them");
	if (options->html_path && (output->format != CT_OUTPUT_TABLE || output->fields))
		return refuse(err, "--html: a page has neither %s",
			      output->fields ? "--fields nor a format" : "a format nor --fields");
	return 0;
}

/// What is no expression from its first word on may be meant for something else.
static const char *meant_instead(const struct ct_options *options)
{
	const struct ct_syntax *syntax = &ct_syntaxes[options->command];

	if (ct_expression_begins(options->words.data))
		return "";
	if (options->behind_dashes && !syntax->file)
		return "; what starts a command is 'conntrace record -- CMD', or 'conntrace -- CMD'";
	if (syntax->file || syntax->may_file)
		return "; there is one FILE, and an expression behind it";
	return syntax->child ? "; a command to start stands behind --" : "";
}

static int parse_expression(struct ct_options *options, char *err)
{
	char message[CT_EXPRESSION_ERR_LEN];
	int r;

	if (!options->words.len)
		return 0;
	r = ct_expression_parse(options->words.data, message, &options->select.expression);
	if (r == -EINVAL)
		refuse(err, "expression: %s%s", message, meant_instead(options));
	return r;
}

/// What bounds something that lasts is no option of what is over at once.
static int check_limits(const struct ct_options *options, char *err)
{
	const char *limit = options->duration_ns ? "--duration" : "--count";

	if (options->command == CT_COMMAND_CHECK && options->duration_ns && !options->cost)
		return refuse(err, "--duration goes with --cost: nothing else takes its time");
	if (options->command == CT_COMMAND_LIST && !options->watch_ns &&
	    (options->duration_ns || options->count))
		return refuse(err, "%s goes with --watch: without it, list looks once", limit);
	return 0;
}

/// What can only be judged when all is read.
static int check_whole(struct ct_options *options, int argc, char **argv, char *err)
{
	const struct ct_syntax *syntax = &ct_syntaxes[options->command];
	int r;

	if (optind < argc && syntax->child)
		options->child_argv = argv + optind;
	else if (strcmp(argv[optind - 1], "--") == 0 && syntax->child)
		return refuse(err, "no command behind --");
	options->behind_dashes = !syntax->child && optind < argc && !strcmp(argv[optind - 1], "--");
	for (; optind < argc && !syntax->child; optind++) {
		r = take_word(options, argv[optind], err);
		if (r)
			return r;
	}
	r = parse_expression(options, err);
	if (r)
		return r;
	if (syntax->file && !options->file)
		return refuse(err, "%s needs a FILE: conntrace %s", syntax->name, syntax->synopsis);
	if (options->select.follow && options->select.pids.n == 0 && !options->child_argv)
		return refuse(err, "--follow needs --pid: whose children?");
	if (options->command == CT_COMMAND_DOCTOR && options->file && options->duration_ns)
		return refuse(err,
			      "--duration: '%.64s' is a recording, and lasts as long as it does",
			      options->file);
	r = check_limits(options, err);
	if (r == 0)
		r = check_by(options, err);
	if (r == 0)
		r = check_page(options, err);
	return r ? r : check_rotation(options, err);
}

/// As ct_options_parse(), but what was typed stands in err as it is.
static int parse(enum ct_command command, int argc, char **argv, struct ct_options *ret, char *err)
{
	struct grammar grammar;
	int key;

	*ret = (struct ct_options){.command = command, .command_line = argv};
	*err = '\0';
	make_grammar(command, &grammar);
	/* 0, not 1: glibc forgets what it kept of a parse before. */
	optind = 0;
	opterr = 0;
	while ((key = getopt_long(argc, argv, grammar.letters, grammar.names, NULL)) != -1) {
		char name[NAME_MAX_LEN];
		int r;

		if (key == '?' && optopt == '?')
			key = 'h';
		if (key == 1)
			r = take_word(ret, optarg, err);
		else if (key == '?')
			r = refuse_option(&grammar, command, argv[optind - 1], err);
		else if (key == ':')
			r = refuse(err, "option '%s' needs a value",
				   spec_name(find_spec(command, optopt), name));
		else
			r = set_option(ret, find_spec(command, key), err);
		if (r)
			return r;
		if (ret->help || ret->version)
			return 0;
	}
	return check_whole(ret, argc, argv, err);
}

/// Makes one line of a message, whatever was typed that it names. What does not fit is cut. 0 or
/// -ENOMEM.
static int escape_message(char *err)
{
	_cleanup_(ct_buf_fini) struct ct_buf text = {};
	size_t n;
	int r;

	ct_buf_puts(&text, "");
	r = ct_text_escape(&text, err, strlen(err), true);
	if (r)
		return r;
	n = text.len < CT_OPTIONS_ERR_LEN ? text.len : CT_OPTIONS_ERR_LEN - 1;
	while (n < text.len && (text.data[n] & 0xc0) == 0x80) /* a character goes as a whole */
		n--;
	memcpy(err, text.data, n);
	err[n] = '\0';
	return 0;
}

int ct_options_parse(enum ct_command command, int argc, char **argv, struct ct_options *ret,
		     char *err)
{
	int r = parse(command, argc, argv, ret, err);
	int escaped = r == -EINVAL || r == -EPERM ? escape_message(err) : 0;

	return escaped ? escaped : r;
}

void ct_options_fini(struct ct_options *options)
{
	ct_select_fini(&options->select);
	ct_buf_fini(&options->words);
}
