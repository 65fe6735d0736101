#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# PID 1 of the guest, in an initramfs: reaches the shared directories and changes root to them. It is
# this process that does, or the kernel's own calls of modprobe would stay behind. Whatever fails here
# ends PID 1, the kernel panics, and QEMU exits.
set -eu

/bin/busybox --install -s /bin
export PATH=/bin

share() {
	mkdir -p "$2"
	mount -t virtiofs -o ro "$1" "$2"
}

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do
	insmod "$module"
done

share root /lower
mount -t tmpfs tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /newroot
cd /newroot
mkdir -p proc sys dev run tmp
for dir in proc sys dev; do
	mount --move "/$dir" "$dir"
done
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
# Last: the project may be anywhere.
share modules "/newroot/lib/modules/$(uname -r)"
share project "/newroot$(cat /vm/project)"
cp -r /vm run/vm
exec switch_root /newroot /bin/busybox sh /run/vm/start.sh
