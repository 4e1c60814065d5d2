/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vdev net_tce_igb: a port on an Intel 82576. It translates from addresses itself, so EAL's
 * IOVA mode is of no account, nor where the device's windows are.
 */
#include "pmd.h"

#include <errno.h>

#include <bus_driver.h>
#include <bus_vdev_driver.h>
#include <dev_driver.h>
#include <ethdev_vdev.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include <tce/translate.h>

const char plugin_driver[] = "net_tce_igb";
RTE_LOG_REGISTER(plugin_log_type, pmd.net.tce_igb, NOTICE);

static int check_eal(const struct plugin_args *args)
{
	const struct rte_pci_device *pci = pci_find(args->device);

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return say(-ENOTSUP, "a secondary process cannot open devices: only the process "
				     "that owns the IOMMU group may");
	if (keep_off_was_given(args->device) || (pci && pci_is_driven(pci)))
		return say(-EBUSY,
			   "%s: EAL's PCI bus has taken it already, or tried to: give no -a with "
			   "its address",
			   args->device);
	return 0;
}

static int set_addresses(struct rte_eth_dev *dev)
{
	struct rte_ether_addr *mac =
		rte_zmalloc("tce_igb addresses", IGB_MAC_FILTERS * sizeof(*mac), 0);

	if (!mac)
		return say(-ENOMEM, "EAL has no memory for the port's addresses");
	tce_igb_mac(pmd_port(dev)->nic, mac->addr_bytes);
	dev->data->mac_addrs = mac;
	return 0;
}

static int open_device(struct rte_eth_dev *dev, const struct plugin_args *args)
{
	struct pmd_port *port = pmd_port(dev);
	struct tce_pci_info info;
	int err = space_get(args, &port->space);

	if (err)
		return err;
	err = tce_igb_open(port->space->space, args->device, &port->nic);
	if (err) {
		space_put(port->space, args->device);
		return say(err, "%s", tce_igb_error());
	}
	tce_pci_info(tce_igb_pci(port->nic), &info);
	dev->data->numa_node = info.node;
	err = set_addresses(dev);
	if (!err)
		err = interrupt_open(port);
	if (err) {
		tce_igb_close(port->nic);
		space_put(port->space, args->device);
		return err;
	}
	space_add(port->space, port);
	return 0;
}

static int open_port(struct rte_vdev_device *vdev)
{
	struct plugin_args args;
	struct rte_eth_dev *dev;
	int err = args_read(rte_vdev_device_args(vdev), &args);

	if (!err)
		err = check_eal(&args);
	if (err)
		return err;
	dev = rte_eth_vdev_allocate(vdev, sizeof(struct pmd_port));
	if (!dev)
		return say(-ENOMEM, "EAL has no room for one more port");
	pmd_port(dev)->dev = dev;
	strcpy(pmd_port(dev)->device, args.device);
	err = open_device(dev, &args);
	if (err) {
		rte_eth_dev_release_port(dev);
		return err;
	}
	dev->dev_ops = pmd_port(dev)->nic->vf ? &ethdev_vf_ops : &ethdev_ops;
	dev->rx_queue_count = rx_count;
	dev->rx_descriptor_status = rx_status;
	dev->tx_descriptor_status = tx_status;
	dev->data->dev_flags |=
		RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV | RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int probe(struct rte_vdev_device *vdev)
{
	int err = open_port(vdev);

	if (err)
		say_now(RTE_LOG_ERR, "%s: %s", rte_vdev_device_name(vdev), said());
	return err;
}

static int remove_port(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (!dev)
		return 0;
	/* Ethdev closes no port that runs. What does not stop is cut off by the close. */
	if (dev->data->dev_started)
		rte_eth_dev_stop(dev->data->port_id);
	return rte_eth_dev_close(dev->data->port_id);
}

static int dma_answer(struct rte_vdev_device *vdev, int err)
{
	if (!err)
		return 0;
	say_now(RTE_LOG_ERR, "%s: %s", rte_vdev_device_name(vdev), said());
	rte_errno = -err;
	return -1;
}

static struct pmd_space *space_of(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (dev)
		return pmd_port(dev)->space;
	say(-ENODEV, "its port is closed");
	return NULL;
}

/* For memory that the application brings itself. Its IOVA is ours to choose. */
static int dma_map(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t len)
{
	struct pmd_space *space = space_of(vdev);
	tce_iova_t any = TCE_IOVA_ANY;
	int err = space ? tce_dma_map(space->space, va, len, NULL, &any) : -ENODEV;

	return dma_answer(vdev, err && space ? say(err, "%s", tce_error()) : err);
}

static int dma_unmap(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t len)
{
	struct pmd_space *space = space_of(vdev);
	tce_iova_t at;
	size_t got;
	int err = -ENODEV;

	if (space && (tce_iova(space->space, va, len, &at, &got) || got < len))
		err = say(-ENOENT, "%zu bytes at %p are not mapped as one piece", len, va);
	else if (space) {
		err = tce_dma_unmap(space->space, at, len);
		err = err ? say(err, "%s", tce_error()) : 0;
		space_forget(space, va, len);
	}
	return dma_answer(vdev, err);
}

static struct rte_vdev_driver driver = {
	.probe = probe,
	.remove = remove_port,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
};

RTE_PMD_REGISTER_VDEV(net_tce_igb, driver);
RTE_PMD_REGISTER_PARAM_STRING(net_tce_igb, "dev=<PCI address> "
					   "mem=<size> "
					   "page=<size>");

/* A bus without devices, asked before anything is probed: see drivers/attach/bus.c. */
static int scan(void)
{
	if (keep_off_is_wanted())
		keep_off();
	return 0;
}

static int probe_none(void)
{
	return 0;
}

static struct rte_device *find_none(const struct rte_device *start, rte_dev_cmp_t cmp,
				    const void *data)
{
	return NULL;
}

static enum rte_iova_mode any_mode(void)
{
	return RTE_IOVA_DC;
}

static struct rte_bus bus = {
	.scan = scan,
	.probe = probe_none,
	.find_device = find_none,
	.get_iommu_class = any_mode,
};

RTE_REGISTER_BUS(libtce_igb, bus);
