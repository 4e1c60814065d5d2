/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vdev net_tce_attach: it makes no port of its own. It prepares the IOMMU group of a PCI device
 * through libtce, gives it to EAL, and has EAL probe the device with DPDK's own driver.
 */
#include "attach.h"

#include <errno.h>

#include <bus_vdev_driver.h>
#include <dev_driver.h>
#include <ethdev_driver.h>
#include <rte_eal.h>
#include <rte_log.h>

#include "eal.h"

const char plugin_driver[] = "net_tce_attach";
RTE_LOG_REGISTER(plugin_log_type, pmd.net.tce_attach, NOTICE);

static const char *device_of(struct rte_vdev_device *vdev, struct plugin_args *args)
{
	return args_read(rte_vdev_device_args(vdev), args) ? NULL : args->device;
}

/* EAL has a device on vfio-pci that is not ours: it drives the IOMMU itself. */
static const struct rte_pci_device *taken_by_eal(void)
{
	for (struct rte_pci_device *pci = pci_next(NULL); pci; pci = pci_next(pci))
		if (pci->kdrv == RTE_PCI_KDRV_VFIO && pci_is_driven(pci) &&
		    !device_is_ours(pci->name))
			return pci;
	return NULL;
}

static int check_eal(const struct plugin_args *args)
{
	const struct rte_pci_device *taken = taken_by_eal();

	if (!rte_eal_has_pci())
		return say(-ENOTSUP,
			   "EAL runs with --no-pci, so it cannot probe %s: leave that "
			   "out, the PCI bus is kept off the device without it",
			   args->device);
	if (device_is_ours(args->device))
		return say(-EALREADY, "%s is attached already", args->device);
	if (keep_off_was_given(args->device) || (taken && !strcmp(taken->name, args->device)))
		return say(-EBUSY,
			   "%s: EAL's PCI bus has taken it already, or tried to: give no -a with "
			   "its address",
			   args->device);
	if (taken)
		return say(-EBUSY,
			   "%s: EAL drives the IOMMU itself, for %s, and memory cannot be "
			   "registered twice: give no -a with that address, attach it as well",
			   args->device, taken->name);
	return tce_eal_ready() ? say(-EEXIST, "%s: %s", args->device, tce_eal_error()) : 0;
}

/* A port is gone: unless its device has another one, no DMA of it is to be. */
static int on_destroy(uint16_t port, enum rte_eth_event_type type, void *arg, void *result)
{
	const struct rte_device *dev = rte_eth_devices[port].device;
	struct rte_pci_device *pci = NULL;
	unsigned ports = 0;
	uint16_t other;

	if (dev && device_is_ours(dev->name))
		pci = pci_find(dev->name);
	if (!pci)
		return 0;
	RTE_ETH_FOREACH_DEV_OF(other, dev)
	ports += other != port;
	if (!ports)
		pci_stop(pci);
	return 0;
}

static int on_new(uint16_t port, enum rte_eth_event_type type, void *arg, void *result)
{
	const struct rte_device *dev = rte_eth_devices[port].device;
	struct rte_pci_device *pci = dev && device_is_ours(dev->name) ? pci_find(dev->name) : NULL;

	if (pci)
		pci_keep(pci);
	return 0;
}

static void report(const char *sentence)
{
	say_now(RTE_LOG_ERR, "%s", sentence);
}

static int watch(void)
{
	static bool watching;
	int err;

	if (watching)
		return 0;
	tce_eal_report(report);
	err = rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, on_new, NULL);
	if (!err)
		err = rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, on_destroy,
						    NULL);
	if (!err)
		err = device_guard_forks();
	if (err)
		return say(-ENOMEM, "no memory to watch ports and forks");
	watching = true;
	return 0;
}

static void tell(const struct plugin_args *args)
{
	struct tce_space_info info;
	struct tce_calls calls;

	if (tce_space_info(device_space(args->device), &info) || tce_calls(&calls))
		return;
	say_now(RTE_LOG_INFO,
		"%s attached: IOMMU group %d, %llu TCEs in use; kernel calls so far: %llu "
		"registered, "
		"%llu mapped",
		args->device, info.group, (unsigned long long)info.tces,
		(unsigned long long)calls.enroll, (unsigned long long)calls.map);
}

static int attach(struct rte_vdev_device *vdev)
{
	struct plugin_args args;
	int err;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return say(-ENOTSUP, "a secondary process cannot attach devices: only the process "
				     "that owns the IOMMU group may");
	err = args_read(rte_vdev_device_args(vdev), &args);
	if (!err)
		err = check_eal(&args);
	if (err)
		return err;
	err = watch();
	if (!err)
		err = device_attach(&args);
	if (!err)
		tell(&args);
	return err;
}

static int probe(struct rte_vdev_device *vdev)
{
	int err = attach(vdev);

	if (err)
		say_now(RTE_LOG_ERR, "%s: %s", rte_vdev_device_name(vdev), said());
	return err;
}

static int remove_device(struct rte_vdev_device *vdev)
{
	struct plugin_args args;
	const char *name = device_of(vdev, &args);

	if (name && device_is_ours(name))
		device_detach(name);
	return 0;
}

static struct tce_space *space_of(struct rte_vdev_device *vdev)
{
	struct plugin_args args;
	const char *name = device_of(vdev, &args);

	return name ? device_space(name) : NULL;
}

static int dma_answer(struct rte_vdev_device *vdev, const struct tce_space *space, int err)
{
	if (!err)
		return 0;
	say_now(RTE_LOG_ERR, "%s: %s", rte_vdev_device_name(vdev),
		space ? tce_eal_error() : "no device is attached by it");
	rte_errno = -err;
	return -1;
}

/* For memory that the application brings itself: it names this vdev in rte_dev_dma_map(). */
static int dma_map(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t len)
{
	struct tce_space *space = space_of(vdev);
	int err = space ? tce_eal_dma_map(space, va, iova, len) : -ENODEV;

	return dma_answer(vdev, space, err);
}

static int dma_unmap(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t len)
{
	struct tce_space *space = space_of(vdev);
	int err = space ? tce_eal_dma_unmap(space, iova, len) : -ENODEV;

	return dma_answer(vdev, space, err);
}

static struct rte_vdev_driver driver = {
	.probe = probe,
	.remove = remove_device,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
};

RTE_PMD_REGISTER_VDEV(net_tce_attach, driver);
RTE_PMD_REGISTER_PARAM_STRING(net_tce_attach, "dev=<PCI address> "
					      "mem=<size> "
					      "page=<size>");
