/* SPDX-License-Identifier: BSD-3-Clause */
/* A PCI function for drivers: configuration space, BARs, interrupts, reset, its end. */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tce/io.h>
#include <tce/pci.h>

#include "fixture.h"

enum { COMMAND = 4, STATUS = 6, BASE = 0x10, LIST = 0x34, MASTER = 4, MEMORY = 2 };

static struct tce_space *space;
static struct tce_pci *pci;
static uint8_t *config;

static void put16(unsigned at, unsigned value)
{
	config[at] = (uint8_t)value;
	config[at + 1] = (uint8_t)(value >> 8);
}

static void put32(unsigned at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

/* A function with a BAR of 128 KiB, ten MSI-X vectors and one line. */
static void build(void)
{
	machine(lpar_here());
	config = model_config(DEV_A);
	put32(0, 0x10c98086);
	put32(8, 0x02000001);
	put32(0x2c, 0xa03c15d9);
	model_set_bar(DEV_A, 0, &(struct kernel_region){.size = KIB(128), .mappable = true});
	model_set_irqs(DEV_A, KERNEL_INTX, 1);
	model_set_irqs(DEV_A, KERNEL_MSIX, 10);
	model_set_irqs(DEV_A, KERNEL_REMOVAL, 1);
	space = open_space(DEV_A, GIB(1));
}

static void open_it(void)
{
	build();
	assert_ok(tce_pci_open(space, DEV_A, &pci));
}

static void close_all(void)
{
	assert_ok(tce_pci_close(pci));
	assert_ok(tce_space_close(space, DEV_A));
}

static void refused(int ret, int want, const char *word)
{
	if (ret != want)
		fail_msg("answered %d, wanted %d: %s", ret, want, tce_error());
	assert_sentence(word);
}

static void what_it_is(void)
{
	struct tce_pci_info info;

	build();
	put16(COMMAND, MASTER); /* as somebody left it */
	model_set_pci(DEV_A, (struct model_pci){.node = 3});
	assert_ok(tce_pci_open(space, DEV_A, &pci));
	tce_pci_info(pci, &info);
	assert_int_equal(info.vendor, 0x8086);
	assert_int_equal(info.device, 0x10c9);
	assert_int_equal(info.subvendor, 0x15d9);
	assert_int_equal(info.subdevice, 0xa03c);
	assert_int_equal(info.class_code, 0x020000);
	assert_int_equal(info.revision, 1);
	assert_true(info.resets);
	assert_int_equal(info.node, 3);
	assert_int_equal(config[COMMAND], MEMORY);
	close_all();
}

static void a_function_that_is_gone(void)
{
	struct tce_pci *none = NULL;

	build();
	model_set_pci(DEV_A, (struct model_pci){.gone = true});
	refused(tce_pci_open(space, DEV_A, &none), -EIO, "gone");
	refused(tce_pci_open(space, DEV_B, &none), -ENODEV, "not in IOMMU group");
	assert_null(none);
	model_set_pci(DEV_A, (struct model_pci){0});
	assert_ok(tce_pci_open(space, DEV_A, &pci));
	assert_ok(tce_pci_bus_master(pci, true));
	model_set_pci(DEV_A, (struct model_pci){.gone = true});
	refused(tce_pci_bus_master(pci, false), -EIO, "command register");
	refused(tce_pci_bus_master(pci, true), -EIO, "command register");
	assert_ok(tce_pci_close(pci));
	/* A bus that knows refuses every access. */
	model_set_pci(DEV_A, (struct model_pci){0});
	assert_ok(tce_pci_open(space, DEV_A, &pci));
	model_set_pci(DEV_A, (struct model_pci){.absent = true});
	refused(tce_pci_bus_master(pci, false), -EIO, "ENODEV");
	close_all();
}

static void bus_mastering(void)
{
	open_it();
	assert_false(model_device_runs(DEV_A));
	assert_ok(tce_pci_bus_master(pci, true));
	assert_true(model_device_runs(DEV_A));
	assert_ok(tce_pci_bus_master(pci, false));
	assert_false(model_device_runs(DEV_A));
	model_set_pci(DEV_A, (struct model_pci){.stuck = true});
	refused(tce_pci_bus_master(pci, true), -EIO, "does not take");
	model_set_pci(DEV_A, (struct model_pci){0});
	assert_ok(tce_pci_bus_master(pci, true));
	model_set_pci(DEV_A, (struct model_pci){.stuck = true});
	refused(tce_pci_close(pci), -EIO, "command register");
	assert_ok(tce_space_close(space, DEV_A));
}

static void resets(void)
{
	open_it();
	assert_ok(tce_pci_bus_master(pci, true));
	assert_ok(tce_pci_reset(pci));
	assert_int_equal(model_resets(DEV_A), 1);
	assert_false(model_device_runs(DEV_A));
	model_fail(MODEL_DEVICE_RESET, 1, -EAGAIN);
	refused(tce_pci_reset(pci), -EIO, "VFIO_DEVICE_RESET failed: EAGAIN");
	assert_ok(tce_pci_close(pci));
	model_set_pci(DEV_A, (struct model_pci){.no_reset = true});
	assert_ok(tce_pci_open(space, DEV_A, &pci));
	refused(tce_pci_reset(pci), -ENOTSUP, "no reset of its own");
	close_all();
}

static void configuration_space(void)
{
	uint32_t v = 7;

	open_it();
	put32(0x40, 0x11223344);
	assert_ok(tce_pci_read(pci, 0x40, 4, &v));
	assert_int_equal(v, 0x11223344);
	assert_ok(tce_pci_read(pci, 0x42, 2, &v));
	assert_int_equal(v, 0x1122);
	assert_ok(tce_pci_read(pci, 0x43, 1, &v));
	assert_int_equal(v, 0x11);
	assert_ok(tce_pci_write(pci, 0x42, 2, 0xaabb));
	assert_int_equal(config[0x42], 0xbb);
	assert_int_equal(config[0x43], 0xaa);
	assert_int_equal(config[0x44], 0);
	refused(tce_pci_read(pci, 0x41, 2, &v), -EINVAL, "a multiple of as many");
	refused(tce_pci_read(pci, 0x40, 3, &v), -EINVAL, "1, 2 or 4");
	refused(tce_pci_read(pci, 4096, 4, &v), -EINVAL, "4096 bytes");
	refused(tce_pci_write(pci, 0x40, 1, 256), -EINVAL, "does not fit");
	assert_int_equal(v, 0x11);
	model_fail(MODEL_DEVICE_READ, 1, 1);
	refused(tce_pci_read(pci, 0x40, 4, &v), -EIO, "cut short");
	model_fail(MODEL_DEVICE_WRITE, 1, -EIO);
	refused(tce_pci_write(pci, 0x40, 4, 1), -EIO, "EIO");
	close_all();
}

static void capabilities(void)
{
	unsigned at = 0;

	open_it();
	refused(tce_pci_capability(pci, 0x11, &at), -ENOENT, "no capability 0x11");
	put16(STATUS, 0x10);
	config[LIST] = 0x43; /* the low two bits are to be ignored */
	put16(0x40, 0x7001);
	put16(0x70, 0x0011);
	put32(0x100, 0x15010001);
	put32(0x150, 0x00010010);
	assert_ok(tce_pci_capability(pci, 1, &at));
	assert_int_equal(at, 0x40);
	assert_ok(tce_pci_capability(pci, 0x11, &at));
	assert_int_equal(at, 0x70);
	refused(tce_pci_capability(pci, 5, &at), -ENOENT, "0x5");
	assert_ok(tce_pci_capability(pci, 0x10010, &at));
	assert_int_equal(at, 0x150);
	refused(tce_pci_capability(pci, 0x10011, &at), -ENOENT, "0x10011");
	refused(tce_pci_capability(pci, 0x100, &at), -EINVAL, "0x100 is no capability");
	refused(tce_pci_capability(pci, 0, &at), -EINVAL, "0 is no capability");
	put16(0x70, 0x4011);
	put32(0x150, 0x10010010);
	refused(tce_pci_capability(pci, 5, &at), -EIO, "does not end");
	refused(tce_pci_capability(pci, 0x10011, &at), -EIO, "does not end");
	assert_int_equal(at, 0x150);
	close_all();
}

static void a_whole_bar(void)
{
	struct tce_bar bar, again;

	open_it();
	assert_ok(tce_pci_bar(pci, 0, KIB(128), &bar));
	assert_int_equal(bar.len, KIB(128));
	tce_io_write32((volatile char *)bar.va + 0x1000, 0x12345678);
	assert_int_equal(tce_io_read32((volatile char *)bar.va + 0x1000), 0x12345678);
	assert_int_equal(tce_io_read16_relaxed((volatile char *)bar.va + 0x1002), 0x1234);
	assert_ok(tce_pci_bar(pci, 0, 1, &again));
	assert_ptr_equal(bar.va, again.va);
	assert_int_equal(model_calls(MODEL_DEVICE_MMAP), 1);
	close_all();
	assert_int_equal(msync((void *)bar.va, KIB(4), MS_ASYNC), -1);
}

/* The page of the MSI-X table is left out, and the one behind it is there again. */
static void a_bar_with_a_gap(void)
{
	size_t page = system_page();
	struct kernel_region region = {.size = 4 * page,
				       .mappable = true,
				       .areas = 2,
				       .area = {{2 * page, 2 * page}, {0, page}}};
	struct tce_bar bar = {NULL, 0};
	char *behind;

	build();
	behind = (char *)model_set_bar(DEV_A, 1, &region) + 2 * page;
	assert_ok(tce_pci_open(space, DEV_A, &pci));
	refused(tce_pci_bar(pci, 1, page + 1, &bar), -ENOTSUP, "MSI-X table");
	assert_null(bar.va);
	assert_ok(tce_pci_bar(pci, 1, page, &bar));
	strcpy(behind, "behind");
	assert_string_equal((char *)bar.va + 2 * page, "behind");
	close_all();
}

static void bars_that_cannot_be_mapped(void)
{
	struct tce_bar bar = {NULL, 0};

	build();
	model_set_bar(DEV_A, 1, &(struct kernel_region){.size = 256});
	model_set_bar(DEV_A, 2, &(struct kernel_region){.size = 32});
	model_set_bar(DEV_A, 3, &(struct kernel_region){.size = MIB(1)});
	put32(BASE + 8, 1); /* I/O ports */
	assert_ok(tce_pci_open(space, DEV_A, &pci));
	refused(tce_pci_bar(pci, 1, 1, &bar), -ENOTSUP, "less than this kernel's page");
	refused(tce_pci_bar(pci, 2, 1, &bar), -ENOTSUP, "I/O ports");
	refused(tce_pci_bar(pci, 3, 1, &bar), -ENOTSUP, "does not let BAR 3");
	refused(tce_pci_bar(pci, 4, 1, &bar), -ENODEV, "no BAR 4");
	refused(tce_pci_bar(pci, 6, 1, &bar), -EINVAL, "0 to 5");
	refused(tce_pci_bar(pci, 0, KIB(128) + 1, &bar), -ENOSPC, "128 KiB");
	model_fail(MODEL_DEVICE_MMAP, 1, -EPERM);
	refused(tce_pci_bar(pci, 0, 4, &bar), -EIO, "EPERM");
	assert_null(bar.va);
	assert_ok(tce_pci_bar(pci, 0, 4, &bar));
	close_all();
}

static struct tce_bar inherited;

static void child(const void *arg)
{
	struct tce_bar bar;
	unsigned n;

	assert_int_equal(msync((void *)inherited.va, KIB(4), MS_ASYNC), -1);
	assert_int_equal(tce_pci_bar(pci, 0, 4, &bar), -EPERM);
	assert_int_equal(tce_pci_irq_count(pci, TCE_PCI_MSIX, &n), -EPERM);
	assert_int_equal(tce_pci_bus_master(pci, true), -EPERM);
	assert_int_equal(tce_pci_close(pci), -EPERM);
}

static void a_child_has_none(void)
{
	open_it();
	assert_ok(tce_pci_bar(pci, 0, 4, &inherited));
	in_child(child, NULL);
	assert_int_equal(tce_io_read32(inherited.va), 0);
	close_all();
}

static unsigned heard(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? (unsigned)n : 0;
}

static void messages(void)
{
	int fd[3];
	unsigned n;

	open_it();
	for (unsigned i = 0; i < 3; i++)
		fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_ok(tce_pci_irq_count(pci, TCE_PCI_MSIX, &n));
	assert_int_equal(n, 10);
	assert_ok(tce_pci_irqs(pci, TCE_PCI_MSIX, (int[]){fd[0], -1, fd[2]}, 3));
	assert_true(model_raise(DEV_A, KERNEL_MSIX, 2));
	assert_false(model_raise(DEV_A, KERNEL_MSIX, 1));
	assert_int_equal(heard(fd[2]), 1);
	assert_ok(tce_pci_irq_mask(pci, TCE_PCI_MSIX, 2, true));
	assert_false(model_raise(DEV_A, KERNEL_MSIX, 2));
	assert_ok(tce_pci_irq_mask(pci, TCE_PCI_MSIX, 2, false));
	assert_true(model_raise(DEV_A, KERNEL_MSIX, 2));
	refused(tce_pci_irq_mask(pci, TCE_PCI_MSIX, 3, true), -EINVAL, "not number 3");
	refused(tce_pci_irq_mask(pci, TCE_PCI_REMOVAL, 0, true), -EINVAL, "cannot be held back");
	refused(tce_pci_irqs(pci, TCE_PCI_MSIX, fd, 11), -ENOSPC, "10 MSI-X");
	refused(tce_pci_irqs(pci, TCE_PCI_INTX, fd, 1), -EBUSY, "MSI-X is on");
	assert_ok(tce_pci_irqs(pci, TCE_PCI_REMOVAL, &fd[1], 1));
	assert_ok(tce_pci_irqs(pci, TCE_PCI_MSIX, fd, 2)); /* fewer, in place of the three */
	assert_false(model_raise(DEV_A, KERNEL_MSIX, 2));
	assert_ok(tce_pci_irqs(pci, TCE_PCI_MSIX, NULL, 0));
	assert_ok(tce_pci_irqs(pci, TCE_PCI_MSIX, NULL, 0));
	assert_false(model_raise(DEV_A, KERNEL_MSIX, 0));
	assert_true(model_raise(DEV_A, KERNEL_REMOVAL, 0));
	assert_int_equal(heard(fd[1]), 1);
	refused(tce_pci_irq_count(pci, (enum tce_pci_irq)5, &n), -EINVAL, "no sort 5");
	close_all();
	assert_false(model_raise(DEV_A, KERNEL_REMOVAL, 0));
	for (unsigned i = 0; i < 3; i++)
		close(fd[i]);
}

static void the_line(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	open_it();
	assert_ok(tce_pci_irqs(pci, TCE_PCI_INTX, &fd, 1));
	assert_true(model_raise(DEV_A, KERNEL_INTX, 0));
	assert_false(model_raise(DEV_A, KERNEL_INTX, 0)); /* masked as it came */
	assert_ok(tce_pci_irq_mask(pci, TCE_PCI_INTX, 0, false));
	assert_true(model_raise(DEV_A, KERNEL_INTX, 0));
	assert_int_equal(heard(fd), 2);
	model_fail(MODEL_DEVICE_IRQS_SET, 1, -EINVAL);
	refused(tce_pci_irqs(pci, TCE_PCI_INTX, NULL, 0), -EIO, "EINVAL");
	assert_ok(tce_pci_irqs(pci, TCE_PCI_INTX, NULL, 0));
	model_fail(MODEL_DEVICE_IRQS_SET, 1, -ENOMEM);
	refused(tce_pci_irqs(pci, TCE_PCI_INTX, &fd, 1), -EIO, "ENOMEM");
	assert_ok(tce_pci_irqs(pci, TCE_PCI_INTX, &fd, 1));
	close_all();
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(what_it_is),
		whole_test(a_function_that_is_gone),
		whole_test(bus_mastering),
		whole_test(resets),
		whole_test(configuration_space),
		whole_test(capabilities),
		whole_test(a_whole_bar),
		whole_test(a_bar_with_a_gap),
		whole_test(bars_that_cannot_be_mapped),
		whole_test(a_child_has_none),
		whole_test(messages),
		whole_test(the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
