/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry: all regions of this process, by VA and by number. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define P tce_process

size_t tce_region_index(uintptr_t va)
{
	size_t low = 0, high = P.regions;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (tce_last(P.region[mid]->va, P.region[mid]->len) < va)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct tce_region *tce_region_at(uintptr_t va)
{
	size_t i = tce_region_index(va);

	return i < P.regions && P.region[i]->va <= va ? P.region[i] : NULL;
}

struct tce_region *tce_region_of(const struct tce_window *w, uint64_t entry)
{
	uint64_t far = (1ull << w->number_bits) - 1;
	uint64_t number = entry >> TCE_ENTRY_NUMBER_SHIFT & far;

	return number < far ? P.number[number] : tce_region_at(tce_entry_va(w, entry));
}

static int take_number(struct tce_region *r)
{
	for (size_t i = P.numbered; i < P.numbers; i++) {
		if (P.number[i])
			continue;
		P.number[i] = r;
		P.numbered = i + 1;
		r->number = (unsigned)i;
		return 0;
	}
	P.numbered = P.numbers;
	r->number = (unsigned)P.numbers;
	return tce_array_insert((void ***)&P.number, &P.numbers, P.numbers, r);
}

int tce_region_add(uintptr_t va, size_t len, size_t page, struct tce_region **region)
{
	struct tce_region *r = calloc(1, sizeof(*r));
	uint64_t fits = tce_low_bit(va | len);
	int ret;

	if (!r)
		return tce_fail(-ENOMEM, "no memory for one more of %zu regions", P.regions);
	/* The kernel's own limit: mm_iommu_do_alloc() in book3s64/iommu_api.c. */
	*r = (struct tce_region){.va = va, .len = len, .page = page < fits ? page : fits};
	ret = tce_array_insert((void ***)&P.region, &P.regions, tce_region_index(va), r);
	if (!ret) {
		ret = take_number(r);
		if (ret)
			tce_array_remove((void **)P.region, &P.regions, tce_region_index(va));
	}
	if (ret)
		free(r);
	else
		*region = r;
	return ret;
}

void tce_region_drop(struct tce_region *r)
{
	tce_array_remove((void **)P.region, &P.regions, tce_region_index(r->va));
	P.number[r->number] = NULL;
	if (r->number < P.numbered)
		P.numbered = r->number;
	free(r->use);
	free(r->dead);
	free((void *)r->driver);
	free(r);
}

uint64_t tce_region_live(const struct tce_region *r)
{
	uint64_t live = 0;

	for (size_t i = 0; i < r->uses; i++)
		live += r->use[i].live;
	return live;
}

bool tce_region_is_dead(const struct tce_region *r, uintptr_t va, size_t len)
{
	for (size_t i = 0; i < r->deads; i++)
		if (r->dead[i].va <= tce_last(va, len) &&
		    va <= tce_last(r->dead[i].va, r->dead[i].len))
			return true;
	return r->all_dead;
}

int tce_region_end(struct tce_region *r)
{
	/* Also one that no container of ours has any more: the kernel may have its pages still. */
	if (r->quarantined)
		return tce_quarantine(r, "an earlier call on it failed");
	while (r->uses) {
		int ret = tce_unenroll(r->use[r->uses - 1].space, r);

		if (ret)
			return ret;
	}
	tce_region_drop(r);
	return 0;
}

int tce_check_range(const char *call, uintptr_t va, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!len || va % page || len % page || tce_wraps(va, len))
		return tce_fail(-EINVAL,
				"%s of VA %#zx + %#zx: address and length must be multiples of the "
				"system's page, %s, and not empty",
				call, (size_t)va, len, tce_bytes(page));
	return 0;
}

/* The page that backs a range, looked up where the caller did not say and it could matter. */
static int find_page(uintptr_t va, size_t len, size_t *page)
{
	size_t system = (size_t)sysconf(_SC_PAGESIZE);
	int ret;

	if (*page && !tce_is_pow2(*page))
		return tce_fail(-EINVAL,
				"a page of %zu bytes is no page: pass a power of two, or 0", *page);
	if (*page)
		return 0;
	*page = system;
	if (tce_low_bit(va | len) <= system)
		return 0;
	ret = P.kernel->backing_page((void *)va, len, page);
	if (ret)
		return tce_fail(-EFAULT,
				"VA %#zx + %#zx: not all of it is mapped in this process; map it "
				"before registering it",
				(size_t)va, len);
	return 0;
}

int tce_region_register(uintptr_t va, size_t len, size_t page, bool automatic)
{
	struct tce_region *r;
	size_t i;
	int ret = tce_check_range("register", va, len);

	if (ret)
		return ret;
	i = tce_region_index(va);
	r = i < P.regions && P.region[i]->va <= tce_last(va, len) ? P.region[i] : NULL;
	if (r && r->va == va && r->len == len && !r->quarantined && !r->ending) {
		r->users += !automatic;
		return 0;
	}
	if (r)
		return tce_fail(
			-EEXIST,
			"register of VA %#zx + %#zx: it overlaps region %#zx + %#zx%s; release "
			"that first, or map from it",
			(size_t)va, len, (size_t)r->va, r->len,
			r->quarantined ? ", which is in quarantine"
			: r->ending    ? ", part of which was discarded"
				       : "");
	ret = find_page(va, len, &page);
	if (!ret)
		ret = tce_region_add(va, len, page, &r);
	if (!ret) {
		r->users = !automatic;
		r->automatic = automatic;
	}
	return ret;
}

int tce_register(void *va, size_t len, size_t page)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(tce_region_register((uintptr_t)va, len, page, false));
}
