#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/run.sh SUITE: COMMAND... [SUITE: COMMAND...]...
#
# Runs every command of every suite, one after the other and whatever fails, and ends with a line
# "failed: SUITE COMMAND: CASE" for each that did, and "N passed, N failed, N skipped" over all their
# cases. Exits 1 if any failed.
#
# A command that writes TAP (every cmocka program does here) counts case by case. A case that skips
# writes a line "skipped: REASON" before, one that passed in its second run "repeated: REASON", and then
# what the command wrote is shown as if it had failed. A command that writes no TAP is one case: exit 0
# passed, 77 skipped with its last line as the reason, anything else failed. A program that dies, or stops
# before its last case, has failed. TEST_TIMEOUT is in seconds for each command; when TEST_BUDGET seconds
# are over, no further command is begun: each of them is told as skipped; one that goes on then has ten
# minutes more.
set -u

export CMOCKA_MESSAGE_OUTPUT=TAP
timeout_s=${TEST_TIMEOUT:-600}
budget_s=${TEST_BUDGET:-}
output=$(mktemp)
trap 'rm -f "$output"' EXIT
passed=0 failed=0 skipped=0
failures=()

# Reads a command's output; prints "PASSED FAILED SKIPPED", then a line "skip NAME: REASON" for each
# skip and "fail NAME" for each case that failed. A line counts only if it carries the next number in turn:
# cases print too.
count_cases() {
	awk -v status="$1" '
	function close_group() { if (planned > seen) stopped = 1; planned = seen = 0 }
	function whole_program_reason() { sub(/^(skipped|SKIP): /, "", last); return last }
	/^1\.\.[0-9]+$/ { close_group(); planned = substr($0, 4) + 0; tap = 1; next }
	/^skipped: / { reason = substr($0, 10) }
	/^(not )?ok [0-9]+ / {
		not = $1 == "not"
		if ($(not + 2) != seen + 1 || seen >= planned)
			next
		seen++
		if ($(not + 3) == "#" && toupper($(not + 4)) == "SKIP") {
			skips[skip++] = $(not + 5) ": " (reason ? reason : "no reason given")
		} else if (not) {
			fails[fail++] = $(not + 4)
		} else {
			pass++
		}
		reason = ""
	}
	NF { last = $0 }
	END {
		close_group()
		if (!tap && status == 0)
			pass = 1
		else if (!tap && status == 77)
			skips[skip++] = whole_program_reason()
		else if (stopped || (status != 0 && !fail))
			fails[fail++] = tap ? "did not come to its end" : "exit " status
		print pass + 0, fail + 0, skip + 0
		for (i = 0; i < skip; i++)
			print "skip " skips[i]
		for (i = 0; i < fail; i++)
			print "fail " fails[i]
	}' "$output"
}

run_one() {
	local suite=$1 command=$2 status counts start pass fail skip seconds limit_s

	start=$SECONDS
	limit_s=$(limit_s)
	# The shell's own word on a program that died goes nowhere: it is said below.
	{
		timeout -k 10 "$limit_s" bash -c "exec $command" >"$output" 2>&1 </dev/null
		status=$?
	} 2>/dev/null
	seconds=$((SECONDS - start))
	counts=$(count_cases "$status")
	[ -n "$counts" ] || counts=$'0 1 0\nfail its output could not be read'
	read -r pass fail skip <<<"$counts"
	passed=$((passed + pass)) failed=$((failed + fail)) skipped=$((skipped + skip))

	printf '%-8s %-40s %3d passed' "$suite" "$(basename "${command%% *}")" "$pass"
	((fail)) && printf ', %d failed' "$fail"
	((skip)) && printf ', %d skipped' "$skip"
	((seconds)) && printf '  (%d s)' "$seconds"
	printf '\n'
	sed -n 's/^skip /         skipped: /p' <<<"$counts"
	sed -n 's/^repeated: /         &/p' "$output"
	mapfile -t -O "${#failures[@]}" failures < <(sed -n "s/^fail /failed: $suite $(basename "${command%% *}"): /p" <<<"$counts")
	((fail)) || grep -q '^repeated: ' "$output" || return
	((status == 124)) && echo "         stopped after $limit_s s"
	((status > 128)) && echo "         ended by signal $((status - 128))"
	sed 's/^/         | /' "$output"
}

# No wall clock: there are tests that set it.
uptime_s() {
	local uptime

	read -r uptime _ </proc/uptime
	echo "${uptime%.*}"
}

is_time_over() {
	[ -n "$budget_s" ] && (($(uptime_s) - begun_s >= budget_s))
}

# What is begun in time may go on for ten minutes behind it.
limit_s() {
	local limit=$timeout_s left

	if [ -n "$budget_s" ]; then
		left=$((budget_s - ($(uptime_s) - begun_s) + 600))
		limit=$((left < limit ? left : limit))
	fi
	echo "$limit"
}

skip_one() {
	skipped=$((skipped + 1))
	printf '%-8s %-40s %3d passed, 1 skipped\n' "$1" "$(basename "${2%% *}")" 0
	echo "         skipped: not begun, the $budget_s s that were given to all are over"
}

suite=tests
begun_s=$(uptime_s)
for argument in "$@"; do
	case $argument in
	*:) suite=${argument%:} ;;
	*) if is_time_over; then skip_one "$suite" "$argument"; else run_one "$suite" "$argument"; fi ;;
	esac
done
((failed)) && printf '%s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
