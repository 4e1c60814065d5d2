/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that a process which was killed left with their rings on, and that VFIO's reset does not
 * reset. EAL sets bus mastering before DPDK's driver resets a device, so whatever such a device has
 * to do by then it does in the rings of the dead process, whose addresses lead to memory of this
 * one. It is reset by its own register, before EAL gets it.
 */
#include "attach.h"

#include <time.h>

#include <tce/io.h>
#include <tce/pci.h>

/* A bit of a register that resets the device and reads 1 until that is done. */
static const struct own_reset {
	uint16_t vendor, device;
	unsigned bar;
	size_t at;
	uint32_t bit;
} own_resets[] = {
	/*
	 * 82574L: it has no function level reset, only that of coming back from D3hot, which QEMU's
	 * model (seen with 10.0) takes for a change of the number of its power state and no more.
	 * CTRL.RST, data sheet 10.2.2.1.
	 */
	{0x8086, 0x10d3, 0, 0x0000, 1u << 26},
};

static const struct own_reset *find(const struct tce_pci_info *info)
{
	for (size_t i = 0; i < sizeof(own_resets) / sizeof(own_resets[0]); i++)
		if (own_resets[i].vendor == info->vendor && own_resets[i].device == info->device)
			return &own_resets[i];
	return NULL;
}

/* 0 when the bit has cleared itself; after a reset a register may need a moment to be there. */
static int reset(volatile char *at, uint32_t bit)
{
	static const struct timespec moment = {.tv_nsec = 1000000};

	tce_io_write32(at, tce_io_read32(at) | bit);
	for (int left = 100; left; left--) {
		nanosleep(&moment, NULL);
		if (!(tce_io_read32(at) & bit))
			return 0;
	}
	return -1;
}

int quiet(struct tce_space *space, const char *device)
{
	const struct own_reset *own;
	struct tce_pci_info info;
	struct tce_bar bar;
	struct tce_pci *pci;
	int err = tce_pci_open(space, device, &pci);

	if (err)
		return say(err, "%s", tce_error());
	tce_pci_info(pci, &info);
	own = find(&info);
	if (own) {
		err = tce_pci_bar(pci, own->bar, own->at + 4, &bar);
		if (err)
			say(err, "%s", tce_error());
		else if (reset((volatile char *)bar.va + own->at, own->bit))
			err = say(-EIO, "%s: it does not come out of the reset by its own register",
				  device);
	}
	/* Bus mastering has been off all the while. */
	if (tce_pci_close(pci) && !err)
		err = say(-EIO, "%s", tce_error());
	return err;
}
