/* SPDX-License-Identifier: BSD-3-Clause */
/* The link: the device's PHY, and what it has come to with its partner [3.5.6, 4.6.12, 8.2.4]. */
#include "device.h"

#include <errno.h>

#define PATIENCE_MS 1000

static void unlock(struct tce_igb *nic)
{
	igb_change(nic, IGB_SWSM, IGB_SWSM_SMBI | IGB_SWSM_SWESMBI, 0);
}

/* The semaphore that whoever asks for the PHY, or gives it back, has while he does. */
static int lock(struct tce_igb *nic)
{
	int err = igb_wait(nic, IGB_SWSM, IGB_SWSM_SMBI, 0);

	if (err)
		return err;
	igb_change(nic, IGB_SWSM, 0, IGB_SWSM_SWESMBI);
	err = igb_wait(nic, IGB_SWSM, IGB_SWSM_SWESMBI, IGB_SWSM_SWESMBI);
	if (err)
		unlock(nic);
	return err;
}

/*
 * Take what firmware, and the other function, may be using at this moment: they give it back under
 * the semaphore, which is theirs to have between two looks [4.6.12].
 */
static int take(struct tce_igb *nic, uint32_t bits)
{
	for (unsigned ms = 0; ms <= PATIENCE_MS; ms += 5) {
		int err = lock(nic);
		bool is_free =
			!err && !(igb_read(nic, IGB_SW_FW_SYNC) & (bits | IGB_SYNC_FIRMWARE(bits)));

		if (err)
			return err;
		if (is_free)
			igb_change(nic, IGB_SW_FW_SYNC, 0, bits);
		unlock(nic);
		if (is_free)
			return 0;
		igb_sleep_ms(5);
	}
	return -EIO;
}

static void give(struct tce_igb *nic, uint32_t bits)
{
	bool locked = !lock(nic);

	igb_change(nic, IGB_SW_FW_SYNC, bits, 0);
	if (locked)
		unlock(nic);
}

static int access_phy(struct tce_igb *nic, uint32_t command, uint16_t *value)
{
	int err;

	igb_write(nic, IGB_MDIC, command | IGB_MDIC_PHY | *value);
	err = igb_wait(nic, IGB_MDIC, IGB_MDIC_READY, IGB_MDIC_READY);
	if (err || igb_read(nic, IGB_MDIC) & IGB_MDIC_ERROR)
		return -EIO;
	*value = (uint16_t)igb_read(nic, IGB_MDIC);
	return 0;
}

static void change_phy(struct tce_igb *nic, uint32_t reg, uint16_t clear, uint16_t set)
{
	uint16_t value = 0;

	if (access_phy(nic, IGB_MDIC_READ | IGB_MDIC_REG(reg), &value))
		return;
	value = (uint16_t)((value & ~clear) | set);
	access_phy(nic, IGB_MDIC_WRITE | IGB_MDIC_REG(reg), &value);
}

/* What the PHY offers, and how it announces flow control and the rest as before. */
static void offer(struct tce_igb *nic)
{
	static const struct {
		unsigned speed;
		uint16_t bit;
	} slow[] = {{TCE_IGB_10_HALF, IGB_PHY_OFFER_10_HALF},
		    {TCE_IGB_10, IGB_PHY_OFFER_10},
		    {TCE_IGB_100_HALF, IGB_PHY_OFFER_100_HALF},
		    {TCE_IGB_100, IGB_PHY_OFFER_100}};
	uint16_t all = 0, offered = 0;

	for (unsigned i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		all |= slow[i].bit;
		offered |= nic->speeds & slow[i].speed ? slow[i].bit : 0;
	}
	change_phy(nic, IGB_PHY_OFFER, all, offered);
	change_phy(nic, IGB_PHY_GIGABIT, IGB_PHY_GIGABIT_HALF | IGB_PHY_GIGABIT_FULL,
		   nic->speeds & TCE_IGB_1000 ? IGB_PHY_GIGABIT_FULL : 0);
}

/* Up: let the PHY find a partner. Speed and duplex are what they agree on [3.5.6.2]. */
void tce_igb_link_set(struct tce_igb *nic, bool up)
{
	uint32_t bits;

	if (nic->vf)
		return;
	igb_change(nic, IGB_CTRL, IGB_CTRL_FRCSPD | IGB_CTRL_FRCDPX | IGB_CTRL_SLU,
		   up ? IGB_CTRL_SLU : 0);
	bits = IGB_SYNC_PHY(IGB_STATUS_LAN(igb_read(nic, IGB_STATUS)));
	if (take(nic, bits))
		return;
	if (up) {
		offer(nic);
		change_phy(nic, IGB_PHY_CONTROL, IGB_PHY_POWER_DOWN,
			   IGB_PHY_AUTO_ENABLE | IGB_PHY_AUTO_RESTART);
	} else {
		change_phy(nic, IGB_PHY_CONTROL, 0, IGB_PHY_POWER_DOWN);
	}
	give(nic, bits);
}

int tce_igb_link_speeds(struct tce_igb *nic, unsigned speeds)
{
	if (!speeds || speeds & ~(unsigned)TCE_IGB_SPEEDS)
		return igb_fail(-EINVAL, "%s: of the speeds 0x%x there must be one, and no other",
				nic->name, TCE_IGB_SPEEDS);
	if (nic->vf && speeds != TCE_IGB_SPEEDS)
		return igb_fail(-ENOTSUP,
				"%s: the link's speed is for the physical function to say",
				nic->name);
	nic->speeds = speeds;
	return 0;
}

void tce_igb_link(struct tce_igb *nic, struct tce_igb_link *link)
{
	static const unsigned speeds[4] = {10, 100, 1000, 1000};
	uint32_t status = igb_read(nic, IGB_STATUS);

	*link = (struct tce_igb_link){0};
	if (status == UINT32_MAX || !(status & IGB_STATUS_LU) || (nic->vf && igb_vf_is_lost(nic)))
		return;
	link->up = true;
	link->full_duplex = status & IGB_STATUS_FD;
	link->speed = speeds[IGB_STATUS_SPEED(status)];
}

int tce_igb_link_wait(struct tce_igb *nic, unsigned ms)
{
	struct tce_igb_link link;

	for (unsigned waited = 0;; waited++) {
		tce_igb_link(nic, &link);
		if (link.up)
			return 0;
		if (waited == ms)
			return igb_fail(-ETIMEDOUT, "%s: no link within %u ms", nic->name, ms);
		igb_sleep_ms(1);
	}
}
