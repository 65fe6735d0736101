#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# PID 1 of the guest, in its root: mounts what a system has, runs the command, tells its status.
set -eu

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb

# Kernels differ in what they have.
mount_all() {
	mkdir -p /dev/pts /dev/shm
	mount -t devpts devpts /dev/pts
	mount -t tmpfs tmpfs /dev/shm
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t bpf bpf /sys/fs/bpf
	mount -t securityfs securityfs /sys/kernel/security || true
	mount -t debugfs debugfs /sys/kernel/debug || true
	mount -t tracefs tracefs /sys/kernel/tracing || true
}

link_descriptors() {
	ln -s /proc/self/fd /dev/fd
	ln -s fd/0 /dev/stdin
	ln -s fd/1 /dev/stdout
	ln -s fd/2 /dev/stderr
}

# The device of the virtio port with that name, which comes up when the host has said it.
port() {
	while :; do
		for port in /sys/class/virtio-ports/*; do
			if [ "$(cat "$port/name" 2>/dev/null)" = "$1" ]; then
				echo "/dev/${port##*/}"
				return
			fi
		done
		/bin/busybox sleep 0.05
	done
}

mount_all
link_descriptors
/bin/busybox ip link set lo up
/bin/busybox hostname guest
ulimit -n 20000
output=$(port output)
status_port=$(port status)
status=0
bash /run/vm/command </dev/null >"$output" 2>&1 || status=$?
echo "$status" >"$status_port"
exec /bin/busybox reboot -f
