#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: TIDY_FLAGS='compiler flags' tests/lint/tidy.sh FILE...
set -u

if ! command -v clang-tidy >/dev/null; then
	echo "clang-tidy is not installed"
	exit 77
fi
# Unquoted on purpose: the flags are several words.
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} clang-tidy --quiet {} -- ${TIDY_FLAGS:-} 2>&1 |
	grep -vE '^[0-9]+ warnings? (generated|and)|^Suppressed|^Use -header-filter'
exit "$((PIPESTATUS[1] != 0))"
