/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts, each to an eventfd. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define K tce_process.kernel

static_assert((int)TCE_PCI_INTX == (int)KERNEL_INTX && (int)TCE_PCI_MSI == (int)KERNEL_MSI &&
		      (int)TCE_PCI_MSIX == (int)KERNEL_MSIX &&
		      (int)TCE_PCI_ERROR == (int)KERNEL_ERROR &&
		      (int)TCE_PCI_REMOVAL == (int)KERNEL_REMOVAL,
	      "sorts of interrupts");

static const char *const sort[KERNEL_IRQS] = {"INTx", "MSI", "MSI-X", "error", "removal"};

static int count(const struct tce_pci *pci, enum tce_pci_irq irq, unsigned *n)
{
	int ret;

	if ((unsigned)irq >= KERNEL_IRQS)
		return tce_fail(-EINVAL, "device %s: there is no sort %d of interrupts", pci->name,
				(int)irq);
	ret = K->device_irqs(pci->fd, (enum kernel_irq)irq, n);
	return ret ? tce_pci_refused(pci, "VFIO_DEVICE_GET_IRQ_INFO", ret) : 0;
}

int tce_pci_irq_count(struct tce_pci *pci, enum tce_pci_irq irq, unsigned *n)
{
	unsigned found;
	int ret = tce_enter();

	if (ret)
		return ret;
	ret = count(pci, irq, &found);
	if (!ret)
		*n = found;
	return tce_leave(ret);
}

static int turn_off(struct tce_pci *pci, enum tce_pci_irq irq)
{
	int ret;

	/* To turn off what is off is an error to VFIO. */
	if (!pci->irq[irq].n)
		return 0;
	ret = K->device_irqs_set(pci->fd, (enum kernel_irq)irq, 0, 0, NULL);
	if (ret)
		return tce_pci_refused(pci, "turning interrupts off by VFIO_DEVICE_SET_IRQS", ret);
	free(pci->irq[irq].eventfd);
	pci->irq[irq].eventfd = NULL;
	pci->irq[irq].n = 0;
	return 0;
}

/* Of INTx, MSI and MSI-X one can be on. */
static int check_others(const struct tce_pci *pci, enum tce_pci_irq irq)
{
	for (unsigned i = KERNEL_INTX; i <= KERNEL_MSIX && irq <= TCE_PCI_MSIX; i++)
		if (i != (unsigned)irq && pci->irq[i].n)
			return tce_fail(-EBUSY, "device %s: %s is on: turn it off before %s",
					pci->name, sort[i], sort[irq]);
	return 0;
}

static int irqs(struct tce_pci *pci, enum tce_pci_irq irq, const int *eventfd, unsigned n)
{
	unsigned there;
	int *copy, ret = count(pci, irq, &there);

	if (!ret && n > there)
		ret = tce_fail(-ENOSPC, "device %s has %u %s interrupts, not %u", pci->name, there,
			       sort[irq], n);
	if (!ret)
		ret = check_others(pci, irq);
	if (ret || !n)
		return ret ? ret : turn_off(pci, irq);
	copy = malloc(n * sizeof(*copy));
	if (!copy)
		return tce_fail(-ENOMEM, "device %s: no memory for %u interrupts", pci->name, n);
	memcpy(copy, eventfd, n * sizeof(*copy));
	ret = turn_off(pci, irq);
	if (!ret && (ret = K->device_irqs_set(pci->fd, (enum kernel_irq)irq, 0, n, copy)))
		ret = tce_pci_refused(pci, "turning interrupts on by VFIO_DEVICE_SET_IRQS", ret);
	if (ret) {
		free(copy);
		return ret;
	}
	pci->irq[irq].eventfd = copy;
	pci->irq[irq].n = n;
	return 0;
}

int tce_pci_irqs(struct tce_pci *pci, enum tce_pci_irq irq, const int *eventfd, unsigned n)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(irqs(pci, irq, eventfd, n));
}

/* VFIO masks INTx only; a message's vector is held back by taking its eventfd away. */
static int mask(struct tce_pci *pci, enum tce_pci_irq irq, unsigned vector, bool masked)
{
	static const int no_fd = -1;
	int ret;

	if ((unsigned)irq > TCE_PCI_MSIX)
		return tce_fail(-EINVAL, "device %s: interrupts of sort %d cannot be held back",
				pci->name, (int)irq);
	if (vector >= pci->irq[irq].n)
		return tce_fail(-EINVAL, "device %s: %u %s interrupts are set, not number %u",
				pci->name, pci->irq[irq].n, sort[irq], vector);
	if (irq == TCE_PCI_INTX)
		ret = K->device_irq_mask(pci->fd, KERNEL_INTX, masked);
	else
		ret = K->device_irqs_set(pci->fd, (enum kernel_irq)irq, vector, 1,
					 masked ? &no_fd : &pci->irq[irq].eventfd[vector]);
	return ret ? tce_pci_refused(pci, "VFIO_DEVICE_SET_IRQS", ret) : 0;
}

int tce_pci_irq_mask(struct tce_pci *pci, enum tce_pci_irq irq, unsigned vector, bool masked)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(mask(pci, irq, vector, masked));
}

void tce_pci_irqs_end(struct tce_pci *pci)
{
	for (unsigned i = 0; i < KERNEL_IRQS; i++) {
		(void)turn_off(pci, (enum tce_pci_irq)i);
		free(pci->irq[i].eventfd);
	}
}
