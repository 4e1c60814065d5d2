/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers and descriptors of the Intel 82576. Numbers in brackets are chapters and sections of
 * the "Intel 82576EB Gigabit Ethernet Controller Datasheet", revision 2.x.
 */
#ifndef IGB_REGS_H
#define IGB_REGS_H

#include <assert.h>
#include <stdint.h>

/* Bytes of BAR 0 [chapter 8], of a virtual function's [9.7]. */
#define IGB_BAR_SIZE	0x20000
#define IGB_VF_BAR_SIZE 0x4000

/* Vendor and device, copper and the other media [6.1, 9.4]. */
#define IGB_VENDOR	     0x8086
#define IGB_DEVICE_COPPER    0x10c9
#define IGB_DEVICE_FIBER     0x10e6
#define IGB_DEVICE_SERDES    0x10e7
#define IGB_DEVICE_QUAD	     0x10e8
#define IGB_DEVICE_NS	     0x150a
#define IGB_DEVICE_QUAD_ET2  0x1526
#define IGB_DEVICE_NS_SERDES 0x1518
#define IGB_DEVICE_VF	     0x10ca /* virtual function, of any of these */

/* General control [8.2]. */
#define IGB_CTRL		0x00000 /* 8.2.1 */
#define IGB_CTRL_FD		(1u << 0)
#define IGB_CTRL_MASTER_DISABLE (1u << 2)
#define IGB_CTRL_SLU		(1u << 6)
#define IGB_CTRL_FRCSPD		(1u << 11)
#define IGB_CTRL_FRCDPX		(1u << 12)
#define IGB_CTRL_RST		(1u << 26)
#define IGB_CTRL_VME		(1u << 30)
#define IGB_STATUS		0x00008 /* 8.2.2 */
#define IGB_STATUS_FD		(1u << 0)
#define IGB_STATUS_LU		(1u << 1)
#define IGB_STATUS_SPEED(s)	((s) >> 6 & 3) /* 0: 10, 1: 100, 2 and 3: 1000 Mb/s */
#define IGB_STATUS_MASTER	(1u << 19)
#define IGB_EEC			0x00010 /* 8.4.1 */
#define IGB_EEC_AUTO_READ	(1u << 9)
#define IGB_CTRL_EXT		0x00018 /* 8.2.3 */
#define IGB_CTRL_EXT_PFRSTD	(1u << 14)
#define IGB_CTRL_EXT_DRV_LOAD	(1u << 28)
#define IGB_MDIC		0x00020 /* 8.2.4 */
#define IGB_MDIC_REG(r)		((r) << 16)
#define IGB_MDIC_PHY		(1u << 21) /* the function's own PHY has address 1 */
#define IGB_MDIC_WRITE		(1u << 26)
#define IGB_MDIC_READ		(2u << 26)
#define IGB_MDIC_READY		(1u << 28)
#define IGB_MDIC_ERROR		(1u << 30)
/* Who may use the PHY: this function, the other one, or firmware [4.6.12, 8.16.1, 8.16.3]. */
#define IGB_SWSM		0x05b50
#define IGB_SWSM_SMBI		(1u << 0)
#define IGB_SWSM_SWESMBI	(1u << 1)
#define IGB_SW_FW_SYNC		0x05b5c
#define IGB_SYNC_PHY(lan)	(1u << (1 + (lan)))
#define IGB_SYNC_FIRMWARE(bits) ((bits) << 16)
#define IGB_STATUS_LAN(s)	((s) >> 2 & 1)

/* The PHY's control register [IEEE 802.3, 22.2.4.1]. */
#define IGB_PHY_CONTROL	     0
#define IGB_PHY_AUTO_RESTART 0x0200
#define IGB_PHY_POWER_DOWN   0x0800
#define IGB_PHY_AUTO_ENABLE  0x1000
/* What it offers to its partner [IEEE 802.3, 28.2.4.1.3, 40.5.1.1]. */
#define IGB_PHY_OFFER	       4
#define IGB_PHY_OFFER_10_HALF  0x0020
#define IGB_PHY_OFFER_10       0x0040
#define IGB_PHY_OFFER_100_HALF 0x0080
#define IGB_PHY_OFFER_100      0x0100
#define IGB_PHY_GIGABIT	       9
#define IGB_PHY_GIGABIT_HALF   0x0100
#define IGB_PHY_GIGABIT_FULL   0x0200

