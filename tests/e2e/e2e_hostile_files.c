// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows that recordings which claim more than there can be (doc/FORMAT.md) are refused by a bound,
// in a line that names the place and the limit, and that little memory is enough for that; and that
// what their headers say does nothing to whoever reads it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "support/churn.h"
#include "support/e2e.h"
#include "support/events.h"
#include "support/hostile.h"
#include "support/quiet.h"

#define EXIT_RUNTIME 1

/// Of address space: what the program needs to start, and a few megabytes.
#define LIMIT_KIB "131072"

#define HEAD_MAX	 80
#define FRAME_HEAD_BYTES 80
#define OTHER_HEAD_BYTES 48
#define HASH_BYTES	 8
#define COMPRESSED_MAX	 263168
#define BLOCK_BYTES	 131072 /// what one block of zstd may inflate to, RFC 8878 3.1.1.2.4
#define FILE_MAX	 (COMPRESSED_MAX + 65536 + HEAD_MAX)

struct file {
	uint8_t bytes[FILE_MAX];
	size_t len;
};

static void put_le(uint8_t *p, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static void append(struct file *file, const void *bytes, size_t n)
{
	assert_true(file->len + n <= sizeof(file->bytes));
	memcpy(file->bytes + file->len, bytes, n);
	file->len += n;
}

/// Appends a head without a body, whose fields behind the first sixteen bytes are given; its hash
/// is right.
static void add_head(struct file *file, const char *type, uint32_t len, const uint8_t *fields)
{
	uint8_t head[HEAD_MAX] = {0x5c, 0x2a, 0x4d, 0x18};

	put_le(head + 4, 4, len - 8);
	memcpy(head + 8, type, 4);
	put_le(head + 12, 4, len);
	memcpy(head + 16, fields, len - 16 - HASH_BYTES);
	put_le(head + len - HASH_BYTES, HASH_BYTES, XXH3_64bits(head, len - HASH_BYTES));
	append(file, head, len);
}

static void add_frame(struct file *file, uint32_t compressed, uint32_t payload, uint32_t events,
		      const void *zstd, size_t n)
{
	uint8_t fields[HEAD_MAX] = {0};

	put_le(fields, 4, compressed);
	put_le(fields + 4, 4, payload);
	put_le(fields + 8, 4, events);
	put_le(fields + 48, 8, XXH3_64bits(zstd, n));
	add_head(file, "CTRF", FRAME_HEAD_BYTES, fields);
	append(file, zstd, n);
}

static void claim_unpacked_bytes(struct file *file)
{
	add_frame(file, 10, UINT32_MAX, 1, "0123456789", 10);
}

static void claim_packed_bytes(struct file *file)
{
	add_frame(file, UINT32_MAX, 1000, 1, "0123456789", 10);
}

static void claim_events(struct file *file)
{
	add_frame(file, 10, 1000, UINT32_MAX, "0123456789", 10);
}

/// Blocks of one byte that is repeated, as many as may stand in a frame: they inflate to 8 GiB.
static void add_repetitions(struct file *file, const uint8_t *zstd_head, size_t head_bytes)
{
	static uint8_t zstd[COMPRESSED_MAX];
	size_t len = head_bytes;

	memcpy(zstd, zstd_head, head_bytes);
	for (; len + 8 <= sizeof(zstd); len += 4)
		put_le(zstd + len, 4, BLOCK_BYTES << 3 | 1 << 1);
	put_le(zstd + len, 4, BLOCK_BYTES << 3 | 1 << 1 | 1);
	len += 4;
	add_frame(file, (uint32_t)len, 262144, 1, zstd, len);
}

/// The zstd frame itself says that it has 16 TiB.
static void claim_terabytes(struct file *file)
{
	uint8_t head[13] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0};

	put_le(head + 5, 8, UINT64_C(1) << 44);
	add_repetitions(file, head, sizeof(head));
}

/// It says nothing, but for a window that the blocks fit into.
static void inflate_without_a_word(struct file *file)
{
	static const uint8_t head[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38};

	add_repetitions(file, head, sizeof(head));
}

static void claim_frames(struct file *file)
{
	uint8_t fields[HEAD_MAX] = {0};

	put_le(fields, 4, 32);
	put_le(fields + 8, 8, UINT64_C(1) << 60);
	put_le(fields + 16, 8, XXH3_64bits("", 0));
	add_head(file, "CTRI", OTHER_HEAD_BYTES, fields);
}

