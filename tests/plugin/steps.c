/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One block, got and freed when the file REPORT.do says so: "get" or "free"; and "own" or "disown",
 * a page of the application's, mapped for port 0 alone where the block was. The file is removed
 * when that is done and reported.
 */
#include "plugin.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include <tce/tce.h>

/* Larger than what EAL's heap has left, whatever that is: it has to get new pages. */
#define BYTES (UINT64_C(96) << 20)

#define PAGE ((size_t)2 << 20)

static void *block;
static struct {
	void *at;
	uint64_t iova;
} own;

/* What libtce says of its regions as they are now. */
static void count_regions(void)
{
	static struct tce_region_info info[4096];
	size_t n = 4096;

	tally.quarantined = tally.dead = 0;
	if (tce_region_list(info, &n) || n > 4096) {
		wrong("%zu regions: %s", n, tce_error());
		return;
	}
	for (size_t i = 0; i < n; i++) {
		tally.quarantined += info[i].quarantined;
		tally.dead += info[i].dead;
	}
}

static void get_block(void)
{
	block = rte_malloc(NULL, BYTES, 0);
	if (!block) {
		tally.failed++;
		return;
	}
	tally.allocs++;
	tally.va = (uint64_t)(uintptr_t)block;
	tally.block_iova = rte_malloc_virt2iova(block);
	poison(block, BYTES);
}

static void free_block(void)
{
	if (block && !is_poisoned(block, BYTES))
		tally.corrupt++;
	rte_free(block);
	block = NULL;
	tally.frees++;
}

/* The vdev, which is who maps memory for what is attached by it. */
static struct rte_device *first_vdev(void)
{
	struct rte_dev_iterator all;
	struct rte_device *dev, *found = NULL;

	RTE_DEV_FOREACH(dev, "bus=vdev,name=net_tce_attach0", &all)
	found = found ? found : dev;
	return found;
}

static void map_own(void)
{
	struct rte_device *dev = first_vdev();

	own.iova = tally.block_iova & ~(uint64_t)(PAGE - 1);
	own.at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
		      -1, 0);
	if (!dev || own.at == MAP_FAILED || rte_extmem_register(own.at, PAGE, NULL, 0, PAGE) ||
	    rte_dev_dma_map(dev, own.at, own.iova, PAGE))
		wrong("own page: %s", rte_strerror(rte_errno));
}

static void unmap_own(void)
{
	struct rte_device *dev = first_vdev();

	if (!dev || rte_dev_dma_unmap(dev, own.at, own.iova, PAGE) ||
	    rte_extmem_unregister(own.at, PAGE) || munmap(own.at, PAGE))
		wrong("own page, back: %s", rte_strerror(rte_errno));
}

static bool read_step(const char *path, char step[16])
{
	FILE *f = fopen(path, "re");
	bool known = f && fscanf(f, "%15s", step) == 1;

	if (f)
		fclose(f);
	return known;
}

void steps_run(void)
{
	char path[sizeof(options.out) + 8], step[16];

	snprintf(path, sizeof(path), "%s.do", options.out);
	while (rest(20000)) {
		if (!read_step(path, step))
			continue;
		if (!strcmp(step, "get"))
			get_block();
		else if (!strcmp(step, "free"))
			free_block();
		else if (!strcmp(step, "own"))
			map_own();
		else if (!strcmp(step, "disown"))
			unmap_own();
		else
			wrong("no step %s", step);
		count_regions();
		report();
		unlink(path);
	}
	rte_free(block);
}
