/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <unistd.h>
#include <tce/io.h>

#include "nic.h"

static_assert(sizeof(union nic_rx) == 16, "7.1.5.1: a receive descriptor has 16 bytes");
static_assert(sizeof(struct nic_tx) == 16, "7.2.2.3: a transmit descriptor has 16 bytes");

enum {
	CTRL = 0x00000, /* 8.2.1 */
	CTRL_SLU = 1 << 6,
	CTRL_RST = 1 << 26,
	STATUS = 0x00008, /* 8.2.2 */
	STATUS_LU = 1 << 1,
	MDIC = 0x00020, /* 8.2.4 */
	MDIC_READY = 1 << 28,
	/* Write to register 0 of PHY 1: negotiate, begin now (8.25.1). */
	MDIC_NEGOTIATE = 1 << 26 | 1 << 21 | 1 << 12 | 1 << 9,
	IMC = 0x0150c,	/* 8.8.11 */
	RCTL = 0x00100, /* 8.10.1 */
	/* Receive, all addresses, broadcast; no CRC in the memory. */
	RCTL_ON = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 15 | 1 << 26,
	TCTL = 0x00400,		   /* 8.12.1 */
	TCTL_ON = 1 << 1 | 1 << 3, /* send, pad short packets */
	RDBAL = 0x0c000,	   /* 8.10.5 on: a queue's registers, receiving */
	TDBAL = 0x0e000,	   /* 8.12.8 on: the same, sending */
	/* From either: */
	BASE_HIGH = 0x04,
	LENGTH = 0x08,
	SRRCTL = 0x0c,		 /* 8.10.2 */
	SRRCTL_2K = 2 | 1 << 25, /* buffers of 2 KiB, advanced descriptors */
	HEAD = 0x10,
	TAIL = 0x18,
	CONTROL = 0x28, /* RXDCTL 8.10.9, TXDCTL 8.12.14 */
	CONTROL_ON = 1 << 25,
};

static void queue(volatile uint8_t *at, uint64_t ring)
{
	tce_io_write32(at, (uint32_t)ring);
	tce_io_write32(at + BASE_HIGH, (uint32_t)(ring >> 32));
	tce_io_write32(at + LENGTH, NIC_RING * sizeof(struct nic_tx));
	tce_io_write32(at + HEAD, 0);
	tce_io_write32(at + TAIL, 0);
	tce_io_write32(at + CONTROL, CONTROL_ON);
	while (!(tce_io_read32(at + CONTROL) & CONTROL_ON))
		usleep(100);
}

static void link_up(volatile uint8_t *bar)
{
	tce_io_write32(bar + CTRL, tce_io_read32(bar + CTRL) | CTRL_SLU);
	tce_io_write32(bar + MDIC, MDIC_NEGOTIATE);
	while (!(tce_io_read32(bar + MDIC) & MDIC_READY))
		usleep(100);
	while (!(tce_io_read32(bar + STATUS) & STATUS_LU))
		usleep(1000);
}

void nic_reset(volatile uint8_t *bar)
{
	/* 4.6.3: interrupts off, reset, again off. */
	tce_io_write32(bar + IMC, UINT32_MAX);
	tce_io_write32(bar + CTRL, tce_io_read32(bar + CTRL) | CTRL_RST);
	usleep(1000);
	while (tce_io_read32(bar + CTRL) & CTRL_RST)
		usleep(100);
	tce_io_write32(bar + IMC, UINT32_MAX);
}

void nic_start(volatile uint8_t *bar, uint64_t rx, uint64_t tx)
{
	link_up(bar);
	tce_io_write32(bar + RDBAL + SRRCTL, SRRCTL_2K);
	queue(bar + RDBAL, rx);
	queue(bar + TDBAL, tx);
	tce_io_write32(bar + TCTL, TCTL_ON);
	tce_io_write32(bar + RCTL, RCTL_ON);
	nic_rx_tail(bar, NIC_RING - 1);
}

void nic_rx_tail(volatile uint8_t *bar, unsigned at)
{
	tce_io_write32(bar + RDBAL + TAIL, at);
}

void nic_tx_tail(volatile uint8_t *bar, unsigned at)
{
	tce_io_write32(bar + TDBAL + TAIL, at);
}
