/* SPDX-License-Identifier: BSD-3-Clause */
/* tce check: is this machine, is this device ready? Every answer at once, and nothing changed. */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

static void print(const struct tce_finding *f, void *arg)
{
	static const char *const verdict[] = {
		[TCE_OK] = "ok", [TCE_WRONG] = "wrong", [TCE_UNKNOWN] = "unknown"};

	(void)arg;
	printf("%-8s %-32s %s\n", verdict[f->verdict], f->item, f->found);
	if (*f->remedy)
		printf("%-8s %-32s -> %s\n", "", "", f->remedy);
}

int command_check(const struct arguments *a)
{
	return tce_check(a->device, &a->options, print, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
