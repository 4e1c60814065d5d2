/* SPDX-License-Identifier: BSD-3-Clause */
/* A space's tables with the physical pages behind them, for comparing with the hardware's. */
#ifndef GUEST_DUMP_H
#define GUEST_DUMP_H

#include <stdio.h>
#include <tce/tce.h>

/* libtce's calls, for a program that does not link it. */
struct dump_calls {
	int (*windows)(struct tce_space *space, struct tce_window_info *info, size_t *n);
	int (*runs)(struct tce_space *space, struct tce_run *runs, size_t *n);
	int (*audit)(void);
};

/*
 * Print a line for each TCE: IOVA, physical address, access, all in hex. 0, or what went wrong as
 * -errno; then nothing of use was printed.
 */
int dump_space(FILE *out, const struct dump_calls *calls, struct tce_space *space);

#endif
