#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: [KERNEL='NAME...'] tests/vm/run.sh [SCENARIO...]
#
# Boots every kernel of tests/vm/kernels, or those of KERNEL, and runs the scenarios of tests/e2e/ in it,
# or only those that are named. Ends with the line "N passed, N failed, N skipped" over all of them; exits
# 1 if any failed. A guest that dies has failed in what it did not come to. What a guest printed is in
# build/vm/NAME.txt; tests/vm/results/ keeps the verdicts of whole scenarios, a new one in place of the
# one before, and doc/KERNELS.md is made of them. TEST_TIMEOUT is in seconds for each scenario, VM_TIMEOUT
# for each guest. No scenario is begun when this machine has been up for VM_UNTIL seconds (/proc/uptime), and some for the boot:
# what a guest did not come to is told as skipped, and changes no verdict that is kept.
# VM_JOBS guests run at a time, 1 if it is not given: each keeps one CPU busy. With more, what a guest
# printed is shown when it is over.
set -u

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$vm_project" || exit 1

# Guests are several times slower than what they run on.
test_timeout_s=${TEST_TIMEOUT:-1800}
jobs_max=${VM_JOBS:-1}
logs=build/vm
kept=tests/vm/results

usage() {
	echo "tests/vm/run.sh: $*" >&2
	exit 2
}

all_scenarios() {
	local file

	for file in tests/e2e/e2e_*.c; do
		file=${file#tests/e2e/e2e_}
		echo "${file%.c}"
	done
}

# A line as tests/run.sh has them, for what has no case of its own: the program $2 was $3.
tell() {
	printf '%-8s %-40s %3d passed, 1 %s\n' "$1" "$2" 0 "$3"
}

# The guest's output as it comes, without what is meant for results.awk alone.
show() {
	local line count='^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'

	while IFS= read -r line; do
		case $line in
		"guest: kernel "*) printf '%-8s is %s\n' "$1" "${line#guest: kernel }" ;;
		"guest: check "*) ;;
		*) [[ $line =~ $count ]] || printf '%s\n' "$line" ;;
		esac
	done
}

# How many seconds are left for a guest's scenarios; nothing if nobody said.
budget_s() {
	local uptime left

	[ -n "${VM_UNTIL-}" ] || return
	read -r uptime _ </proc/uptime
	left=$((VM_UNTIL - ${uptime%.*}))
	echo $((left > 0 ? left : 0))
}

run_guest() {
	local name=$1 build=$2 budget

	budget=$(budget_s)
	# What the desk says of the scenarios holds in there too.
	setpriv --pdeathsig TERM tests/vm/boot.sh "$name" env TEST_TIMEOUT="$test_timeout_s" \
		${budget:+TEST_BUDGET="$budget"} ${E2E_ONLY:+E2E_ONLY="$E2E_ONLY"} ${E2E_ATTEMPTS:+E2E_ATTEMPTS="$E2E_ATTEMPTS"} \
		tests/vm/guest/scenarios.sh "$name" "$build" "${scenarios[@]}" 2>"$logs/$name.errors" |
		tee "$logs/$name.txt" | show "$name"
	return "${PIPESTATUS[0]}"
}

# What was run replaces what is told of it, and what was not begun (VM_UNTIL) nothing; what another kernel
# of that name has shown is dropped.
keep_results() {
	local table=$logs/$1.begun old=$2

	awk -F'\t' 'FNR == NR { if ($1 == "note" && $3 ~ /^not begun, /) unbegun[$2]; next }
		!(($1 == "scenario" || $1 == "note") && $2 in unbegun)' "$logs/$1.tsv" "$logs/$1.tsv" >"$table"
	if [ -e "$old" ] && [ "$(head -n 1 "$table")" = "$(head -n 1 "$old")" ]; then
		awk -F'\t' 'FNR == NR { if ($1 == "scenario") again[$2]; print; next }
			($1 == "scenario" || $1 == "note") && !($2 in again)' "$table" "$old" >"$table.all"
	else
		cp "$table" "$table.all"
	fi
	mv "$table.all" "$old"
}

