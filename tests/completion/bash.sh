#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/completion/bash.sh
#
# Sources what `conntrace completion bash` prints in a bash without any settings, and asks for what is
# offered at the end of each line of `cases`. Writes TAP.
set -u

here=$(cd "$(dirname "$0")" && pwd)
source "$here/cases.sh" # $program, $scratch, $typed, judge …

"$program" completion bash >"$scratch/script" || exit 1

# Files are readline's to find: so here compopt does what it would.
offered() {
	# shellcheck disable=SC2016 # it is for the bash that is called
	bash --norc --noprofile -c '
		compopt() {
			local cur=${COMP_WORDS[COMP_CWORD]}
			[ "$2" = default ] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			[ "$2" = dirnames ] && mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		}
		set -u
		source "$1" || exit 1
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_conntrace
		((${#COMPREPLY[@]})) && printf "%s\n" "${COMPREPLY[@]##*,}"
	' bash "$scratch/script" "$@" 2>&1
}

cd "$scratch/files" || exit 1
echo "1..$((${#typed[@]} + 6))"
for i in "${!typed[@]}"; do
	read -r -a words <<<"${typed[i]}"
	[[ ${typed[i]} == *' ' ]] && words+=('')
	judge "$i" "$(offered "${words[@]}")"
done

# What is before a comma or = is kept, since readline replaces the whole word.
number=${#typed[@]}
is() {
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number - $1"
	else
		echo "# '$2' and not '$3'"
		echo "not ok $number - $1"
		failed=1
	fi
}
whole() {
	# shellcheck disable=SC2016
	bash --norc --noprofile -c '
		source "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_conntrace
		echo "${COMPREPLY[*]}"
	' bash "$scratch/script" "$@" 2>&1
}
is 'values before a comma stay' "$(whole conntrace list --state LISTEN,TIME)" LISTEN,TIME_WAIT
is 'a value behind = is a word of its own' "$(whole conntrace list --state = TIME)" TIME_WAIT
is 'where = breaks no words the option stays' "$(whole conntrace list --role=pas)" --role=passive
is 'bash completes conntrace by it' \
	"$(bash --norc --noprofile -c 'source "$1"; complete -p conntrace' bash "$scratch/script")" \
	'complete -F _conntrace conntrace'
is 'another shell is refused' "$("$program" completion fish 2>&1; echo $?)" \
	"conntrace: unknown shell 'fish'; there are bash, zsh
2"
is 'a mistyped completion is known' "$("$program" competion bash 2>&1; echo $?)" \
	"conntrace: unknown command 'competion', did you mean 'completion'?
2"
exit $failed