/* Interrupts [8.8]. */
#define IGB_EICS       0x01520
#define IGB_EIMS       0x01524
#define IGB_EIMC       0x01528
#define IGB_EIAC       0x0152c
#define IGB_EIAM       0x01530
#define IGB_GPIE       0x01514
#define IGB_GPIE_NSICR (1u << 0)
#define IGB_GPIE_MSIX  (1u << 4)
#define IGB_GPIE_EIAME (1u << 30)
#define IGB_GPIE_PBA   (1u << 31)
#define IGB_EICR       0x01580
/* By their aliases of the 8254x family [8.1.3], which QEMU has alone. */
#define IGB_ICR		  0x000c0
#define IGB_IMS		  0x000d0
#define IGB_IMC		  0x000d8 /* 8.8.10 */
#define IGB_ICR_LSC	  (1u << 2)
#define IGB_EITR(v)	  (0x01680 + 4 * (v))
#define IGB_EITR_USEC(us) ((us) << 2 & 0x7ffc)
#define IGB_IVAR(q)	  (0x01700 + 4 * (q)) /* queues q and q + 8 */
#define IGB_IVAR_RX(v)	  ((v) | 0x80u)
#define IGB_IVAR_MISC	  0x01740
#define IGB_IVAR_OTHER(v) (((v) | 0x80u) << 8)
#define IGB_VECTORS	  25

/* Receive [8.10]. */
#define IGB_RCTL	    0x00100 /* 8.10.1 */
#define IGB_RCTL_RXEN	    (1u << 1)
#define IGB_RCTL_UPE	    (1u << 3)
#define IGB_RCTL_MPE	    (1u << 4)
#define IGB_RCTL_LPE	    (1u << 5)
#define IGB_RCTL_BAM	    (1u << 15)
#define IGB_RCTL_BSIZE_1024 (1u << 16)
#define IGB_RCTL_BSIZE_512  (2u << 16)
#define IGB_RCTL_BSIZE_256  (3u << 16)
#define IGB_RCTL_BSIZE_MASK (3u << 16)
#define IGB_RCTL_VFE	    (1u << 18)
#define IGB_RCTL_SECRC	    (1u << 26)
#define IGB_RX_QUEUE(q)	    (0x0c000 + 0x40 * (q))
/* Of a virtual function [8.14]: the same registers, further apart. */
#define IGB_VF_RX_QUEUE(q)	(0x02800 + 0x100 * (q))
#define IGB_VF_TX_QUEUE(q)	(0x03800 + 0x100 * (q))
#define IGB_RDBAL(q)		(IGB_RX_QUEUE(q) + 0x00)
#define IGB_RDBAH(q)		(IGB_RX_QUEUE(q) + 0x04)
#define IGB_RDLEN(q)		(IGB_RX_QUEUE(q) + 0x08)
#define IGB_SRRCTL(q)		(IGB_RX_QUEUE(q) + 0x0c) /* 8.10.2 */
#define IGB_SRRCTL_BSIZE(b)	((b) >> 10 & 0x7f)
#define IGB_SRRCTL_ONE_BUFFER	(1u << 25)
#define IGB_SRRCTL_DROP		(1u << 31)
#define IGB_RDH(q)		(IGB_RX_QUEUE(q) + 0x10)
#define IGB_RXCTL(q)		(IGB_RX_QUEUE(q) + 0x14)
#define IGB_RXCTL_DESC_WB_RO	(1u << 11)
#define IGB_RDT(q)		(IGB_RX_QUEUE(q) + 0x18)
#define IGB_RXDCTL(q)		(IGB_RX_QUEUE(q) + 0x28)
#define IGB_RQDPC(q)		(IGB_RX_QUEUE(q) + 0x30)
#define IGB_QUEUE_ENABLE	(1u << 25) /* of RXDCTL and TXDCTL */
#define IGB_QUEUE_FLUSH		(1u << 26)
#define IGB_THRESHOLDS(p, h, w) ((p) | (h) << 8 | (w) << 16)
#define IGB_RXCSUM		0x05000
#define IGB_RXCSUM_IPOFL	(1u << 8)
#define IGB_RXCSUM_TUOFL	(1u << 9)
#define IGB_RXCSUM_CRCOFL	(1u << 11)
#define IGB_RXCSUM_PCSD		(1u << 13)
#define IGB_RLPML		0x05004
#define IGB_MTA(i)		(0x05200 + 4 * (i))
#define IGB_MTA_WORDS		128
#define IGB_RAL(i)		((i) < 16 ? 0x05400 + 8 * (i) : 0x054e0 + 8 * ((i)-16))
#define IGB_RAH(i)		(IGB_RAL(i) + 4)
#define IGB_RAH_VALID		(1u << 31)
#define IGB_VFTA(i)		(0x05600 + 4 * (i))
#define IGB_VFTA_WORDS		128
#define IGB_MRQC		0x05818
#define IGB_MRQC_RSS		2u
#define IGB_RETA(i)		(0x05c00 + 4 * (i)) /* 4 entries each */
#define IGB_RSSRK(i)		(0x05c80 + 4 * (i))

