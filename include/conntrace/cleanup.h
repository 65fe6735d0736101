/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/// Calls f(&variable) when the variable leaves its scope, in reverse order of declaration. The
/// variable must be initialised where it is declared: pointers to NULL, descriptors to -1.
#define _cleanup_(f) __attribute__((cleanup(f)))

/// Hands the pointer on: yields its value and leaves NULL behind, so that a cleanup finds nothing
/// to free.
#define CT_TAKE_PTR(ptr)                               \
	({                                             \
		__typeof__(ptr) *_ct_from = &(ptr);    \
		__typeof__(ptr) _ct_taken = *_ct_from; \
		*_ct_from = NULL;                      \
		_ct_taken;                             \
	})

/// Hands the descriptor on: yields its value and leaves -1 behind.
#define CT_TAKE_FD(fd)                     \
	({                                 \
		int *_ct_from = &(fd);     \
		int _ct_taken = *_ct_from; \
		*_ct_from = -1;            \
		_ct_taken;                 \
	})

/// For `_cleanup_(ct_freep)` on any pointer from malloc(); NULL is accepted.
static inline void ct_freep(void *ptr_to_ptr)
{
	void **ptr = ptr_to_ptr;

	free(*ptr);
	*ptr = NULL;
}

/// For `_cleanup_(ct_closep)` on a descriptor; negative means none. errno is kept, so that an error
/// being returned survives.
static inline void ct_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/// For `_cleanup_(ct_fclosep)` on a FILE *; NULL is accepted and errno is kept. A failed flush goes
/// unnoticed: whoever wrote data closes the stream by hand and looks at the result.
static inline void ct_fclosep(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	*file = NULL;
	errno = saved;
}
