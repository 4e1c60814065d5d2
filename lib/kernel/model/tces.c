/* SPDX-License-Identifier: BSD-3-Clause */
/* The hardware's TCE tables: MAP, UNMAP, and a device that does DMA through them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

enum {
	H_PARAMETER = -4, /* asm/hvcall.h */
	RACED = 1 << 20,  /* R16: the region is being unregistered; no answer of any kernel */
};

struct hw_tce *model_entry(const struct table *table, uint64_t index)
{
	struct hw_tce **leaf = &table->leaves[index / MODEL_LEAF];

	if (!*leaf)
		*leaf = model_zalloc(MODEL_LEAF, sizeof(**leaf));
	return &(*leaf)[index % MODEL_LEAF];
}

/* The region of a TCE that goes away has one TCE less; it is found by the VA alone. */
static void unuse(const struct mm *mm, const struct table *table, struct hw_tce *tce)
{
	struct region *region = tce->va ? model_region(mm, tce->va, table->page) : NULL;

	if (region && region->mapped > 1)
		region->mapped--;
	tce->va = NULL;
}

static void clear_one(const struct mm *mm, struct table *table, struct hw_tce *tce)
{
	if (!tce->access)
		return;
	model.walked += mm->n_regions; /* R18, as in take() */
	unuse(mm, table, tce);
	*tce = (struct hw_tce){.access = 0};
	table->live--;
}

void model_clear(const struct mm *mm, struct table *table, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++) {
		if (table->leaves[i / MODEL_LEAF])
			clear_one(mm, table, model_entry(table, i));
		else
			i |= MODEL_LEAF - 1;
	}
}

/* The page of one TCE to be. Its region has one TCE more from now on. */
static int take(const struct mm *mm, const struct table *table, const char *va, char **frame)
{
	struct region *region = model_region(mm, va, table->page);

	if (!region || table->page > region->page)
		return -EINVAL;	       /* R9, R19 */
	model.walked += mm->n_regions; /* R18: is it a device's memory, registered as such? */
	*frame = region->frames[(size_t)(va - region->va) / model.platform->system_page];
	if (table->page > model_page_of(*frame))
		return -EPERM; /* R19: a small page behind a huge one */
	if (model_due(&model.race_in))
		return RACED;
	region->mapped++;
	return 0;
}

/* One TCE of a MAP. R8: a live one is replaced in silence. */
static int set_one(const struct mm *mm, struct table *table, struct hw_tce *tce, char *va,
		   unsigned access)
{
	char *frame;
	int ret = take(mm, table, va, &frame);

	if (ret)
		return ret;
	if (model_due(&model.fail_write_in)) {
		unuse(mm, table, tce); /* R25: of the region that was there; ours keeps its count */
		return model.fail_write_ret;
	}
	if (tce->access)
		unuse(mm, table, tce);
	else
		table->live++;
	tce->frame = frame + ((uintptr_t)va & (model.platform->system_page - 1));
	tce->va = tce->at = va;
	tce->access = access;
	return 0;
}

static int set(const struct mm *mm, struct table *table, uint64_t first, uint64_t count, char *va,
	       unsigned access)
{
	uint64_t end = table->size / table->page;
	char *frame;
	int ret = 0;

	for (uint64_t i = 0; i < count; i++, va += table->page) {
		if (first + i < end)
			ret = set_one(mm, table, model_entry(table, first + i), va, access);
		else if (!(ret = take(mm, table, va, &frame)))
			ret = H_PARAMETER; /* R24, R25 */
		if (ret == RACED)
			return 0;
		if (ret) {
			model_clear(mm, table, first, i); /* R17 */
			return ret;
		}
	}
	return 0;
}

/*
 * R7, R14: what runs past a window's end. On an LPAR the hypervisor refuses each TCE there, as long
 * as the kernel finds a place for it in the page that its own view of the table ends in.
 */
static bool refused_by_hypervisor(const struct table *table, uint64_t iova, uint64_t len)
{
	uint64_t page = model.platform->system_page / 8, tces = table->size / table->page;

	return model.platform->pseries &&
	       (iova + len - table->start) / table->page <= (tces + page - 1) / page * page;
}

/* The container, ready for MAP and UNMAP (R12), and the window of an IOVA (R7). */
static struct table *window_of(int fd, uint64_t iova, struct mm **mm, int *ret)
{
	struct container *container = model_container(fd, ret);
	struct table *table;

	if (!container)
		return NULL;
	*ret = container->enabled ? model_default_window(container) : -EPERM;
	if (*ret)
		return NULL;
	*mm = container->mm;
	table = model_table(container, iova);
	if (!table)
		*ret = -ENXIO;
	return table;
}

/* Is a TCE of a range in use? */
static bool any(const struct table *table, uint64_t iova, uint64_t len)
{
	for (uint64_t i = 0; i < len; i += table->page)
		if (model_entry(table, (iova + i - table->start) / table->page)->access)
			return true;
	return false;
}

int model_map(int fd, void *va, uint64_t iova, uint64_t len, unsigned access)
{
	struct table *table;
	struct mm *mm;
	int ret;

	if (model_enter(MODEL_MAP, &ret))
		return ret;
	access &= TCE_RW; /* the boundary passes no other bits on */
	table = window_of(fd, iova, &mm, &ret);
	if (!table)
		return ret;
	if ((len | (uintptr_t)va) & (table->page - 1) || !access)
		return -EINVAL; /* R9 */
	if (iova & (table->page - 1))
		return model.quirks.mended ? -EINVAL : 1; /* R10 */
	if (len > table->size - (iova - table->start) && !refused_by_hypervisor(table, iova, len))
		model_die("R7: MAP of %#llx at %#llx runs past the window's end: an oops",
			  (unsigned long long)len, (unsigned long long)iova);
	if (model.quirks.mended && any(table, iova, len))
		return -EBUSY;
	return set(mm, table, (iova - table->start) / table->page, len / table->page, va, access);
}

