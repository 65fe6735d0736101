# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# For those beside it: reads `cases` into $typed and $wanted, makes two files in $scratch/files, and
# judges what was offered.

program=$(realpath "${CONNTRACE:-$here/../../build/conntrace}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C
mkdir "$scratch/files"
touch "$scratch/files/one.ctr" "$scratch/files/two.ctr"

# A process to complete the number of, for as long as this runs.
pid=$$

# --pid, --follow … of the help of the command that stands in a line, of watch where there is none.
long_options() {
	local command=watch

	read -r _ command _ <<<"$1"
	[[ $command == -* ]] && command=watch
	"$program" help "$command" | sed -n 's/^  \(-.,\|   \) \(--[a-z0-9-]*\).*/\2/p' | sort | tr '\n' ' '
}

failed=0 typed=() wanted=()
while IFS=$'\t' read -r line words; do
	[[ $line == '#'* || -z $line ]] && continue
	line=${line%|}
	line=${line//PID/$pid} words=${words##*$'\t'}
	words=${words//PID/$pid} words=${words//FILES/one.ctr two.ctr}
	[ "$words" = LONG ] && words=$(long_options "$line")
	typed+=("$line") wanted+=("${words% }")
done <"$here/cases"

# Case $1: is what was offered, $2, a line each, what was wanted? COMMANDS stands for many, sh among them.
judge() {
	local got

	got=$(sort -u <<<"$2" | tr '\n' ' ')
	got=${got% }
	# other numbers may begin with this one
	if [ "${wanted[$1]}" = $pid ]; then
		got=$(grep -x $pid <<<"$2")
	fi
	if [ "${wanted[$1]}" = COMMANDS ] && grep -qx sh <<<"$2"; then
		got=COMMANDS
	fi
	if [ "$got" = "${wanted[$1]}" ]; then
		echo "ok $(($1 + 1)) - ${typed[$1]}"
	else
		echo "# offered: '$got', and not '${wanted[$1]}'"
		echo "not ok $(($1 + 1)) - ${typed[$1]}"
		failed=1
	fi
}
