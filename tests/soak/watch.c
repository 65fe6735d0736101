// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "soak/watch.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/e2e.h"
#include "support/events.h"
#include "support/ss.h"

#define SOCKETS_MAX   400000
#define MAPS_MAX      64
#define FD_READINGS   3 /* a namespace that is being walked has one more */
#define FD_READING_MS 30
#define BYTES_PER_KIB 1024

/// The number behind KEY in a file of /proc; false when neither can be had.
static bool read_number(const char *path, const char *key, uint64_t *ret)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[256];

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		found = strncmp(line, key, strlen(key)) == 0;
		if (found)
			*ret = strtoull(line + strlen(key), NULL, 10);
	}
	fclose(file);
	return found;
}

static uint64_t count_fds(pid_t pid)
{
	uint64_t n = 0;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		n += isdigit((unsigned char)entry->d_name[0]) != 0;
	closedir(dir);
	return n;
}

static uint64_t least_fds(pid_t pid)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < FD_READINGS; i++) {
		uint64_t n = count_fds(pid);

		if (n < least)
			least = n;
		e2e_sleep_ms(FD_READING_MS);
	}
	return least;
}

/// What the kernel says a tracer's maps take, each once.
static uint64_t count_maps_kib(pid_t pid)
{
	uint64_t ids[MAPS_MAX], bytes = 0, id, memlock;
	struct dirent *entry;
	char path[320];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		bool known = false;

		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, entry->d_name);
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !read_number(path, "map_id:", &id) || !read_number(path, "memlock:", &memlock))
			continue;
		for (size_t i = 0; i < n; i++)
			known |= ids[i] == id;
		if (known)
			continue;
		assert_true(n < MAPS_MAX);
		ids[n++] = id;
		bytes += memlock;
	}
	closedir(dir);
	return bytes / BYTES_PER_KIB;
}

bool soak_take_sample(pid_t pid, struct soak_sample *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	ret->fds = least_fds(pid);
	ret->maps_kib = count_maps_kib(pid);
	assert_true(read_number("/proc/meminfo", "SUnreclaim:", &ret->kernel_kib));
	return read_number(path, "RssAnon:", &ret->rss_kib) && ret->fds && ret->maps_kib;
}

/// The caller frees it.
static struct soak_socket *look_with_ss(const struct e2e_netns *netns, size_t *ret_n)
{
	struct e2e_ss_row *rows = calloc(SOCKETS_MAX, sizeof(*rows));
	struct soak_socket *sockets = calloc(SOCKETS_MAX, sizeof(*sockets));

	assert_true(rows && sockets);
	*ret_n = e2e_ss(netns, rows, SOCKETS_MAX);
	for (size_t i = 0; i < *ret_n; i++) {
		snprintf(sockets[i].conn, sizeof(sockets[i].conn), "%s", rows[i].conn);
		snprintf(sockets[i].state, sizeof(sockets[i].state), "%s", rows[i].state);
	}
	free(rows);
	return sockets;
}

/// The workload's own come and go between its first address and itself; those that stay are
/// elsewhere.
static bool is_brief(const json_t *row)
{
	return strcmp(e2e_event_text(row, "laddr"), "127.0.0.1") == 0 &&
	       strcmp(e2e_event_text(row, "raddr"), "127.0.0.1") == 0;
}

/// The caller frees it.
static struct soak_socket *look_with_list(const struct e2e_netns *netns, size_t *ret_n)
{
	struct soak_socket *sockets = calloc(SOCKETS_MAX, sizeof(*sockets));
	char inum[24];
	struct e2e_output output;
	size_t index;
	json_t *rows, *row;

	assert_non_null(sockets);
	snprintf(inum, sizeof(inum), "%lu", netns->inum);
	E2E_CONNTRACE(&output, "list", "--json", "--netns", inum, "--fields",
		      "conn,state,laddr,raddr");
	if (output.status)
		fail_msg("conntrace list exited %d: %s", output.status, output.err);
	rows = e2e_events_parse(output.out, output.out_bytes);
	e2e_output_free(&output);
	*ret_n = json_array_size(rows);
	assert_true(*ret_n <= SOCKETS_MAX);
	json_array_foreach(rows, index, row)
	{
		struct soak_socket *socket = &sockets[index];

		snprintf(socket->conn, sizeof(socket->conn), "%s", e2e_event_text(row, "conn"));
		snprintf(socket->state, sizeof(socket->state), "%s", e2e_event_text(row, "state"));
		socket->is_brief = is_brief(row);
	}
	json_decref(rows);
	return sockets;
}

void soak_look(const struct e2e_netns *netns, struct soak_drift *ret)
{
	size_t n_before, n_listed, n_behind;
	struct soak_socket *before = look_with_ss(netns, &n_before);
	struct soak_socket *listed = look_with_list(netns, &n_listed);
	struct soak_socket *behind = look_with_ss(netns, &n_behind);

	soak_compare(before, n_before, listed, n_listed, behind, n_behind, ret);
	free(before);
	free(listed);
	free(behind);
}