int model_unmap(int fd, uint64_t iova, uint64_t len)
{
	struct table *table;
	uint64_t first, count;
	struct mm *mm;
	int ret;

	if (model_enter(MODEL_UNMAP, &ret))
		return ret;
	table = window_of(fd, iova, &mm, &ret);
	if (!table)
		return ret;
	if (len & (table->page - 1))
		return -EINVAL;
	if (iova & (table->page - 1))
		return 1;
	if (len > table->size - (iova - table->start)) {
		if (model.quirks.unmap_checks_end)
			return 1;
		if (!refused_by_hypervisor(table, iova, len))
			model_die("R14: UNMAP of %#llx at %#llx runs past the window's end",
				  (unsigned long long)len, (unsigned long long)iova);
	}
	if (model.quirks.mended && !any(table, iova, len))
		return -ENOENT;
	first = (iova - table->start) / table->page;
	count = len / table->page;
	if (count > table->size / table->page - first)
		count = table->size / table->page - first; /* R25: nor are these told */
	for (uint64_t i = first; i < first + count; i++) { /* R13: what is free is passed over */
		if (model_entry(table, i)->access && model_due(&model.fail_clear_in))
			continue; /* R25: the failed write is not told */
		clear_one(mm, table, model_entry(table, i));
	}
	return 0;
}

static struct hw_tce *at(int number, uint64_t iova, uint64_t *offset, uint64_t *page)
{
	struct group *group = model_group(number, false);
	struct table *table =
		group && group->container ? model_table(group->container, iova) : NULL;
	struct hw_tce *tce;

	if (!table)
		return NULL;
	tce = model_entry(table, (iova - table->start) / table->page);
	*offset = (iova - table->start) % table->page;
	*page = table->page;
	return tce->access ? tce : NULL;
}

bool model_tce(int group, uint64_t iova, struct model_tce *tce)
{
	uint64_t offset, page;
	struct hw_tce *found = at(group, iova, &offset, &page);

	if (found)
		*tce = (struct model_tce){.page = found->frame + offset, .access = found->access};
	return found;
}

bool model_leads_to(int group, uint64_t iova, const void *va, unsigned access)
{
	struct model_tce tce;

	return model_tce(group, iova, &tce) && tce.access == access &&
	       tce.page == model_frame(va, NULL);
}

uint64_t model_tces(int number)
{
	struct group *group = model_group(number, false);
	uint64_t n = 0;

	for (unsigned i = 0; group && group->container && i < MODEL_TABLES; i++)
		n += group->container->tables[i].live;
	return n;
}

static void each_of_table(const struct table *table, model_tce_fn *fn, void *arg)
{
	for (uint64_t i = 0; i < table->size / table->page; i++) {
		const struct hw_tce *tce = table->leaves[i / MODEL_LEAF];

		if (!tce) {
			i |= MODEL_LEAF - 1;
			continue;
		}
		tce += i % MODEL_LEAF;
		if (tce->access)
			fn(table->start + i * table->page, table->page,
			   &(struct model_tce){.page = tce->frame, .access = tce->access}, arg);
	}
}

void model_each_tce(int number, model_tce_fn *fn, void *arg)
{
	const struct group *group = model_group(number, false);

	for (unsigned i = 0; group && group->container && i < MODEL_TABLES; i++)
		if (group->container->tables[i].used)
			each_of_table(&group->container->tables[i], fn, arg);
}

unsigned model_windows(int number)
{
	struct group *group = model_group(number, false);
	unsigned n = 0;

	if (!group || !group->container)
		return 0;
	for (unsigned i = 0; i < MODEL_TABLES; i++)
		n += group->container->tables[i].used;
	return n + group->container->default_pending;
}

/* On bare metal a TCE that lets the device write lets it read, too (pnv_tce_xchg). */
static bool allowed(const struct hw_tce *tce, unsigned access)
{
	return tce->access & access || (!model.platform->pseries && tce->access);
}

/* R5: does the TCE lead to a page that is no longer behind the VA that was mapped? */
static bool is_stale(int number, const struct hw_tce *tce)
{
	const struct mm *mm = model_group(number, false)->container->mm;

	(void)model_page_of(tce->frame); /* or abort: no such page is left */
	return model_frame_of(mm, tce->at, NULL) != tce->frame;
}

static int dma(int number, uint64_t iova, char *out, const char *in, size_t len)
{
	uint64_t offset, page;
	int ret = 0;
	size_t part;

	for (; len; len -= part, iova += part) {
		struct hw_tce *tce = at(number, iova, &offset, &page);

		if (!tce || !(in ? tce->access & TCE_WRITE : allowed(tce, TCE_READ))) {
			model.strays++;
			return -EFAULT;
		}
		if (is_stale(number, tce)) {
			model.stale++;
			ret = -ESTALE;
		}
		part = len < page - offset ? len : page - offset;
		if (in)
			memcpy(tce->frame + offset, in, part), in += part;
		else
			memcpy(out, tce->frame + offset, part), out += part;
	}
	return ret;
}

int model_device_read(int group, uint64_t iova, void *buf, size_t len)
{
	return dma(group, iova, buf, NULL, len);
}

int model_device_write(int group, uint64_t iova, const void *buf, size_t len)
{
	return dma(group, iova, NULL, buf, len);
}

unsigned model_stale(void)
{
	return model.stale;
}

unsigned model_strays(void)
{
	return model.strays;
}
