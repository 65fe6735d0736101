#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/lint/stack.sh ASSEMBLY
#
# The stack of each program together with that of the functions that it calls, as the verifier counts it
# on every kernel: each frame rounded up to 32 bytes and no less than that, 512 bytes and 8 frames at
# most, check_max_stack_depth() and MAX_CALL_FRAMES in kernel/bpf/verifier.c. Kernels that compile
# programs round up to 16 by now, so that one of them may take what others refuse. ASSEMBLY is what
# clang -S makes of bpf/conntrace.bpf.c.
set -eu

awk '
# How far below the frame pointer an access by REG reaches.
function reach(reg, by) {
	if (reg in below && below[reg] - by > depth[self])
		depth[self] = below[reg] - by
}

function forget(reg) {
	if (reg != "r10")
		delete below[reg]
}

function calls(callee) {
	if (index(callees[self] " ", " " callee " ") == 0)
		callees[self] = callees[self] " " callee
	n_calls++
}

function begin(name) {
	self = name
	order[++functions] = name
	place[name] = section
	depth[name] = 0
	for (reg in below)
		delete below[reg]
	below["r10"] = 0
}

# "*(u64 *)(r10 - 8) = r1", "r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)"
function look_at_accesses(rest,   word) {
	while (match(rest, /\(r[0-9]+ [+-] [0-9]+/)) {
		split(substr(rest, RSTART + 1, RLENGTH - 1), word, " ")
		reach(word[1], word[2] == "-" ? -word[3] : word[3])
		rest = substr(rest, RSTART + RLENGTH)
	}
	return rest
}

# "r2 = r10", "r2 += -8", "r1 = ct_callback ll", "w0 = 0"
function look_at_assignment(   reg) {
	reg = "r" substr($1, 2)
	if ($2 == "=" && NF == 3 && $3 in below)
		below[reg] = below[$3]
	else if ($2 == "+=" && reg in below && $3 ~ /^-?[0-9]+$/) {
		below[reg] -= $3
		reach(reg, 0)
	} else if (!($2 == "+=" && reg in below)) {
		forget(reg)
		if ($2 == "=" && $4 == "ll")
			pointers[self] = pointers[self] " " $3
	}
}

function complain(text) {
	print text
	bad = 1
}

/^[ \t]*\.type[ \t]/ {
	split($2, type, ",")
	if (type[2] == "@function")
		is_function[type[1]] = 1
	next
}
/^[ \t]*\.section[ \t]/ { section = $2; next }
/^[ \t]*\.text/ { section = ".text"; next }
/^[A-Za-z_][A-Za-z0-9_.]*:/ {
	name = substr($1, 1, index($1, ":") - 1)
	if (name in is_function)
		begin(name)
	next
}
/^\.Lfunc_end/ { self = ""; next }
self == "" { next }

{ sub(/[ \t]*#.*/, "") }
/^[ \t]*$/ || /^[ \t]*\./ { next }
{
	rest = look_at_accesses($0)
	if ($1 == "call") {
		if ($2 !~ /^[0-9]+$/)
			calls($2)
		for (i = 0; i <= 5; i++)
			forget("r" i)
	} else if ($1 == "callx") {
		complain(self ": whom it calls is not known: " $0)
	} else if ($1 ~ /^[rw][0-9]+$/) {
		if ($1 != "r10" && rest ~ /r10/ && !($2 == "=" && $3 == "r10" && NF == 3))
			complain(self ": what becomes of r10 is not understood: " $0)
		look_at_assignment()
	}
}

# The deepest way from F down; PATH leads to it.
function walk(f, bytes, frames, path,   i, n, list) {
	if (!(f in place)) {
		complain(path " > " f ": there is no such function")
		return
	}
	bytes += 32 * int(((depth[f] ? depth[f] : 1) + 31) / 32)
	path = path (frames ? " > " : "") f
	frames++
	if (bytes > worst || frames > most_frames)
		worst_path = path
	if (bytes > worst)
		worst = bytes
	if (frames > most_frames)
		most_frames = frames
	if (frames > 8)
		return
	n = split(callees[f], list, " ")
	for (i = 1; i <= n; i++)
		walk(list[i], bytes, frames, path)
	n = split(pointers[f], list, " ")
	for (i = 1; i <= n; i++)
		if (list[i] in is_function)
			walk(list[i], bytes, frames, path)
}

END {
	for (k = 1; k <= functions; k++) {
		if (place[order[k]] == ".text")
			continue
		programs++
		worst = most_frames = 0
		walk(order[k], 0, 0, "")
		if (worst > 512 || most_frames > 8)
			complain(order[k] ": " worst " bytes of stack, " most_frames \
				" frames; 512 and 8 are what every kernel takes: " worst_path)
	}
	if (!programs || !n_calls || !worst)
		complain("no program, or none that calls a function: has the form of the assembly changed?")
	exit bad
}' "$1"
