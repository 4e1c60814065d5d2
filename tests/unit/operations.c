/* SPDX-License-Identifier: BSD-3-Clause */
#include "operations.h"

static const struct tce_space_options opts = {.mem = GIB(1), .page = 2 << 20};

static void build_nothing(struct world *w)
{
	machine(w->platform);
	w->va = model_alloc(MIB(8), MIB(2));
}

static void build_space(struct world *w)
{
	build_nothing(w);
	w->space = open_space(DEV_A, GIB(1));
}

static void build_regions(struct world *w)
{
	build_space(w);
	assert_ok(tce_register(w->va, MIB(4), MIB(2)));
	assert_ok(tce_register(w->va + MIB(4), MIB(4), MIB(2)));
}

static void build_mapped(struct world *w)
{
	build_regions(w);
	w->iova = TCE_IOVA_ANY;
	assert_ok(tce_map(w->space, w->va, MIB(8), NULL, &w->iova));
}

static void build_given(struct world *w)
{
	build_nothing(w);
	assert_ok(tce_kernel_model.container_open(&w->container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &w->group));
}

static int run_open(struct world *w)
{
	return tce_space_open(DEV_A, &opts, &w->space);
}

static int run_open_alone(struct world *w)
{
	struct tce_space_options identity = opts;

	identity.identity = GIB(1024);
	return tce_space_open(DEV_A, &identity, &w->space);
}

static int run_adopt(struct world *w)
{
	return tce_space_adopt(w->group, w->container, &opts, &w->space);
}

static int run_device(struct world *w)
{
	int fd;

	return tce_space_device(w->space, DEV_A, &fd);
}

static int run_map(struct world *w)
{
	w->iova = TCE_IOVA_ANY;
	return tce_map(w->space, w->va, MIB(8), NULL, &w->iova);
}

static int run_dma_map(struct world *w)
{
	w->iova = TCE_IOVA_ANY;
	return tce_dma_map(w->space, w->va, MIB(8), NULL, &w->iova);
}

static int run_unmap(struct world *w)
{
	return tce_unmap(w->space, w->iova, MIB(8));
}

static int run_create(struct world *w)
{
	return tce_window_create(w->space, KIB(64), GIB(64), 1, NULL);
}

static void build_one_window(struct world *w)
{
	struct tce_space_options none = {.no_windows = true};

	build_nothing(w);
	assert_ok(tce_space_open(DEV_A, &none, &w->space));
	/* The first CREATE makes the default window, too (R22): have that behind us. */
	assert_ok(tce_window_create(w->space, KIB(64), GIB(64), 1, NULL));
	assert_ok(tce_window_remove(w->space, UINT64_C(1) << 59));
}

static int run_register(struct world *w)
{
	return tce_register(w->va, MIB(8), 0);
}

static const struct tce_driver driver;

static int run_watch(struct world *w)
{
	return tce_watch(w->va, MIB(4), &driver);
}

static int run_remove(struct world *w)
{
	return tce_window_remove(w->space, window_start(w->space, MIB(2)));
}

static void build_function(struct world *w)
{
	int fd;

	build_space(w);
	model_set_bar(DEV_A, 0, &(struct kernel_region){.size = KIB(64), .mappable = true});
	model_set_irqs(DEV_A, KERNEL_MSIX, 4);
	/* What is borrowed stays so until the space is closed. */
	assert_ok(tce_space_device(w->space, DEV_A, &fd));
}

static void build_open_function(struct world *w)
{
	build_function(w);
	assert_ok(tce_pci_open(w->space, DEV_A, &w->pci));
}

static int run_pci_open(struct world *w)
{
	return tce_pci_open(w->space, DEV_A, &w->pci);
}

static int run_pci_bar(struct world *w)
{
	struct tce_bar bar;

	return tce_pci_bar(w->pci, 0, KIB(64), &bar);
}

static int run_pci_irqs(struct world *w)
{
	return tce_pci_irqs(w->pci, TCE_PCI_MSIX, (int[]){0, 1}, 2);
}

const struct operation operations[] = {
	{"open", build_nothing, run_open},
	{"adopt", build_given, run_adopt},
	{"borrow a device", build_space, run_device},
	{"register", build_space, run_register},
	{"watch", build_regions, run_watch},
	{"map two regions", build_regions, run_map},
	{"dma_map", build_space, run_dma_map},
	{"unmap", build_mapped, run_unmap},
	{"create a window", build_one_window, run_create},
	{"remove a window", build_space, run_remove},
	{"open a PCI function", build_function, run_pci_open},
	{"map a BAR", build_open_function, run_pci_bar},
	{"set interrupts", build_open_function, run_pci_irqs},
};

const size_t n_operations = sizeof(operations) / sizeof(operations[0]);

const struct operation open_alone = {"open in place of the default window", build_nothing,
				     run_open_alone};
