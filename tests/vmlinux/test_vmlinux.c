// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Usage: test_vmlinux DIR
//
// vmlinux/vmlinux.h against the programs that read through it, for every machine that it knows, and
// against the BTF of the kernel at hand. DIR holds what the Makefile made of both, for each
// machine:
//   programs.bpf.o  the programs: their relocations say what is read
//   types.bpf.o     every type of vmlinux.h, by types.awk
//   programs.txt      the programs behind the preprocessor
// and own.txt: the files of the programs, without comments.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <cmocka.h>

#include "conntrace/cleanup.h"
#include "vmlinux/accesses.h"
#include "vmlinux/differences.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

struct machine {
	const char *name;  /* as in __TARGET_ARCH_ */
	const char *uname; /* as uname -m has it */
	struct btf *types;
	struct accesses *accesses;
	char *programs;
	char *own;
};

/* The other half of what is used. */
static const char *const may_be_unused[] = {"true"};

static const char *directory;
static struct machine x86 = {.name = "x86", .uname = "x86_64"};
static struct machine arm64 = {.name = "arm64", .uname = "aarch64"};

static char *read_text(const char *path)
{
	_cleanup_(ct_fclosep) FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	if (!file || getdelim(&text, &cap, '\0', file) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return text;
}

static int load(void **state)
{
	struct machine *machine = *state;
	char path[256];
	int r;

	snprintf(path, sizeof(path), "%s/%s/programs.bpf.o", directory, machine->name);
	r = accesses_load(path, &machine->accesses);
	if (r)
		fail_msg("%s: %s", path, strerror(-r));
	snprintf(path, sizeof(path), "%s/%s/types.bpf.o", directory, machine->name);
	machine->types = btf__parse(path, NULL);
	if (!machine->types)
		fail_msg("%s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/%s/programs.txt", directory, machine->name);
	machine->programs = read_text(path);
	snprintf(path, sizeof(path), "%s/own.txt", directory);
	machine->own = read_text(path);
	return 0;
}

static int unload(void **state)
{
	struct machine *machine = *state;

	btf__free(machine->types);
	machine->types = NULL;
	accesses_free(&machine->accesses);
	ct_freep(&machine->programs);
	ct_freep(&machine->own);
	return 0;
}

static unsigned count_unread(const struct machine *machine, __u32 id, const char *owner)
{
	const struct btf_type *type = btf__type_by_id(machine->types, id);
	const struct btf_member *member = btf_members(type);
	unsigned unread = 0;

	for (int i = 0; i < btf_vlen(type); i++, member++) {
		char key[KEY_LEN];

		btf_key(owner, btf__name_by_offset(machine->types, member->name_off), key);
		if (member->name_off && !accesses_of(machine->accesses, key)) {
			print_error("%s: nothing reads %s\n", machine->name, key);
			unread++;
		}
		if (is_anonymous_composite(machine->types, member->type))
			unread += count_unread(machine, member->type, key);
	}
	return unread;
}

static void every_member_is_read(void **state)
{
	const struct machine *machine = *state;
	unsigned unread = 0;

	for (__u32 id = 1; id < btf__type_cnt(machine->types); id++) {
		char owner[KEY_LEN];
		__u32 composite = defined_composite(machine->types, id, owner);

		if (composite && !is_on_the_wire(owner))
			unread += count_unread(machine, composite, owner);
	}
	assert_int_equal(unread, 0);
}

static unsigned count_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	unsigned count = 0;

	for (const char *at = strstr(text, word); at; at = strstr(at + len, word)) {
		bool starts = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
		bool ends = !(isalnum((unsigned char)at[len]) || at[len] == '_');

		count += starts && ends;
	}
	return count;
}

static unsigned complain_unless(bool used, const char *name)
{
	for (size_t i = 0; i < sizeof(may_be_unused) / sizeof(may_be_unused[0]); i++)
		used |= strcmp(may_be_unused[i], name) == 0;
	if (!used)
		print_error("nothing uses %s\n", name);
	return !used;
}

