/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The usual order mistake, written straight against what the kernel offers: memory is unregistered
 * while its TCEs are still there, since the kernel answers 0 to that. It is what a driver does that
 * undoes its steps in the order in which it did them.
 */
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/kernel/kernel.h"
#include "memory.h"

#define K (&tce_kernel_vfio)

enum { SLOTS = 8, ROOM = 64 << 20 }; /* places in the window, and how far apart */

static int container, group_fd, device_fd, taken;
static uint64_t start;

static void make_window(void)
{
	struct tce_facts facts;

	must(!K->facts(container, &facts), "facts", "refused");
	must(!K->window_create(container, HUGEPAGE, (uint64_t)HUGEPAGE << 15, 1, &start), "window",
	     "refused");
}

static void set_command(uint16_t command)
{
	struct kernel_region config;

	must(!K->device_region(device_fd, KERNEL_PCI_CONFIG, &config), "configuration space",
	     "refused");
	must(K->device_write(device_fd, config.offset + PCI_COMMAND, &command, 2) == 2, "command",
	     "refused");
}

static void bus_master(void)
{
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static volatile uint8_t *open_device(const char *device)
{
	struct kernel_region bar;
	int group;
	void *va;

	must(!K->device_group(device, &group), "group", "there is no such device");
	must(!K->container_open(&container), "container", "cannot be opened");
	must(!K->group_open(group, &group_fd), "group", "cannot be opened");
	must(!K->group_attach(group_fd, container), "attach", "refused");
	make_window();
	must(!K->device_open(group_fd, device, &device_fd), "device", "cannot be opened");
	must(!K->device_region(device_fd, 0, &bar), "BAR 0", "refused");
	set_command(PCI_COMMAND_MEMORY);
	va = mmap(NULL, bar.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(va != MAP_FAILED && !K->device_mmap(device_fd, bar.offset, bar.size, va), "BAR 0",
	     "cannot be mapped");
	return va;
}

static void *take(size_t len, uint64_t *iova)
{
	void *va = hugepages(len);

	*iova = start + (uint64_t)(taken++ % SLOTS) * ROOM;
	must(!K->enroll(container, va, len), "REGISTER", "refused");
	must(!K->map(container, va, *iova, len, TCE_RW), "MAP", "refused");
	return va;
}

static void give(void *va, size_t len, uint64_t iova)
{
	/* The mistake. It is not told: 0, and 0. */
	must(!K->unenroll(container, va, len), "UNREGISTER", "refused");
	must(!K->unmap(container, iova, len), "UNMAP", "refused");
	munmap(va, len);
}

const struct memory memory_mistake = {"mistake", open_device, bus_master, take, give};
