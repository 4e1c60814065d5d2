/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PROGRAM_FORGET_H
#define PROGRAM_FORGET_H

/* What the death of a process makes of its library: everything is forgotten, the kernel not asked.
 */
void forget_library(void);

#endif
