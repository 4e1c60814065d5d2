/* SPDX-License-Identifier: BSD-3-Clause */
/* tce probe: which known defects does this kernel have? */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

static void print(const struct tce_defect *d, void *arg)
{
	static const char *const answer[] = {
		[TCE_NO] = "no", [TCE_YES] = "yes", [TCE_CANNOT_TELL] = "unknown"};

	(void)arg;
	printf("%-8s %s: %s\n", answer[d->answer], d->name, d->sentence);
}

int command_probe(const struct arguments *a)
{
	if (!tce_probe(a->device, print, NULL))
		return EXIT_SUCCESS;
	fprintf(stderr, "tce probe: %s\n", tce_error());
	return EXIT_FAILURE;
}
