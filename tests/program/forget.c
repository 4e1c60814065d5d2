/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "forget.h"
#include "lib/tce/internal.h"

#define P tce_process

static void forget_space(struct tce_space *s)
{
	for (unsigned i = 0; i < TCE_WINDOWS_MAX; i++) {
		struct tce_window *w = s->window[i];

		if (w)
			tce_table_end(w);
		free(w);
	}
	tce_dir_end(&s->dir);
	free(s->device);
	free(s);
}

void forget_library(void)
{
	while (P.regions)
		tce_region_drop(P.region[P.regions - 1]);
	while (P.spaces)
		forget_space(P.space[--P.spaces]);
	free(P.region);
	free(P.space);
	free(P.number);
	P.region = P.number = NULL;
	P.space = NULL;
	P.numbers = P.numbered = 0;
}