/// Of all frames, of which there are none.
static void claim_events_of_all_frames(struct file *file)
{
	uint8_t fields[HEAD_MAX] = {0};

	put_le(fields + 8, 8, UINT64_C(1) << 60);
	put_le(fields + 16, 8, UINT64_C(1) << 60);
	add_head(file, "CTRT", OTHER_HEAD_BYTES, fields);
}

static void claim_header(struct file *file)
{
	put_le(file->bytes + 4, 4, UINT32_MAX);
}

struct bomb {
	const char *name;
	void (*make)(struct file *file); /// behind the header
	const char *said;		 /// %zu: length of the header
};

static const struct bomb bombs[] = {
	{"unpacked", claim_unpacked_bytes,
	 "the frame at byte %zu claims 4294967295 bytes unpacked, the limit is 262144;"},
	{"packed", claim_packed_bytes,
	 "the frame at byte %zu claims 4294967295 bytes packed, the limit is 263168;"},
	{"events", claim_events,
	 "the frame at byte %zu claims 4294967295 events, the limit is 1000;"},
	{"terabytes", claim_terabytes,
	 "the frame at byte %zu would unpack to more than the limit of 262144 bytes;"},
	{"silent", inflate_without_a_word,
	 "the frame at byte %zu would unpack to more than the limit of 262144 bytes;"},
	{"frames", claim_frames,
	 "the index at byte %zu claims 1152921504606846976 frames, the limit is 0;"},
	{"trailer", claim_events_of_all_frames,
	 "1 damaged frame passed over; its index is damaged"},
	{"header", claim_header, "claims a header of 4294967303 bytes, the limit is 65536"},
};

