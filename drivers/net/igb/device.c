/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, resetting and closing the device [4.2, 4.5]. */
#include "device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tce/error.h>

/* How long a device with an NVM takes to read it, and some [4.2.1.6]. */
#define NVM_MS 20

static _Thread_local char sentence[1024];

int igb_fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return err;
}

const char *tce_igb_error(void)
{
	return sentence;
}

void igb_sleep_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

static bool is_gone(struct tce_igb *nic)
{
	return igb_read(nic, IGB_STATUS) == UINT32_MAX;
}

static int wait_ms(struct tce_igb *nic, uint32_t reg, uint32_t mask, uint32_t value, unsigned most)
{
	/* At once, as a rule: so look once before sleeping. */
	for (unsigned ms = 0; ms <= most; ms++) {
		uint32_t now = igb_read(nic, reg);

		if ((now & mask) == value)
			return 0;
		/* A device that is gone has ones everywhere, for good. */
		if (now == UINT32_MAX && is_gone(nic))
			break;
		igb_sleep_ms(1);
	}
	return -EIO;
}

int igb_wait(struct tce_igb *nic, uint32_t reg, uint32_t mask, uint32_t value)
{
	return wait_ms(nic, reg, mask, value, 1000);
}

/* [5.2.3.2, "Master Disable"]. A virtual function has no such bit, and one queue pair [4.2.2]. */
void igb_stop_dma(struct tce_igb *nic)
{
	if (nic->vf) {
		/* Its reset turns them off, too, but does not say when. */
		igb_ring_off(nic, IGB_RX, 0);
		igb_ring_off(nic, IGB_TX, 0);
		igb_write(nic, IGB_CTRL, IGB_CTRL_RST);
		return;
	}
	igb_write(nic, IGB_RCTL, 0);
	igb_write(nic, IGB_TCTL, IGB_TCTL_PSP);
	igb_change(nic, IGB_CTRL, 0, IGB_CTRL_MASTER_DISABLE);
	igb_wait(nic, IGB_STATUS, IGB_STATUS_MASTER, 0);
}

static void mask_interrupts(struct tce_igb *nic)
{
	if (!nic->vf) {
		igb_write(nic, IGB_IMC, UINT32_MAX);
		igb_read(nic, IGB_ICR);
	}
	igb_write(nic, IGB_EIMC, UINT32_MAX);
	igb_read(nic, IGB_EICR);
}

