#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/scripts/demo.sh
#
# Runs tools/demo.sh as somebody who is not root: with a `sudo` that notes what it is asked for, and hands
# over a recording that is there already; and without any. Writes TAP.
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$(dirname "${CONNTRACE:-$here/../../build/conntrace}")
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM HUP

as_user=()
if [ "$(id -u)" -eq 0 ]; then
	command -v setpriv >/dev/null || { echo "skipped: there is no setpriv"; exit 77; }
	as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
user=$("${as_user[@]}" id -un)

# In "$scratch" everybody may run and read everything, and write to theirs/. bin/ has what demo.sh calls,
# and with-sudo/ a sudo as well.
recording=$scratch/theirs/demo.ctr
asked=$scratch/theirs/asked
make_scratch() {
	local tool

	chmod 755 "$scratch" && mkdir "$scratch"/{build,bin,with-sudo,theirs} && chmod 777 "$scratch/theirs" &&
		cp "$build/conntrace" "$build/demo" "$scratch/build/" &&
		install -m 755 "$here/../../tools/demo.sh" "$scratch/demo.sh" &&
		install -m 644 "$here/../golden/resets.ctr" "$scratch/recorded.ctr" || return
	for tool in cat cp id rm; do
		ln -s "$(command -v $tool)" "$scratch/bin/$tool" || return
	done
	cat >"$scratch/with-sudo/sudo" <<END && chmod 755 "$scratch/with-sudo/sudo"
#!/bin/bash
echo "\$@" >>"$asked"
"\$@" 2>"$scratch/theirs/refused"
echo \$? >"$scratch/theirs/status"
cp "$scratch/recorded.ctr" "$recording"
END
}

# Runs it with that PATH; the status. What it says is in out and err.
play() {
	rm -rf "$scratch"/theirs/*
	"${as_user[@]}" env -i LC_ALL=C.UTF-8 PATH="$1" "$scratch/demo.sh" "$scratch/build" "$recording" \
		>"$scratch/out" 2>"$scratch/err"
}

asks_sudo_to_record_for_its_user() {
	local want="$scratch/build/conntrace record --user $user -w $recording -- $scratch/build/demo"

	play "$scratch/with-sudo:$scratch/bin" && [ "$(cat "$asked")" = "$want" ]
}

# Who is not root may not be what --user says; all else of the call has been looked at before.
asks_for_what_conntrace_takes() {
	[ "$(cat "$scratch/theirs/status")" = 3 ] && [ "$(wc -l <"$scratch/theirs/refused")" = 1 ] &&
		grep -q 'run it as root' "$scratch/theirs/refused"
}

reads_the_recording_without_sudo() {
	LC_ALL=C.UTF-8 "$scratch/build/conntrace" doctor "$recording" >"$scratch/findings" &&
		[ -s "$scratch/findings" ] && [ ! -s "$scratch/err" ] &&
		[[ $(<"$scratch/out") == *"$(<"$scratch/findings")"* ]]
}

goes_on_with_sudo_where_it_has_to() {
	grep -qFx "  $scratch/build/conntrace report $recording" "$scratch/out" &&
		grep -qFx "  $scratch/build/conntrace report $recording --html ${recording%.ctr}.html --force" "$scratch/out" &&
		[ "$(tail -n 1 "$scratch/out")" = "  sudo $scratch/build/conntrace -- $scratch/build/demo half-close" ]
}

says_in_one_line_that_there_is_no_sudo() {
	play "$scratch/bin"
	[ $? -eq 1 ] && [ ! -s "$scratch/out" ] && [ ! -e "$recording" ] &&
		[ "$(<"$scratch/err")" = "tools/demo.sh: recording needs root, and there is no sudo" ]
}

make_scratch || exit 1
cases=(asks_sudo_to_record_for_its_user asks_for_what_conntrace_takes reads_the_recording_without_sudo
	goes_on_with_sudo_where_it_has_to says_in_one_line_that_there_is_no_sudo)
number=0 failed=0
echo "1..${#cases[@]}"
for case in "${cases[@]}"; do
	number=$((number + 1)) verdict=ok
	if ! $case; then
		verdict='not ok' failed=1
		head "$scratch"/{out,err} "$scratch"/theirs/* 2>/dev/null | sed 's/^/# /'
	fi
	echo "$verdict $number - $case"
done
exit $failed
