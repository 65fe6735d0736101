#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: bench/idle.sh [CONNECTIONS]
#
# What it takes to begin on a machine with so many idle connections (100,000, each of two sockets here):
# until the first line of something that happens, and the memory that a socket takes, of the process
# and of its maps. Needs root.
set -euo pipefail

cd "$(dirname "$0")/.."
make -s build/conntrace build/bench/idle
connections=${1:-100000}
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$scratch"' EXIT

coproc idle { exec build/bench/idle "$connections"; }
read -r -u "${idle[0]}" _

# Seconds from its start until it shows a transition.
first_line_s() {
	local began=$EPOCHREALTIME

	build/conntrace watch -q 2>"$scratch/errors" | grep -m 1 -q ESTABLISHED.*FIN_WAIT1
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}

kernel_kib() {
	awk '/^(Slab|Percpu|VmallocUsed):/ { sum += $2 } END { print sum }' /proc/meminfo
}

# Of a tracer that runs for a while: what it takes, and what the kernel takes for it.
memory_of() {
	local before_kib rss_kib after_kib tracer

	before_kib=$(kernel_kib)
	build/conntrace "$@" >/dev/null 2>"$scratch/errors" &
	tracer=$!
	until grep -q attached "$scratch/errors" || ! kill -0 "$tracer"; do sleep 0.1; done
	sleep 1
	# without the ring, which is mapped twice and does not grow with what is tracked
	rss_kib=$(awk '/^RssAnon:/ { print $2 }' "/proc/$tracer/status")
	after_kib=$(kernel_kib)
	awk -v what="$1" -v rss="$rss_kib" -v kernel=$((after_kib - before_kib)) -v n=$((2 * connections)) 'BEGIN {
		printf "memory under %s: process %d MiB, %d bytes a socket; kernel %d MiB, %d bytes a socket\n",
			what, rss / 1024, rss * 1024 / n, kernel / 1024, kernel * 1024 / n }'
	kill "$tracer"
	wait "$tracer"
}

printf 'idle: %d sockets\n' $((2 * connections))
printf 'until the first line of what happens   %6s s\n' "$(first_line_s)"
memory_of record -w "$scratch/idle.ctr"
memory_of watch
