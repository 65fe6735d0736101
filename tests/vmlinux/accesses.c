// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux/accesses.h"

#include <bpf/libbpf_legacy.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conntrace/cleanup.h"

#define ACCESSES_MAX 1024

struct access {
	char key[KEY_LEN];
	unsigned kinds;
};

struct accesses {
	struct access list[ACCESSES_MAX];
	size_t n;
};

/* The head of the section .BTF.ext, Documentation/bpf/btf.rst; no header of libbpf has it. */
struct ext_header {
	__u16 magic;
	__u8 version;
	__u8 flags;
	__u32 header_len;
	__u32 func_info_off;
	__u32 func_info_len;
	__u32 line_info_off;
	__u32 line_info_len;
	__u32 core_relo_off;
	__u32 core_relo_len;
};

/* The relocations of one section of the object. */
struct ext_section {
	__u32 name_off;
	__u32 n;
	struct bpf_core_relo relocations[];
};

__u32 btf_bare(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type))) {
		id = type->type;
		type = btf__type_by_id(btf, id);
	}
	return id;
}

void btf_owner(const struct btf *btf, __u32 id, const char *fallback, char ret[KEY_LEN])
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const char *name = fallback, *flavour;

	for (; btf_is_mod(type) || btf_is_typedef(type); type = btf__type_by_id(btf, type->type))
		if (btf_is_typedef(type))
			name = btf__name_by_offset(btf, type->name_off);
	if (type->name_off)
		name = btf__name_by_offset(btf, type->name_off);
	flavour = strstr(name, "___");
	snprintf(ret, KEY_LEN, "%.*s", flavour ? (int)(flavour - name) : KEY_LEN - 1, name);
}

void btf_key(const char *owner, const char *member, char ret[KEY_LEN])
{
	char key[2 * KEY_LEN];

	snprintf(key, sizeof(key), "%s%s%s", owner, *member ? "." : "", member);
	snprintf(ret, KEY_LEN, "%.*s", KEY_LEN - 1, key);
}

static int add(struct accesses *accesses, const char *key, enum access_kind kind)
{
	for (size_t i = 0; i < accesses->n; i++) {
		if (strcmp(accesses->list[i].key, key) == 0) {
			accesses->list[i].kinds |= kind;
			return 0;
		}
	}
	if (accesses->n == ACCESSES_MAX)
		return -E2BIG;
	accesses->list[accesses->n].kinds = kind;
	snprintf(accesses->list[accesses->n++].key, KEY_LEN, "%s", key);
	return 0;
}

unsigned accesses_of(const struct accesses *accesses, const char *key)
{
	for (size_t i = 0; i < accesses->n; i++)
		if (strcmp(accesses->list[i].key, key) == 0)
			return accesses->list[i].kinds;
	return ACCESS_NONE;
}

/// One step of a path: from the type in *id to the member or element NUMBER of it.
static int step(struct accesses *accesses, const struct btf *btf, unsigned number,
		enum access_kind kind, __u32 *id, char owner[KEY_LEN])
{
	const struct btf_type *type = btf__type_by_id(btf, btf_bare(btf, *id));
	const struct btf_member *member;
	char key[KEY_LEN];

	if (btf_is_array(type)) {
		*id = btf_array(type)->type;
		btf_owner(btf, *id, owner, owner);
		return 0;
	}
	if (!btf_is_composite(type) || number >= btf_vlen(type))
		return -EINVAL;
	member = btf_members(type) + number;
	btf_key(owner, btf__name_by_offset(btf, member->name_off), key);
	*id = member->type;
	btf_owner(btf, *id, key, owner);
	return add(accesses, key, kind);
}

