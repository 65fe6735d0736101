# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: zsh -f terminal.zsh SETUP DIRECTORY
#
# Types each line of DIRECTORY/typed into a zsh that has sourced SETUP, presses TAB and waits for a line
# more in DIRECTORY/offered. Prints what the terminal showed.
zmodload zsh/zpty zsh/zselect || exit 1

setup=$1 directory=$2
raw=$directory/raw
export OFFERED=$raw SCRIPT=$directory/script TERM=dumb
: >$raw

# Until there are $1 lines, for half a minute at most; what is shown has to be read all the time.
wait_for() {
	integer tries
	local shown

	for (( tries = 0; tries < 3000; tries++ )); do
		while zpty -r -t shell shown; do
			print -rn -- $shown
		done
		[[ $(wc -l <$raw) -ge $1 ]] && return
		zselect -t 1
	done
	print -r -- "no line $1 in $raw"
	exit 1
}

zpty -b shell zsh -f -i
zpty -w shell "source ${(q)setup}"
wait_for 1
integer n=1
while IFS= read -r line; do
	zpty -w -n shell $line$'\t'
	wait_for $(( ++n ))
	zpty -w -n shell $'\C-U'
done <$directory/typed
zpty -d shell
tail -n +2 $raw >$directory/offered
