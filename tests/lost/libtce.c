/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/mman.h>
#include <tce/pci.h>
#include <tce/tce.h>

#include "memory.h"

static struct tce_space *space;
static struct tce_pci *pci;

static volatile uint8_t *open_device(const char *device)
{
	struct tce_space_options options = {.mem = 64 << 20, .page = HUGEPAGE};
	struct tce_bar bar;

	must(!tce_space_open(device, &options, &space), "open", tce_error());
	must(!tce_pci_open(space, device, &pci), "open", tce_error());
	must(!tce_pci_bar(pci, 0, 0x10000, &bar), "BAR 0", tce_error());
	return bar.va;
}

static void bus_master(void)
{
	must(!tce_pci_bus_master(pci, true), "bus mastering", tce_error());
}

static void *take(size_t len, uint64_t *iova)
{
	void *va = hugepages(len);

	*iova = TCE_IOVA_ANY;
	must(!tce_register(va, len, HUGEPAGE), "register", tce_error());
	must(!tce_map(space, va, len, NULL, iova), "map", tce_error());
	return va;
}

static void give(void *va, size_t len, uint64_t iova)
{
	must(!tce_unmap(space, iova, len), "unmap", tce_error());
	must(!tce_release(va, len, NULL, NULL), "release", tce_error());
	munmap(va, len);
}

const struct memory memory_libtce = {"libtce", open_device, bus_master, take, give};
