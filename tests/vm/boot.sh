#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/vm/boot.sh NAME COMMAND [ARG...]
#
# Boots the kernel of that row of tests/vm/kernels under QEMU, runs the command in it as root, and hands
# back its output and its exit status; 124 after VM_TIMEOUT seconds, 125 if the guest died, 126 if it
# could not be set up, 77 with the reason if this machine cannot. The guest's root is this machine's
# (of another architecture, what root-ARCH.sh prints), read-only under an overlay in memory, and the
# project lies where it lies here. It has no network.
set -Eeuo pipefail
trap 'exit 126' ERR

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

memory=2G
limit_s=${VM_TIMEOUT:-7200}

# The end of a helper that failed is that of this one, if it only says that this machine cannot.
pass_on() {
	[ "$1" -ne $vm_exit_skipped ] || exit $vm_exit_skipped
	exit 126
}

need_programs() {
	local program

	for program in "$@"; do
		command -v "$program" >/dev/null || vm_skip "needs the program $program"
	done
}

# Sets what depends on the architecture. Threads of TCG that share a machine crash guests while BPF
# programs come and go, so that its processors take turns.
choose_machine() {
	case $vm_arch in
	amd64)
		qemu="qemu-system-x86_64"
		# To TCG an instruction that copies or clears byte by byte is a loop: without erms and fsrm
		# the kernel takes words. Behind cmpxchg16b, QEMU 7.2 has flags made of what was added before: an
		# interrupt right there keeps them, and the guest dies when it returns to them. Without cx16 the
		# kernel does without; but 7.3 gives BPF programs no memory for a socket's storage then
		# (kmalloc_nolock()), save from caches whose consistency is checked.
		machine=(-machine "q35,memory-backend=memory" -cpu "max,-erms,-fsrm,-cx16")
		# The rest spares the boot its measurements: lpj is that of bogomips.
		append="console=ttyS0 reboot=t tsc=reliable no_timer_check lpj=5000000 slab_debug=F,kmalloc-*"
		;;
	arm64)
		qemu="qemu-system-aarch64"
		machine=(-machine "virt,memory-backend=memory" -cpu cortex-a57)
		append="console=ttyAMA0"
		;;
	*) vm_skip "no machine for $vm_arch" ;;
	esac
	machine+=(-accel "tcg,thread=single" -smp 2 -m "$memory"
		-object "memory-backend-memfd,id=memory,size=$memory,share=on"
		-nodefaults -no-user-config -display none -no-reboot)
	append+=" panic=-1 loglevel=5 mitigations=off random.trust_cpu=on cryptomgr.notests audit=0 init_on_alloc=0 $vm_append"
}

choose_root() {
	root=/
	vm_is_native && return
	[ -x "$vm_dir/root-$vm_arch.sh" ] || vm_skip "no root directory for $vm_arch"
	root=$("$vm_dir/root-$vm_arch.sh") || pass_on $?
}

find_virtiofsd() {
	local program

	for program in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
		[ -x "$program" ] && virtiofsd=$program && return
	done
	vm_skip "needs the program virtiofsd"
}

# The modules that reach the root, in the order in which they load, into the directory $1.
copy_modules() {
	local module file number=100

	for module in virtio_pci virtio_console virtiofs overlay; do
		modprobe -d "$kernel" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		number=$((number + 1))
		case $file in
		*.xz) xz -dc "$file" ;;
		*.zst) zstd -dc "$file" ;;
		*) cat "$file" ;;
		esac >"$1/$number.ko"
	done
}

# The command travels in there as a file: a kernel's command line has rules of its own for quotes.
make_initramfs() {
	local tree=$work/initramfs

	mkdir -p "$tree"/{bin,dev,lower,modules,newroot,proc,sys,upper,vm}
	cp "${root%/}/bin/busybox" "$tree/bin/"
	install -m 755 "$vm_dir/guest/init.sh" "$tree/init"
	cp "$vm_dir/guest/start.sh" "$tree/vm/"
	echo "$vm_project" >"$tree/vm/project"
	printf 'cd %q || exit\nexec %s\n' "$vm_project" "$(printf '%q ' "$@")" >"$tree/vm/command"
	copy_modules "$tree/modules"
	(cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initramfs.cpio"
}

# The directory $2 under the name $1.
share() {
	local socket=$work/$1.socket

	"$virtiofsd" --socket-path="$socket" -o source="$2",cache=always,sandbox=chroot \
		>"$work/$1.log" 2>&1 </dev/null &
	servers+=($!)
	machine+=(-chardev "socket,id=$1,path=$socket" -device "vhost-user-fs-pci,chardev=$1,tag=$1")
	until [ -S "$socket" ]; do
		kill -0 $! 2>/dev/null || { cat "$work/$1.log" >&2; return 126; }
		sleep 0.02
	done
}

# The guest's output is that of this function, by way of a pipe, which QEMU can open by name whatever
# stdout is.
run_guest() {
	setpriv --pdeathsig TERM timeout --foreground -k 10 "$limit_s" \
		"$qemu" "${machine[@]}" -kernel "$kernel/vmlinuz" -initrd "$work/initramfs.cpio" \
		-append "$append" -serial "file:$work/console" -device virtio-serial-pci \
		-chardev file,id=output,path=/dev/stdout -device virtserialport,chardev=output,name=output \
		-chardev "file,id=status,path=$work/status" \
		-device virtserialport,chardev=status,name=status </dev/null 2>"$work/qemu.log" | cat
	return "${PIPESTATUS[0]}"
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	[ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" 2>/dev/null || true
	rm -rf "$work"
}

# Ends as the command did, or says what the guest's end was, from what QEMU's was.
end_as_guest() {
	local end=125 words="the guest died"

	[ ! -s "$work/status" ] || exit "$(cat "$work/status")"
	[ "$1" -ne 124 ] || end=124 words="the guest hung"
	echo "$words" >&2
	tail -qn 40 "$work/console" "$work/qemu.log" 2>/dev/null | tr -d '\r' >&2
	exit $end
}

if [ $# -lt 2 ] || ! vm_find "$1"; then
	echo "Usage: tests/vm/boot.sh NAME COMMAND [ARG...], NAME of tests/vm/kernels" >&2
	exit 2
fi
[ "$(id -u)" -eq 0 ] || vm_skip "needs root"
choose_machine
need_programs "$qemu" busybox modprobe xz zstd setpriv
choose_root
find_virtiofsd
kernel=$("$vm_dir/fetch.sh" "$1") || pass_on $?
release=$(ls "$kernel/lib/modules")
shift

servers=()
work=$(mktemp -d)
trap finish EXIT
make_initramfs "$@"
share root "$root"
share project "$vm_project"
share modules "$kernel/lib/modules/$release"
status=0
# The shell's own word on a QEMU that was killed goes nowhere: it is said below.
{ run_guest || status=$?; } 2>/dev/null
end_as_guest $status
