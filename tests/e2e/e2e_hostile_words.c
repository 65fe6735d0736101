// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that words which somebody else may have chosen are told escaped, in the header of a
// recording and in messages: names of files, of the host and of programs, and options.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/quiet.h"

#define EXIT_RUNTIME   1
#define EXIT_USAGE     2
#define EXIT_NOT_FOUND 127 /// CMD's, as a shell has it
#define WAIT_MS	       30000
#define ARGS_MAX       6

/// The title is changed, all is wiped, another line begins, and what follows is turned around.
#define HOSTILE_WORD	     "\x1b]0;x\x07\x1b[2J\nx\xe2\x80\xae"
#define HOSTILE_WORD_ESCAPED "\\x1b]0;x\\x07\\x1b[2J\\x0ax\\u{202e}"
#define HOSTILE_WORD_ASCII   "\\x1b]0;x\\x07\\x1b[2J\\x0ax\\xe2\\x80\\xae"

/// The host's name, the file's and the words of the call stand in the header of a recording.
static void header_shows_them_escaped(void **state)
{
	static const char host[] = "h\x1b[2J\n\"'<b>";
	struct e2e *e2e = *state;
	const char *file = e2e_path(e2e, HOSTILE_WORD ".ctr");
	const char *command_line;
	struct e2e_tracer *tracer;
	struct e2e_output output;
	json_t *info;

	if (unshare(CLONE_NEWUTS))
		e2e_skip("no namespace for a name of the host: %s", strerror(errno));
	assert_int_equal(sethostname(host, strlen(host)), 0);
	e2e_use_utf8();
	tracer = E2E_TRACE(e2e, "record", "-w", file, "-c", HOSTILE_WORD "*");
	e2e_tracer_stop(tracer, 0);
	E2E_CONNTRACE(&output, "info", file);
	assert_int_equal(output.status, 0);
	e2e_assert_quiet(output.out, output.out_bytes, true, "");
	assert_non_null(strstr(output.out, "\nhost          h\\x1b[2J\\x0a\"'<b>\n"));
	assert_non_null(strstr(output.out, "\\x1b]0;x\\x07\\x1b[2J\\x0ax"));
	e2e_output_free(&output);
	E2E_CONNTRACE(&output, "report", file);
	assert_int_equal(output.status, 0);
	e2e_assert_quiet(output.out, output.out_bytes, true, "");
	assert_non_null(strstr(output.out, "Recorded on h\\x1b[2J\\x0a\"'<b>, Linux "));
	e2e_output_free(&output);
	info = E2E_CONNTRACE_JSON("info", "--json", file);
	command_line = e2e_format(e2e, "%s record -w %s -c %s*", e2e_program(), file, HOSTILE_WORD);
	e2e_assert_has(json_array_get(info, 0), "{s:s, s:s, s:s}", "file", file, "host", host,
		       "command_line", command_line);
	json_decref(info);
}

/// A command line that fails, in a message that names HOSTILE_WORD. @DIR stands for the scratch
/// directory.
struct failure {
	int status;
	const char *args[ARGS_MAX];
};

static void check_message(const char *said, size_t bytes, bool utf8)
{
	e2e_assert_quiet(said, bytes, utf8, "");
	/* the parser of options spells characters, whatever the locale */
	if (!strstr(said, HOSTILE_WORD_ESCAPED) && (utf8 || !strstr(said, HOSTILE_WORD_ASCII)))
		fail_msg("'%s' is not named in: %s", HOSTILE_WORD_ESCAPED, said);
	/* no line that is not the program's own */
	for (const char *line = said; *line; line = strchr(line, '\n') + 1)
		assert_int_equal(strncmp(line, "conntrace: ", 11), 0);
}

static void message_shows_them_escaped(void **state)
{
	static const char text[] = "no recording, and long enough to be one: 0123456789\n";
	struct e2e *e2e = *state;
	const struct failure *failure = e2e->argument;
	const char *argv[ARGS_MAX + 1] = {NULL};
	struct e2e_output output;
	bool utf8 = e2e_use_utf8();

	e2e_file_write(e2e_path(e2e, HOSTILE_WORD), text, strlen(text));
	for (size_t i = 0; i < ARGS_MAX && failure->args[i]; i++)
		argv[i] = strncmp(failure->args[i], "@DIR", 4)
				  ? failure->args[i]
				  : e2e_format(e2e, "%s%s", e2e->dir, failure->args[i] + 4);
	/* twice, the second time in ASCII */
	for (int round = 0; round < 2; round++) {
		e2e_conntrace(argv, &output);
		if (output.status != failure->status)
			fail_msg("exited %d, wanted %d: %s", output.status, failure->status,
				 output.err);
		assert_string_equal(output.out, "");
		check_message(output.err, output.err_bytes, utf8);
		e2e_output_free(&output);
		setenv("LC_ALL", "C", 1);
		utf8 = false;
	}
}

static void message_of_a_program_shows_it_escaped(void **state)
{
	struct e2e *e2e = *state;
	bool utf8 = e2e_use_utf8();
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "watch", "--no-snapshot", "--",
					      "/nowhere/" HOSTILE_WORD);
	char *said;

	assert_int_equal(e2e_tracer_join(tracer, e2e_patience(WAIT_MS)), EXIT_NOT_FOUND);
	said = e2e_tracer_stderr(tracer);
	check_message(said, strlen(said), utf8);
	free(said);
}

#define MESSAGE(name, status, ...)                                                    \
	E2E_TEST_WITH("message_shows_them_escaped_" name, message_shows_them_escaped, \
		      (&(struct failure){status, {__VA_ARGS__}}))

static const struct CMUnitTest tests[] = {
	E2E_TEST(header_shows_them_escaped),
	MESSAGE("of_a_command", EXIT_USAGE, HOSTILE_WORD),
	MESSAGE("of_a_command_to_help_with", EXIT_USAGE, "help", HOSTILE_WORD),
	MESSAGE("of_an_option", EXIT_USAGE, "watch", "--" HOSTILE_WORD),
	MESSAGE("of_a_value", EXIT_USAGE, "watch", "-P", HOSTILE_WORD),
	MESSAGE("of_a_user", EXIT_USAGE, "watch", "-u", HOSTILE_WORD),
	MESSAGE("of_a_field", EXIT_USAGE, "watch", "--json", "--fields", HOSTILE_WORD),
	MESSAGE("of_a_hook", EXIT_USAGE, "watch", "--hide-hook", HOSTILE_WORD),
	MESSAGE("of_a_word_too_many", EXIT_USAGE, "info", "x.ctr", HOSTILE_WORD),
	MESSAGE("of_an_expression", EXIT_USAGE, "watch", "comm = a '" HOSTILE_WORD "'"),
	MESSAGE("of_a_missing_file", EXIT_RUNTIME, "replay", "@DIR/nowhere/" HOSTILE_WORD),
	MESSAGE("of_no_recording_to_replay", EXIT_RUNTIME, "replay", "@DIR/" HOSTILE_WORD),
	MESSAGE("of_no_recording_to_report", EXIT_RUNTIME, "report", "@DIR/" HOSTILE_WORD),
	MESSAGE("of_no_recording_to_look_into", EXIT_RUNTIME, "info", "@DIR/" HOSTILE_WORD),
	MESSAGE("of_a_file_to_write", EXIT_RUNTIME, "record", "-w", "@DIR/nowhere/" HOSTILE_WORD),
	E2E_TEST(message_of_a_program_shows_it_escaped),
};

E2E_MAIN("hostile_words", tests)
