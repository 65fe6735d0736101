#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/lint/format.sh FILE...
set -u

if ! command -v clang-format >/dev/null; then
	echo "clang-format is not installed"
	exit 77
fi
clang-format --dry-run -Werror "$@" 2>&1 | grep -E 'error:' | sed 's/ error:.*/ not as clang-format has it (make format)/' |
	sort -u -t: -k1,1
exit "$((PIPESTATUS[0] != 0))"
