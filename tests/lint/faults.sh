#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# doc/FAULTS.md names tests that exist, and each of its rows one at least. A case may be cut, with "…"
# behind it, and stand alone behind another of the same program.
set -u
export LC_ALL=C.UTF-8

page=doc/FAULTS.md
status=0
complain() {
	echo "$page: $*"
	status=1
}

file_of() {
	case $1 in
	soak) echo tests/soak/soak.c ;;
	browser) echo tests/browser/run.py ;;
	fuzz/*) echo "tests/fuzz/fuzz_${1#*/}.c" ;;
	unit/*) echo "tests/unit/test_${1#*/}.c" ;;
	e2e/*) echo "tests/e2e/e2e_${1#*/}.c" ;;
	esac
}

# Looks the case $2, or what it begins with, up in the program $1.
need_case() {
	local file pattern="\\b$2\\b"

	file=$(file_of "$1")
	[[ $2 != *… ]] || pattern="\\b${2%…}"
	grep -qsE "$pattern" "$file" || complain "line $line: no case $2 in $file"
}

reference='(unit|e2e|fuzz)/[a-z0-9_]+(:[a-z0-9_]+…?)?|(soak|browser):[a-z0-9_]+|[a-z0-9]+(_[a-z0-9]+)+…?'
while IFS=: read -r line cell; do
	program=
	while read -r word; do
		if [[ $word == */* || $word =~ ^(soak|browser): ]]; then
			program=${word%%:*}
			[ -e "$(file_of "$program")" ] || complain "line $line: no $(file_of "$program")"
			[[ $word != *:* ]] || need_case "$program" "${word#*:}"
		elif [ "$program" ]; then
			need_case "$program" "$word"
		fi
	done < <(grep -oE "$reference" <<<"$cell")
	[ "$program" ] || complain "line $line: no test"
done < <(awk -F'|' '/^\|[-| ]+$/ { rows = 1; next } !/^\|/ { rows = 0 }
	rows { print FNR ":" $(NF - 1) }' $page)
exit $status
