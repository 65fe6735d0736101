# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Turns vmlinux.h into a program that uses every type in it: a compiler describes in BTF only what
# is used. An enum without a name gets one, so that there is something to use.

/^#pragma once/ { next }

/^#if/ { condition = $0 }
/^#endif/ { condition = "" }

# of a type that is only pointed to
/^struct [a-z0-9_]+;$/ {
	print
	next
}

/^enum \{/ { sub(/^enum/, "enum anonymous_" ++anonymous) }

/^(struct|union|enum) [a-z0-9_]+ \{/ { use($1 " " $2, $2) }
/^typedef [^(]* [a-z0-9_]+;/ { use(name_of($NF), name_of($NF)) }
/^\} [a-z0-9_]+;/ { use(name_of($2), name_of($2)) }

/^(struct|union|enum|typedef) / && !/\{$/ && !/\{ .* \};$/ && !/^typedef [^({]* [a-z0-9_]+;/ {
	printf "%s:%d: types.awk does not understand: %s\n", FILENAME, FNR, $0 >"/dev/stderr"
	failed = 1
	exit
}

{ print }

END {
	if (failed)
		exit 1
	for (i = 1; i <= uses; i++)
		print use_of[i]
}

function name_of(word) {
	sub(/;$/, "", word)
	return word
}

function use(type, name) {
	use_of[++uses] = type " use_" name ";"
	if (condition) # one architecture has it
		use_of[uses] = condition "\n" use_of[uses] "\n#endif"
}
