// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a shell does with the scripts, tests/completion/ tries.
#include "options_fixture.h"

#include "../../src/cli/completion.h"
#include "../../src/cli/offer.h"
#include "conntrace/cleanup.h"
#include "conntrace/conn.h"
#include "conntrace/names.h"

static char *script(const char *shell)
{
	struct ct_buf buf = {};

	assert_int_equal(ct_completion_put(shell, &buf), 0);
	return buf.data;
}

/// What stands in TEXT between BEGIN and the first END behind it, freed by the caller.
static char *between(const char *text, const char *begin, const char *end)
{
	const char *from = strstr(text, begin);
	const char *to;

	if (!from)
		fail_msg("no '%s' in\n%s", begin, text);
	from += strlen(begin);
	to = strstr(from, end);
	assert_non_null(to);
	return strndup(from, (size_t)(to - from));
}

/// Whether the blanks and quotes of TEXT leave WORD as one of its words.
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || strchr(" '", p[-1])) && (!p[n] || strchr(" '", p[n])))
			return true;
	return false;
}

static void assert_option_of_bash(const char *words, const struct ct_option_spec *spec, bool wanted)
{
	char letter[] = {'-', (char)spec->key, '\0'};
	char name[64];

	snprintf(name, sizeof(name), "--%s", spec->name ? spec->name : "");
	if (spec->key <= UINT8_MAX && has_word(words, letter) != wanted)
		fail_msg("%s is %s", letter, wanted ? "missing" : "there");
	if (spec->name && has_word(words, name) != wanted)
		fail_msg("%s is %s", name, wanted ? "missing" : "there");
}

/// By whichever line of the table: two may have an option of the same spelling.
static bool is_shown(enum ct_command command, const struct ct_option_spec *spec)
{
	for (size_t i = 0; i < ct_option_specs_n; i++)
		if (ct_option_specs[i].key == spec->key &&
		    ct_completion_shows(command, &ct_option_specs[i]))
			return true;
	return false;
}

static void bash_has_each_option_of_each_command_and_no_other(void **state)
{
	_cleanup_(ct_freep) char *text = script("bash");
	_cleanup_(ct_freep) char *options = between(text, "_conntrace_options()", "\n}\n");

	for (int command = 0; command < _CT_COMMAND_MAX; command++) {
		_cleanup_(ct_freep) char *words = NULL;
		char begin[32];

		snprintf(begin, sizeof(begin), "\t%s) words='", ct_syntaxes[command].name);
		words = between(options, begin, "'");
		for (size_t i = 0; i < ct_option_specs_n; i++)
			assert_option_of_bash(
				words, &ct_option_specs[i],
				is_shown((enum ct_command)command, &ct_option_specs[i]));
	}
}

static void assert_option_of_zsh(const char *specs, const struct ct_option_spec *spec, bool wanted)
{
	const char *letter_value = spec->value ? "+" : "";
	const char *name_value = spec->value ? "=" : "";
	char text[64];

	snprintf(text, sizeof(text), "-%c%s[", spec->key, letter_value);
	if (spec->key <= UINT8_MAX && (strstr(specs, text) != NULL) != wanted)
		fail_msg("%s is %s", text, wanted ? "missing" : "there");
	snprintf(text, sizeof(text), "--%s%s[", spec->name ? spec->name : "", name_value);
	if (spec->name && (strstr(specs, text) != NULL) != wanted)
		fail_msg("%s is %s", text, wanted ? "missing" : "there");
}

static void zsh_has_each_option_of_each_command_and_no_other(void **state)
{
	_cleanup_(ct_freep) char *text = script("zsh");

	for (int command = 0; command < _CT_COMMAND_MAX; command++) {
		_cleanup_(ct_freep) char *specs = NULL;
		char begin[64];

		snprintf(begin, sizeof(begin), "_conntrace_of_%s()\n", ct_syntaxes[command].name);
		specs = between(text, begin, "\n}\n");
		for (size_t i = 0; i < ct_option_specs_n; i++)
			assert_option_of_zsh(
				specs, &ct_option_specs[i],
				is_shown((enum ct_command)command, &ct_option_specs[i]));
	}
}

static const struct ct_option_spec *spec_of(enum ct_command command, const char *name)
{
	for (size_t i = 0; i < ct_option_specs_n; i++)
		if (ct_option_specs[i].name && strcmp(ct_option_specs[i].name, name) == 0 &&
		    ct_option_specs[i].commands & 1u << command)
			return &ct_option_specs[i];
	fail_msg("no option --%s", name);
	return NULL;
}

static void assert_offered(enum ct_command command, const char *name, enum ct_offer offer,
			   const char *wanted)
{
	_cleanup_(ct_buf_fini) struct ct_buf words = {};

	ct_buf_puts(&words, "");
	assert_int_equal(ct_offer(spec_of(command, name), &words), offer);
	assert_string_equal(words.data, wanted);
}

static void words_of_an_enum_are_offered(void **state)
{
	assert_offered(CT_COMMAND_LIST, "role", CT_OFFER_WORDS, "active passive listener");
	assert_offered(CT_COMMAND_WATCH, "output", CT_OFFER_WORDS, "table wide json csv");
	assert_offered(CT_COMMAND_DOCTOR, "output", CT_OFFER_WORDS, "table json");
	assert_offered(CT_COMMAND_WATCH, "color", CT_OFFER_WORDS, "auto always never");
	assert_offered(CT_COMMAND_RECORD, "sync", CT_OFFER_WORDS, "never end frame");
	assert_offered(CT_COMMAND_DOCTOR, "fail-on", CT_OFFER_WORDS, "warn crit");
	assert_offered(CT_COMMAND_WATCH, "state", CT_OFFER_WORDS,
		       "ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE "
		       "CLOSE_WAIT LAST_ACK LISTEN CLOSING");
}

