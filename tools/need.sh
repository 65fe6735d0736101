#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tools/need.sh PACKAGE...
#
# Installs those Debian packages that are missing; says in one line which, and nothing if none is.
# Programs are what is wanted of them: a service that comes along is not started, now or at boot.
set -eu

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "need: no apt here, cannot look; the build needs what Debian calls: $*" >&2
	exit 0
fi

missing=()
for package in "$@"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=none
	[ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "need: neither root nor sudo; as root: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

# Asked by each package before it starts its service; who has a policy already is left with it.
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
undo() {
	rm -f "$log"
	[ -z "${own_policy:-}" ] || "${as_root[@]}" rm -f "$policy"
}
trap undo EXIT
if [ ! -e "$policy" ]; then
	own_policy=yes
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
	"${as_root[@]}" chmod 755 "$policy"
fi

echo "installing: ${missing[*]}"
# A source that is out of reach need not be the one that has them.
"${as_root[@]}" apt-get -qq update >"$log" 2>&1 </dev/null || true
if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get -qq install -y --no-install-recommends "${missing[@]}" \
	>>"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	echo "need: apt-get could not install: ${missing[*]}" >&2
	exit 1
fi
for package in "${missing[@]}"; do
	if [ "$package" = nginx ] && command -v systemctl >/dev/null; then
		"${as_root[@]}" systemctl -q disable nginx 2>/dev/null || true
	fi
done
