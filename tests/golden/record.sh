#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/golden/record.sh SCENES [NAME]
#
# Records every scene (or NAME alone) anew into this directory: real sockets, conntrace itself. SCENES
# is the program built of scenes.c. Needs root and takes two minutes. What would tell of this machine
# is set to something neutral in namespaces of its own: host name, boot id, the program's path.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
scenes=$(realpath "$1")
program=$(realpath "${CONNTRACE:-$here/../../build/conntrace}")

if [ "${2-}" != --inside ]; then
	exec unshare --uts --mount --propagation private "$0" "$scenes" --inside "${2-*}"
fi

hostname golden
scratch=$(mktemp -d)
trap 'umount -l "$scratch" 2>/dev/null; rmdir "$scratch"' EXIT
mount -t tmpfs golden "$scratch"
echo 00000000-0000-4000-8000-000000000000 >"$scratch/boot_id"
mount --bind "$scratch/boot_id" /proc/sys/kernel/random/boot_id
cp "$program" "$scratch/conntrace"
mount --bind "$scratch" /usr/local/bin

cd "$here"
CONNTRACE=/usr/local/bin/conntrace E2E_ONLY=$3 "$scenes"
chmod 644 ./*.ctr
