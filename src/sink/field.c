// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "conntrace/sink_field.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const struct ct_field *const tables[] = {
	ct_identity_fields,
	ct_event_fields,
	ct_summary_fields,
};

static bool is_named(const struct ct_field *field, const char *word, size_t n)
{
	return strlen(field->name) == n && memcmp(field->name, word, n) == 0;
}

static bool is_in_list(const struct ct_field *field, const char *list)
{
	const char *word = list;

	for (;;) {
		size_t n = strcspn(word, ",");

		if (is_named(field, word, n))
			return true;
		if (!word[n])
			return false;
		word += n + 1;
	}
}

static bool is_known(const struct ct_field_set *all, const char *word, size_t n)
{
	for (size_t i = 0; i < all->n; i++)
		if (is_named(all->fields[i], word, n))
			return true;
	return false;
}

static void add_all(struct ct_field_set *set, uint32_t kinds)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct ct_field *field = tables[i]; field->name; field++) {
			if (!(field->kinds & kinds))
				continue;
			assert(set->n < CT_FIELD_SET_MAX);
			set->fields[set->n++] = field;
		}
	}
}

/// The first word of the list that is no field's name, or NULL.
static const char *find_unknown(const struct ct_field_set *all, const char *list)
{
	const char *word = list;

	for (;;) {
		size_t n = strcspn(word, ",");

		if (!is_known(all, word, n))
			return word;
		if (!word[n])
			return NULL;
		word += n + 1;
	}
}

int ct_field_set_init(struct ct_field_set *ret, uint32_t kinds, const char *list,
		      const char *always, const char **ret_bad_field)
{
	struct ct_field_set all = {};
	const char *unknown;

	add_all(&all, kinds);
	if (!list) {
		*ret = all;
		return 0;
	}
	unknown = find_unknown(&all, list);
	if (unknown) {
		if (ret_bad_field)
			*ret_bad_field = unknown;
		return -EINVAL;
	}
	ret->n = 0;
	for (size_t i = 0; i < all.n; i++)
		if (is_in_list(all.fields[i], list) ||
		    (always && strcmp(all.fields[i]->name, always) == 0))
			ret->fields[ret->n++] = all.fields[i];
	return 0;
}

int ct_field_refuse(const char *list, const char **ret_bad_field)
{
	if (!list)
		return 0;
	if (ret_bad_field)
		*ret_bad_field = list;
	return -EINVAL;
}

void ct_field_put_json(const struct ct_field *field, const struct ct_field_source *source,
		       struct ct_json *json)
{
	struct ct_value value;

	value.type = CT_VALUE_NULL;
	field->get(source, &value);
	if (value.type == CT_VALUE_ABSENT)
		return;
	ct_json_keyn(json, field->name, field->name_len);
	switch (value.type) {
	case CT_VALUE_U64:
		ct_json_u64(json, value.u64);
		break;
	case CT_VALUE_I64:
		ct_json_i64(json, value.i64);
		break;
	case CT_VALUE_BOOL:
		ct_json_bool(json, value.truth);
		break;
	case CT_VALUE_STR:
		ct_json_str(json, value.str, strlen(value.str));
		break;
	case CT_VALUE_COMPOUND:
		field->put_json(json, source);
		break;
	case CT_VALUE_NULL:
	case CT_VALUE_ABSENT:
		ct_json_null(json);
		break;
	}
}