static void read_mac(struct tce_igb *nic)
{
	uint32_t low = igb_read(nic, IGB_RAL(0)), high = igb_read(nic, IGB_RAH(0));

	for (unsigned i = 0; i < 6; i++)
		nic->mac[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
}

/*
 * The reset leaves the PCI configuration alone. It takes the addresses from the NVM again
 * [4.2.1.6], so that the first filter has the NIC's own. Tables that a reset does not clear are
 * cleared here.
 */
int tce_igb_reset(struct tce_igb *nic)
{
	if (is_gone(nic))
		return igb_fail(-EIO, "%s: the device does not answer", nic->name);
	mask_interrupts(nic);
	if (nic->vf) {
		igb_queues_end(nic);
		return igb_vf_reset(nic);
	}
	igb_stop_dma(nic);
	igb_change(nic, IGB_CTRL, 0, IGB_CTRL_RST);
	/* No access for 1 ms, and NVM read within some ms [4.2.1.6, 4.5.3]. */
	igb_sleep_ms(5);
	if (igb_wait(nic, IGB_CTRL, IGB_CTRL_RST, 0))
		return igb_fail(-EIO, "%s: the device does not come out of its reset (CTRL 0x%x)",
				nic->name, igb_read(nic, IGB_CTRL));
	igb_queues_end(nic);
	/* Its addresses and the PHY's settings are from the NVM. One without never says so. */
	wait_ms(nic, IGB_EEC, IGB_EEC_AUTO_READ, IGB_EEC_AUTO_READ, NVM_MS);
	mask_interrupts(nic);
	memset(nic->vfta, 0, sizeof(nic->vfta));
	nic->small_buffer = 0;
	for (unsigned i = 0; i < IGB_MTA_WORDS; i++)
		igb_write(nic, IGB_MTA(i), 0);
	for (unsigned i = 0; i < IGB_VFTA_WORDS; i++)
		igb_write(nic, IGB_VFTA(i), 0);
	for (unsigned i = 1; i < IGB_MAC_FILTERS; i++)
		igb_write(nic, IGB_RAH(i), 0);
	/* Queue 0 is on after a reset, with a ring at 0 [8.10.10, 8.12.14]. */
	igb_write(nic, IGB_RXDCTL(0), 0);
	igb_write(nic, IGB_TXDCTL(0), 0);
	read_mac(nic);
	igb_change(nic, IGB_CTRL_EXT, 0, IGB_CTRL_EXT_DRV_LOAD);
	tce_igb_link_set(nic, true);
	return 0;
}

static bool is_82576(const struct tce_pci_info *info)
{
	static const uint16_t known[] = {IGB_DEVICE_COPPER,   IGB_DEVICE_FIBER, IGB_DEVICE_SERDES,
					 IGB_DEVICE_QUAD,     IGB_DEVICE_NS,	IGB_DEVICE_QUAD_ET2,
					 IGB_DEVICE_NS_SERDES};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (info->vendor == IGB_VENDOR && info->device == known[i])
			return true;
	return false;
}

static int map_registers(struct tce_igb *nic)
{
	struct tce_pci_info info;
	struct tce_bar bar;
	int err;

	tce_pci_info(nic->pci, &info);
	nic->vf = info.vendor == IGB_VENDOR && info.device == IGB_DEVICE_VF;
	if (!nic->vf && !is_82576(&info))
		return igb_fail(-ENODEV, "%s is %04x:%04x, no Intel 82576 (8086:10c9)", nic->name,
				info.vendor, info.device);
	err = tce_pci_bar(nic->pci, 0, nic->vf ? IGB_VF_BAR_SIZE : IGB_BAR_SIZE, &bar);
	if (err)
		return igb_fail(err, "%s", tce_error());
	nic->bar = bar.va;
	return 0;
}

static int start(struct tce_igb *nic)
{
	int err = tce_igb_reset(nic);

	if (err)
		return err;
	err = tce_pci_bus_master(nic->pci, true);
	return err ? igb_fail(err, "%s", tce_error()) : 0;
}

int tce_igb_open(struct tce_space *space, const char *device, struct tce_igb **nic)
{
	struct tce_igb *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return igb_fail(-ENOMEM, "no memory to note %s", device);
	snprintf(made->name, sizeof(made->name), "%s", device);
	err = tce_pci_open(space, device, &made->pci);
	if (err) {
		igb_fail(err, "%s", tce_error());
		free(made);
		return err;
	}
	made->speeds = TCE_IGB_SPEEDS;
	err = map_registers(made);
	if (!err)
		err = start(made);
	if (err) {
		tce_pci_close(made->pci);
		free(made);
		return err;
	}
	*nic = made;
	return 0;
}

int tce_igb_close(struct tce_igb *nic)
{
	int err;

	if (!is_gone(nic)) {
		mask_interrupts(nic);
		igb_stop_dma(nic);
		if (!nic->vf)
			igb_change(nic, IGB_CTRL_EXT, IGB_CTRL_EXT_DRV_LOAD, 0);
	}
	err = tce_pci_close(nic->pci);
	if (err)
		igb_fail(err, "%s", tce_error());
	igb_queues_end(nic);
	free(nic);
	return err;
}

struct tce_pci *tce_igb_pci(struct tce_igb *nic)
{
	return nic->pci;
}

void tce_igb_mac(const struct tce_igb *nic, uint8_t mac[6])
{
	memcpy(mac, nic->mac, sizeof(nic->mac));
}
