// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "page.h" /* made by tools/page.sh */

#include "html.h"

const struct ct_html_part ct_html_before_data = {page_before_data, sizeof(page_before_data)};
const struct ct_html_part ct_html_behind_data = {page_behind_data, sizeof(page_behind_data)};
