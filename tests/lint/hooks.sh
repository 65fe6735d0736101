#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Each tracepoint in the table of hooks has a row that says what may be missing without it. Without
# transitions there is nothing to compare.
set -eu

missing=$(grep -oE '^	(HOOK|TIMER)\("[a-z_]+", +"[a-z_/]+"' src/live/hooks.c |
	sed -E 's/.*"([^"]+)"$/\1/' | sort -u | while read -r tracepoint; do
	[ "$tracepoint" = inet_sock_set_state ] || grep -q "\"$tracepoint\"" tests/support/hidden_losses.c ||
		echo "$tracepoint"
done)
[ -z "$missing" ] && exit
echo "no row in tests/support/hidden_losses.c for: $missing"
exit 1
