# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: awk -v scenarios='NAME...' -f tests/vm/matrix.awk tests/vm/userland RESULTS/NAME.tsv...
#
# Writes doc/KERNELS.md: of the tables that tests/vm/results.awk made, a column each, in their order.
BEGIN {
	FS = "\t"
	scenario_count = split(scenarios, scenario, " ")
}

FILENAME ~ /userland$/ {
	if (!/^#/)
		userland[substr($0, 1, index($0, " ") - 1)]
	next
}
FNR == 1 {
	kernel = FILENAME
	gsub(/.*\/|\.tsv$/, "", kernel)
	kernels[++kernel_count] = kernel
}
$1 == "kernel" { release[kernel] = $2; append[kernel] = $3 }
$1 == "check" { check_status[kernel] = $2; wanted[kernel] = $3; problem[kernel] = $4 }
$1 == "capability" && check_status[kernel] == 0 { add_capability($2, $3, $4) }
$1 == "scenario" { verdict[kernel, $2] = verdict_of($3, $4, $5) }
$1 == "note" { notes[kernel, $2] = notes[kernel, $2] "\t" $3 }

function verdict_of(passed, failed, skipped) {
	if (failed)
		return "**FAILED**"
	if (skipped)
		return passed ? "partial" : "skipped"
	return "passed"
}

# Kernels that lack the same are told together.
function add_capability(name, level, detail,    key) {
	key = "| " name " | " level " | " escaped(detail) " |"
	if (!(key in lacking))
		capabilities[++capability_count] = key
	lacking[key] = lacking[key] (lacking[key] ? ", " : "") kernel
	lacks[kernel] = 1
}

function escaped(text) {
	gsub(/\|/, "\\|", text)
	return text
}

function number_of(reason) {
	if (!(reason in numbers)) {
		numbers[reason] = ++reason_count
		reasons[reason_count] = reason
	}
	return numbers[reason]
}

# " (1, 4)" for the reasons, each of which a tab precedes; "" for none.
function references(text,    list, part, count, i, number, seen) {
	count = split(text, part, "\t")
	for (i = 2; i <= count; i++) {
		number = number_of(part[i])
		if (!(number in seen))
			list = list (list ? ", " : "") number
		seen[number] = 1
	}
	return list ? " (" list ")" : ""
}

function check_cell(kernel) {
	if (!(kernel in check_status))
		return "–"
	if (check_status[kernel] != wanted[kernel])
		return "**FAILED**, exit " check_status[kernel] references("\t" problem[kernel])
	if (check_status[kernel] != 0)
		return "exit " check_status[kernel] references(problem[kernel] ? "\t" problem[kernel] : "")
	return (kernel in lacks) ? "partial" : "full"
}

function unrun_cell(kernel, name) {
	if (name in userland)
		return "host"
	if (kernel ~ /arm64$/)
		return "skipped" references("\ta processor of another kind is emulated: the core alone was run")
	return "–"
}

function scenario_cell(kernel, name) {
	if (!((kernel, name) in verdict))
		return unrun_cell(kernel, name)
	return verdict[kernel, name] references(notes[kernel, name])
}

function print_introduction() {
	print "<!-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause -->"
	print "<!-- Written by make vm, from tests/vm/results/. -->"
	print "# Kernels"
	print ""
	print "`make vm` boots each of these kernels under QEMU, runs the scenarios of `tests/e2e/` in it, the same"
	print "programs as `make e2e` on the host, and writes this page. `make vm KERNEL='6.1 6.12'` does so for some,"
	print "`E2E='reset owner'` with some scenarios, and leaves what is told of the others. The kernels are Debian's"
	print "own, unmodified; `tests/vm/kernels` lists them. `.ci/guests` runs on 6.1-cloud, 6.12 and backports"
	print "what depends on the kernel: all but `tests/vm/userland`. Between 5.10, which is too old, and 6.1 none was tried."
	print ""
	print "6.1 is Debian 12's kernel, 6.12 that of Debian 13 (here as Debian 12 has it, too); *cloud* is the same source"
	print "with fewer drivers. *backports* and *sid* are the newest, by whichever name."
	print ""
	print "| word | what it says of a scenario |"
	print "|---|---|"
	print "| passed | every case of it passed; one that failed once, and passed when it was run again, is told in a note |"
	print "| partial | no case failed, some were skipped: the notes say why; of `check`: what is missing stands at the end |"
	print "| skipped | every case of it was skipped, or it was not begun: the notes say why |"
	print "| host | it asks a kernel for nothing in which one differs from another (`tests/vm/userland`): `make e2e` runs it |"
	print "| **FAILED** | a case failed, the guest died before it was over, or `check` exits otherwise than it should there |"
	print "| – | it has not been run there |"
	print ""
}

# What a row says of a kernel: one of those at the head, or a scenario's.
function cell(row, kernel) {
	if (row == "---")
		return row
	if (row == "kernel")
		return kernel
	if (row == "uname -r")
		return release[kernel] ? release[kernel] : "–"
	if (row == "command line")
		return append[kernel] ? "`" append[kernel] "`" : ""
	if (row == "check")
		return check_cell(kernel)
	return scenario_cell(kernel, row)
}

function print_row(heading, row,    k) {
	printf "| %s", heading
	for (k = 1; k <= kernel_count; k++)
		printf " | %s", cell(row, kernels[k])
	print " |"
}

function print_matrix(    i) {
	print "## Scenarios"
	print ""
	print_row("", "kernel")
	print_row("---", "---")
	print_row("`uname -r`", "uname -r")
	print_row("booted with", "command line")
	print_row("`conntrace check`", "check")
	for (i = 1; i <= scenario_count; i++)
		print_row("[" scenario[i] "](../tests/e2e/e2e_" scenario[i] ".c)", scenario[i])
}

function print_notes(    i) {
	if (reason_count)
		print ""
	for (i = 1; i <= reason_count; i++)
		print i ". " reasons[i]
}

function print_capabilities(    i) {
	if (!capability_count)
		return
	print ""
	print "## What `conntrace check` does not call full"
	print ""
	print "| capability | level | what it says | kernels |"
	print "|---|---|---|---|"
	for (i = 1; i <= capability_count; i++)
		print capabilities[i] " " lacking[capabilities[i]] " |"
}

END {
	print_introduction()
	print_matrix()
	print_notes()
	print_capabilities()
}
