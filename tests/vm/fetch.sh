#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/vm/fetch.sh NAME
#
# Prints the directory of the kernel of that row of tests/vm/kernels: vmlinuz, and its modules in
# lib/modules/RELEASE/. It is downloaded and unpacked, never installed, and stays in the user's cache;
# for a newer one remove that. Exits 77 with the reason on stderr where no package source has it.
set -euo pipefail

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# The mirror that this machine's apt uses, for Debian itself or for its security suites.
mirror_of() {
	local suite=$1 security=0

	[[ $suite != *-security ]] || security=1
	# shellcheck disable=SC2016 # apt fills them in
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
		awk -v security="$security" '!found && ($1 ~ /-security$/) == security { print $2; found = 1 }'
}

# Sets apt_options to an apt of its own for that suite and architecture: the machine's lists stay as
# they are, and nobody need be root.
private_apt() {
	local dir=$vm_cache/apt/$vm_arch/$vm_suite mirror

	command -v apt-get >/dev/null || vm_skip "needs apt to get $vm_package"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	apt_options=(-q -o APT::Architecture="$vm_arch" -o APT::Architectures="$vm_arch"
		-o APT::Sandbox::User= -o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/status"
		-o Dir::Cache="$dir/cache" -o Acquire::Languages=none)
	[ "$vm_suite" != - ] || return 0
	mirror=$(mirror_of "$vm_suite")
	[ -n "$mirror" ] || vm_skip "this machine's apt knows no mirror of Debian"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $vm_suite main" \
		>"$dir/sources.list"
	# An old suite is still good to boot when nobody signs it anew.
	apt_options+=(-o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Acquire::Check-Valid-Until=false)
}

newest_package() {
	local name

	apt-cache "${apt_options[@]}" pkgnames linux-image- 2>/dev/null | while read -r name; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $name != $vm_package ]] || echo "$name"
	done | sort -V | tail -n 1
}

# The image itself or what a meta-package depends on; from 6.19 on kernel and modules, which are then
# packages of their own.
packages_of() {
	apt-cache "${apt_options[@]}" depends --recurse --important "$1" |
		grep -xE 'linux-(base|binary|image|modules)-[0-9]+\.[0-9]+\.[0-9].*'
}

# ": REASON", of what apt said; "" if it did not complain.
complaint_in() {
	sed -nE 's/^[EW]: */: /p' "$1" | head -n 1
}

# Into the current directory.
download() {
	local package packages

	# A source that is out of reach need not be the one that has it.
	apt-get "${apt_options[@]}" update >update.log 2>&1 || true
	package=$(newest_package)
	[ -n "$package" ] ||
		vm_skip "no package source has $vm_package$(complaint_in update.log)"
	mapfile -t packages < <(packages_of "$package")
	apt-get "${apt_options[@]}" download "${packages[@]}" >download.log 2>&1 ||
		vm_skip "cannot download $package$(complaint_in download.log)"
}

# What was downloaded into the current directory, as the head of this file has it.
unpack() {
	local package release modules images

	for package in *.deb; do
		dpkg-deb -x "$package" files
	done
	modules=$(find files -path '*/lib/modules/*' -prune -print -quit)
	release=${modules##*/}
	images=("$PWD"/files/boot/vmlinuz-*)
	[ -e "${images[0]}" ] || images=("$PWD/$modules/vmlinuz")
	mkdir -p kernel/lib/modules
	mv "${images[0]}" kernel/vmlinuz
	mv "$modules" kernel/lib/modules/
	depmod -b kernel "$release"
}

fetch() {
	local target=$1 work

	mkdir -p "$(dirname "$target")"
	work=$(mktemp -d "$target.XXXXXX")
	# shellcheck disable=SC2064 # the name as it is now
	trap "rm -rf '$work'" EXIT
	cd "$work"
	download
	unpack
	mv kernel "$target"
}

vm_find "${1-}" || { echo "Usage: tests/vm/fetch.sh NAME, of tests/vm/kernels" >&2; exit 2; }
kernel=$vm_cache/kernels/$vm_arch/$vm_suite/$vm_package
if [ ! -d "$kernel" ]; then
	mkdir -p "$vm_cache"
	exec {lock}>"$vm_cache/lock"
	flock "$lock"
	private_apt
	[ -d "$kernel" ] || (fetch "$kernel")
fi
echo "$kernel"
