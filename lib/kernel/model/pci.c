/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device's file offers, as drivers/vfio/pci/vfio_pci_core.c, vfio_pci_config.c and
 * vfio_pci_intrs.c: regions, configuration space, BARs, interrupts, reset. What a register means is
 * the test's to play: it has the BAR's memory.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

enum { REGION_SHIFT = 40 }; /* VFIO_PCI_OFFSET_SHIFT */

static struct device *known(const char *name)
{
	struct device *d = model_device(name);

	if (!d)
		model_die("no device %s", name);
	return d;
}

uint8_t *model_config(const char *name)
{
	return known(name)->config;
}

void model_set_pci(const char *name, struct model_pci pci)
{
	known(name)->pci = pci;
}

void *model_set_bar(const char *name, unsigned bar, const struct kernel_region *region)
{
	struct device *d = known(name);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bar *b = &d->bar[bar];

	b->region = *region;
	b->region.offset = (uint64_t)bar << REGION_SHIFT;
	b->room = (region->size + page - 1) & ~(page - 1);
	b->file = memfd_create("model-bar", MFD_CLOEXEC);
	if (b->file < 0 || ftruncate(b->file, (off_t)b->room))
		model_die("no memory for a BAR");
	b->memory = mmap(NULL, b->room, PROT_READ | PROT_WRITE, MAP_SHARED, b->file, 0);
	if (b->memory == MAP_FAILED)
		model_die("no memory for a BAR");
	return b->memory;
}

void model_set_irqs(const char *name, enum kernel_irq irq, unsigned n)
{
	struct device *d = known(name);

	free(d->irq[irq].eventfd);
	d->irq[irq].there = n;
	d->irq[irq].eventfd = model_zalloc(n ? n : 1, sizeof(int));
}

bool model_raise(const char *name, enum kernel_irq irq, unsigned vector)
{
	struct irq *i = &known(name)->irq[irq];
	const uint64_t one = 1;

	if (vector >= i->set || i->eventfd[vector] < 0 || i->masked)
		return false;
	/* INTx is a level: the kernel masks it until the driver has looked. */
	i->masked = irq == KERNEL_INTX;
	if (write(i->eventfd[vector], &one, sizeof(one)) != sizeof(one))
		model_die("an interrupt's eventfd is closed");
	return true;
}

/* Bus mastering off, every interrupt off: as the last file of a device closes, or the first opens.
 */
void model_pci_rest(struct device *d)
{
	for (unsigned i = 0; i < KERNEL_IRQS; i++) {
		d->irq[i].set = 0;
		d->irq[i].masked = false;
	}
	d->config[PCI_COMMAND] &= (uint8_t)~PCI_COMMAND_MASTER;
	d->runs = false;
}

void model_pci_end(struct device *d)
{
	for (unsigned i = 0; i < KERNEL_PCI_BARS; i++) {
		if (!d->bar[i].memory)
			continue;
		munmap(d->bar[i].memory, d->bar[i].room);
		close(d->bar[i].file);
	}
	for (unsigned i = 0; i < KERNEL_IRQS; i++)
		free(d->irq[i].eventfd);
}

/* The device behind a descriptor, after the call was noted; NULL: *ret is the answer. */
static struct device *enter(enum model_op op, int fd, int *ret)
{
	struct file *f = model_file(fd, FILE_DEVICE);

	if (model_enter(op, ret))
		return NULL;
	*ret = -EBADF;
	return f ? f->device : NULL;
}

int model_device_reset(int fd)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_RESET, fd, &ret);

	if (!d)
		return ret;
	if (d->pci.no_reset)
		return -ENOTTY;
	/* Configuration space is put back as it was; DMA of before does not go on. */
	d->resets++;
	d->runs = d->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
	if (d->pci.on_reset)
		d->pci.on_reset(d->pci.arg);
	return 0;
}

unsigned model_resets(const char *name)
{
	return known(name)->resets;
}

int model_device_resets(int fd)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_RESETS, fd, &ret);

	return d ? !d->pci.no_reset : ret;
}

int model_device_node(const char *device, int *node)
{
	struct device *d = model_device(device);
	int ret;

	if (model_enter(MODEL_DEVICE_NODE, &ret))
		return ret;
	if (!d)
		return -ENOENT;
	*node = d->pci.node;
	return 0;
}

int model_device_region(int fd, unsigned index, struct kernel_region *region)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_REGION, fd, &ret);

	if (!d)
		return ret;
	if (index == KERNEL_PCI_CONFIG)
		*region = (struct kernel_region){.size = sizeof(d->config),
						 .offset = (uint64_t)index << REGION_SHIFT};
	else if (index < KERNEL_PCI_BARS)
		*region = d->bar[index].region;
	else
		model_die("region %u is not modelled", index);
	return 0;
}

