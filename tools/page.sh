#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tools/page.sh PAGE.html STYLE.css SCRIPT.js... >page.h
#
# Puts style and scripts where the page has @STYLE@ and @SCRIPT@, and what permits these and nothing
# else where it has @POLICY@: their hashes. Writes what stands before @DATA@ and what stands behind it
# as two arrays of C.
set -euo pipefail

page=$1 style=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Of the element's text, from its first character on.
hash_of() {
	# shellcheck disable=SC2059 # the digest is the format: \xab\xcd…
	printf "'sha256-%s'" "$(printf "$(sha256sum "$1" | cut -c1-64 | sed 's/../\\x&/g')" | base64 -w 0)"
}

cat "$style" >"$dir/style"
cat "$@" >"$dir/script"
if grep -niE '</?script|</style|<!--' "$dir/style" "$dir/script" >&2; then
	echo "page.sh: that would end, or change, the element that it stands in" >&2
	exit 1
fi
policy="default-src 'none'; script-src $(hash_of "$dir/script"); style-src $(hash_of "$dir/style"); \
img-src data:; base-uri 'none'; form-action 'none'"

part=before_data
while IFS= read -r line; do
	case $line in
	*@POLICY@*) printf '%s\n' "${line/@POLICY@/$policy}" ;;
	*@STYLE@*) printf '%s' "${line%@STYLE@*}" && cat "$dir/style" && printf '%s\n' "${line#*@STYLE@}" ;;
	*@SCRIPT@*) printf '%s' "${line%@SCRIPT@*}" && cat "$dir/script" && printf '%s\n' "${line#*@SCRIPT@}" ;;
	*@DATA@*)
		printf '%s' "${line%@DATA@*}"
		part=behind_data
		printf '%s\n' "${line#*@DATA@}" >"$dir/$part"
		;;
	*) printf '%s\n' "$line" ;;
	esac >>"$dir/$part"
done <"$page"

echo "// NOLINTBEGIN: generated"
for part in before_data behind_data; do
	echo "static const unsigned char page_$part[] = {"
	od -An -v -tx1 "$dir/$part" | sed 's/ \(..\)/0x\1,/g'
	echo "};"
done
echo "// NOLINTEND"
