/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libtce: the DMA layer of userspace drivers on POWER. This header only includes the others.
 *
 * How every function is described: first what it does, then the parts "Units:" (units and shapes
 * of what goes in and out), "Owner:" (who owns and frees what), "Threads:" (from where it may be
 * called) and "Errors:" (each errno and when).
 *
 * Rules that hold throughout:
 * - A function that can fail returns 0 or -errno. A failed call changes nothing and leaves its
 *   out-parameters alone, but where its description says otherwise. tce_error() has the sentence.
 * - A control call is one whose "Threads:" says so: most of what changes something. Control calls,
 *   and those that list or audit, are serialised inside the library, may be made from any thread,
 *   not from a signal handler, and only in the process that made the first one: a child after
 *   fork() gets -EPERM, decided before the kernel is asked. Not repeated in "Errors:" below:
 *     -EPERM   this process is not the owner (a child after fork)
 *     -EEXIST  a second copy of libtce is at work in this process already
 *     -ENOMEM  no memory for the library's own tables
 * - VA is always a pointer and IOVA always a tce_iova_t, so that a swap draws a warning.
 */
#ifndef TCE_TCE_H
#define TCE_TCE_H

#include <tce/types.h>
#include <tce/error.h>
#include <tce/plan.h>
#include <tce/region.h>
#include <tce/space.h>
#include <tce/window.h>
#include <tce/map.h>
#include <tce/translate.h>
#include <tce/status.h>
#include <tce/evict.h>
#include <tce/quarantine.h>
#include <tce/check.h>
#include <tce/probe.h>

#endif
