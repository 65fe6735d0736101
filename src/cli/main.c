// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "conntrace/cleanup.h"
#include "conntrace/log.h"
#include "suggest.h"

static int (*const commands[])(struct ct_options *options) = {
	[CT_COMMAND_WATCH] = ct_cmd_watch,   [CT_COMMAND_RECORD] = ct_cmd_record,
	[CT_COMMAND_REPLAY] = ct_cmd_replay, [CT_COMMAND_REPORT] = ct_cmd_report,
	[CT_COMMAND_LIST] = ct_cmd_list,     [CT_COMMAND_INFO] = ct_cmd_info,
	[CT_COMMAND_CHECK] = ct_cmd_check,   [CT_COMMAND_DOCTOR] = ct_cmd_doctor,
};
_Static_assert(sizeof(commands) / sizeof(commands[0]) == _CT_COMMAND_MAX, "every command is there");

/// What was asked for in help and version is data: a failure to print it counts.
static int flush_stdout(void)
{
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		return ct_output_failed(errno ? -errno : -EIO);
	return CT_EXIT_DONE;
}

static int print_version(void)
{
	printf("conntrace %s\n", CT_VERSION);
	return flush_stdout();
}

static int print_help(void)
{
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		printf("%s conntrace %s\n", i ? "      " : "Usage:", ct_syntaxes[i].synopsis);
	printf("\nShows every TCP connection of this machine as one whole life.\n\nCommands\n");
	for (int i = 0; i < _CT_COMMAND_MAX; i++)
		printf("  %-10s %s%s\n", ct_syntaxes[i].name, ct_syntaxes[i].summary,
		       i == CT_COMMAND_WATCH ? " (the default)" : "");
	for (int i = 0; i < CT_SIDE_COMMANDS; i++)
		printf("  %-10s %s\n", ct_side_commands[i].name, ct_side_commands[i].summary);
	printf("\nLive tracing needs root. Each command's --help and conntrace(1) have examples.\n");
	return flush_stdout();
}

static int print_command_help(enum ct_command command)
{
	ct_options_help(command, stdout);
	return flush_stdout();
}

/// 0; -EINVAL, *ret unchanged.
static int find_command(const char *name, enum ct_command *ret)
{
	for (int i = 0; i < _CT_COMMAND_MAX; i++) {
		if (strcmp(name, ct_syntaxes[i].name) != 0)
			continue;
		*ret = (enum ct_command)i;
		return 0;
	}
	return -EINVAL;
}

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/// In front of a recording its command is forgotten easily.
static int refuse_command(const char *name)
{
	const char *nearest = ct_suggest_command(name);

	if (is_file(name))
		ct_error("'%s' is a file and no command; of a recording 'conntrace report %s' "
			 "tells each connection, 'conntrace replay %s' each event",
			 name, name, name);
	else if (nearest)
		ct_error("unknown command '%.64s', did you mean '%s'?", name, nearest);
	else
		ct_error("unknown command '%.64s'; 'conntrace help' lists them", name);
	return CT_EXIT_USAGE;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0;
}

static int run_help(int argc, char **argv)
{
	enum ct_command command;

	if (argc > 2) {
		ct_error("help takes one command: '%.64s' is one too many", argv[2]);
		return CT_EXIT_USAGE;
	}
	if (argc < 2 || strcmp(argv[1], "help") == 0 || is_help(argv[1]))
		return print_help();
	if (strcmp(argv[1], "completion") == 0)
		return ct_cmd_completion(NULL);
	if (find_command(argv[1], &command))
		return refuse_command(argv[1]);
	return print_command_help(command);
}

static int run_completion(int argc, char **argv)
{
	if (argc == 2 && is_help(argv[1]))
		return ct_cmd_completion(NULL);
	if (argc == 2)
		return ct_cmd_completion(argv[1]);
	ct_error("completion takes the name of one shell: 'conntrace completion --help' has them");
	return CT_EXIT_USAGE;
}

static int run_command(enum ct_command command, int argc, char **argv, char **command_line)
{
	_cleanup_(ct_options_fini) struct ct_options options;
	char err[CT_OPTIONS_ERR_LEN];
	int r = ct_options_parse(command, argc, argv, &options, err);

	options.command_line = command_line;
	if (r == -ENOMEM) {
		ct_error("cannot read the arguments: %s", strerror(ENOMEM));
		return CT_EXIT_FAILED;
	}
	if (r) {
		ct_error("%s", err);
		return r == -EPERM ? CT_EXIT_UNSUPPORTED : CT_EXIT_USAGE;
	}
	if (options.help)
		return print_command_help(command);
	if (options.version)
		return print_version();
	ct_log_init(options.verbosity);
	return commands[command](&options);
}

/// A file that is opened must not become stdout by accident: what was closed is held by something
/// that cannot be used.
static void hold_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}

int main(int argc, char **argv)
{
	enum ct_command command = CT_COMMAND_WATCH;

	hold_standard_streams();
	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write */
	if (argc < 2 || argv[1][0] == '-') {
		if (argc == 2 && is_help(argv[1]))
			return print_help();
		return run_command(command, argc, argv, argv);
	}
	if (strcmp(argv[1], "help") == 0)
		return run_help(argc - 1, argv + 1);
	if (strcmp(argv[1], "completion") == 0)
		return run_completion(argc - 1, argv + 1);
	if (find_command(argv[1], &command) == 0)
		return run_command(command, argc - 1, argv + 1, argv);
	if (ct_expression_begins(argv[1]))
		return run_command(command, argc, argv, argv);
	return refuse_command(argv[1]);
}
