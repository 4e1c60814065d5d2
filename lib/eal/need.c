/* SPDX-License-Identifier: BSD-3-Clause */
/* What EAL was told, as far as it matters here. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_eal_memconfig.h>
#include <rte_memory.h>
#include <rte_version.h>

#include <eal_memcfg.h>

#define NO_MASK 64

static int keep_first(const struct rte_memseg_list *list, void *arg)
{
	*(const struct rte_memseg_list **)arg = list;
	return 1;
}

/*
 * EAL has no call that tells the DMA mask it was given, but its shared configuration has it, and
 * its first list of segments is a field of that. The version and the configuration's own address
 * in it prove that its layout is the one this was compiled with. [locked]
 */
static unsigned dma_mask_bits(void)
{
	const struct rte_memseg_list *first = NULL;
	const struct rte_mem_config *config;
	const void *at;

	rte_memseg_list_walk_thread_unsafe(keep_first, &first);
	if (!first)
		return NO_MASK;
	at = (const char *)first - offsetof(struct rte_mem_config, memsegs);
	config = at;
	if (config->version >> 16 != RTE_VERSION >> 16)
		return NO_MASK;
	if (config->mem_cfg_addr && config->mem_cfg_addr != (uintptr_t)config)
		return NO_MASK;
	return config->dma_maskbits ? config->dma_maskbits : NO_MASK;
}

static int widen(const struct rte_memseg_list *list, void *arg)
{
	struct tce_eal_need *need = arg;
	uint64_t last = list->base_va ? list->addr_64 + list->len - 1 : 0;

	if (list->external)
		return 0;
	if (!need->page || list->page_sz < need->page)
		need->page = list->page_sz;
	if (last > need->identity)
		need->identity = last;
	return 0;
}

int need_now(struct tce_eal_need *need)
{
	struct tce_eal_need found = {.highest = UINT64_MAX};
	unsigned bits = dma_mask_bits();

	if (!rte_eal_has_hugepages())
		return eal_fail(-ENOTSUP,
				"EAL runs without hugepages (--no-huge), whose memory no device "
				"can be given: reserve hugepages and leave the option out");
	rte_memseg_list_walk_thread_unsafe(widen, &found);
	if (rte_eal_iova_mode() != RTE_IOVA_VA)
		found.identity = 0;
	if (bits < NO_MASK)
		found.highest = (UINT64_C(1) << bits) - 1;
	*need = found;
	return 0;
}

int tce_eal_need(struct tce_eal_need *need)
{
	int err;

	rte_mcfg_mem_read_lock();
	err = need_now(need);
	rte_mcfg_mem_read_unlock();
	return err;
}

/* The process's arguments in front of "--", EAL's, one behind the other. */
static size_t read_arguments(char *text, size_t room)
{
	FILE *f = fopen("/proc/self/cmdline", "re");
	size_t n = f ? fread(text, 1, room - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return n;
}

bool need_match_allocations(void)
{
	/* getopt_long() takes any beginning that is not another option's too. */
	static const char option[] = "--match-allocations", shortest[] = "--mat";
	static int known = -1;
	char text[16384];
	size_t n;

	if (known >= 0)
		return known;
	n = read_arguments(text, sizeof(text));
	known = 0;
	for (size_t at = 0; at < n && strcmp(text + at, "--"); at += strlen(text + at) + 1)
		if (!strncmp(text + at, shortest, sizeof(shortest) - 1) &&
		    !strncmp(text + at, option, strlen(text + at)))
			known = 1;
	return known;
}
