#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Functions up to 60 lines, files up to 500. A function is what stands between a brace that opens in
# the first column and the one that closes there: clang-format sees to that.
set -eu

find bpf include src tests bench demo -name '*.[ch]' -print0 | sort -z | xargs -0 awk -v max_function=60 -v max_file=500 '
FNR == 1 { if (file) check_file(); file = FILENAME; open = 0 }
{ lines = FNR }
!open && /^[a-zA-Z_].*\(/ { signature = $0 }
/^\{/ { open = FNR }
/^\}/ && open {
	if (FNR - open - 1 > max_function) {
		printf "%s:%d: a function of %d lines: %s\n", file, open, FNR - open - 1, signature
		bad = 1
	}
	open = 0
}
function check_file() {
	if (lines > max_file) {
		printf "%s: %d lines\n", file, lines
		bad = 1
	}
}
END { check_file(); exit bad }'
