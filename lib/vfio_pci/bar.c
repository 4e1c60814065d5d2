/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BARs in this process. The kernel lets whole pages be mapped only, and a page with something else
 * in it not at all: a BAR smaller than a page of this kernel can be mapped where it has its page to
 * itself. The page of the MSI-X table it gives away since 4.16; before, it lists the areas around
 * it.
 */
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define K tce_process.kernel

/* Why the kernel does not let a BAR be mapped. */
static int unmappable(struct tce_pci *pci, unsigned bar)
{
	const struct kernel_region *region = &pci->bar[bar].region;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint32_t low = 0;
	int ret = tce_pci_config_read(pci, PCI_BASE_ADDRESS_0 + 4 * bar, 4, &low);

	if (ret)
		return ret;
	if (low & PCI_BASE_ADDRESS_SPACE_IO)
		return tce_fail(-ENOTSUP,
				"device %s: BAR %u is of I/O ports, which are not mapped on POWER",
				pci->name, bar);
	if (region->size < page)
		return tce_fail(
			-ENOTSUP,
			"device %s: BAR %u has %s, less than this kernel's page of %s, and shares "
			"its page with something else: boot a kernel of smaller pages, or have the "
			"BAR moved to a page of its own (kernel argument pci=resource_alignment=)",
			pci->name, bar, tce_bytes(region->size), tce_bytes(page));
	return tce_fail(-ENOTSUP, "device %s: this kernel does not let BAR %u (%s) be mapped",
			pci->name, bar, tce_bytes(region->size));
}

/* Bytes from the BAR's start that are mapped without a gap. */
static uint64_t reach(const struct kernel_region *region)
{
	uint64_t end = region->areas ? 0 : region->size, before;

	do {
		before = end;
		for (unsigned i = 0; i < region->areas; i++)
			if (region->area[i].at <= end &&
			    region->area[i].at + region->area[i].len > end)
				end = region->area[i].at + region->area[i].len;
	} while (end != before);
	return end;
}

static int check_need(struct tce_pci *pci, unsigned bar, size_t need)
{
	const struct kernel_region *region = &pci->bar[bar].region;

	if (!region->size)
		return tce_fail(-ENODEV, "device %s has no BAR %u", pci->name, bar);
	if (need > region->size)
		return tce_fail(-ENOSPC, "device %s: BAR %u has %s, the driver needs %s", pci->name,
				bar, tce_bytes(region->size), tce_bytes(need));
	if (!region->mappable)
		return unmappable(pci, bar);
	if (need > reach(region))
		return tce_fail(-ENOTSUP,
				"device %s: of BAR %u only the first %s can be mapped, the driver "
				"needs %s: this kernel keeps the page with the MSI-X table to "
				"itself; kernels since 4.16, or of smaller pages, do not",
				pci->name, bar, tce_bytes(reach(region)), tce_bytes(need));
	return 0;
}

/* Put a BAR's areas, or all of it, over a reservation of its size. */
static int map_areas(const struct tce_pci *pci, unsigned bar, char *va, uint64_t room)
{
	const struct kernel_region *region = &pci->bar[bar].region;
	int ret = 0;

	if (!region->areas)
		return K->device_mmap(pci->fd, region->offset, room, va);
	for (unsigned i = 0; i < region->areas && !ret; i++) {
		uint64_t at = region->area[i].at, len = region->area[i].len;

		if (at < room && len <= room - at)
			ret = K->device_mmap(pci->fd, region->offset + at, len, va + at);
	}
	return ret;
}

static int map_bar(struct tce_pci *pci, unsigned bar)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	size_t room = (pci->bar[bar].region.size + page - 1) & ~(page - 1);
	void *va = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int ret;

	if (va == MAP_FAILED)
		return tce_fail(-ENOMEM, "device %s: no memory to reserve for BAR %u (%s)",
				pci->name, bar, tce_bytes(room));
	ret = map_areas(pci, bar, va, room);
	/* A child that kept the mapping would keep the device, and the group with it. */
	if (!ret && madvise(va, room, MADV_DONTFORK))
		ret = -errno;
	if (ret) {
		munmap(va, room);
		return ret == -ENOMEM ? tce_fail(ret, "device %s: no memory to map BAR %u (%s)",
						 pci->name, bar, tce_bytes(room))
				      : tce_pci_refused(pci, "mapping a BAR", ret);
	}
	pci->bar[bar].va = va;
	pci->bar[bar].room = room;
	return 0;
}

static int bar_locked(struct tce_pci *pci, unsigned bar, size_t need, struct tce_bar *mapped)
{
	int ret;

	if (bar >= KERNEL_PCI_BARS)
		return tce_fail(-EINVAL, "device %s: BARs are 0 to 5, not %u", pci->name, bar);
	ret = check_need(pci, bar, need);
	if (!ret && !pci->bar[bar].va)
		ret = map_bar(pci, bar);
	if (!ret)
		*mapped = (struct tce_bar){pci->bar[bar].va, pci->bar[bar].region.size};
	return ret;
}

int tce_pci_bar(struct tce_pci *pci, unsigned bar, size_t need, struct tce_bar *mapped)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(bar_locked(pci, bar, need, mapped));
}

void tce_pci_bars_end(struct tce_pci *pci)
{
	for (unsigned i = 0; i < KERNEL_PCI_BARS; i++)
		if (pci->bar[i].va)
			munmap(pci->bar[i].va, pci->bar[i].room);
}
