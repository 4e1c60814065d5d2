/* SPDX-License-Identifier: BSD-3-Clause */
#include "common.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <bus_driver.h>
#include <dev_driver.h>
#include <rte_bus_pci.h>
#include <rte_interrupts.h>

static int any(const struct rte_device *dev, const void *data)
{
	return 0;
}

static int by_name(const struct rte_device *dev, const void *name)
{
	return strcmp(dev->name, name);
}

static struct rte_pci_device *find(const struct rte_pci_device *after, rte_dev_cmp_t cmp,
				   const void *data)
{
	struct rte_bus *bus = rte_bus_find_by_name("pci");
	struct rte_device *dev =
		bus ? bus->find_device(after ? &after->device : NULL, cmp, data) : NULL;

	return dev ? RTE_DEV_TO_PCI(dev) : NULL;
}

struct rte_pci_device *pci_find(const char *name)
{
	return find(NULL, by_name, name);
}

struct rte_pci_device *pci_next(const struct rte_pci_device *last)
{
	return find(last, any, NULL);
}

bool pci_is_driven(const struct rte_pci_device *pci)
{
	return rte_dev_is_probed(&pci->device);
}

void pci_stop(struct rte_pci_device *pci)
{
	if (pci->intr_handle && rte_pci_set_bus_master(pci, false) < 0)
		say_now(RTE_LOG_ERR, "%s: bus mastering cannot be cleared", pci->name);
}

int pci_descriptor(const struct rte_pci_device *pci)
{
	return pci->intr_handle ? rte_intr_dev_fd_get(pci->intr_handle) : -1;
}

void pci_keep(struct rte_pci_device *pci)
{
	int fd = pci_descriptor(pci);

	/* A mapping of its registers keeps a device open as a descriptor does. */
	for (int i = 0; i < PCI_MAX_RESOURCE; i++)
		if (pci->mem_resource[i].addr)
			madvise(pci->mem_resource[i].addr, pci->mem_resource[i].len, MADV_DONTFORK);
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}
