#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/vm/root-arm64.sh
#
# Prints the directory that is the root of arm64 guests: what the scenarios call, and the libraries
# that they and the program link. It stays in the user's cache, and is made first if it is not there,
# without a line of arm64 code being run: what the packages' own scripts would have done, as far as
# the scenarios need it, is done here. Exits 77 with the reason on stderr where no package source has
# them.
set -euo pipefail

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

root=$vm_cache/root-arm64
packages=(base-files base-passwd bash busybox-static coreutils dash diffutils findutils gawk grep hostname
	iproute2 kmod libc-bin mount nftables procps sed util-linux zstd
	libbpf1 libcap-ng0 libcmocka0 libelf1 libjansson4 libseccomp2 libsmartcols1 libxxhash0 libzstd1 zlib1g
	apache2-utils nginx)

# After base-passwd and gawk.
furnish() {
	local share=$root/usr/share

	cp "$share/base-passwd/passwd.master" "$root/etc/passwd"
	cp "$share/base-passwd/group.master" "$root/etc/group"
	echo '127.0.0.1 localhost' >"$root/etc/hosts"
	ln -sf gawk "$root/usr/bin/awk"
	mkdir -p "$root"/{dev,lib/modules,proc,root,run,sys,tmp}
	touch "$root/.furnished"
}

"$vm_project/tools/sysroot.sh" arm64 "$root" "${packages[@]}" >/dev/null
[ "$root/.furnished" -nt "$0" ] || furnish
echo "$root"
