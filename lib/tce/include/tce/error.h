/* SPDX-License-Identifier: BSD-3-Clause */
/* The sentence behind an errno. */
#ifndef TCE_ERROR_H
#define TCE_ERROR_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/**
 * Give the sentence of this thread's last failed libtce call: which call, which range, which
 * limit, what to do. A successful call leaves it alone.
 *
 * Units: a string without a newline, in English; "" before the first failure.
 * Owner: the library's, valid until this thread's next failed call or its end.
 * Threads: any; each thread has its own sentence.
 * Errors: none.
 */
const char *tce_error(void);

/** Receives each failure once, on the thread that failed. @err is the -errno returned. */
typedef void tce_error_fn(int err, const char *sentence, void *arg);

/**
 * Have every failure of this process reported to a function as it happens. It may log; it must not
 * call libtce. The function stays until it is replaced; NULL ends it.
 *
 * Units: @arg is handed through.
 * Owner: @arg stays the caller's and must outlive its use.
 * Threads: any, but not while another thread's call may fail: set it at start-up.
 * Errors: none.
 */
void tce_error_callback(tce_error_fn *fn, void *arg);

/**
 * Have a failure of something built on libtce told as libtce's own are: keep its sentence for this
 * thread and hand it to the callback. For libraries and drivers.
 *
 * Units: @err: the -errno of the failure, which is returned; @format: as printf's, one line of
 *   English. What tce_error() returned before may be among the arguments.
 * Owner: nothing changes hands.
 * Threads: any, not a signal handler.
 * Errors: none of its own; it returns @err as it is.
 */
int tce_error_set(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

TCE_END_DECLS

#endif
