// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "offer.h"

#include <string.h>

#include "conntrace/cleanup.h"
#include "conntrace/conn.h"
#include "conntrace/count.h"
#include "conntrace/names.h"

/// No word of an enum; what takes it takes anything.
#define NONSENSE "\x01"

/// What stands between the words of a help text.
#define SEPARATORS " ,;:()|"

#define WORD_LEN 32

/// Values that the help does not list.
static const struct known {
	ct_option_fn set;
	const char *(*name)(unsigned int number); /// of CT_OFFER_WORDS; NULL for a number without
	enum ct_offer offer;
	unsigned int n;
} known[] = {
	{.set = ct_option_path, .offer = CT_OFFER_FILES},
	{.set = ct_option_cgroup, .offer = CT_OFFER_FOLDERS},
	{.set = ct_option_pids, .offer = CT_OFFER_PIDS},
	{.set = ct_option_netns, .offer = CT_OFFER_PIDS},
	{.set = ct_option_uids, .offer = CT_OFFER_USERS},
	{.set = ct_option_user, .offer = CT_OFFER_USERS},
	{.set = ct_option_roles, .offer = CT_OFFER_WORDS, .name = ct_role_name, .n = _CT_ROLE_MAX},
	{.set = ct_option_states,
	 .offer = CT_OFFER_WORDS,
	 .name = ct_state_name,
	 .n = _CT_STATE_MAX},
	{.set = ct_option_flags, .offer = CT_OFFER_WORDS, .name = ct_flag_name, .n = _CT_FLAG_MAX},
};

/// Values that are files, whatever takes them.
static const char *const file_values[] = {"FILE", "OUT"};

static const struct known *find_known(const struct ct_option_spec *spec)
{
	for (size_t i = 0; i < CT_COUNT(known); i++)
		if (known[i].set == spec->set)
			return &known[i];
	return NULL;
}

static bool is_file(const struct ct_option_spec *spec)
{
	for (size_t i = 0; i < CT_COUNT(file_values); i++)
		if (strcmp(spec->value, file_values[i]) == 0)
			return true;
	return false;
}

/// Whether the parser would take it.
static bool takes(const struct ct_option_spec *spec, const char *text)
{
	_cleanup_(ct_options_fini) struct ct_options options = {};
	char err[CT_OPTIONS_ERR_LEN] = "";
	struct ct_option_value value = {
		.target = (char *)&options + spec->offset,
		.text = text,
		.constant = spec->constant,
		.err = err,
	};

	return spec->set(&value) == 0;
}

static bool has_word(const struct ct_buf *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = words->data; p && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == length && memcmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static void add_word(struct ct_buf *words, const char *word)
{
	if (words->len)
		ct_buf_putc(words, ' ');
	ct_buf_puts(words, word);
}

/// In the order in which the help has them.
static void add_words_of_help(struct ct_buf *words, const struct ct_option_spec *spec)
{
	const char *p = spec->help + strspn(spec->help, SEPARATORS);

	while (*p) {
		size_t n = strcspn(p, SEPARATORS);
		char word[WORD_LEN] = "";

		if (n < sizeof(word))
			memcpy(word, p, n);
		if (*word && !has_word(words, word) && takes(spec, word))
			add_word(words, word);
		p += n;
		p += strspn(p, SEPARATORS);
	}
}

enum ct_offer ct_offer(const struct ct_option_spec *spec, struct ct_buf *words)
{
	const struct known *one = find_known(spec);
	_cleanup_(ct_buf_fini) struct ct_buf found = {};

	if (!one && is_file(spec))
		return CT_OFFER_FILES;
	if (one && one->offer != CT_OFFER_WORDS)
		return one->offer;
	if (one) {
		for (unsigned int i = 0; i < one->n; i++)
			if (one->name(i))
				add_word(&found, one->name(i));
	} else if (!takes(spec, NONSENSE)) {
		add_words_of_help(&found, spec);
	}
	if (found.error)
		words->error = found.error;
	if (!found.len)
		return CT_OFFER_NOTHING;
	ct_buf_append(words, found.data, found.len);
	return CT_OFFER_WORDS;
}

bool ct_offer_is_list(const struct ct_option_spec *spec)
{
	return strstr(spec->value, "[,") != NULL;
}
