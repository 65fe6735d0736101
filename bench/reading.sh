#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: bench/reading.sh [ROUNDS [PAIRS]]
#
# How fast a recording is read: events a second of one CPU's time, medians of ROUNDS (5) readings of a
# recording of PAIRS (100,000) of churn. Needs root, for the recording.
set -euo pipefail

cd "$(dirname "$0")/.."
make -s build/conntrace build/bench/churn
rounds=${1:-5} pairs=${2:-100000}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
recording=$scratch/churn.ctr

build/conntrace record -q -w "$recording" -- build/bench/churn "$pairs" >/dev/null
events=$(build/conntrace info --json "$recording" | grep -o '"events":[0-9]*' | head -n 1)
events=${events#*:}

# CPU seconds of a command, user and system.
cpu_s() {
	local TIMEFORMAT='%U %S'

	{ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }'
}

median() {
	sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# A row: its name, and the command.
row() {
	local name=$1 round s
	shift

	s=$(for ((round = 0; round < rounds; round++)); do cpu_s "$@"; done | median)
	awk -v name="$name" -v s="$s" -v events="$events" \
		'BEGIN { s = s > 0 ? s : 0.001; printf "%-14s %8.2f %12.0f %8.0f\n", name, s, events / s, s / events * 1e9 }'
}

printf 'reading: %d events of %d pairs, medians of %d\n' "$events" "$pairs" "$rounds"
printf '%-14s %8s %12s %8s\n' '' 's' 'events/s' 'ns/event'
row 'replay --json' build/conntrace replay --json "$recording"
row replay build/conntrace replay "$recording"
row report build/conntrace report "$recording"
row info build/conntrace info "$recording"
