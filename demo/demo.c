// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: demo [SCENE...]
//
// A small server and clients with faults planted in them, for conntrace to find: all scenes, or
// those that are named. They play on loopback in a network namespace of their own, which nothing
// leaves. Needs root. `make demo` records it.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bench/loopback.h"
#include "conntrace/count.h"
#include "scene.h"

#define SCENES_MAX 16
#define EXIT_USAGE 2

/// How long what is open stays open behind the end: a tracer that ends with the demo has ended by
/// then, and does not see it torn down.
#define HOLD_MS 15000

/// No scene takes that long, in a guest neither.
#define LIMIT_S 300

/// A process of a scene.
struct player {
	const struct scene *scene;
	bool serves;
	pid_t pid;
	int done_fd; /// a byte comes when it has played its part, or else the end of the file
};

struct demo {
	const struct scene *scenes[SCENES_MAX];
	size_t n_scenes;
	struct player players[2 * SCENES_MAX];
	size_t n_players;
	pid_t leader;
	int life_fds[2]; /// a pipe that only the leader writes to: it ends with it
};

static const struct scene *const sets[] = {innocent_scenes, faulty_scenes};

static const struct scene *find_scene(const char *name)
{
	for (size_t i = 0; i < CT_COUNT(sets); i++)
		for (const struct scene *scene = sets[i]; scene->name; scene++)
			if (strcmp(scene->name, name) == 0)
				return scene;
	return NULL;
}

static void print_scene(FILE *out, const struct scene *scene)
{
	fprintf(out, "  %-10s  %-17s  %s\n", scene->name, scene->finding ? scene->finding : "-",
		scene->text);
}

static void print_scenes(FILE *out, bool all)
{
	for (size_t i = 0; i < CT_COUNT(sets); i++)
		for (const struct scene *scene = sets[i]; scene->name; scene++)
			if (all || !scene->only_if_named)
				print_scene(out, scene);
}

static void print_usage(FILE *out)
{
	fputs("Usage: demo [SCENE...], demo --list (of what plays without a SCENE)\n\n"
	      "What there is, what the doctor finds in it, and what happens:\n",
	      out);
	print_scenes(out, true);
	fputs("\nWithout a SCENE it is all of them but time-wait, which takes a minute.\n", out);
}

static void add_scene(struct demo *demo, const struct scene *scene)
{
	for (size_t i = 0; i < demo->n_scenes; i++)
		if (demo->scenes[i] == scene)
			return;
	assert(demo->n_scenes < SCENES_MAX);
	demo->scenes[demo->n_scenes++] = scene;
}

static void add_all(struct demo *demo)
{
	for (size_t i = 0; i < CT_COUNT(sets); i++)
		for (const struct scene *scene = sets[i]; scene->name; scene++)
			if (!scene->only_if_named)
				add_scene(demo, scene);
}

/// Of a leader that had ended before it was asked for no signal comes.
static void die_with(pid_t leader)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != leader)
		_exit(EXIT_FAILURE);
}

static void play(const struct player *player, const struct stage *stage)
{
	const struct scene *scene = player->scene;
	int listener;

	alarm(LIMIT_S);
	prctl(PR_SET_NAME, player->serves ? scene->server : scene->client);
	if (player->serves) {
		listener = stage_listen(stage);
		stage_cue(stage);
		scene->serve(stage, listener);
	} else {
		if (scene->serve)
			stage_await_cue(stage);
		scene->ask(stage);
	}
	alarm(0);
}

/// Whoever waits for the end of the demo's output does not wait for those who hold something.
static void be_silent(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int std = STDIN_FILENO; fd >= 0 && std <= STDERR_FILENO; std++)
		if (dup2(fd, std) < 0)
			stage_die("/dev/null");
}

