#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/golden/run.sh [--update]
#
# Reads every NAME.ctr in this directory back, in every form of output, and compares it byte for byte
# with what is kept in NAME/. Writes TAP. With --update it keeps the new output instead: look at what
# `git diff` says of it. The recordings themselves are made by record.sh.
set -u

here=$(cd "$(dirname "$0")" && pwd)
program=${CONNTRACE:-$here/../../build/conntrace}
# What is kept, in which locale, and the arguments, FILE standing for the recording.
outputs='
table.txt	C.UTF-8	replay FILE --utc
table-ascii.txt	C	replay FILE --utc
wide.txt	C.UTF-8	replay FILE -o wide --utc
colour.txt	C.UTF-8	replay FILE -t --color always
replay.jsonl	C.UTF-8	replay FILE -o json
replay.csv	C.UTF-8	replay FILE -o csv
report.txt	C.UTF-8	report FILE --utc
report-ascii.txt	C	report FILE --utc
report.jsonl	C.UTF-8	report FILE -o json
info.txt	C.UTF-8	info FILE
'

# Nothing of whoever calls is to show, nor where the program is.
produce() {
	local recording=$1 locale=$2
	shift 2
	env -i PATH="$PATH" LC_ALL="$locale" TZ=UTC \
		bash -c 'exec -a conntrace "$0" "$@"' "$program" "${@/FILE/$recording}" 2>&1
	local status=$?
	[ $status -eq 0 ] || echo "exit status $status"
}

compare() {
	local kept=$1
	if [ ! -e "$kept" ]; then
		echo "# there is no $kept: \`make golden-update\` makes it"
		return 1
	fi
	diff -u --label "$kept" --label "now" "$kept" - | sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

update=
[ "${1-}" = --update ] && update=yes
cd "$here" || exit 1
shopt -s nullglob
recordings=(*.ctr)
mapfile -t rows < <(grep -v '^$' <<<"$outputs")
failed=0 number=0
echo "1..$((${#recordings[@]} * ${#rows[@]}))"
for recording in "${recordings[@]}"; do
	name=${recording%.ctr}
	for row in "${rows[@]}"; do
		IFS=$'\t' read -r file locale arguments <<<"$row"
		number=$((number + 1)) verdict=ok
		mkdir -p "$name"
		# shellcheck disable=SC2086 # they are several
		if [ "$update" ]; then
			produce "$recording" "$locale" $arguments >"$name/$file"
		else
			produce "$recording" "$locale" $arguments | compare "$name/$file" ||
				verdict='not ok' failed=1
		fi
		echo "$verdict $number - $name/$file"
	done
done
exit $failed
