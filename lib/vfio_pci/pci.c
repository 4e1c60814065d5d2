/* SPDX-License-Identifier: BSD-3-Clause */
/* A function's beginning and end, what it is, its reset. */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define K tce_process.kernel

int tce_pci_refused(const struct tce_pci *pci, const char *call, int ret)
{
	return tce_fail(-EIO, "device %s: %s failed: %s", pci->name, call, tce_errno_text(ret));
}

/*
 * Does it read all ones, or does the bus know that nothing is there? VFIO makes up the identifiers,
 * also of what is gone (vfio_pci_config.c of the kernel), and not the class.
 */
static bool is_gone(const struct tce_pci *pci)
{
	uint32_t class = 0;
	int ret = K->device_read(pci->fd, pci->config.offset + PCI_CLASS_REVISION, &class,
				 sizeof(class));

	return ret == -ENODEV || (ret == (int)sizeof(class) && class == UINT32_MAX);
}

static int read_ids(struct tce_pci *pci)
{
	uint32_t ids = 0, sub = 0, class = 0;
	int ret = tce_pci_config_read(pci, PCI_VENDOR_ID, 4, &ids);

	if (!ret)
		ret = tce_pci_config_read(pci, PCI_CLASS_REVISION, 4, &class);
	if (!ret)
		ret = tce_pci_config_read(pci, PCI_SUBSYSTEM_VENDOR_ID, 4, &sub);
	if (ret)
		return ret;
	if (class == UINT32_MAX)
		return tce_fail(-EIO, "device %s is gone: its configuration space reads all ones",
				pci->name);
	pci->info = (struct tce_pci_info){
		.vendor = (uint16_t)ids,
		.device = (uint16_t)(ids >> 16),
		.subvendor = (uint16_t)sub,
		.subdevice = (uint16_t)(sub >> 16),
		.class_code = class >> 8,
		.revision = (uint8_t) class,
		.resets = K->device_resets(pci->fd) > 0,
		.node = -1,
	};
	(void)K->device_node(pci->name, &pci->info.node);
	return 0;
}

static int open_pci(struct tce_pci *pci)
{
	int ret = K->device_region(pci->fd, KERNEL_PCI_CONFIG, &pci->config);

	if (ret)
		return tce_pci_refused(pci, "VFIO_DEVICE_GET_REGION_INFO of configuration space",
				       ret);
	for (unsigned i = 0; i < KERNEL_PCI_BARS; i++) {
		ret = K->device_region(pci->fd, i, &pci->bar[i].region);
		if (ret)
			return tce_pci_refused(pci, "VFIO_DEVICE_GET_REGION_INFO of a BAR", ret);
	}
	ret = read_ids(pci);
	/* An access to a BAR while this is off is a SIGBUS. */
	return ret ? ret : tce_pci_command(pci, PCI_COMMAND_MASTER, PCI_COMMAND_MEMORY);
}

int tce_pci_open(struct tce_space *space, const char *device, struct tce_pci **pci)
{
	struct tce_pci *made;
	int fd, ret = tce_space_device(space, device, &fd);

	if (ret)
		return ret;
	ret = tce_enter();
	if (ret)
		return ret;
	made = calloc(1, sizeof(*made));
	if (!made)
		return tce_leave(tce_fail(-ENOMEM, "no memory to describe device %s", device));
	snprintf(made->name, sizeof(made->name), "%s", device);
	made->fd = fd;
	ret = open_pci(made);
	if (ret)
		free(made);
	else
		*pci = made;
	return tce_leave(ret);
}

int tce_pci_close(struct tce_pci *pci)
{
	int ret = tce_enter();

	if (ret)
		return ret;
	ret = tce_pci_command(pci, PCI_COMMAND_MASTER, 0);
	/* What is gone reaches nothing any more. */
	if (ret && is_gone(pci))
		ret = 0;
	tce_pci_irqs_end(pci);
	tce_pci_bars_end(pci);
	free(pci);
	return tce_leave(ret);
}

void tce_pci_info(const struct tce_pci *pci, struct tce_pci_info *info)
{
	*info = pci->info;
}

static int reset(struct tce_pci *pci)
{
	int ret;

	if (!pci->info.resets)
		return tce_fail(-ENOTSUP,
				"device %s has no reset of its own that this platform knows: "
				"clear bus mastering instead",
				pci->name);
	ret = tce_pci_command(pci, PCI_COMMAND_MASTER, 0);
	if (ret)
		return ret;
	ret = K->device_reset(pci->fd);
	return ret ? tce_pci_refused(pci, "VFIO_DEVICE_RESET", ret) : 0;
}

int tce_pci_reset(struct tce_pci *pci)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(reset(pci));
}
