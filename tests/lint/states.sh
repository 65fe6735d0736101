#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# doc/STATES.md names tests that exist, has a row for everything that src/names.c can say of a state,
# an end, a reset or a flag, and a test in each row.
set -u

page=doc/STATES.md
status=0
complain() {
	echo "$page: $*"
	status=1
}

for reference in $(grep -oE '\b(unit|e2e)/[a-z0-9_]+:[a-z0-9_]+' $page | sort -u); do
	suite=${reference%%/*}
	file=${reference#*/}
	file=tests/$suite/${suite/unit/test}_${file%%:*}.c
	grep -qs "\b${reference#*:}\b" "$file" || complain "$reference: no such case in $file"
done

# The cells of the columns whose heading matches $2, of the tables whose first column is headed $1;
# one a line, as "LINE: CELL".
cells_of() {
	awk -F'|' -v table="$1" -v columns="$2" '
	function bare(cell) { gsub(/`|^ +| +$/, "", cell); return cell }
	!/^\|/ { heading = 0; next }
	!heading { heading = FNR; for (i = 2; i < NF; i++) names[i] = bare($i); next }
	/^\|[-| ]+$/ { next }
	names[2] ~ "^(" table ")$" {
		for (i = 2; i < NF; i++)
			if (names[i] ~ "^(" columns ")$")
				print FNR ": " bare($i)
	}' $page
}

# A row is headed by its word, or by several, with what tells rows apart: "SYN_RECV, half-open". What
# has no table is a list: "`closed_by`: local, remote and both follow from …".
rows_of() {
	cells_of "$1" "$1" | sed 's/^[0-9]*: //; s/, */\n/g'
	sed -n "s/^\`$1\`: \(.*\) follow from .*/\1/p" $page | sed 's/, *\| and /\n/g'
}

for table in state end reset_cause:cause flag left_by handshake owner closed_by; do
	names=${table%:*}_names
	words=$(sed -n "/ $names\[\] = {/,/^};/p" src/names.c | grep -oE '"[^"]+"' | tr -d '"')
	[ "$words" ] || complain "src/names.c has no $names"
	rows=$(rows_of "${table#*:}")
	for word in $words; do
		grep -qxF "$word" <<<"$rows" || complain "no row for $word ($names)"
	done
done

while IFS= read -r cell; do
	if [[ $cell == *—* ]]; then
		complain "$cell: a test that is not there"
	elif [[ ! $cell =~ (unit|e2e)/ ]]; then
		complain "$cell: no test"
	fi
done < <(cells_of '.*' 'test|innocent')
exit $status
