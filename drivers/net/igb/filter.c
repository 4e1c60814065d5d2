/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device takes in, how, and where to [7.1.1 to 7.1.3]. */
#include "device.h"

#include <errno.h>

/* Four bytes as one register has them. */
static uint32_t word(const uint8_t *byte)
{
	return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

int tce_igb_receiver(struct tce_igb *nic, const struct tce_igb_receiver *how)
{
	uint32_t rctl;
	/* PCSD: the descriptor has the RSS hash where it could have a raw checksum. */
	uint32_t check = IGB_RXCSUM_PCSD;

	if (how && how->frame_max > IGB_FRAME_MAX)
		return igb_fail(-EINVAL, "%s: no frame of %u bytes is possible: the most is %u",
				nic->name, how->frame_max, IGB_FRAME_MAX);
	if (nic->vf)
		return how ? igb_vf_frame_max(nic, how->frame_max) : 0;
	rctl = igb_read(nic, IGB_RCTL) & (IGB_RCTL_UPE | IGB_RCTL_MPE | IGB_RCTL_VFE);
	if (!how) {
		igb_write(nic, IGB_RCTL, rctl);
		return 0;
	}
	check |= how->check_ip ? IGB_RXCSUM_IPOFL : 0;
	check |= how->check_l4 ? IGB_RXCSUM_TUOFL | IGB_RXCSUM_CRCOFL : 0;
	igb_write(nic, IGB_RXCSUM, check);
	tce_igb_vlan_strip(nic, how->strip_vlan);
	/* LPE with RLPML: frames up to exactly that size [8.10.14]. */
	igb_write(nic, IGB_RLPML, how->frame_max);
	rctl |= IGB_RCTL_RXEN | IGB_RCTL_BAM | IGB_RCTL_LPE | nic->small_buffer;
	rctl |= how->keep_crc ? 0 : IGB_RCTL_SECRC;
	igb_write(nic, IGB_RCTL, rctl);
	return 0;
}

void tce_igb_transmitter(struct tce_igb *nic, bool on)
{
	if (nic->vf)
		return;
	/* The collision threshold as the data sheet has it for full duplex [8.12.1]. */
	igb_change(nic, IGB_TCTL, IGB_TCTL_EN | IGB_TCTL_CT_MASK,
		   IGB_TCTL_PSP | IGB_TCTL_CT(15u) | (on ? IGB_TCTL_EN : 0));
}

int tce_igb_accept(struct tce_igb *nic, unsigned what)
{
	if (nic->vf)
		return igb_vf_all_multicast(nic, what & TCE_IGB_ALL_MULTICAST);
	igb_change(nic, IGB_RCTL, IGB_RCTL_UPE | IGB_RCTL_MPE,
		   (what & TCE_IGB_ALL_UNICAST ? IGB_RCTL_UPE : 0) |
			   (what & TCE_IGB_ALL_MULTICAST ? IGB_RCTL_MPE : 0));
	return 0;
}

int tce_igb_mac_filter(struct tce_igb *nic, unsigned number, const uint8_t mac[6])
{
	unsigned filters = nic->vf ? 1 : IGB_MAC_FILTERS;

	if (number >= filters)
		return igb_fail(-EINVAL, "%s: no address filter %u, there are %u", nic->name,
				number, filters);
	if (nic->vf)
		return mac ? igb_vf_mac(nic, mac)
			   : igb_fail(-EINVAL, "%s: a virtual function has an address", nic->name);
	igb_write(nic, IGB_RAH(number), 0);
	if (!mac)
		return 0;
	igb_write(nic, IGB_RAL(number), word(mac));
	igb_write(nic, IGB_RAH(number), mac[4] | (uint32_t)mac[5] << 8 | IGB_RAH_VALID);
	return 0;
}

int tce_igb_multicast(struct tce_igb *nic, const uint8_t (*mac)[6], size_t n)
{
	uint32_t table[IGB_MTA_WORDS] = {0};
	uint16_t hashes[IGB_VF_HASHES];

	for (size_t i = 0; i < n; i++) {
		/* RCTL.MO is 0: bits 47 to 36 of the address [8.10.16]. */
		unsigned hash = mac[i][4] >> 4 | (unsigned)mac[i][5] << 4;

		table[hash >> 5] |= 1u << (hash & 31);
		if (i < IGB_VF_HASHES)
			hashes[i] = (uint16_t)hash;
	}
	if (nic->vf)
		return igb_vf_multicast(nic, hashes, n);
	for (unsigned i = 0; i < IGB_MTA_WORDS; i++)
		igb_write(nic, IGB_MTA(i), table[i]);
	return 0;
}

void tce_igb_vlan_filter(struct tce_igb *nic, bool on)
{
	if (!nic->vf)
		igb_change(nic, IGB_RCTL, IGB_RCTL_VFE, on ? IGB_RCTL_VFE : 0);
}

int tce_igb_vlan(struct tce_igb *nic, unsigned id, bool passes)
{
	uint32_t *at = &nic->vfta[id >> 5 & (IGB_VFTA_WORDS - 1)];

	if (id > 4095)
		return igb_fail(-EINVAL, "%s: no VLAN %u, the last is 4095", nic->name, id);
	if (nic->vf)
		return igb_vf_vlan(nic, id, passes);
	*at &= ~(1u << (id & 31));
	*at |= passes ? 1u << (id & 31) : 0;
	igb_write(nic, IGB_VFTA(id >> 5), *at);
	return 0;
}

void tce_igb_vlan_strip(struct tce_igb *nic, bool on)
{
	if (!nic->vf)
		igb_change(nic, IGB_CTRL, IGB_CTRL_VME, on ? IGB_CTRL_VME : 0);
}

void tce_igb_rss(struct tce_igb *nic, unsigned sorts, const uint8_t *key)
{
	if (nic->vf)
		return;
	for (unsigned i = 0; key && i < TCE_IGB_RSS_KEY / 4; i++)
		igb_write(nic, IGB_RSSRK(i), word(key + 4 * i));
	/* The flags are MRQC's own, from bit 16 on [8.10.20]. */
	igb_write(nic, IGB_MRQC, sorts ? IGB_MRQC_RSS | sorts << 16 : 0);
}

void tce_igb_reta(struct tce_igb *nic, const uint8_t *queue)
{
	for (unsigned i = 0; !nic->vf && i < TCE_IGB_RETA / 4; i++)
		igb_write(nic, IGB_RETA(i), word(queue + 4 * i));
}