static void each_flag_is_offered(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf words = {};

	assert_int_equal(ct_offer(spec_of(CT_COMMAND_WATCH, "flag"), &words), CT_OFFER_WORDS);
	for (unsigned int i = 0; i < _CT_FLAG_MAX; i++)
		if (ct_flag_name(i) && !has_word(words.data, ct_flag_name(i)))
			fail_msg("%s is missing in %s", ct_flag_name(i), words.data);
}

static void what_is_no_enum_is_looked_up_or_left_alone(void **state)
{
	assert_offered(CT_COMMAND_RECORD, "write", CT_OFFER_FILES, "");
	assert_offered(CT_COMMAND_WATCH, "cgroup", CT_OFFER_FOLDERS, "");
	assert_offered(CT_COMMAND_WATCH, "pid", CT_OFFER_PIDS, "");
	assert_offered(CT_COMMAND_WATCH, "netns", CT_OFFER_PIDS, "");
	assert_offered(CT_COMMAND_WATCH, "uid", CT_OFFER_USERS, "");
	assert_offered(CT_COMMAND_WATCH, "user", CT_OFFER_USERS, "");
	assert_offered(CT_COMMAND_WATCH, "comm", CT_OFFER_NOTHING, "");
	assert_offered(CT_COMMAND_WATCH, "fields", CT_OFFER_NOTHING, "");
	assert_offered(CT_COMMAND_WATCH, "port", CT_OFFER_NOTHING, "");
}

static void each_word_that_is_offered_is_taken(void **state)
{
	for (size_t i = 0; i < ct_option_specs_n; i++) {
		const struct ct_option_spec *spec = &ct_option_specs[i];
		_cleanup_(ct_buf_fini) struct ct_buf words = {};
		char *rest, *word;

		if (!spec->help || !spec->value || ct_offer(spec, &words) != CT_OFFER_WORDS)
			continue;
		assert_int_equal(words.error, 0);
		for (rest = words.data; (word = strsep(&rest, " "));) {
			char err[CT_OPTIONS_ERR_LEN] = "";
			_cleanup_(ct_options_fini) struct ct_options options = {};
			struct ct_option_value value = {.target = (char *)&options + spec->offset,
							.text = word,
							.constant = spec->constant,
							.err = err};

			if (!*word || spec->set(&value))
				fail_msg("'%s' of '%s' is refused: %s", word, spec->help, err);
			/* nothing in it means anything to a shell */
			assert_int_equal(strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						      "abcdefghijklmnopqrstuvwxyz"
						      "0123456789_-."),
					 strlen(word));
		}
	}
}

static void words_of_a_help_text_are_those_that_the_parser_takes(void **state)
{
	const struct ct_option_spec format = {300,
					      "as",
					      "WORD",
					      "like json, csv (or: csv) but not like xml",
					      0,
					      0,
					      offsetof(struct ct_options, output.format),
					      0,
					      ct_option_format};
	const struct ct_option_spec anything = {301,
						"any",
						"WORD",
						"this or that",
						0,
						0,
						offsetof(struct ct_options, output.fields),
						0,
						ct_option_string};
	const struct ct_option_spec file = {302,
					    "page",
					    "OUT",
					    "where the page goes",
					    0,
					    0,
					    offsetof(struct ct_options, output.fields),
					    0,
					    ct_option_string};
	_cleanup_(ct_buf_fini) struct ct_buf words = {};

	assert_int_equal(ct_offer(&format, &words), CT_OFFER_WORDS);
	assert_string_equal(words.data, "json csv");
	ct_buf_reset(&words);
	assert_int_equal(ct_offer(&anything, &words), CT_OFFER_NOTHING);
	assert_int_equal(ct_offer(&file, &words), CT_OFFER_FILES);
	assert_int_equal(words.len, 0);
}

static void text_for_zsh_is_quoted(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	ct_completion_quote_zsh(&buf, "it's [a] \\ b: $c `d`", "[]:");
	assert_string_equal(buf.data, "it'\\''s \\[a\\] \\\\ b\\: $c `d`");
	ct_buf_reset(&buf);
	ct_completion_quote_zsh(&buf, "NAME[:GROUP]", ":");
	assert_string_equal(buf.data, "NAME[\\:GROUP]");
}

static void unknown_shell_gets_nothing(void **state)
{
	_cleanup_(ct_buf_fini) struct ct_buf buf = {};

	assert_int_equal(ct_completion_put("fish", &buf), -EINVAL);
	assert_int_equal(buf.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bash_has_each_option_of_each_command_and_no_other),
		cmocka_unit_test(zsh_has_each_option_of_each_command_and_no_other),
		cmocka_unit_test(words_of_an_enum_are_offered),
		cmocka_unit_test(each_flag_is_offered),
		cmocka_unit_test(what_is_no_enum_is_looked_up_or_left_alone),
		cmocka_unit_test(each_word_that_is_offered_is_taken),
		cmocka_unit_test(words_of_a_help_text_are_those_that_the_parser_takes),
		cmocka_unit_test(text_for_zsh_is_quoted),
		cmocka_unit_test(unknown_shell_gets_nothing),
	};

	return cmocka_run_group_tests_name("completion", tests, NULL, forget_line);
}
