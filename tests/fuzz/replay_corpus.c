// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Runs a fuzzer's corpus once, without libFuzzer: fuzz_NAME FOLDER.
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "conntrace/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool run_file(const char *folder, const char *name)
{
	_cleanup_(ct_fclosep) FILE *file = NULL;
	_cleanup_(ct_freep) char *path = NULL;
	_cleanup_(ct_freep) uint8_t *data = NULL;
	size_t len;
	long size;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return false;
	}
	file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0) {
		perror(path);
		return false;
	}
	rewind(file);
	/* Exactly as long, so that the sanitizer sees the first byte beyond. */
	data = malloc((size_t)size);
	len = data ? fread(data, 1, (size_t)size, file) : 0;
	if (len != (size_t)size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return false;
	}
	LLVMFuzzerTestOneInput(data, len);
	return true;
}

int main(int argc, char **argv)
{
	unsigned int n = 0, failed = 0;
	DIR *folder;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	folder = opendir(argv[1]);
	if (!folder) {
		perror(argv[1]);
		return 1;
	}
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		if (run_file(argv[1], entry->d_name))
			n++;
		else
			failed++;
	}
	closedir(folder);
	printf("%u inputs\n", n);
	/* An empty corpus shows nothing. */
	return failed || !n;
}
