#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tools/demo.sh BUILD [RECORDING]
#
# Records BUILD/demo, a small server and clients with faults planted in them, and lets the doctor look at
# the recording. To record takes root; to read it does not.
set -eu

build=$1
recording=${2:-$build/demo.ctr}

as_root=() give=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "tools/demo.sh: recording needs root, and there is no sudo" >&2; exit 1; }
	as_root=(sudo)
	give=(--user "$(id -un)")
fi

cat <<END
A server and clients play on loopback, in a network namespace of their own. What is planted in them, and
what of it the doctor should find:

END
"$build/demo" --list
echo
rm -f "$recording"
"${as_root[@]}" "$build/conntrace" record "${give[@]}" -w "$recording" -- "$build/demo"
cat <<END

$build/conntrace doctor $recording

END
"$build/conntrace" doctor "$recording"
cat <<END

The demo has ended, and its processes are gone: a \`confirm\` that asks ss is for a fault that is still there, one
that replays the recording works on.

The recording is $recording. To go on with:

  $build/conntrace report $recording
  $build/conntrace report $recording --html ${recording%.ctr}.html --force
  $build/conntrace replay $recording -c ct-pool
  ${as_root[*]:+${as_root[*]} }$build/conntrace -- $build/demo half-close
END
