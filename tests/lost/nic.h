/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least of an Intel 82576 that receives and sends: one queue each way.
 * Sections are those of its data sheet (82576EB, revision 2.63).
 */
#ifndef LOST_NIC_H
#define LOST_NIC_H

#include <stdint.h>

enum { NIC_RING = 64, NIC_BUFFER = 2048 };

/* 7.1.5.1: an advanced receive descriptor, as the driver writes it and as the device does. */
union nic_rx {
	struct {
		uint64_t address, header;
	} driver;
	struct {
		uint64_t hash;
		uint32_t status;
		uint16_t length, vlan;
	} device;
};

/* 7.2.2.3: an advanced transmit descriptor of data. */
struct nic_tx {
	uint64_t address;
	uint32_t command; /* and the length, in the low 16 bits */
	uint32_t status;  /* and the length, from bit 14 on */
};

enum {
	NIC_DONE = 1,
	/* Of one descriptor, checksum by the device, report when done; data, advanced. */
	NIC_TX_FRAME = 1 << 24 | 1 << 25 | 1 << 27 | 1 << 29 | 3 << 20,
};

/* Put it at rest, whatever a program before has left it at. */
void nic_reset(volatile uint8_t *bar);

/* Set the rings up, and let it run; every receive descriptor must be filled. */
void nic_start(volatile uint8_t *bar, uint64_t rx, uint64_t tx);

/* The device may use descriptors up to this one, exclusive: after all that was stored before. */
void nic_rx_tail(volatile uint8_t *bar, unsigned at);
void nic_tx_tail(volatile uint8_t *bar, unsigned at);

#endif
