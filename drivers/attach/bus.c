/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bus without devices. EAL asks every bus after the options are parsed and before anything is
 * probed: it is here that the options which attaching needs are set, where the user left them open.
 * This file is loaded after EAL's own buses registered, so that their scans are over when ours
 * runs.
 */
#include "attach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bus_driver.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_log.h>
#include <rte_memory.h>

static bool is_wanted(void)
{
	const struct rte_devargs *args;

	RTE_EAL_DEVARGS_FOREACH("vdev", args)
	if (!strncmp(args->name, ATTACH_DRIVER, strlen(ATTACH_DRIVER)))
		return true;
	return false;
}

/* A device that the user gave to EAL's PCI bus, by -a. */
struct named {
	char name[ATTACH_NAME_MAX];
	struct named *next;
};

static struct named *named;

static void note(const char *name)
{
	struct named *n = calloc(1, sizeof(*n));

	if (!n)
		return;
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->next = named;
	named = n;
}

bool bus_was_given(const char *name)
{
	for (const struct named *n = named; n; n = n->next)
		if (!strcmp(n->name, name))
			return true;
	return false;
}

/*
 * A device on vfio-pci that EAL takes has EAL drive the IOMMU by itself, which excludes us: EAL
 * registers page by page, and the kernel takes no memory that overlaps. Those that the user did not
 * name are kept from it.
 */
static int scan(void)
{
	if (!is_wanted())
		return 0;
	for (struct rte_pci_device *pci = pci_next(NULL); pci; pci = pci_next(pci)) {
		const struct rte_devargs *args = pci->device.devargs;

		if (pci->kdrv != RTE_PCI_KDRV_VFIO)
			continue;
		if (args && args->policy == RTE_DEV_ALLOWED)
			note(pci->name);
		if (args)
			continue;
		pci_block(pci);
		say_now(RTE_LOG_INFO, "%s is kept from EAL's PCI bus", pci->name);
	}
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
	return is_wanted() && rte_eal_using_phys_addrs() ? RTE_IOVA_PA : RTE_IOVA_DC;
}

static struct rte_bus bus = {
	.scan = scan,
	.probe = probe,
	.find_device = find_device,
	.get_iommu_class = iova_mode,
};

RTE_REGISTER_BUS(libtce, bus);