# Adds the table's cases up.
count_results() {
	local name=$1 died=$2 table=$logs/$1.tsv pass fail skip

	awk -v suite="$name" -v append="$vm_append" -v wanted_check="$vm_check" \
		-v scenarios="${scenarios[*]}" -v died="$died" -f tests/vm/results.awk "$logs/$name.txt" >"$table"
	read -r pass fail skip < <(awk -F'\t' '$1 == "scenario" { pass += $3; fail += $4; skip += $5 }
		END { print pass + 0, fail + 0, skip + 0 }' "$table")
	passed=$((passed + pass)) failed=$((failed + fail)) skipped=$((skipped + skip))
	[ -n "${E2E_ONLY-}" ] || keep_results "$name" "$kept/$name.tsv"
}

skip_guest() {
	skipped=$((skipped + 1))
	tell "$1" guest skipped
	printf '         skipped: %s\n' "$2"
}

# The guest failed, and so did what it did not come to.
fail_guest() {
	local name=$1 died=$2 scenario

	failed=$((failed + 1))
	tell "$name" guest failed
	sed 's/^/         | /' "$logs/$name.errors"
	while read -r scenario; do
		tell "$name" "e2e_$scenario" failed
	done < <(awk -F'\t' -v died="$died" '$1 == "note" && $3 == died { print $2 }' "$logs/$name.tsv")
}

# A kernel that can be traced no longer, or of which nobody says why it cannot, fails.
judge_check() {
	local name=$1 status problem

	read -r status problem < <(awk -F'\t' '$1 == "check" { print $2, $4 }' "$logs/$name.tsv")
	if [ "$status" = "$vm_check" ] && { [ "$status" = 0 ] || [ -n "$problem" ]; }; then
		return
	fi
	failed=$((failed + 1))
	tell "$name" check failed
	printf '         | conntrace check exits with %s, not with %s: %s\n' "$status" "$vm_check" "$problem"
}

run_kernel() {
	local name=$1 build status died=

	build=$(vm_build)
	if [ ! -x "$build/conntrace" ]; then
		skip_guest "$name" "there is no $build/conntrace"
		return
	fi
	run_guest "$name" "$build"
	status=$?
	if ((status == vm_exit_skipped)); then
		skip_guest "$name" "$(tail -n 1 "$logs/$name.errors")"
		return
	fi
	if ((status > 1)); then
		died=$(head -n 1 "$logs/$name.errors")
		died=${died:-the guest ended with status $status}
	fi
	count_results "$name" "$died"
	if [ -n "$died" ]; then
		fail_guest "$name" "$died"
	else
		judge_check "$name"
	fi
}

# With its counts for those who wait for it.
run_counted() {
	passed=0 failed=0 skipped=0
	vm_find "$1"
	run_kernel "$1"
	echo "$passed $failed $skipped" >"$logs/$1.counts"
}

run_kernels() {
	local name

	for name; do
		rm -f "$logs/$name.counts"
		if ((jobs_max == 1)); then
			run_counted "$name"
			continue
		fi
		while (($(jobs -rp | wc -l) >= jobs_max)); do
			wait -n
		done
		{
			run_counted "$name" >"$logs/$name.shown"
			cat "$logs/$name.shown"
		} &
	done
	wait
}

# One that did not come to count has failed.
add_counts() {
	local name more

	passed=0 failed=0 skipped=0
	for name; do
		read -r -a more <"$logs/$name.counts" || more=(0 1 0)
		passed=$((passed + more[0])) failed=$((failed + more[1])) skipped=$((skipped + more[2]))
	done
}

write_page() {
	local name tables=()

	for name in $(vm_names); do
		[ ! -e "$kept/$name.tsv" ] || tables+=("$kept/$name.tsv")
	done
	[ ${#tables[@]} -eq 0 ] ||
		awk -v scenarios="$(all_scenarios | tr '\n' ' ')" -f tests/vm/matrix.awk tests/vm/userland "${tables[@]}" \
			>doc/KERNELS.md
}

read -r -a kernels <<<"${KERNEL:-$(vm_names | tr '\n' ' ')}"
for kernel in "${kernels[@]}"; do
	vm_find "$kernel" || usage "no kernel $kernel, there are: $(vm_names | tr '\n' ' ')"
done
mapfile -t scenarios < <(all_scenarios)
for scenario in "$@"; do
	[ -e "tests/e2e/e2e_$scenario.c" ] || usage "no scenario $scenario, there are: ${scenarios[*]}"
done
[ $# -eq 0 ] || scenarios=("$@")

mkdir -p "$logs" "$kept"
run_kernels "${kernels[@]}"
add_counts "${kernels[@]}"
[ -n "${E2E_ONLY-}" ] || write_page
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
