# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# For a zsh in a terminal, which terminal.zsh writes to: TAB appends what is offered to $OFFERED, a line
# each time.
autoload -Uz compinit
compinit -D -u
source $SCRIPT

typeset -ga found

# What asks for arrays (-A, -D, -O) is on its way to what is offered, and comes again.
compadd() {
	local -a hits

	if [[ ${@[1,(i)(-|--)]} == *-(A|D|O)\ * ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A hits "$@"
	found+=($hits)
	builtin compadd "$@"
}

offer() {
	found=()
	_main_complete
	print -r -- ${(ou)found} >>$OFFERED
	compstate[insert]=
	compstate[list]=
}
zle -C offer complete-word offer
bindkey '^I' offer
bindkey '^U' kill-whole-line
print ready >>$OFFERED