/// Of a type without relocations: named where it is defined and once more. libbpf's headers need
/// typedefs too.
static unsigned count_unused(const struct machine *machine, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(machine->types, id);
	const char *name = btf__name_by_offset(machine->types, type->name_off);
	const struct btf_enum *value = btf_enum(type);
	unsigned unused = 0;

	if (btf_is_typedef(type))
		unused += complain_unless(count_word(machine->programs, name) > 1, name);
	if (is_on_the_wire(name))
		unused += complain_unless(count_word(machine->own, name), name);
	for (int i = 0; btf_is_enum(type) && i < btf_vlen(type); i++) {
		name = btf__name_by_offset(machine->types, value[i].name_off);
		unused += complain_unless(count_word(machine->own, name), name);
	}
	return unused;
}

static void every_name_is_used(void **state)
{
	const struct machine *machine = *state;
	unsigned unused = 0;

	for (__u32 id = 1; id < btf__type_cnt(machine->types); id++)
		unused += count_unused(machine, id);
	assert_int_equal(unused, 0);
}

static void what_a_kernel_may_lack_is_asked_for_first(void **state)
{
	const struct machine *machine = *state;

	assert_int_equal(count_unfounded_exceptions(machine->accesses), 0);
}

/// The kernel's types; skips the test where it gives none.
static struct btf *load_kernel(void)
{
	struct btf *kernel;

	if (access(KERNEL_BTF, R_OK)) {
		print_message("skipped: this kernel has no BTF (%s: %s)\n", KERNEL_BTF,
			      strerror(errno));
		skip();
	}
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		fail_msg("%s: %s", KERNEL_BTF, strerror(errno));
	return kernel;
}

static void kernel_has_every_member_as_it_is_read(void **state)
{
	const struct machine *machine = *state;
	struct btf *kernel = load_kernel();
	unsigned differences = count_member_differences(machine->types, kernel);

	btf__free(kernel);
	assert_int_equal(differences, 0);
}

static void kernel_has_every_enumerator_with_its_value(void **state)
{
	const struct machine *machine = *state;
	struct btf *kernel = load_kernel();
	unsigned differences = count_enumerator_differences(machine->types, machine->accesses,
							    kernel);

	btf__free(kernel);
	assert_int_equal(differences, 0);
}

static void kernel_has_the_layout_of_what_is_on_the_wire(void **state)
{
	const struct machine *machine = *state;
	struct btf *kernel = load_kernel();
	unsigned differences = count_wire_differences(machine->types, kernel);

	btf__free(kernel);
	assert_int_equal(differences, 0);
}

/// Where only the address of a socket is known, so many bytes of it are read for all of its fields.
static void kernel_has_no_more_in_common_than_is_read(void **state)
{
	const struct machine *machine = *state;
	const char *taken = strstr(machine->programs, "struct ct_common {");
	struct btf *kernel = load_kernel();
	__s32 id = btf__find_by_name_kind(kernel, "sock_common", BTF_KIND_STRUCT);
	__s64 size = btf__resolve_size(kernel, (__u32)id);
	int bytes = 0;

	btf__free(kernel);
	assert_true(taken && sscanf(taken, "struct ct_common { __u8 bytes[%d]", &bytes) == 1);
	assert_true(id > 0);
	assert_in_range(size, 1, bytes);
}

/// The machine that this is; the first where it is neither.
static struct machine *this_machine(void)
{
	struct utsname name;

	uname(&name);
	return strcmp(name.machine, arm64.uname) == 0 ? &arm64 : &x86;
}

#define ON(machine, test)                                          \
	{                                                          \
#test "_" #machine, test, load, unload, &(machine) \
	}
#define HERE(test)                                        \
	{                                                 \
#test, test, load, unload, this_machine() \
	}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		ON(x86, every_member_is_read),
		ON(arm64, every_member_is_read),
		ON(x86, every_name_is_used),
		ON(arm64, every_name_is_used),
		HERE(what_a_kernel_may_lack_is_asked_for_first),
		HERE(kernel_has_every_member_as_it_is_read),
		HERE(kernel_has_every_enumerator_with_its_value),
		HERE(kernel_has_the_layout_of_what_is_on_the_wire),
		HERE(kernel_has_no_more_in_common_than_is_read),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_vmlinux DIR\n");
		return EXIT_FAILURE;
	}
	directory = argv[1];
	return cmocka_run_group_tests_name("vmlinux", tests, NULL, NULL);
}
