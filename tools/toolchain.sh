#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: CC=… CLANG=… BPFTOOL=… PKG_CONFIG=… ADVICE='make deps' tools/toolchain.sh LIBRARY...
#
# Looks whether those tools and libraries are there that the build needs, new enough and of use for
# it; says in one message what is not. A library is as pkg-config has it, 'libbpf >= 1.1'; the tools
# may be followed by flags, pkg-config be preceded by its environment.
#
# shellcheck disable=SC2086,SC2153 # a tool and its flags are several words; the Makefile gives them
set -u

clang_floor=14
bpftool_floor=7.1
faults=()

is_there() {
	command -v "${1%% *}" >/dev/null
}

is_older() { # $1 than $2
	[ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

look_at_cc() {
	if ! is_there "$CC"; then
		faults+=("there is no ${CC%% *}")
	elif ! echo '#include <stdio.h>
		int main(void) { return !puts(""); }' | $CC -x c - -o /dev/null 2>/dev/null; then
		faults+=("$CC makes no program (no libc6-dev?)")
	elif ! echo '#include <uthash.h>' | $CC -E -x c - >/dev/null 2>&1; then
		faults+=("$CC finds no uthash.h")
	fi
}

look_at_clang() {
	local version

	if ! is_there "$CLANG"; then
		faults+=("there is no ${CLANG%% *}")
		return
	fi
	version=$(echo __clang_major__ | $CLANG -E -P -x c - 2>/dev/null)
	if [[ ! $version =~ ^[0-9]+$ ]]; then
		faults+=("$CLANG is no clang")
	elif is_older "$version" $clang_floor; then
		faults+=("$CLANG is version $version: $clang_floor or newer is needed")
	elif ! $CLANG -target bpf -mcpu=v3 -x c -c /dev/null -o /dev/null 2>/dev/null; then
		faults+=("$CLANG does not compile for BPF")
	fi
}

look_at_bpftool() {
	local version

	if ! is_there "$BPFTOOL"; then
		faults+=("there is no $BPFTOOL")
		return
	fi
	version=$($BPFTOOL version 2>/dev/null | sed -n 's/^[^ ]*bpftool v\([0-9.]*\).*/\1/p')
	if [ -z "$version" ]; then
		faults+=("$BPFTOOL does not run")
	elif is_older "$version" $bpftool_floor; then
		faults+=("$BPFTOOL is version $version: $bpftool_floor or newer is needed")
	fi
}

# In pkg-config's own words, but for who wants it: we do.
look_at_library() {
	local complaint

	complaint=$(env $PKG_CONFIG --exists --print-errors --short-errors --errors-to-stdout "$1") ||
		faults+=("$(tail -n 1 <<<"$complaint" | sed "s/, required by 'virtual:world',/ was/")")
}

look_at_libraries() {
	local pkg_config=${PKG_CONFIG##* }

	if ! is_there "$pkg_config"; then
		faults+=("there is no $pkg_config")
		return
	fi
	for library in "$@"; do
		look_at_library "$library"
	done
}

look_at_cc
look_at_clang
look_at_bpftool
look_at_libraries "$@"
[ ${#faults[@]} -gt 0 ] || exit 0
{
	echo "toolchain: it cannot be built here:"
	printf '  %s\n' "${faults[@]}"
	echo "On Debian, \`$ADVICE\` installs what is missing."
} >&2
exit 1
