// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/param.h>
#include <unistd.h>

#include "support/attempt.h"
#include "support/e2e.h"
#include "support/job.h"
#include "support/process.h"
#include "support/sock.h"

#define JITTER_MS 80 /// the ages of a race differ by a twentieth at most
#define BUSY_MS	  20
#define LATE_MS	  200 /// by then the server has forgotten the last

/// Of a job's numbers.
enum {
	APART_MS,
	IS_BUSY,
	END,
};

struct racer {
	int fd; /// -1: closed
	int64_t due_ms;
	int64_t late_ms;
};

static int prepare_end(int fd, int64_t end)
{
	switch (end) {
	case E2E_RACE_END_RESET:
		return e2e_sock_set_linger0(fd);
	case E2E_RACE_END_FORGET:
		return e2e_sock_set(fd, IPPROTO_TCP, TCP_REPAIR, 1);
	default:
		return 0;
	}
}

static bool close_if_due(struct racer *racer, int64_t end)
{
	racer->late_ms = e2e_now_ms() - racer->due_ms;
	if (racer->late_ms < 0)
		return false;
	/* one that cannot end so ends by a FIN, and the test sees that */
	(void)prepare_end(racer->fd, end);
	close(racer->fd);
	racer->fd = -1;
	return true;
}

/// By how much one was later than another, at most.
static int64_t spread_of(const struct racer racers[E2E_RACERS])
{
	int64_t least_ms = racers[0].late_ms, most_ms = least_ms;

	for (int i = 1; i < E2E_RACERS; i++) {
		least_ms = MIN(least_ms, racers[i].late_ms);
		most_ms = MAX(most_ms, racers[i].late_ms);
	}
	return most_ms - least_ms;
}

static int ask(const struct e2e_job *job)
{
	int fd = e2e_sock_connect(&job->from, &job->to);

	return fd < 0 || e2e_sock_send(fd, 100) || e2e_sock_receive(fd, 100) ? -EIO : fd;
}

static int answer(const struct e2e_job *job)
{
	int fd = e2e_sock_accept(job->fd);

	return fd < 0 || e2e_sock_receive(fd, 100) || e2e_sock_send(fd, 100) ? -EIO : fd;
}

/// Answers each request, sends on if it is to be busy, and ends each when it is old enough.
static int64_t run_server(const struct e2e_job *job)
{
	struct racer racers[E2E_RACERS];
	int n = 0, open = E2E_RACERS;

	while (open) {
		struct pollfd listener = {.fd = job->fd, .events = POLLIN};

		if (poll(&listener, 1, job->numbers[IS_BUSY] ? BUSY_MS : 1) > 0 && n < E2E_RACERS) {
			racers[n].due_ms = e2e_now_ms() + E2E_RACE_AGE_MS +
					   n * job->numbers[APART_MS];
			racers[n].fd = answer(job);
			if (racers[n].fd < 0)
				return -EIO;
			n++;
		}
		for (int i = 0; i < n; i++) {
			if (racers[i].fd < 0)
				continue;
			if (close_if_due(&racers[i], job->numbers[END]))
				open--;
			else if (job->numbers[IS_BUSY])
				(void)e2e_sock_send(racers[i].fd, 10);
		}
	}
	return spread_of(racers);
}

/// Once all are forgotten: it is told by the answer to what it sends.
static void ask_again(const int fds[E2E_RACERS])
{
	e2e_sleep_ms(E2E_RACE_AGE_MS + LATE_MS);
	for (int i = 0; i < E2E_RACERS; i++)
		(void)e2e_sock_send(fds[i], 10);
}

/// Asks on each connection, reads what comes until the server closes, and closes too. For how long
/// it waited for an answer at most: so late the server may have accepted.
static int64_t run_client(const struct e2e_job *job)
{
	int64_t longest_ms = 0;
	int fds[E2E_RACERS];
	char data[256];

	for (int i = 0; i < E2E_RACERS; i++) {
		int64_t began_ms = e2e_now_ms();

		fds[i] = ask(job);
		if (fds[i] < 0)
			return -EIO;
		longest_ms = MAX(longest_ms, e2e_now_ms() - began_ms);
	}
	if (job->numbers[END] == E2E_RACE_END_FORGET)
		ask_again(fds);
	for (int i = 0; i < E2E_RACERS; i++) {
		while (read(fds[i], data, sizeof(data)) > 0)
			;
		close(fds[i]);
	}
	return longest_ms;
}

/// By how much one was closed later than another, at most.
static int64_t run_closing_client(const struct e2e_job *job)
{
	struct racer racers[E2E_RACERS];

	for (int i = 0; i < E2E_RACERS; i++) {
		racers[i].fd = ask(job);
		racers[i].due_ms = e2e_now_ms() + E2E_RACE_AGE_MS;
		if (racers[i].fd < 0)
			return -EIO;
	}
	for (int i = 0; i < E2E_RACERS; i++)
		while (!close_if_due(&racers[i], E2E_RACE_END_FIN))
			e2e_sleep_ms(1);
	return spread_of(racers);
}

static int64_t run_patient_server(const struct e2e_job *job)
{
	int fds[E2E_RACERS];
	char byte;

	for (int i = 0; i < E2E_RACERS; i++) {
		fds[i] = answer(job);
		if (fds[i] < 0)
			return -EIO;
	}
	for (int i = 0; i < E2E_RACERS; i++) {
		if (read(fds[i], &byte, 1) != 0)
			return -EIO;
		close(fds[i]);
	}
	return 0;
}

static void race_by_client(struct e2e_pair *pair)
{
	const struct e2e_job client = {.run = run_closing_client, .to = e2e_loopback(pair->port)};
	const struct e2e_job server = {.run = run_patient_server, .fd = pair->listen_fd};
	int64_t spread_ms;

	e2e_actor_begin(pair->client, &client);
	(void)e2e_actor_run(pair->server, &server);
	spread_ms = e2e_actor_finish(pair->client);
	if (spread_ms > JITTER_MS)
		e2e_again("a close came %lld ms later than another", (long long)spread_ms);
}

void e2e_race(struct e2e_pair *pair, const struct e2e_race *race)
{
	const struct e2e_job client = {
		.run = run_client, .to = e2e_loopback(pair->port), .numbers = {[END] = race->end}};
	const struct e2e_job server = {.run = run_server,
				       .fd = pair->listen_fd,
				       .numbers = {race->apart_ms, race->is_busy, race->end}};
	int64_t spread_ms;

	if (race->by_client) {
		race_by_client(pair);
		return;
	}
	e2e_actor_begin(pair->client, &client);
	spread_ms = e2e_actor_run(pair->server, &server);
	spread_ms += e2e_actor_finish(pair->client);
	if (spread_ms > JITTER_MS)
		e2e_again("a close came %lld ms later than another", (long long)spread_ms);
}
