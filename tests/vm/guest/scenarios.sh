#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Usage: tests/vm/guest/scenarios.sh NAME BUILD SCENARIO...
#
# In the guest: says which kernel this is and what `conntrace check` thinks of it, then runs the
# scenarios of BUILD as a suite NAME. Of what this prints, tests/vm/results.awk makes a table.
set -u

suite=$1 build=$2
shift 2
export CONNTRACE=$PWD/$build/conntrace
# A guest that its host leaves waiting says so, and is not blamed: tests/support/attempt.h.
export E2E_GUEST=1

echo "guest: kernel $(uname -r)"
capabilities=$("$CONNTRACE" check --json 2>/dev/null)
echo "guest: check $? $capabilities"
exec tests/run.sh "$suite:" "${@/#/$build/e2e/e2e_}"