/// Every member on the path of a relocation, "0:1:2", is one that is read.
static int add_path(struct accesses *accesses, const struct btf *btf,
		    const struct bpf_core_relo *relocation)
{
	const char *path = btf__name_by_offset(btf, relocation->access_str_off);
	enum access_kind kind = relocation->kind == BPF_CORE_FIELD_EXISTS ? ACCESS_EXISTS
									  : ACCESS_READ;
	__u32 id = relocation->type_id;
	char owner[KEY_LEN];
	int r = 0;

	if (!path || !btf__type_by_id(btf, id))
		return -EINVAL;
	btf_owner(btf, id, "", owner);
	for (path = strchr(path, ':'); path && r == 0; path = strchr(path, ':'))
		r = step(accesses, btf, (unsigned)strtoul(++path, NULL, 10), kind, &id, owner);
	return r;
}

static int add_enumerator(struct accesses *accesses, const struct btf *btf,
			  const struct bpf_core_relo *relocation)
{
	const char *number = btf__name_by_offset(btf, relocation->access_str_off);
	__u32 id = btf_bare(btf, relocation->type_id);
	const struct btf_type *type = btf__type_by_id(btf, id);
	char owner[KEY_LEN], key[KEY_LEN];
	const struct btf_enum *value;

	if (!number || !btf_is_enum(type) || strtoul(number, NULL, 10) >= btf_vlen(type))
		return -EINVAL;
	value = btf_enum(type) + strtoul(number, NULL, 10);
	btf_owner(btf, id, "", owner);
	btf_key(owner, btf__name_by_offset(btf, value->name_off), key);
	return add(accesses, key,
		   relocation->kind == BPF_CORE_ENUMVAL_EXISTS ? ACCESS_EXISTS : ACCESS_READ);
}

static int add_relocation(struct accesses *accesses, const struct btf *btf,
			  const struct bpf_core_relo *relocation)
{
	switch (relocation->kind) {
	case BPF_CORE_FIELD_BYTE_OFFSET:
	case BPF_CORE_FIELD_BYTE_SIZE:
	case BPF_CORE_FIELD_EXISTS:
	case BPF_CORE_FIELD_SIGNED:
	case BPF_CORE_FIELD_LSHIFT_U64:
	case BPF_CORE_FIELD_RSHIFT_U64:
		return add_path(accesses, btf, relocation);
	case BPF_CORE_ENUMVAL_EXISTS:
	case BPF_CORE_ENUMVAL_VALUE:
		return add_enumerator(accesses, btf, relocation);
	default: /* of a type as a whole: nothing of it is read */
		return 0;
	}
}

static int add_all(struct accesses *accesses, const struct btf *btf, const struct btf_ext *ext)
{
	__u32 size;
	const char *raw = btf_ext__get_raw_data(ext, &size);
	const struct ext_header *header = (const void *)raw;
	const char *at = raw + header->header_len + header->core_relo_off;
	const char *end = at + header->core_relo_len;
	int r = 0;

	if (header->header_len < sizeof(*header) || end > raw + size)
		return -EINVAL;
	if (at == end)
		return 0;
	if (*(const __u32 *)at != sizeof(struct bpf_core_relo))
		return -EINVAL;
	for (at += sizeof(__u32); at < end && r == 0;) {
		const struct ext_section *section = (const void *)at;

		at = (const char *)&section->relocations[section->n];
		if (at > end)
			return -EINVAL;
		for (__u32 i = 0; i < section->n && r == 0; i++)
			r = add_relocation(accesses, btf, &section->relocations[i]);
	}
	return r;
}

int accesses_load(const char *object, struct accesses **ret)
{
	struct accesses *accesses = calloc(1, sizeof(*accesses));
	struct btf_ext *ext = NULL;
	struct btf *btf;
	int r;

	if (!accesses)
		return -ENOMEM;
	btf = btf__parse(object, &ext);
	if (!btf)
		r = -errno;
	else if (!ext)
		r = -EINVAL;
	else
		r = add_all(accesses, btf, ext);
	btf_ext__free(ext);
	btf__free(btf);
	if (r)
		accesses_free(&accesses);
	else
		*ret = accesses;
	return r;
}

void accesses_free(struct accesses **accesses)
{
	ct_freep(accesses);
}