/* Where in configuration space an access goes; -1: it is none. */
static long config_at(uint64_t offset, size_t len)
{
	uint64_t at = offset - ((uint64_t)KERNEL_PCI_CONFIG << REGION_SHIFT);

	if (offset >> REGION_SHIFT != KERNEL_PCI_CONFIG)
		model_die("access to a BAR by read or write is not modelled");
	return at < MODEL_CONFIG && len <= MODEL_CONFIG - at ? (long)at : -1;
}

/*
 * Bits of a byte that are read from the hardware; the others VFIO makes up, as
 * init_pci_cap_basic_perm() has them: the identifiers, INTx disable, where the list starts.
 */
static uint8_t hardware(size_t at)
{
	if (at < PCI_COMMAND || at == PCI_CAPABILITY_LIST ||
	    (at >= PCI_BASE_ADDRESS_0 && at < PCI_BASE_ADDRESS_5 + 4))
		return 0;
	return at == PCI_COMMAND + 1 ? (uint8_t) ~(PCI_COMMAND_INTX_DISABLE >> 8) : 0xff;
}

int model_region_read(int fd, uint64_t offset, void *buf, size_t len)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_READ, fd, &ret);
	long at = config_at(offset, len);

	if (!d || at < 0)
		return d ? -EINVAL : ret;
	if (d->pci.absent)
		return -ENODEV;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = d->pci.gone ? d->config[at + i] | hardware((size_t)at + i)
						  : d->config[at + i];
	return (int)len;
}

int model_region_write(int fd, uint64_t offset, const void *buf, size_t len)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_WRITE, fd, &ret);
	long at = config_at(offset, len);

	if (!d || at < 0)
		return d ? -EINVAL : ret;
	if (d->pci.absent)
		return -ENODEV;
	if (at != PCI_COMMAND && at < PCI_STD_HEADER_SIZEOF)
		model_die("a write to configuration space at %#lx is not modelled", at);
	if (d->pci.gone || d->pci.stuck)
		return (int)len;
	memcpy(d->config + at, buf, len);
	d->runs = d->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
	return (int)len;
}

int model_device_mmap(int fd, uint64_t offset, size_t len, void *va)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_MMAP, fd, &ret);
	uint64_t bar = offset >> REGION_SHIFT, at = offset & ((UINT64_C(1) << REGION_SHIFT) - 1);

	if (!d)
		return ret;
	if (bar >= KERNEL_PCI_BARS || !d->bar[bar].region.mappable || len > d->bar[bar].room ||
	    at > d->bar[bar].room - len)
		return -EINVAL;
	return mmap(va, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, d->bar[bar].file,
		    (off_t)at) == MAP_FAILED
		       ? -errno
		       : 0;
}

int model_device_irqs(int fd, enum kernel_irq irq, unsigned *n)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_IRQS, fd, &ret);

	if (!d)
		return ret;
	*n = d->irq[irq].there;
	return 0;
}

/* vfio_pci_set_msi_trigger() and its like: one of INTx, MSI, MSI-X; off only what is on. */
int model_device_irqs_set(int fd, enum kernel_irq irq, unsigned first, unsigned n,
			  const int *eventfd)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_IRQS_SET, fd, &ret);
	struct irq *i = d ? &d->irq[irq] : NULL;

	if (!d)
		return ret;
	for (unsigned other = KERNEL_INTX; other <= KERNEL_MSIX && irq <= KERNEL_MSIX; other++)
		if (other != (unsigned)irq && d->irq[other].set)
			return -EINVAL;
	if ((!n && !i->set) || first > i->there || n > i->there - first)
		return -EINVAL;
	if (i->set && first + n > i->set)
		model_die("more vectors than at first: not on every kernel");
	i->masked = false;
	if (!n)
		i->set = 0;
	else if (!i->set)
		i->set = first + n;
	if (n)
		memcpy(i->eventfd + first, eventfd, n * sizeof(int));
	return 0;
}

int model_device_irq_mask(int fd, enum kernel_irq irq, bool masked)
{
	int ret;
	struct device *d = enter(MODEL_DEVICE_IRQ_MASK, fd, &ret);

	if (!d)
		return ret;
	if (irq != KERNEL_INTX)
		return -ENOTTY;
	if (!d->irq[irq].set)
		return -EINVAL;
	d->irq[irq].masked = masked;
	return 0;
}
