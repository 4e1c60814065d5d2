/* SPDX-License-Identifier: BSD-3-Clause */
/* The public calls of map.h. */
#include <unistd.h>

#include "internal.h"

#define P tce_process

int tce_map(struct tce_space *space, void *va, size_t len, const struct tce_map_options *opts,
	    tce_iova_t *iova)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(tce_map_locked(space, (uintptr_t)va, len, opts, iova));
}

int tce_unmap(struct tce_space *space, tce_iova_t iova, uint64_t len)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(tce_unmap_locked(space, iova, len, false));
}

int tce_dma_unmap(struct tce_space *space, tce_iova_t iova, uint64_t len)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(tce_unmap_locked(space, iova, len, true));
}

/* Keep the regions that a call made, or drop them. */
static void settle(uintptr_t va, uintptr_t last, bool keep)
{
	for (size_t i = tce_region_index(va); i < P.regions && P.region[i]->va <= last;) {
		struct tce_region *r = P.region[i];
		bool drop = r->fresh && !keep && !r->quarantined;

		r->fresh = false;
		if (drop)
			tce_region_drop(r);
		else
			i++;
	}
}

/*
 * Register the gaps between the regions of [va, last]. Regions start and end on system pages, a
 * mapping only on TCEs: a gap is widened to system pages, which stay within the gap.
 */
static int fill_gaps(uintptr_t va, uintptr_t last)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = va & ~(page - 1);

	while (at <= last) {
		size_t i = tce_region_index(at);
		struct tce_region *r = i < P.regions ? P.region[i] : NULL;
		uintptr_t end = (last | (page - 1)) + 1;
		int ret;

		if (r && r->va <= at) {
			at = r->va + r->len;
			continue;
		}
		if (r && r->va < end)
			end = r->va;
		ret = tce_region_register(at, end - at, 0, true);
		if (ret)
			return ret;
		tce_region_at(at)->fresh = true;
		at = end;
	}
	return 0;
}

static int dma_map(struct tce_space *space, uintptr_t va, size_t len,
		   const struct tce_map_options *opts, tce_iova_t *iova)
{
	uintptr_t last;
	int ret;

	if (!len || tce_wraps(va, len) || tce_last(va, len) >> TCE_VA_BITS)
		return tce_fail(-EINVAL, "map of VA %#zx + %#zx: no such range", (size_t)va, len);
	last = tce_last(va, len);
	ret = fill_gaps(va, last);
	if (!ret)
		ret = tce_map_locked(space, va, len, opts, iova);
	settle(va, last, !ret);
	return ret;
}

int tce_dma_map(struct tce_space *space, void *va, size_t len, const struct tce_map_options *opts,
		tce_iova_t *iova)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(dma_map(space, (uintptr_t)va, len, opts, iova));
}
