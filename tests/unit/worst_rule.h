/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a text report says of the lives that it calls the worst. */
#pragma once

#define WORST_RULE                                                                       \
	"The worst first: a reset with data unread or unacknowledged, given up without " \
	"an answer, closed by one side and not by the other, refused or unreachable, "   \
	"another reset, a handshake that was not completed, TIME_WAIT killed, "          \
	"retransmits or a closed window.\n"                                              \
	"Of a kind the longest first, and of those with the same flags only that.\n\n"