/// The process of a player: its part, and then it holds what is open.
static _Noreturn void perform(const struct demo *demo, const struct player *player,
			      const struct stage *stage, int done_fd)
{
	char end;

	close(demo->life_fds[1]);
	die_with(demo->leader);
	play(player, stage);
	prctl(PR_SET_PDEATHSIG, 0);
	be_silent();
	if (write(done_fd, "", 1) != 1)
		_exit(EXIT_FAILURE);
	while (read(demo->life_fds[0], &end, sizeof(end)) < 0 && errno == EINTR)
		;
	stage_sleep_ms(HOLD_MS);
	_exit(EXIT_SUCCESS);
}

static void start_player(struct demo *demo, const struct scene *scene, bool serves, int cue_fds[2])
{
	struct player *player = &demo->players[demo->n_players++];
	int done_fds[2];

	if (pipe2(done_fds, O_CLOEXEC))
		stage_die("pipe");
	*player = (struct player){.scene = scene, .serves = serves, .done_fd = done_fds[0]};
	fflush(NULL);
	player->pid = fork();
	if (player->pid < 0)
		stage_die("fork");
	if (player->pid == 0) {
		struct stage stage = {.port = scene->port, .cue_fd = cue_fds[serves]};

		/* else the other one would not be missed */
		close(cue_fds[!serves]);
		perform(demo, player, &stage, done_fds[1]);
	}
	close(done_fds[1]);
}

static void start_scene(struct demo *demo, const struct scene *scene)
{
	int cue_fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, cue_fds))
		stage_die("socketpair");
	if (scene->serve)
		start_player(demo, scene, true, cue_fds);
	start_player(demo, scene, false, cue_fds);
	close(cue_fds[0]);
	close(cue_fds[1]);
}

/// It has said itself why it failed, unless a signal ended it.
static bool has_played(const struct player *player)
{
	char done;
	int status;

	if (read(player->done_fd, &done, sizeof(done)) == sizeof(done))
		return true;
	if (waitpid(player->pid, &status, 0) == player->pid && WIFSIGNALED(status))
		fprintf(stderr, "demo: %s: %s was ended by a signal: %s\n", player->scene->name,
			player->serves ? player->scene->server : player->scene->client,
			strsignal(WTERMSIG(status)));
	return false;
}

/// Until the first of them fails.
static bool await_players(const struct demo *demo)
{
	struct pollfd fds[CT_COUNT(demo->players)];
	bool all = true;

	for (size_t i = 0; i < demo->n_players; i++)
		fds[i] = (struct pollfd){.fd = demo->players[i].done_fd, .events = POLLIN};
	for (size_t left = demo->n_players; left && all;) {
		if (poll(fds, demo->n_players, -1) < 0)
			stage_die("poll");
		for (size_t i = 0; i < demo->n_players && all; i++) {
			if (!fds[i].revents)
				continue;
			all = has_played(&demo->players[i]);
			fds[i].fd = -1;
			left--;
		}
	}
	return all;
}

static int run(struct demo *demo)
{
	int r;

	if (unshare(CLONE_NEWNET))
		stage_die("make a network namespace (needs root)");
	r = loopback_up();
	if (r) {
		errno = -r;
		stage_die("set lo up");
	}
	demo->leader = getpid();
	if (pipe2(demo->life_fds, O_CLOEXEC))
		stage_die("pipe");
	for (size_t i = 0; i < demo->n_scenes; i++)
		start_scene(demo, demo->scenes[i]);
	return await_players(demo) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
	struct demo demo = {0};

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		print_scenes(stdout, false);
		return EXIT_SUCCESS;
	}
	for (int i = 1; i < argc; i++) {
		const struct scene *scene = find_scene(argv[i]);

		if (!scene) {
			fprintf(stderr, "demo: no scene '%s'\n", argv[i]);
			print_usage(stderr);
			return EXIT_USAGE;
		}
		add_scene(&demo, scene);
	}
	if (argc == 1)
		add_all(&demo);
	return run(&demo);
}
