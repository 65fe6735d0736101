# shellcheck shell=bash disable=SC2034 # whoever sources it uses them
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the scripts of this directory share.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm_project=$(cd "$vm_dir/../.." && pwd)
vm_cache=${XDG_CACHE_HOME:-$HOME/.cache}/conntrace
# 77, as tests/run.sh has it.
vm_exit_skipped=77
# depmod, and more, are not in everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin

vm_names() {
	awk '/^[^#]/ { print $1 }' "$vm_dir/kernels"
}

# Sets vm_arch, vm_suite, vm_package, vm_check and vm_append to the row's. False if there is no such row.
vm_find() {
	local row

	row=$(awk -v name="$1" '$1 == name' "$vm_dir/kernels")
	[ -n "$row" ] || return 1
	read -r _ vm_arch vm_suite vm_package vm_check vm_append <<<"$row"
}

vm_is_native() {
	case $(uname -m) in
	x86_64) [ "$vm_arch" = amd64 ] ;;
	aarch64) [ "$vm_arch" = arm64 ] ;;
	*) false ;;
	esac
}

# Where the row's programs are, seen from the project.
vm_build() {
	if vm_is_native; then echo build; else echo "build/$vm_arch"; fi
}

# The reason on stderr, and the status that says that nothing was tested.
vm_skip() {
	echo "$*" >&2
	exit $vm_exit_skipped
}
