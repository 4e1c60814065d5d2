/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's counters [8.19]. Each clears itself when it is read. */
#include "device.h"

#include <stddef.h>

#define CRC_LEN 4

/* A pair of registers, and the counter of packets whose CRCs its bytes include. */
#define PAIR(at, packets) (at), true, (packets)
#define WORD(at)	  (at), false, 0

static const struct counter {
	const char *name;
	uint16_t at;
	bool pair;
	uint16_t packets;
} counters[] = {
	{"rx_good_frames", WORD(0x74)},
	{"tx_good_frames", WORD(0x80)},
	{"rx_good_octets", PAIR(0x88, 0x74)},
	{"tx_good_octets", PAIR(0x90, 0x80)},
	{"rx_missed_packets", WORD(0x10)},
	{"rx_crc_errors", WORD(0x00)},
	{"rx_align_errors", WORD(0x04)},
	{"rx_symbol_errors", WORD(0x08)},
	{"rx_errors_frames", WORD(0x0c)},
	{"rx_length_errors", WORD(0x40)},
	{"rx_undersize_errors", WORD(0xa4)},
	{"rx_fragment_errors", WORD(0xa8)},
	{"rx_oversize_errors", WORD(0xac)},
	{"rx_jabber_errors", WORD(0xb0)},
	{"rx_no_buffer_packets", WORD(0xa0)},
	{"tx_single_collision_packets", WORD(0x14)},
	{"tx_excessive_collision_packets", WORD(0x18)},
	{"tx_multiple_collision_packets", WORD(0x1c)},
	{"tx_late_collisions", WORD(0x20)},
	{"tx_total_collisions", WORD(0x28)},
	{"tx_deferred_packets", WORD(0x30)},
	{"tx_no_carrier_sense_packets", WORD(0x34)},
	{"tx_discarded_by_host_packets", WORD(0x3c)},
	{"rx_xon_packets", WORD(0x48)},
	{"tx_xon_packets", WORD(0x4c)},
	{"rx_xoff_packets", WORD(0x50)},
	{"tx_xoff_packets", WORD(0x54)},
	{"rx_flow_control_unsupported_packets", WORD(0x58)},
	{"rx_size_64_packets", WORD(0x5c)},
	{"rx_size_65_to_127_packets", WORD(0x60)},
	{"rx_size_128_to_255_packets", WORD(0x64)},
	{"rx_size_256_to_511_packets", WORD(0x68)},
	{"rx_size_512_to_1023_packets", WORD(0x6c)},
	{"rx_size_1024_to_max_packets", WORD(0x70)},
	{"rx_broadcast_packets", WORD(0x78)},
	{"rx_multicast_packets", WORD(0x7c)},
	{"rx_management_packets", WORD(0xb4)},
	{"rx_management_dropped", WORD(0xb8)},
	{"tx_management_packets", WORD(0xbc)},
	{"rx_total_packets", WORD(0xd0)},
	{"tx_total_packets", WORD(0xd4)},
	{"rx_total_bytes", PAIR(0xc0, 0xd0)},
	{"tx_total_bytes", PAIR(0xc8, 0xd4)},
	{"tx_size_64_packets", WORD(0xd8)},
	{"tx_size_65_to_127_packets", WORD(0xdc)},
	{"tx_size_128_to_255_packets", WORD(0xe0)},
	{"tx_size_256_to_511_packets", WORD(0xe4)},
	{"tx_size_512_to_1023_packets", WORD(0xe8)},
	{"tx_size_1024_to_max_packets", WORD(0xec)},
	{"tx_multicast_packets", WORD(0xf0)},
	{"tx_broadcast_packets", WORD(0xf4)},
	{"tx_tso_packets", WORD(0xf8)},
	{"interrupt_assert_count", WORD(0x100)},
	{"rx_sent_to_host_packets", WORD(0x104)},
	{"tx_sent_by_host_packets", WORD(0x118)},
};

#define N (sizeof(counters) / sizeof(counters[0]))
static_assert(N <= TCE_IGB_STATS, "room for all counters");

const char *tce_igb_stat_name(unsigned number)
{
	return number < N ? counters[number].name : NULL;
}

void tce_igb_stats(struct tce_igb *nic, uint64_t *stat)
{
	uint32_t packets[0x140 / 4] = {0};

	if (nic->vf)
		igb_vf_stats(nic);
	for (unsigned i = 0; i < N && !nic->vf; i++) {
		const struct counter *c = &counters[i];
		uint64_t value = igb_read(nic, IGB_STATS + c->at);

		/* All ones is what a device that is gone reads as. */
		if (value == UINT32_MAX)
			break;
		packets[c->at / 4] = (uint32_t)value;
		if (c->pair) {
			value |= (uint64_t)igb_read(nic, IGB_STATS + c->at + 4) << 32;
			value -= (uint64_t)CRC_LEN * packets[c->packets / 4];
		}
		nic->stat[i] += value;
	}
	for (unsigned i = 0; i < TCE_IGB_STATS; i++)
		stat[i] = i < N ? nic->stat[i] : 0;
}
