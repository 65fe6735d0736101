// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/capability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/e2e.h"

static const char *text_of(const json_t *capability, const char *key)
{
	const char *text = json_string_value(json_object_get(capability, key));

	return text ? text : "";
}

/// NULL: there is none of that name. Borrowed.
static const json_t *find(const json_t *told, const char *name)
{
	json_t *capability;
	size_t index;

	json_array_foreach(json_object_get(told, "capabilities"), index, capability)
	{
		if (!strcmp(text_of(capability, "name"), name))
			return capability;
	}
	return NULL;
}

const char *e2e_capability_level(const json_t *told, const char *name)
{
	const json_t *capability = find(told, name);

	return capability ? text_of(capability, "level") : "(none)";
}

/// What `check` says of it. Borrowed.
static const json_t *capability_of(struct e2e *e2e, const char *name)
{
	const json_t *capability;

	if (!e2e->check)
		e2e->check = E2E_CONNTRACE_JSON("check", "--json");
	capability = find(json_array_get(e2e->check, 0), name);
	if (!capability)
		fail_msg("`check` knows no capability \"%s\"", name);
	return capability;
}

static bool has_level(struct e2e *e2e, const char *name, const char *level)
{
	return !strcmp(text_of(capability_of(e2e, name), "level"), level);
}

bool e2e_has_capability(struct e2e *e2e, const char *name)
{
	return !has_level(e2e, name, "absent");
}

bool e2e_has_full_capability(struct e2e *e2e, const char *name)
{
	return has_level(e2e, name, "full");
}

void e2e_need_capability(struct e2e *e2e, const char *name)
{
	if (!e2e_has_capability(e2e, name))
		e2e_skip("%s is absent here: %s", name,
			 text_of(capability_of(e2e, name), "detail"));
}

void e2e_need_full_capability(struct e2e *e2e, const char *name)
{
	if (!e2e_has_full_capability(e2e, name))
		e2e_skip("%s is %s here: %s", name, text_of(capability_of(e2e, name), "level"),
			 text_of(capability_of(e2e, name), "detail"));
}
