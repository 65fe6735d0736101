#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Every file of ours names the licence where it starts: before it stands at most what has to, a #! or
# the title of a manual page.
set -eu

licence='SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause'
status=0

while IFS= read -r file; do
	if ! head -n 3 "$file" | grep -qF "$licence"; then
		echo "$file: no \"$licence\" at its start"
		status=1
	fi
done < <(find Makefile .clang-format .clang-tidy .gitignore .ci bpf include src tests tools bench demo doc \
	-type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.scd' -o -name '*.py' \
	-o -name '*.html' -o -name '*.css' -o -name '*.js' -o -name Makefile -o -path '.ci/*' \
	-o -name '.*' \) 2>/dev/null)
exit $status
