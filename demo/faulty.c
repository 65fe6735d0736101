// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lives that go wrong, one fault a scene, each for as long as the doctor has to see it before it
 * speaks: src/doctor/find_*.c.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scene.h"

#define LEAKED	      3
#define LEAK_MS	      5500
#define UPLOAD_BYTES  5000
#define ABORTED_BYTES 524288 /* more than a window that nobody opens */
#define STALE_MS      300
#define ALIVE_MS      1500 /* one probe is answered */
#define REFUSALS      3
#define TIMEOUTS      4
#define POLL_MS	      20

static void set_option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		stage_die("setsockopt");
}

/// It reads the end of the file each time, and that is where it should call close().
static void serve_and_leak(const struct stage *stage, int listener)
{
	(void)stage;
	for (int i = 0; i < LEAKED; i++)
		stage_receive_end(stage_accept_and_answer(listener));
	stage_sleep_ms(LEAK_MS);
}

static void be_leaked(const struct stage *stage)
{
	for (int i = 0; i < LEAKED; i++)
		close(stage_connect_and_ask(stage));
}

/// It is busy elsewhere, and reads nothing of what comes behind the request.
static void serve_until_reset(const struct stage *stage, int listener)
{
	int fd = stage_accept_and_answer(listener);

	(void)stage;
	stage_await_error(fd);
	close(fd);
}

static void ask_and_abort(const struct stage *stage)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	int fd = stage_connect_and_ask(stage);

	stage_send_some(fd, ABORTED_BYTES);
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)))
		stage_die("SO_LINGER");
	close(fd);
}

/// It knows what to answer before it has read anything, as one does that finds an upload too large.
static void serve_unread(const struct stage *stage, int listener)
{
	int fd = stage_accept(listener);

	(void)stage;
	stage_await_bytes(fd, UPLOAD_BYTES);
	stage_send(fd, STAGE_ANSWER_BYTES);
	close(fd);
}

static void upload(const struct stage *stage)
{
	int fd = stage_connect(stage);

	stage_send(fd, UPLOAD_BYTES);
	stage_await_error(fd);
	close(fd);
}

static void serve_briefly(const struct stage *stage, int listener)
{
	(void)stage;
	close(stage_accept_and_answer(listener));
}

/// The connection goes back to the pool; when it is wanted again, nobody looks what became of it.
static void use_again(const struct stage *stage)
{
	int fd = stage_connect_and_ask(stage);

	stage_await_end(fd);
	stage_sleep_ms(STALE_MS);
	stage_send(fd, STAGE_REQUEST_BYTES);
	stage_await_error(fd);
	close(fd);
}

static void ask_nobody(const struct stage *stage)
{
	for (int i = 0; i < REFUSALS; i++)
		stage_be_refused(stage);
}

static void serve_nobody(const struct stage *stage, int listener)
{
	stage_cut(listener);
	stage_cue(stage);
}

static void ask_the_deaf(const struct stage *stage)
{
	int fd;

	stage_await_cue(stage);
	fd = stage_begin_connect(stage);
	while (!stage_info(fd).tcpi_retransmits)
		stage_sleep_ms(POLL_MS);
}

/// Nothing of what it has sent is under way any more when it goes: only the client waits.
static void serve_and_vanish(const struct stage *stage, int listener)
{
	int fd = stage_accept_and_answer(listener);

	stage_settle(fd);
	stage_cut(fd);
	stage_cue(stage);
}

static void ask_who_has_gone(const struct stage *stage)
{
	int fd = stage_connect_and_ask(stage);

	stage_await_cue(stage);
	stage_send(fd, STAGE_REQUEST_BYTES);
	while (stage_info(fd).tcpi_retransmits < TIMEOUTS)
		stage_sleep_ms(POLL_MS);
}

static void serve_and_vanish_later(const struct stage *stage, int listener)
{
	int fd = stage_accept_and_answer(listener);

	(void)stage;
	stage_settle(fd);
	stage_sleep_ms(ALIVE_MS);
	stage_cut(fd);
}

/// A probe each second, and two without an answer are enough: who waits for the default waits for
/// two hours, and eleven minutes more.
static void probe(const struct stage *stage)
{
	int fd = stage_connect(stage);

	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 2);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	stage_ask(fd);
	stage_await_error(fd);
	close(fd);
}

const struct scene faulty_scenes[] = {
	{
		.name = "leak",
		.finding = "close-wait-leak",
		.text = "clients close, and ct-leaky never does",
		.server = "ct-leaky",
		.client = "ct-client",
		.port = 8011,
		.serve = serve_and_leak,
		.ask = be_leaked,
	},
	{
		.name = "abort",
		.finding = "linger0-reset",
		.text = "ct-abort closes with SO_LINGER 0 while its upload is under way",
		.server = "ct-server",
		.client = "ct-abort",
		.port = 8012,
		.serve = serve_until_reset,
		.ask = ask_and_abort,
	},
	{
		.name = "unread",
		.finding = "unread-data-reset",
		.text = "ct-hasty answers and closes, and has not read the request",
		.server = "ct-hasty",
		.client = "ct-upload",
		.port = 8013,
		.serve = serve_unread,
		.ask = upload,
	},
	{
		.name = "stale",
		.finding = "stale-pool-reuse",
		.text = "ct-pool sends on a connection that the server has closed",
		.server = "ct-server",
		.client = "ct-pool",
		.port = 8014,
		.serve = serve_briefly,
		.ask = use_again,
	},
	{
		.name = "refused",
		.finding = "refused",
		.text = "nobody listens where ct-refused asks",
		.client = "ct-refused",
		.port = 8015,
		.ask = ask_nobody,
	},
	{
		.name = "dropped",
		.finding = "syn-unanswered",
		.text = "no SYN of ct-waiting gets to the server",
		.server = "ct-deaf",
		.client = "ct-waiting",
		.port = 8016,
		.serve = serve_nobody,
		.ask = ask_the_deaf,
	},
	{
		.name = "ghost",
		.finding = "dead-peer-hang",
		.text = "the server goes without a word; ct-hanging sends, and waits",
		.server = "ct-ghost",
		.client = "ct-hanging",
		.port = 8017,
		.serve = serve_and_vanish,
		.ask = ask_who_has_gone,
	},
	{
		.name = "keepalive",
		.finding = "half-open-ghost",
		.text = "the server goes as well; ct-prober notices by TCP keepalive",
		.server = "ct-ghost",
		.client = "ct-prober",
		.port = 8018,
		.serve = serve_and_vanish_later,
		.ask = probe,
	},
	{0},
};
