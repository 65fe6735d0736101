#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/completion/zsh.sh
#
# Sources what `conntrace completion zsh` prints in a zsh without any settings, in a terminal of its own,
# types each line of `cases` there and presses TAB. Writes TAP.
set -u

if ! command -v zsh >/dev/null; then
	echo "zsh is not installed"
	exit 77
fi

here=$(cd "$(dirname "$0")" && pwd)
source "$here/cases.sh"

"$program" completion zsh >"$scratch/script" || exit 1
printf '%s\n' "${typed[@]}" >"$scratch/typed"
cd "$scratch/files" || exit 1
HOME=$scratch zsh -f "$here/terminal.zsh" "$here/offered.zsh" "$scratch" >"$scratch/log" 2>&1

echo "1..$((${#typed[@]} + 1))"
mapfile -t offered <"$scratch/offered"
for i in "${!typed[@]}"; do
	judge "$i" "$(tr ' ' '\n' <<<"${offered[i]-(no answer: $(tail -n 3 "$scratch/log"))}")"
done

# As a file of $fpath, where compinit finds it by its first line.
mkdir "$scratch/fpath"
cp "$scratch/script" "$scratch/fpath/_conntrace"
# shellcheck disable=SC2016 # it is for zsh
if zsh -f -c 'fpath=($1 $fpath); autoload -Uz compinit; compinit -D -u; [[ $_comps[conntrace] == _conntrace ]]' \
	zsh "$scratch/fpath"; then
	echo "ok $((${#typed[@]} + 1)) - compinit finds it"
else
	echo "not ok $((${#typed[@]} + 1)) - compinit finds it"
	failed=1
fi
exit $failed
