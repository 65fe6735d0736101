#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The stages know what is before them and nothing behind: a file includes headers of a lower rank,
# and its own. A new module needs a line here.
set -u

declare -A rank=(
	[base]=0
	[event]=1 [runs]=1 [capability]=1 [source]=1 [confine]=1
	[decode]=2 [session]=2 [moment]=2
	[history]=3
	[conn]=4
	[names]=5
	[update]=6 [verdict]=6
	[detect]=7 [conn_table]=7
	[select]=8 [sink]=8
	[sinks]=9 [recording]=9 [source_live]=9
	[doctor]=10
	[report]=11
	[pipeline]=12
	[cli]=13
)

# include/conntrace/x.h and src/x.c belong to module x, but for those with a line here.
module_of() {
	case $1 in
	src/base/*) echo base ;;
	src/cli/*) echo cli ;;
	src/confine/*) echo confine ;;
	src/detect/* | include/conntrace/detect_*) echo detect ;;
	src/record/* | include/conntrace/record*) echo recording ;;
	src/sink/* | include/conntrace/sink_*) echo sinks ;;
	src/table/* | include/conntrace/conn_table*) echo conn_table ;;
	src/live/* | include/conntrace/source_live*) echo source_live ;;
	src/doctor/* | include/conntrace/finding.h | include/conntrace/diagnosis.h) echo doctor ;;
	src/report/*) echo report ;;
	src/select/* | include/conntrace/expression.h) echo select ;;
	include/conntrace/*) base_or_own "$(basename "$1" .h)" ;;
	*) basename "$1" .c ;;
	esac
}

base_or_own() {
	if [ -e "src/base/$1.c" ] || [[ $1 =~ ^(cleanup|clock|count|hash|utf8)$ ]]; then
		echo base
	else
		echo "$1"
	fi
}

status=0
complain() {
	echo "$*"
	status=1
}

while IFS=: read -r file line include; do
	header=${include#*\"}
	header=${header%%\"*}
	from=$(module_of "$file")
	case $header in
	conntrace/*) to=$(module_of "include/$header") ;;
	conntrace.skel.h)
		[ "$from" = source_live ] || complain "$file:$line: only source_live knows the skeleton"
		continue
		;;
	*) to=$from ;;
	esac
	if [ -z "${rank[$from]:-}" ] || [ -z "${rank[$to]:-}" ]; then
		complain "$file:$line: no rank for $from or $to: add it to tests/lint/ranks.sh"
	elif [ "$from" != "$to" ] && ((rank[$to] >= rank[$from])); then
		complain "$file:$line: $from (rank ${rank[$from]}) includes $header (rank ${rank[$to]})"
	fi
done < <(grep -rn --include='*.[ch]' '^#include "' include src)

while IFS=: read -r file line _; do
	[ "$(module_of "$file")" = source_live ] ||
		complain "$file:$line: only source_live knows libbpf"
done < <(grep -rn --include='*.[ch]' '^#include <bpf/libbpf.h>' include src)
exit $status
