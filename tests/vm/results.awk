# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: awk -v suite=NAME -v append=ARGS -v wanted_check=STATUS -v scenarios='NAME...' \
#            -v died=REASON -f tests/vm/results.awk LOG
#
# Reads what tests/vm/guest/scenarios.sh printed and writes it as a table, tabs between the columns:
#
# kernel      RELEASE APPEND             (as tests/vm/kernels has it)
# check       STATUS WANTED PROBLEM      of `conntrace check`
# capability  NAME LEVEL DETAIL          that is not full
# scenario    NAME PASSED FAILED SKIPPED (cases)
# note        SCENARIO REASON            why cases were skipped or repeated, or the scenario did not come to run
BEGIN { OFS = "\t" }

# The value of a key in an object without objects inside; "" for null.
function value(object, key,    text) {
	if (!match(object, "\"" key "\": *(\"([^\"\\\\]|\\\\.)*\"|[a-z0-9]+)"))
		return ""
	text = substr(object, RSTART, RLENGTH)
	sub(/^"[^"]*": */, "", text)
	if (text == "null")
		return ""
	gsub(/^"|"$/, "", text)
	gsub(/\\"/, "\"", text)
	gsub(/\\\\/, "\\", text)
	return text
}

function count_of(word) {
	return match($0, "[0-9]+ " word) ? substr($0, RSTART) + 0 : 0
}

/^guest: kernel / { print "kernel", $3, append }

/^guest: check / {
	print "check", $3, wanted_check, value($0, "problem")
	count = split(substr($0, index($0, "\"capabilities\"")), objects, "{")
	for (i = 2; i <= count; i++)
		if (value(objects[i], "level") != "full")
			print "capability", value(objects[i], "name"), value(objects[i], "level"),
			      value(objects[i], "detail")
}

$1 == suite && $2 ~ /^e2e_/ {
	scenario = substr($2, 5)
	seen[scenario] = 1
	print "scenario", scenario, count_of("passed"), count_of("failed"), count_of("skipped")
}

/^         skipped: / {
	sub(/^         skipped: ([a-z0-9_]+: )?/, "")
	print "note", scenario, $0
}

/^         repeated: / {
	sub(/^         repeated: /, "")
	print "note", scenario, $0
}

END {
	count = split(scenarios, wanted, " ")
	for (i = 1; i <= count; i++) {
		if (!(wanted[i] in seen)) {
			print "scenario", wanted[i], 0, 1, 0
			print "note", wanted[i], died
		}
	}
}
