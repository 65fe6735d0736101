/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Detectors: each looks at a connection after every update of it and raises flags. A new one is a
 * file in src/detect/ and a row in the table of detect.c.
 */
#pragma once

#include "conntrace/conn.h"
#include "conntrace/update.h"

/**
 * Runs all detectors on CONN, of which UPDATE has just been told.
 *
 * update->raised gets what is new since the last update that is printed; a silent update leaves it
 * to the next one, and becomes CT_UPDATE_FLAG when time alone is behind it. conn->wants_ns may be
 * brought forward.
 *
 * @return 0; -ENOMEM.
 */
int ct_detect(struct ct_conn *conn, struct ct_update *update);