static const char *const commands[][2] = {
	{"info", "-q"},	      {"info", "--json"}, {"replay", "-q"},
	{"replay", "--json"}, {"report", "-q"},	  {"report", "--json"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void run_limited(const char *const command[2], const char *path,
			struct e2e_output *ret_output)
{
	e2e_process_run((const char *const[]){"sh", "-c",
					      "ulimit -v " LIMIT_KIB
					      " && LC_ALL=C exec \"$0\" \"$@\"",
					      e2e_program(), command[0], command[1], path, NULL},
			ret_output);
}

/// The header of a recording that was made properly.
static void read_header(struct e2e *e2e, struct file *ret_file)
{
	const char *path = e2e_path(e2e, "good.ctr");
	struct e2e_tracer *tracer = E2E_TRACE(e2e, "record", "-w", path, "-P",
					      e2e_port_text(e2e, 0));
	struct e2e_output output;
	size_t bytes, len = 8;
	uint8_t *data;

	e2e_churn(e2e, e2e_port(0), 20);
	e2e_tracer_stop(tracer, 0);
	data = (uint8_t *)e2e_file_read(path, &bytes);
	assert_true(bytes > 8);
	for (size_t i = 0; i < 4; i++)
		len += (size_t)data[4 + i] << (8 * i);
	assert_true(len < bytes);
	append(ret_file, data, len);
	free(data);
	/* what is no bomb has room enough */
	for (size_t i = 0; i < COUNT(commands); i++) {
		run_limited(commands[i], path, &output);
		if (output.status)
			fail_msg("%s exited %d: %s", commands[i][0], output.status, output.err);
		e2e_output_free(&output);
	}
}

static void assert_refused(const struct bomb *bomb, const char *path, size_t header_bytes,
			   const char *const command[2])
{
	struct e2e_output output;
	const char *newline;
	char said[128];

	run_limited(command, path, &output);
	newline = strchr(output.err, '\n');
	snprintf(said, sizeof(said), bomb->said, header_bytes);
	if (output.status != EXIT_RUNTIME)
		fail_msg("%s %s exited %d: %s", command[0], bomb->name, output.status, output.err);
	if (newline != output.err + output.err_bytes - 1 || !strstr(output.err, path) ||
	    !strstr(output.err, said))
		fail_msg("%s %s said '%s', wanted '%s' in one line", command[0], bomb->name,
			 output.err, said);
	e2e_output_free(&output);
}

static void claims_are_refused_by_a_bound(void **state)
{
	static struct file header, file;
	struct e2e *e2e = *state;

	read_header(e2e, &header);
	for (size_t i = 0; i < COUNT(bombs); i++) {
		const char *path = e2e_path(e2e, bombs[i].name);

		file = header;
		bombs[i].make(&file);
		e2e_file_write(path, file.bytes, file.len);
		for (size_t k = 0; k < COUNT(commands); k++)
			assert_refused(&bombs[i], path, header.len, commands[k]);
	}
}

/// Every text in the header of a recording is this one: tags 1 to 6, and what the first capability
/// is absent for.
static void make_header(struct file *file, const char *text)
{
	static const uint8_t start[18] = "\x5c\x2a\x4d\x18\0\0\0\0conntrace";
	size_t n = strlen(text);
	uint8_t head[5];

	file->len = 0;
	append(file, start, sizeof(start));
	put_le(head, 2, 1);
	append(file, head, 2);
	for (unsigned int tag = 1; tag <= 6; tag++) {
		put_le(head, 2, tag);
		put_le(head + 2, 2, n);
		append(file, head, 4);
		append(file, text, n);
	}
	put_le(head, 2, 32);
	put_le(head + 2, 2, 1 + n);
	put_le(head + 4, 1, 2);
	append(file, head, 5);
	append(file, text, n);
	put_le(file->bytes + 4, 4, file->len + HASH_BYTES - 8);
	put_le(file->bytes + file->len, HASH_BYTES, XXH3_64bits(file->bytes, file->len));
	file->len += HASH_BYTES;
}

/// Runs a command on it, which tells everything and that it is not whole, and looks for words.
static void assert_says(const char *command, const char *path, bool utf8, const char *words)
{
	struct e2e_output output;

	E2E_CONNTRACE(&output, command, path);
	assert_int_equal(output.status, EXIT_RUNTIME);
	e2e_assert_quiet(output.out, output.out_bytes, utf8, "");
	e2e_assert_quiet(output.err, output.err_bytes, utf8, "");
	if (!strstr(output.out, words))
		fail_msg("'%s' is not in: %s", words, output.out);
	e2e_output_free(&output);
}

static void assert_json_says(const char *path, const char *name)
{
	static const char *const keys[] = {"tool_version", "kernel",  "machine",
					   "host",	   "boot_id", "command_line"};
	struct e2e_output output;
	json_t *lines, *info;

	E2E_CONNTRACE(&output, "info", "--json", path);
	e2e_assert_quiet(output.out, output.out_bytes, true, "");
	lines = e2e_events_parse(output.out, output.out_bytes);
	info = json_array_get(lines, 0);
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_string_equal(e2e_event_text(info, keys[i]), name);
	assert_string_equal(
		e2e_event_text(json_array_get(json_object_get(info, "capabilities"), 0), "detail"),
		name);
	json_decref(lines);
	e2e_output_free(&output);
}

static void words_of_whoever_recorded_are_escaped(void **state)
{
	static struct file file;
	struct e2e *e2e = *state;
	const char *path = e2e_path(e2e, "others.ctr");
	bool utf8 = e2e_use_utf8();
	char words[512];

	for (size_t i = 0; i < HOSTILE_NAMES; i++) {
		const char *name = hostile_text(&hostile_names[i], utf8);

		make_header(&file, hostile_names[i].comm);
		e2e_file_write(path, file.bytes, file.len);
		snprintf(words, sizeof(words),
			 "\nrecorded by   conntrace %s\nhost          %s\nkernel        %s %s\n"
			 "boot id       %s\ncommand line  %s\n",
			 name, name, name, name, name, name);
		assert_says("info", path, utf8, words);
		snprintf(words, sizeof(words), "\nnot traced    transitions: %s\n", name);
		assert_says("info", path, utf8, words);
		snprintf(words, sizeof(words), "Recorded on %s, Linux %s %s, from ", name, name,
			 name);
		assert_says("report", path, utf8, words);
		snprintf(words, sizeof(words), "\nby: %s (conntrace %s)\n", name, name);
		assert_says("report", path, utf8, words);
		assert_json_says(path, hostile_json(&hostile_names[i]));
	}
}

static const struct CMUnitTest tests[] = {
	E2E_TEST(claims_are_refused_by_a_bound),
	E2E_TEST(words_of_whoever_recorded_are_escaped),
};

E2E_MAIN("hostile_files", tests)
