/* SPDX-License-Identifier: BSD-3-Clause */
#include "runs.h"

#include <errno.h>
#include <stdlib.h>

static bool follows(const struct run *last, const struct run *next)
{
	if (next->va != last->va + last->len || next->page != last->page)
		return false;
	if (next->whole != last->whole || next->list != last->list)
		return false;
	if (last->iova == RUN_ANY)
		return next->iova == RUN_ANY;
	return next->iova == last->iova + last->len;
}

int runs_add(struct runs *runs, const struct run *segment)
{
	if (runs->n && follows(&runs->run[runs->n - 1], segment)) {
		runs->run[runs->n - 1].len += segment->len;
		return 0;
	}
	if (runs->n == runs->room) {
		size_t room = runs->room ? 2 * runs->room : 16;
		struct run *run = realloc(runs->run, room * sizeof(*run));

		if (!run)
			return -ENOMEM;
		runs->run = run;
		runs->room = room;
	}
	runs->run[runs->n++] = *segment;
	return 0;
}

void runs_free(struct runs *runs)
{
	free(runs->run);
	*runs = (struct runs){0};
}