/* Transmit [8.12]. */
#define IGB_TCTL	     0x00400
#define IGB_TCTL_EN	     (1u << 1)
#define IGB_TCTL_PSP	     (1u << 3)
#define IGB_TCTL_CT(n)	     ((n) << 4)
#define IGB_TCTL_CT_MASK     (0xffu << 4)
#define IGB_TX_QUEUE(q)	     (0x0e000 + 0x40 * (q))
#define IGB_TDBAL(q)	     (IGB_TX_QUEUE(q) + 0x00)
#define IGB_TDBAH(q)	     (IGB_TX_QUEUE(q) + 0x04)
#define IGB_TDLEN(q)	     (IGB_TX_QUEUE(q) + 0x08)
#define IGB_TDH(q)	     (IGB_TX_QUEUE(q) + 0x10)
#define IGB_TXCTL(q)	     (IGB_TX_QUEUE(q) + 0x14)
#define IGB_TXCTL_DESC_WB_RO (1u << 11)
#define IGB_TDT(q)	     (IGB_TX_QUEUE(q) + 0x18)
#define IGB_TXDCTL(q)	     (IGB_TX_QUEUE(q) + 0x28)

/* Queues of the device; rings in descriptors of 16 bytes, in steps of 8 [7.1.10, 7.2.3]. */
#define IGB_QUEUES     16
#define IGB_RING_STEP  8
#define IGB_RING_MAX   4096
#define IGB_RING_ALIGN 128

/* Largest frame, CRC included [8.10.14]. */
#define IGB_FRAME_MAX 9728

/* Multicast hash: bits 47 to 36 of the address [8.10.16]. */
#define IGB_MAC_FILTERS 24

/*
 * Receive descriptors, advanced [7.1.5]. To the device: two addresses. From it: these two words.
 * The first: RSS type, packet type, header length, RSS hash; the second: status and errors, length,
 * VLAN.
 */
struct igb_rx_desc {
	uint64_t lower; /* out: buffer. back: see below */
	uint64_t upper; /* out: header buffer, 0. back: see below */
};
static_assert(sizeof(struct igb_rx_desc) == 16, "7.1.5");

#define IGB_RX_RSS_TYPE(lower)	((lower)&0xf)
#define IGB_RX_PKT_TYPE(lower)	((lower) >> 4 & 0x7f) /* bits of the types below */
#define IGB_RX_RSS_HASH(lower)	((uint32_t)((lower) >> 32))
#define IGB_RX_LENGTH(upper)	((upper) >> 32 & 0xffff)
#define IGB_RX_VLAN(upper)	((upper) >> 48)
#define IGB_RX_TYPE_IP4		(1u << 0)
#define IGB_RX_TYPE_IP4_OPTIONS (1u << 1)
#define IGB_RX_TYPE_IP6		(1u << 2)
#define IGB_RX_TYPE_IP6_EXT	(1u << 3)
#define IGB_RX_TYPE_TCP		(1u << 4)
#define IGB_RX_TYPE_UDP		(1u << 5)
#define IGB_RX_TYPE_SCTP	(1u << 6)
#define IGB_RX_TYPES		0x80
/* Status and errors: the low half of the second word [7.1.5.2]. */
#define IGB_RX_DD	(1u << 0)
#define IGB_RX_EOP	(1u << 1)
#define IGB_RX_VP	(1u << 3)
#define IGB_RX_UDPCS	(1u << 4)
#define IGB_RX_L4CS	(1u << 5)
#define IGB_RX_IPCS	(1u << 6)
#define IGB_RX_L4_ERROR (1u << 29)
#define IGB_RX_IP_ERROR (1u << 30)
#define IGB_RX_ERROR	(1u << 31)

/*
 * Transmit descriptors, advanced: data [7.2.2.3] and context [7.2.2.2]. Back: done, in the second
 * word.
 */
