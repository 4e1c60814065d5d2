/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bus without devices. EAL asks every bus after the options are parsed and before anything is
 * probed: it is here that the options which attaching needs are set, where the user left them open.
 * This file is loaded after EAL's own buses registered, so that their scans are over when ours
 * runs.
 */
#include "attach.h"

#include <bus_driver.h>
#include <rte_eal.h>
#include <rte_memory.h>

static int scan(void)
{
	if (keep_off_is_wanted())
		keep_off();
	return 0;
}

static int probe(void)
{
	return 0;
}

static struct rte_device *find_device(const struct rte_device *start, rte_dev_cmp_t cmp,
				      const void *data)
{
	return NULL;
}

/* Windows rarely start at 0: in mode PA, EAL takes IOVAs from its segments, where ours are. */
static enum rte_iova_mode iova_mode(void)
{
	return keep_off_is_wanted() && rte_eal_using_phys_addrs() ? RTE_IOVA_PA : RTE_IOVA_DC;
}

static struct rte_bus bus = {
	.scan = scan,
	.probe = probe,
	.find_device = find_device,
	.get_iommu_class = iova_mode,
};

RTE_REGISTER_BUS(libtce, bus);
