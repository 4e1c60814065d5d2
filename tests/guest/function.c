/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * function DEVICE COMMAND...: a PCI function by lib/vfio_pci, for the guest suites. Commands:
 *   info             what it is
 *   bar N NEED       map a BAR, print its length and its first register
 *   find ID          a capability
 *   reset            reset it; bus mastering before and after
 *   edu SORT         interrupts of QEMU's edu device: raised, held back, let through
 *   msix N           N vectors on and off
 *   wait             until the device is wanted back, then close; a second round of waiting in
 * "stay"
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <tce/io.h>
#include <tce/pci.h>
#include <tce/tce.h>

enum { EDU_STATUS = 0x24, EDU_RAISE = 0x60, EDU_ACK = 0x64 }; /* docs/specs/edu.rst of QEMU */

static struct tce_pci *pci;

static void check(int ret, const char *what)
{
	if (!ret)
		return;
	printf("%s: %d: %s\n", what, ret, tce_error());
	exit(1);
}

/* Did the eventfd get something within so many milliseconds? */
static bool heard(int fd, int timeout)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t n;

	return poll(&p, 1, timeout) == 1 && read(fd, &n, sizeof(n)) == sizeof(n);
}

static void show_info(void)
{
	struct tce_pci_info i;
	unsigned n[5];

	tce_pci_info(pci, &i);
	for (unsigned k = 0; k < 5; k++)
		check(tce_pci_irq_count(pci, (enum tce_pci_irq)k, &n[k]), "irq_count");
	printf("id %04x:%04x class %06x resets %d node %d irqs %u %u %u %u %u\n", i.vendor,
	       i.device, i.class_code, i.resets, i.node, n[0], n[1], n[2], n[3], n[4]);
}

static void show_bar(unsigned n, size_t need)
{
	struct tce_bar bar;

	check(tce_pci_bar(pci, n, need, &bar), "bar");
	/* Only the first: where a device has no register, POWER answers by a machine check. */
	printf("bar %u: %#zx bytes, %#x at 0\n", n, bar.len, tce_io_read32(bar.va));
}

static void show_reset(void)
{
	uint32_t before, after;

	check(tce_pci_bus_master(pci, true), "bus_master");
	check(tce_pci_read(pci, 4, 2, &before), "read");
	check(tce_pci_reset(pci), "reset");
	check(tce_pci_read(pci, 4, 2, &after), "read");
	printf("command before the reset %#x, after %#x\n", before, after);
}

static void edu(enum tce_pci_irq irq)
{
	volatile char *at;
	struct tce_bar bar;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	check(tce_pci_bar(pci, 0, 0x100, &bar), "bar");
	at = bar.va;
	check(tce_pci_bus_master(pci, true), "bus_master"); /* messages are DMA */
	check(tce_pci_irqs(pci, irq, &fd, 1), "irqs");
	/* edu's registers have the byte order of the machine; any number raises an interrupt. */
	tce_io_write32(at + EDU_RAISE, 1);
	printf("raised: %s\n", heard(fd, 2000) ? "heard" : "silent");
	tce_io_write32(at + EDU_ACK, UINT32_MAX);
	if (irq == TCE_PCI_INTX)
		check(tce_pci_irq_mask(pci, irq, 0, false), "let through");
	check(tce_pci_irq_mask(pci, irq, 0, true), "hold back");
	tce_io_write32(at + EDU_RAISE, 1);
	printf("held back: %s\n", heard(fd, 200) ? "heard" : "silent");
	if (irq != TCE_PCI_INTX)
		tce_io_write32(at + EDU_ACK, UINT32_MAX); /* a message is lost, a line stays up */
	check(tce_pci_irq_mask(pci, irq, 0, false), "let through");
	if (irq != TCE_PCI_INTX)
		tce_io_write32(at + EDU_RAISE, 1);
	printf("let through: %s\n", heard(fd, 2000) ? "heard" : "silent");
	tce_io_write32(at + EDU_ACK, UINT32_MAX);
	check(tce_pci_irqs(pci, irq, NULL, 0), "off");
	tce_io_write32(at + EDU_RAISE, 1);
	printf("off: %s\n", heard(fd, 200) ? "heard" : "silent");
	tce_io_write32(at + EDU_ACK, UINT32_MAX);
	close(fd);
}

static void msix(unsigned n)
{
	int *fd = calloc(n, sizeof(*fd));

	for (unsigned i = 0; i < n; i++)
		fd[i] = eventfd(0, EFD_CLOEXEC);
	check(tce_pci_irqs(pci, TCE_PCI_MSIX, fd, n), "irqs");
	check(tce_pci_irqs(pci, TCE_PCI_MSIX, fd, n), "irqs again");
	check(tce_pci_irq_mask(pci, TCE_PCI_MSIX, n - 1, true), "hold back");
	check(tce_pci_irq_mask(pci, TCE_PCI_MSIX, n - 1, false), "let through");
	check(tce_pci_irqs(pci, TCE_PCI_MSIX, NULL, 0), "off");
	printf("%u vectors were on\n", n);
	free(fd);
}

static void wait_for_removal(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	check(tce_pci_irqs(pci, TCE_PCI_REMOVAL, &fd, 1), "irqs");
	printf("waiting\n");
	fflush(stdout);
	printf("%s\n", heard(fd, 20000) ? "wanted back" : "nobody asked");
	close(fd);
}

static int command(int argc, char **argv)
{
	unsigned n = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 0, at;

	if (!strcmp(argv[2], "info"))
		show_info();
	else if (!strcmp(argv[2], "bar") && argc == 5)
		show_bar(n, strtoul(argv[4], NULL, 0));
	else if (!strcmp(argv[2], "find")) {
		check(tce_pci_capability(pci, n, &at), "capability");
		printf("capability %#x at %#x\n", n, at);
	} else if (!strcmp(argv[2], "reset"))
		show_reset();
	else if (!strcmp(argv[2], "edu"))
		edu((enum tce_pci_irq)n);
	else if (!strcmp(argv[2], "msix"))
		msix(n);
	else if (!strcmp(argv[2], "wait"))
		wait_for_removal();
	else
		return 2;
	return 0;
}

int main(int argc, char **argv)
{
	struct tce_space_options options = {.no_windows = true};
	struct tce_space *space;
	int ret;

	if (argc < 3)
		return 2;
	check(tce_space_open(argv[1], &options, &space), "open");
	check(tce_pci_open(space, argv[1], &pci), "pci_open");
	ret = command(argc, argv);
	check(tce_pci_close(pci), "pci_close");
	check(tce_space_close(space, argv[1]), "close");
	return ret;
}
