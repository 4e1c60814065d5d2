/* SPDX-License-Identifier: BSD-3-Clause */
#include "internal.h"

/* Walk the stretches of one window that point into [va, last] of a region. */
static int walk_window(struct tce_space *space, struct tce_window *w, uintptr_t va, uintptr_t last,
		       tce_stretch_fn *fn, void *arg)
{
	uint64_t page = 1ull << w->shift;
	struct tce_stretch s;

	for (size_t at = 0; tce_table_next(w, at, w->entries - at, &s); at = s.at + s.n) {
		uint64_t s_last = tce_last(s.va, (uint64_t)s.n << w->shift);
		struct tce_stretch in = s;
		int ret;

		if (s_last < va || s.va > last)
			continue;
		if (s.va < va) {
			/* The TCE that holds va, be it in its middle. */
			in.at += (va - s.va) >> w->shift;
			in.va += ((va - s.va) >> w->shift) * page;
		}
		if (s_last > last)
			s_last = last | (page - 1);
		in.n = (s_last - in.va + 1) >> w->shift;
		ret = fn(space, w, &in, arg);
		if (ret)
			return ret;
	}
	return 0;
}

int tce_walk(struct tce_region *r, uintptr_t va, uintptr_t last, tce_stretch_fn *fn, void *arg)
{
	for (size_t u = 0; u < r->uses; u++) {
		struct tce_space *space = r->use[u].space;
		struct tce_window *w;

		TCE_FOR_EACH_WINDOW(w, space)
		{
			int ret = r->use[u].live ? walk_window(space, w, va, last, fn, arg) : 0;

			if (ret)
				return ret;
		}
	}
	return 0;
}
