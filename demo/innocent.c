// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lives as they should be: the doctor has to find nothing in them. */
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scene.h"

#define LIVES	     6
#define EXCHANGES    5
#define PAUSE_MS     50
#define THINK_MS     300
#define TIME_WAIT_MS 63000 /* TCP_TIMEWAIT_LEN, a minute, and how late its timer comes */
#define POLL_MS	     5

static void serve_one(const struct stage *stage, int listener)
{
	int fd = stage_accept_and_answer(listener);

	(void)stage;
	stage_receive_end(fd);
	close(fd);
}

static void live_one(const struct stage *stage)
{
	close(stage_connect_and_ask(stage));
}

static void serve_several(const struct stage *stage, int listener)
{
	for (int i = 0; i < LIVES; i++)
		serve_one(stage, listener);
}

static void live_several(const struct stage *stage)
{
	for (int i = 0; i < LIVES; i++)
		live_one(stage);
}

static void serve_repeatedly(const struct stage *stage, int listener)
{
	int fd = stage_accept(listener);

	(void)stage;
	for (int i = 0; i < EXCHANGES; i++)
		stage_answer(fd);
	stage_receive_end(fd);
	close(fd);
}

static void ask_repeatedly(const struct stage *stage)
{
	int fd = stage_connect(stage);

	for (int i = 0; i < EXCHANGES; i++) {
		stage_ask(fd);
		stage_sleep_ms(PAUSE_MS);
	}
	close(fd);
}

/// The end of the file says that the request is whole; the answer comes behind it.
static void serve_behind_the_end(const struct stage *stage, int listener)
{
	int fd = stage_accept(listener);

	(void)stage;
	stage_receive(fd, STAGE_REQUEST_BYTES);
	stage_receive_end(fd);
	stage_sleep_ms(THINK_MS);
	stage_send(fd, STAGE_ANSWER_BYTES);
	close(fd);
}

static void close_one_half(const struct stage *stage)
{
	int fd = stage_connect(stage);

	stage_send(fd, STAGE_REQUEST_BYTES);
	if (shutdown(fd, SHUT_WR))
		stage_die("shutdown");
	stage_receive(fd, STAGE_ANSWER_BYTES);
	stage_receive_end(fd);
	close(fd);
}

/**
 * Neither FIN arrives when it is sent, so that both sides have closed before they hear of the
 * other. Not by close(): who has no descriptor any more could not let the FIN in, which is sent
 * again.
 */
static void close_at_once(const struct stage *stage, int fd)
{
	stage_settle(fd);
	stage_meet(stage);
	stage_cut(fd);
	stage_meet(stage);
	if (shutdown(fd, SHUT_RDWR))
		stage_die("shutdown");
	stage_meet(stage);
	stage_uncut(fd);
	while (stage_info(fd).tcpi_state != TCP_CLOSE)
		stage_sleep_ms(POLL_MS);
	close(fd);
}

static void serve_and_close_too(const struct stage *stage, int listener)
{
	close_at_once(stage, stage_accept_and_answer(listener));
}

static void ask_and_close_too(const struct stage *stage)
{
	close_at_once(stage, stage_connect_and_ask(stage));
}

static void live_one_to_its_end(const struct stage *stage)
{
	live_one(stage);
	stage_sleep_ms(TIME_WAIT_MS);
}

const struct scene innocent_scenes[] = {
	{
		.name = "clean",
		.text = "one life as it should be: ask, answer, close",
		.server = "ct-server",
		.client = "ct-client",
		.port = 8001,
		.serve = serve_one,
		.ask = live_one,
	},
	{
		.name = "traffic",
		.text = "six such lives, one after the other",
		.server = "ct-server",
		.client = "ct-client",
		.port = 8002,
		.serve = serve_several,
		.ask = live_several,
	},
	{
		.name = "reuse",
		.text = "five exchanges on one connection, as HTTP keep-alive has them",
		.server = "ct-server",
		.client = "ct-reuse",
		.port = 8003,
		.serve = serve_repeatedly,
		.ask = ask_repeatedly,
	},
	{
		.name = "half-close",
		.text = "ct-half has said all, and reads the answer to its end",
		.server = "ct-server",
		.client = "ct-half",
		.port = 8004,
		.serve = serve_behind_the_end,
		.ask = close_one_half,
	},
	{
		.name = "both-close",
		.text = "both close before either hears of it",
		.server = "ct-server",
		.client = "ct-client",
		.port = 8005,
		.serve = serve_and_close_too,
		.ask = ask_and_close_too,
	},
	{
		.name = "time-wait",
		.text = "one life, and the minute of TIME_WAIT behind it",
		.server = "ct-server",
		.client = "ct-client",
		.port = 8006,
		.only_if_named = true,
		.serve = serve_one,
		.ask = live_one_to_its_end,
	},
	{0},
};
