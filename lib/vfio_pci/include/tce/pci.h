/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PCI function for a driver: registers, configuration space, interrupts, reset. Its memory is
 * map.h's, access to its registers io.h's.
 *
 * The order of a driver's life: open, BARs, reset by the device's own means or tce_pci_reset(),
 * interrupts, bus mastering. And back: queues drained, tce_pci_close(), unmap, tce_space_close().
 */
#ifndef TCE_PCI_H
#define TCE_PCI_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** A PCI function that is open. */
struct tce_pci;

/** A BAR in this process. A child after fork does not have it. */
struct tce_bar {
	volatile void *va;
	size_t len; /**< bytes of the BAR */
};

/** What a function is. */
struct tce_pci_info {
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class_code; /**< base class, sub-class, interface: 0x010802 is NVMe */
	uint8_t revision;
	bool resets; /**< tce_pci_reset() works: the platform knows a way */
	int node;    /**< NUMA node, -1 if the machine does not tell */
};

/** Sorts of interrupts, those that VFIO itself sends included. */
enum tce_pci_irq {
	TCE_PCI_INTX, /**< the line; masked by the kernel when it comes */
	TCE_PCI_MSI,
	TCE_PCI_MSIX,
	TCE_PCI_ERROR,	 /**< the bus reports an error that cannot be corrected */
	TCE_PCI_REMOVAL, /**< somebody wants the device back: close it, or be asked again */
};

/**
 * Open a function of a space. Bus mastering is off then, memory access on, no interrupt set. VFIO
 * has reset the function if this is the first use of it and the platform can.
 *
 * Units: @device as for tce_space_open(), opened by it, or of an adopted space's group.
 * Owner: @pci is the library's until tce_pci_close(), which comes before tce_space_close(). The
 *   function is to be opened once at a time.
 * Threads: a control call.
 * Errors: as tce_space_device(), and
 *   -EIO     configuration space cannot be read or written, or bus mastering stays on
 */
int tce_pci_open(struct tce_space *space, const char *device, struct tce_pci **pci);

/**
 * End a driver's use of a function: bus mastering cleared and read back, interrupts off, BARs
 * unmapped.
 *
 * Units: none.
 * Owner: @pci and its BARs are gone on 0 and -EIO. Eventfds remain the caller's. Memory that the
 *   device knew may be unmapped after 0.
 * Threads: a control call; no thread may touch a BAR any more.
 * Errors:
 *   -EIO     bus mastering could not be cleared: the device may still reach memory. That a device
 *            is gone is no error
 */
int tce_pci_close(struct tce_pci *pci);

/**
 * Tell what a function is.
 *
 * Units: see the struct.
 * Owner: the caller owns @info.
 * Threads: any; not a control call.
 * Errors: none.
 */
void tce_pci_info(const struct tce_pci *pci, struct tce_pci_info *info);

/**
 * Map a BAR, once; later calls give the same mapping.
 *
 * Units: @bar: 0 to 5. @need: how many bytes from its start the driver uses, at least 1; all of
 *   these can be accessed after 0. An access behind them may fault: where the kernel keeps the
 *   MSI-X table to itself, its page is left out.
 * Owner: the mapping is @pci's and ends with it. The caller owns @mapped.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  no such BAR
 *   -ENODEV  the function has nothing there
 *   -ENOTSUP it cannot be mapped, or not as far as needed: I/O ports, less than a page of this
 *            kernel without a page of its own, the MSI-X table in the way; the sentence says which
 *   -ENOSPC  it is smaller than needed
 *   -EIO     the kernel refused: the sentence has the call and its errno
 */
int tce_pci_bar(struct tce_pci *pci, unsigned bar, size_t need, struct tce_bar *mapped);

/**
 * Read from configuration space. A device that is gone reads all ones, or cannot be read.
 *
 * Units: @at: bytes from its start, a multiple of @size; @size: 1, 2 or 4 bytes.
 * Owner: the caller owns @value.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  no such size or place
 *   -EIO     the kernel refused
 */
int tce_pci_read(struct tce_pci *pci, unsigned at, unsigned size, uint32_t *value);

/**
 * Write to configuration space. VFIO keeps some fields to itself: read back what matters. Bus
 * mastering has tce_pci_bus_master().
 *
 * Units: as tce_pci_read().
 * Owner: nothing changes hands.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  no such size or place, or a value that does not fit
 *   -EIO     the kernel refused
 */
int tce_pci_write(struct tce_pci *pci, unsigned at, unsigned size, uint32_t value);

/**
 * Find a capability in configuration space.
 *
 * Units: @id: 1 to 0xff of the list that starts below 256 bytes (PCI Local Bus 3.0, 6.7), or
 * 0x10000 plus the number of an extended one (PCI Express Base, 7.6.3); @at: where it starts.
 * Owner: the caller owns @at.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  no such number
 *   -ENOENT  the function has none
 *   -EIO     configuration space cannot be read, or the list does not end
 */
int tce_pci_capability(struct tce_pci *pci, uint32_t id, unsigned *at);

/**
 * Allow or forbid the function to start DMA and to send MSI; read back.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: a control call.
 * Errors:
 *   -EIO     it did not take, or the device is gone
 */
int tce_pci_bus_master(struct tce_pci *pci, bool on);

/**
 * Reset the function. Bus mastering is cleared before, and stays off; the rest of configuration
 * space is as it was.
 *
 * Units: none; takes up to a second.
 * Owner: what the device held of memory, it has let go of on 0.
 * Threads: a control call; no thread may touch a BAR meanwhile.
 * Errors:
 *   -ENOTSUP the platform knows no way to reset this function alone
 *   -EIO     the kernel refused, or the device is gone
 */
int tce_pci_reset(struct tce_pci *pci);

/**
 * Count the interrupts of a sort that a function has.
 *
 * Units: @n: vectors; 0: none of that sort.
 * Owner: the caller owns @n.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  no such sort
 *   -EIO     the kernel refused
 */
int tce_pci_irq_count(struct tce_pci *pci, enum tce_pci_irq irq, unsigned *n);

/**
 * Have interrupts of one sort written to eventfds, in place of those that were set before. Of INTx,
 * MSI and MSI-X one at a time is on.
 *
 * Units: @n: vectors from the first on, 0 turns the sort off; @eventfd: one for each, -1 for a
 *   vector that is not to be used.
 * Owner: the eventfds remain the caller's, and are to live until the sort is off.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  no such sort
 *   -ENOSPC  fewer vectors are there
 *   -EBUSY   another one of INTx, MSI and MSI-X is on
 *   -EIO     the kernel refused: the sentence has its errno. The sort is off then
 */
int tce_pci_irqs(struct tce_pci *pci, enum tce_pci_irq irq, const int *eventfd, unsigned n);

/**
 * Hold back one vector, or let it through again. INTx is held back by the kernel at each interrupt,
 * to be let through by the driver. An MSI or MSI-X interrupt that comes while it is held back is
 * lost: look at the device after letting it through.
 *
 * Units: @vector: below the number that was set; 0 for INTx.
 * Owner: nothing changes hands.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  no such sort, or it is not set, or not so far; errors and removal are never held back
 *   -EIO     the kernel refused
 */
int tce_pci_irq_mask(struct tce_pci *pci, enum tce_pci_irq irq, unsigned vector, bool masked);

TCE_END_DECLS

#endif
