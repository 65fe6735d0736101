// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/oracle_ss.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "conntrace/event.h"
#include "support/e2e.h"

#define COMMAND "exec ss -HtinoeO state all"

/// "10.99.0.2:80", "[fd99::2]:80", "[::ffff:10.99.0.2]:80", "*:80", "0.0.0.0:*".
static bool parse_address(char *text, uint8_t ret_addr[16], uint16_t *ret_port)
{
	char *colon = strrchr(text, ':');
	char *host = text;

	if (!colon)
		return false;
	*colon = '\0';
	if (*host == '[') {
		host++;
		host[strcspn(host, "]")] = '\0';
	}
	host[strcspn(host, "%")] = '\0';
	oracle_addr_parse(host, ret_addr);
	*ret_port = (uint16_t)strtoul(colon + 1, NULL, 10);
	return true;
}

bool oracle_ss_parse(char *line, struct oracle_sighting *ret_sighting)
{
	const char *cookie = strstr(line, " sk:");
	char *rest = line;
	char *state = strtok_r(NULL, " ", &rest);
	char *local, *peer;

	strtok_r(NULL, " ", &rest); /* Recv-Q and Send-Q */
	strtok_r(NULL, " ", &rest);
	local = strtok_r(NULL, " ", &rest);
	peer = strtok_r(NULL, " ", &rest);
	if (!state || !cookie || !local || !peer)
		return false;
	ret_sighting->state = oracle_state_of_ss(state);
	ret_sighting->cookie = strtoull(cookie + strlen(" sk:"), NULL, 16);
	return ret_sighting->state != CT_STATE_NONE && ret_sighting->cookie &&
	       parse_address(local, ret_sighting->end.laddr, &ret_sighting->end.lport) &&
	       parse_address(peer, ret_sighting->end.raddr, &ret_sighting->end.rport);
}

/// The sightings of a poll carry the time at which it ended: they are written when that is known.
struct poll_buffer {
	struct oracle_sighting *sightings;
	size_t n;
	size_t capacity;
};

static int keep(struct poll_buffer *buffer, const struct oracle_sighting *sighting)
{
	size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
	struct oracle_sighting *grown;

	if (buffer->n == buffer->capacity) {
		grown = realloc(buffer->sightings, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		buffer->sightings = grown;
		buffer->capacity = capacity;
	}
	buffer->sightings[buffer->n++] = *sighting;
	return 0;
}

static int read_lines(FILE *pipe, struct oracle_sighting sighting, struct poll_buffer *buffer)
{
	char *line = NULL;
	size_t bytes = 0;
	int err = 0;

	while (!err && getline(&line, &bytes, pipe) > 0) {
		char copy[128];

		snprintf(copy, sizeof(copy), "%s", line);
		if (oracle_ss_parse(line, &sighting)) {
			err = keep(buffer, &sighting);
		} else {
			fprintf(stderr, "ss printed what is not understood: %s\n", copy);
			err = -EBADMSG;
		}
	}
	free(line);
	return err;
}

static int poll_once(int netns_fd, struct oracle_sighting sighting, struct poll_buffer *buffer,
		     FILE *out)
{
	int64_t ended_ns;
	FILE *pipe;
	int err;

	if (setns(netns_fd, CLONE_NEWNET))
		return -errno;
	buffer->n = 0;
	sighting.began_ns = oracle_clock_monotonic_ns();
	err = keep(buffer, &sighting);
	pipe = err ? NULL : popen(COMMAND, "re");
	if (!pipe)
		return err ? err : -errno;
	err = read_lines(pipe, sighting, buffer);
	ended_ns = oracle_clock_monotonic_ns();
	if (pclose(pipe) && !err) {
		fprintf(stderr, "ss failed\n");
		err = -EIO;
	}
	for (size_t i = 0; i < buffer->n; i++)
		buffer->sightings[i].ended_ns = ended_ns;
	if (!err && fwrite(buffer->sightings, sizeof(sighting), buffer->n, out) != buffer->n)
		err = -EIO;
	return err;
}

static int watch(const void *context, int stop_fd, FILE *out)
{
	const struct oracle_ss *ss = context;
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
	struct poll_buffer buffer = {0};
	struct oracle_sighting sighting = {0};
	int err = 0;

	while (!err && poll(&stop, 1, *ss->pause_ms) == 0) {
		sighting.poll++;
		sighting.far = false;
		err = poll_once(ss->home_fd, sighting, &buffer, out);
		sighting.poll++;
		sighting.far = true;
		if (!err)
			err = poll_once(ss->far_fd, sighting, &buffer, out);
	}
	free(buffer.sightings);
	return err;
}

void oracle_ss_start(struct e2e *e2e, int pause_ms, struct oracle_ss *ret_ss)
{
	*ret_ss = (struct oracle_ss){.home_fd = e2e->home.fd, .far_fd = e2e->far.fd};
	ret_ss->pause_ms = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ret_ss->pause_ms, MAP_FAILED);
	*ret_ss->pause_ms = pause_ms;
	oracle_watcher_start(e2e, "oracle-ss", watch, ret_ss, &ret_ss->watcher);
}

void oracle_ss_set_pause(struct oracle_ss *ss, int pause_ms)
{
	*ss->pause_ms = pause_ms;
}

struct oracle_sighting *oracle_ss_stop(struct oracle_ss *ss, size_t *ret_count)
{
	struct oracle_sighting *sightings =
		oracle_watcher_stop(&ss->watcher, sizeof(struct oracle_sighting), ret_count);

	munmap((void *)ss->pause_ms, sizeof(int));
	return sightings;
}
