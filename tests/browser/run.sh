#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/browser/run.sh PAGES
#
# Runs run.py if what it needs is there; else exit 77.
set -eu

for need in /usr/bin/python3 chromium chromedriver; do
	if ! command -v $need >/dev/null; then
		echo "$need is not installed (make deps)"
		exit 77
	fi
done
if ! /usr/bin/python3 -c 'import selenium' 2>/dev/null; then
	echo "python3-selenium is not installed (make deps)"
	exit 77
fi
exec /usr/bin/python3 "$(dirname "$0")/run.py" "$@"