struct igb_tx_desc {
	uint64_t lower; /* data: buffer. context: lengths and VLAN, then sequence seed */
	uint64_t upper; /* data: length and commands, then PAYLEN and options. context: see below */
};
static_assert(sizeof(struct igb_tx_desc) == 16, "7.2.2");

#define IGB_TX_DATA	   (3ull << 20)
#define IGB_TX_CONTEXT	   (2ull << 20)
#define IGB_TX_EOP	   (1ull << 24)
#define IGB_TX_IFCS	   (1ull << 25)
#define IGB_TX_RS	   (1ull << 27)
#define IGB_TX_DEXT	   (1ull << 29)
#define IGB_TX_VLE	   (1ull << 30)
#define IGB_TX_TSE	   (1ull << 31)
#define IGB_TX_DONE	   (1ull << 32) /* back */
#define IGB_TX_IDX(i)	   ((uint64_t)(i) << 36)
#define IGB_TX_IXSM	   (1ull << 40)
#define IGB_TX_TXSM	   (1ull << 41)
#define IGB_TX_PAYLEN(len) ((uint64_t)(len) << 46)
/* The context's first word. */
#define IGB_TX_IPLEN(len)  ((uint64_t)(len))
#define IGB_TX_MACLEN(len) ((uint64_t)(len) << 9)
#define IGB_TX_VLAN(tci)   ((uint64_t)(tci) << 16)
/* And its second. */
#define IGB_TX_IPV4	  (1ull << 10)
#define IGB_TX_L4_UDP	  (0ull << 11)
#define IGB_TX_L4_TCP	  (1ull << 11)
#define IGB_TX_L4_SCTP	  (2ull << 11)
#define IGB_TX_L4_NONE	  (3ull << 11)
#define IGB_TX_CTX_IDX(i) ((uint64_t)(i) << 36)
#define IGB_TX_L4LEN(len) ((uint64_t)(len) << 40)
#define IGB_TX_MSS(size)  ((uint64_t)(size) << 48)
#define IGB_TX_CONTEXTS	  2 /* for each queue [7.2.2.2.11] */

/*
 * A virtual function's own registers [8.14, 8.27]: its control register has the reset alone, and
 * what concerns all functions is asked of the physical one, by a mailbox [4.6.11].
 */
#define IGB_VF_VECTORS	     3
#define IGB_VF_IVAR	     0x01700 /* queue 0: receive in bits 0 to 7 */
#define IGB_VF_IVAR_MISC     0x01740 /* mailbox */
#define IGB_VF_IVAR_VALID    0x80u
#define IGB_VF_MAILBOX	     0x00c40
#define IGB_VF_MAILBOX_REQ   (1u << 0)
#define IGB_VF_MAILBOX_ACK   (1u << 1)
#define IGB_VF_MAILBOX_VFU   (1u << 2)
#define IGB_VF_MAILBOX_PFSTS (1u << 4) /* these three clear themselves when they are read */
#define IGB_VF_MAILBOX_PFACK (1u << 5)
#define IGB_VF_MAILBOX_RSTI  (1u << 6)
#define IGB_VF_MAILBOX_RSTD  (1u << 7)
#define IGB_VF_MESSAGE(i)    (0x00800 + 4 * (i))
/* Messages, as Intel's drivers of both sorts of function understand each other. */
#define IGB_VF_RESET	     1u
#define IGB_VF_SET_MAC	     2u
#define IGB_VF_SET_MULTICAST 3u
#define IGB_VF_SET_VLAN	     4u
#define IGB_VF_SET_FRAME_MAX 5u
#define IGB_VF_SET_ALL	     6u
#define IGB_VF_ALL_MULTICAST (2u << 16)
#define IGB_VF_COUNT(n)	     ((uint32_t)(n) << 16)
#define IGB_VF_SORT	     0xffffu
#define IGB_VF_NACK	     (1u << 30)
#define IGB_VF_ACK	     (1u << 31)
/* Its counters, which do not clear themselves. */
#define IGB_VF_RX_PACKETS   0x00f10
#define IGB_VF_TX_PACKETS   0x00f14
#define IGB_VF_RX_BYTES	    0x00f18
#define IGB_VF_TX_BYTES	    0x00f34
#define IGB_VF_RX_MULTICAST 0x00f3c
#define IGB_VF_COUNTERS	    5

/* Statistics [8.19]: each clears itself when it is read. Pairs: low word first. */
#define IGB_STATS 0x04000

#endif
