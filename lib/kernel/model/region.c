/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registration, as arch/powerpc/mm/book3s64/iommu_api.c does it for the process, and
 * drivers/vfio/vfio_iommu_spapr_tce.c for each container.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* The region that holds all of a range: how MAP and UNMAP find theirs (R9, R11). */
struct region *model_region(const struct mm *mm, const char *va, uint64_t len)
{
	for (struct region *r = mm->regions; r; r = r->next)
		if (va >= r->va && len <= r->len && (size_t)(va - r->va) <= r->len - len)
			return r;
	return NULL;
}

uint64_t model_walked(void)
{
	return model.walked;
}

static struct region *exactly(const struct mm *mm, const char *va, size_t len)
{
	for (struct region *r = mm->regions; r; r = r->next)
		if (r->va == va && r->len == len)
			return r;
	return NULL;
}

static bool overlaps(const struct mm *mm, const char *va, size_t len)
{
	for (struct region *r = mm->regions; r; r = r->next)
		if (va < r->va + r->len && r->va < va + len)
			return true;
	return false;
}

static void unpin(char **frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		model_unpin(frames[i]);
	free(frames);
}

/*
 * Pin a range, system page by system page: how many could be. R19: the largest I/O page is what
 * divides address and length, and the pages behind them as mm_iommu_do_alloc() finds it: a small
 * page behind a huge one is overlooked.
 */
static size_t pin(const char *va, size_t n, char **frames, uint64_t *largest)
{
	uint64_t natural = ((uintptr_t)va | n * model.platform->system_page);
	uint64_t behind = model.platform->system_page;
	size_t page;

	*largest = natural & -natural;
	for (size_t i = 0; i < n; i++) {
		frames[i] = model_frame(va + i * model.platform->system_page, &page);
		if (!frames[i] || !model_writable(va + i * model.platform->system_page))
			return i;
		model_pin(frames[i]);
		if (*largest > model.platform->system_page && page > model.platform->system_page)
			behind = page;
		*largest = behind < *largest ? behind : *largest;
	}
	return n;
}

/*
 * R23: a range that is mapped in part returns how many pages were, and nothing is registered. R2:
 * an overlap that is not the same region is EINVAL. R20: pages count against memlock.
 */
static int new_region(struct mm *mm, char *va, size_t len, struct region **made)
{
	size_t n = len / model.platform->system_page, pinned;
	struct region *r;
	char **frames;
	uint64_t largest;

	if (!model_charge(mm, len))
		return -ENOMEM;
	if (!n) {
		model.warnings++; /* a vzalloc() of nothing */
		return -ENOMEM;
	}
	frames = model_zalloc(n, sizeof(*frames));
	pinned = pin(va, n, frames, &largest);
	if (pinned != n || overlaps(mm, va, len)) {
		unpin(frames, pinned);
		model_uncharge(mm, len);
		return pinned == n			? -EINVAL
		       : pinned && !model.quirks.mended ? (int)pinned
							: -EFAULT;
	}
	r = model_zalloc(1, sizeof(*r));
	*r = (struct region){.next = mm->regions,
			     .va = va,
			     .len = len,
			     .page = largest,
			     .used = 1,
			     .mapped = 1,
			     .frames = frames};
	mm->regions = r;
	mm->n_regions++;
	*made = r;
	return 0;
}

/*
 * Drop one use. The last one fails with EBUSY in the kernel when TCEs are left, and R4 is what its
 * caller makes of that: the region stays for good, an orphan.
 */
static int put(struct mm *mm, struct region *region)
{
	if (--region->used)
		return 0;
	if (region->mapped != 1) {
		region->used = 1;
		return -EBUSY;
	}
	for (struct region **at = &mm->regions; *at; at = &(*at)->next) {
		if (*at == region) {
			*at = region->next;
			mm->n_regions--;
			break;
		}
	}
	unpin(region->frames, region->len / model.platform->system_page);
	model_uncharge(mm, region->len);
	free(region);
	return 0;
}

static size_t find(const struct container *container, const struct region *region)
{
	size_t i = 0;

	while (i < container->n_enrolled && container->enrolled[i] != region)
		i++;
	return i;
}

static bool misshapen(const void *va, size_t len)
{
	return ((uintptr_t)va | len) & (model.platform->system_page - 1) ||
	       (uintptr_t)va + len < (uintptr_t)va;
}

int model_enroll(int fd, void *va, size_t len)
{
	struct container *container;
	struct region *region;
	int ret;

	if (model_enter(MODEL_ENROLL, &ret))
		return ret;
	container = model_container(fd, &ret);
	if (!container)
		return ret;
	ret = model_mm_set(container);
	if (ret)
		return ret;
	if (misshapen(va, len))
		return -EINVAL;
	region = exactly(container->mm, va, len);
	if (region && find(container, region) < container->n_enrolled)
		return -EBUSY; /* R2 */
	if (region) {
		region->used++; /* R5: an orphan too, with the pages that it had */
	} else {
		ret = new_region(container->mm, va, len, &region);
		if (ret)
			return ret;
	}
	container->enrolled = realloc(container->enrolled,
				      (container->n_enrolled + 1) * sizeof(*container->enrolled));
	if (!container->enrolled)
		model_die("no memory for a list");
	container->enrolled[container->n_enrolled++] = region;
	container->enabled = true;
	return 0;
}

int model_unenroll(int fd, void *va, size_t len)
{
	struct container *container;
	struct region *region;
	size_t i;
	int ret;

	if (model_enter(MODEL_UNENROLL, &ret))
		return ret;
	container = model_container(fd, &ret);
	if (!container)
		return ret;
	if (!container->mm)
		return -EPERM;
	if (misshapen(va, len))
		return -EINVAL;
	region = exactly(container->mm, va, len);
	if (!region)
		return -ENOENT; /* R3 */
	i = find(container, region);
	if (i == container->n_enrolled)
		return -ENOENT; /* R4: an orphan */
	if (model.quirks.busy_unenroll && region->used == 1 && region->mapped != 1)
		return -EBUSY;
	container->enrolled[i] = container->enrolled[--container->n_enrolled];
	put(container->mm, region); /* its EBUSY is lost here, and 0 is returned (R4, R26) */
	return 0;
}

void model_containers_regions_end(struct container *container)
{
	for (size_t i = 0; i < container->n_enrolled; i++)
		put(container->mm, container->enrolled[i]);
	free(container->enrolled);
	container->enrolled = NULL;
	container->n_enrolled = 0;
	container->enabled = false;
}

/* Of an address space that has ended: its pages stay pinned, nobody knows them any more. */
void model_regions_free(struct mm *mm)
{
	while (mm->regions) {
		struct region *region = mm->regions;

		mm->regions = region->next;
		model_memory_lost(region->frames, region->len / model.platform->system_page);
		free(region->frames);
		free(region);
	}
}

unsigned model_orphans(void)
{
	unsigned n = 0;

	for (struct mm *mm = model.mms; mm; mm = mm->next) {
		for (struct region *r = mm->regions; r; r = r->next) {
			unsigned held = 0;

			for (struct container *c = model.containers; c; c = c->next)
				held += find(c, r) < c->n_enrolled;
			n += r->used != held;
		}
	}
	return n;
}
