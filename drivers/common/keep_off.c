/* SPDX-License-Identifier: BSD-3-Clause */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_devargs.h>
#include <rte_log.h>

bool keep_off_is_wanted(void)
{
	const struct rte_devargs *args;

	RTE_EAL_DEVARGS_FOREACH("vdev", args)
	if (!strncmp(args->name, plugin_driver, strlen(plugin_driver)))
		return true;
	return false;
}

/* A device that the user gave to EAL's PCI bus, by -a. */
struct named {
	char name[PLUGIN_DEVICE_MAX];
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

bool keep_off_was_given(const char *name)
{
	for (const struct named *n = named; n; n = n->next)
		if (!strcmp(n->name, name))
			return true;
	return false;
}

static void block(struct rte_pci_device *pci)
{
	char text[PLUGIN_DEVICE_MAX + 8];
	struct rte_devargs *args;

	snprintf(text, sizeof(text), "pci:%s", pci->name);
	if (rte_devargs_add(RTE_DEVTYPE_BLOCKED, text))
		return;
	/* The bus looks this up at its scan, which is over. */
	RTE_EAL_DEVARGS_FOREACH("pci", args)
	if (!strcmp(args->name, pci->name))
		pci->device.devargs = args;
}

/*
 * A device on vfio-pci that EAL takes has EAL drive the IOMMU by itself, which excludes us: EAL
 * registers page by page, and the kernel takes no memory that overlaps.
 */
void keep_off(void)
{
	for (struct rte_pci_device *pci = pci_next(NULL); pci; pci = pci_next(pci)) {
		const struct rte_devargs *args = pci->device.devargs;

		if (pci->kdrv != RTE_PCI_KDRV_VFIO)
			continue;
		if (args && args->policy == RTE_DEV_ALLOWED)
			note(pci->name);
		if (args)
			continue;
		block(pci);
		say_now(RTE_LOG_INFO, "%s is kept from EAL's PCI bus", pci->name);
	}
}
