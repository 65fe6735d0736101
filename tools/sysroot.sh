#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tools/sysroot.sh ARCHITECTURE DIRECTORY PACKAGE...
#
# Makes DIRECTORY a tree of those Debian packages, of another architecture, and of all that they
# depend on; says so in one line, and nothing if it is there already. They are unpacked, not
# installed: nothing of theirs is run, no line of apt's or dpkg's own state changes, nobody need be
# root. They come from where this machine's own packages come from.
set -euo pipefail

architecture=$1 root=$2
shift 2

stamp=$(cat "$0" - <<<"$architecture $*" | sha256sum)
is_there() {
	[ "$(cat "$root/.packages" 2>/dev/null)" = "$stamp" ]
}
! is_there || exit 0

for tool in apt-get dpkg-deb; do
	if ! command -v $tool >/dev/null; then
		echo "sysroot: no $tool here; make a tree of these packages for $architecture: $*" >&2
		exit 1
	fi
done

mkdir -p "$(dirname "$root")"
exec {lock}>"$root.lock"
flock "$lock"
! is_there || exit 0 # by another, meanwhile

work=$(mktemp -d "$root.XXXXXX")
trap 'rm -rf "$work"' EXIT

apt_for_other_architecture() {
	apt-get -qq -c "$work/apt.conf" "$@" >>"$work/log" 2>&1 </dev/null
}

configure_apt() {
	mkdir -p "$work"/apt/{lists,archives}/partial
	touch "$work/apt/status"
	cat >"$work/apt.conf" <<-EOF
		#clear APT::Architectures;
		#clear APT::Update;
		APT::Architecture "$architecture";
		APT::Architectures { "$architecture"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Dir::State "$work/apt";
		Dir::State::lists "$work/apt/lists";
		Dir::State::status "$work/apt/status";
		Dir::Cache "$work/apt";
		Dir::Cache::archives "$work/apt/archives";
	EOF
}

# What a package's own scripts would do is not done: one /usr for all, as Debian has it, first of
# all. A link to an absolute path would lead out of the tree.
unpack() {
	mkdir -p "$work/root"/usr/{bin,lib,sbin}
	ln -s usr/bin usr/lib usr/sbin "$work/root"
	for package in "$work"/apt/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" |
			tar -x -C "$work/root" --numeric-owner --keep-directory-symlink
	done
	find "$work/root" -type l -lname '/*' -printf '%p\t%h\t%l\n' |
		while IFS=$'\t' read -r link directory target; do
			target=$(realpath -ms --relative-to "$directory" "$work/root$target")
			ln -sfn "$target" "$link"
		done
}

echo "unpacking for $architecture, into $root: $*"
configure_apt
# A source that is out of reach need not be the one that has them.
apt_for_other_architecture update || true
if ! apt_for_other_architecture -y --download-only install "$@"; then
	cat "$work/log" >&2
	echo "sysroot: the package sources of this machine do not give, for $architecture: $*" >&2
	exit 77 # skipped, as tests/run.sh has it
fi
unpack
echo "$stamp" >"$work/root/.packages"
# A guest may still live in the one before.
rm -rf "$root.old"
[ ! -e "$root" ] || mv "$root" "$root.old"
mv "$work/root" "$root"
