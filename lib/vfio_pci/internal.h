/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of lib/vfio_pci share: called under the process lock. */
#ifndef VFIO_PCI_INTERNAL_H
#define VFIO_PCI_INTERNAL_H

#include <tce/pci.h>

#include "../tce/internal.h"

struct tce_pci {
	char name[KERNEL_NAME_MAX];
	int fd; /* the space's */
	struct kernel_region config;
	struct tce_pci_info info;
	struct {
		struct kernel_region region;
		void *va; /* NULL: not mapped */
		size_t room;
	} bar[KERNEL_PCI_BARS];
	struct {
		unsigned n;
		int *eventfd; /* as they were set: for vectors that were held back */
	} irq[KERNEL_IRQS];
};

/* "device NAME: CALL failed: EWHY", -EIO; for what the kernel should not refuse. */
int tce_pci_refused(const struct tce_pci *pci, const char *call, int ret);

int tce_pci_config_read(struct tce_pci *pci, unsigned at, unsigned size, uint32_t *value);
int tce_pci_config_write(struct tce_pci *pci, unsigned at, unsigned size, uint32_t value);

/* config.c: set and clear bits of the command register; -EIO if they do not read back. */
int tce_pci_command(struct tce_pci *pci, uint16_t clear, uint16_t set);

/* bar.c: unmap every BAR. */
void tce_pci_bars_end(struct tce_pci *pci);

/* irq.c: turn every sort off. */
void tce_pci_irqs_end(struct tce_pci *pci);

#endif
