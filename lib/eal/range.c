/* SPDX-License-Identifier: BSD-3-Clause */
#include "range.h"

const struct tce_window_info *range_home(const struct tce_window_info *windows, size_t n,
					 size_t page)
{
	const struct tce_window_info *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct tce_window_info *w = &windows[i];

		if (w->page > page)
			continue;
		if (!best || w->page > best->page ||
		    (w->page == best->page && w->size > best->size))
			best = w;
	}
	return best;
}

struct range range_usable(const struct tce_window_info *window, size_t page)
{
	struct range r = {window->start, window->start + (window->size - 1)};

	if (r.first == 0 && page < window->size)
		r.first = page;
	return r;
}

uint64_t range_room(const struct range *range, uint64_t hole, uint64_t size)
{
	struct range missing = {hole, hole + (size - 1)};
	uint64_t bytes = range->last - range->first + 1;

	return size && range_both(range, &missing, &missing)
		       ? bytes - (missing.last - missing.first + 1)
		       : bytes;
}
