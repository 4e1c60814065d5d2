/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Intel 82576 without DPDK: the device behind net_tce_igb, for programs with buffers of their
 * own. Its memory is map.h's. A life: open; receiver, filters; queues; link; and back: queues,
 * close, unmap, tce_space_close().
 *
 * A virtual function (8086:10ca) is opened as the others are, while another driver has the physical
 * one. It has one queue of each direction, one address, two vectors of use; RSS, filters, the link
 * and what is taken out of frames are the physical function's. What is asked of that goes by a
 * mailbox, takes some ms, and may be refused. When the physical function is reset, the virtual one
 * has no link until it is reset, too.
 *
 * The control functions of one NIC are for one thread at a time; a queue is for one thread at a
 * time, and different queues and the control functions do not disturb each other. Functions that
 * can fail return 0 or -errno, and tce_igb_error() has the sentence.
 */
#ifndef TCE_IGB_H
#define TCE_IGB_H

#include <tce/pci.h>
#include <tce/types.h>

TCE_BEGIN_DECLS

enum {
	TCE_IGB_QUEUES = 16,	  /**< of each direction; a virtual function: 1 */
	TCE_IGB_RING_MAX = 4096,  /**< descriptors; a ring has a multiple of 8 of them */
	TCE_IGB_DESCRIPTOR = 16,  /**< bytes */
	TCE_IGB_RING_ALIGN = 128, /**< of a ring's IOVA */
	TCE_IGB_FRAME_MAX = 9728, /**< bytes of the largest frame, CRC included */
	TCE_IGB_MAC_FILTERS = 24, /**< number 0 is the address of its own */
	TCE_IGB_RETA = 128,	  /**< entries of the redirection table */
	TCE_IGB_RSS_KEY = 40,	  /**< bytes */
	TCE_IGB_VECTORS = 10,	  /**< MSI-X vectors of the function [7.3.3] */
	TCE_IGB_STATS = 64,	  /**< counters */
};

/** A NIC that is open. */
struct tce_igb;

/** A queue that is on. */
struct tce_igb_queue;

/** The link. */
struct tce_igb_link {
	bool up;
	bool full_duplex;
	unsigned speed; /**< Mb/s */
};

/** What the link may come to; flags. */
enum {
	TCE_IGB_10_HALF = 1 << 0, /**< Mb/s, half duplex */
	TCE_IGB_10 = 1 << 1,
	TCE_IGB_100_HALF = 1 << 2,
	TCE_IGB_100 = 1 << 3,
	TCE_IGB_1000 = 1 << 4,
	TCE_IGB_SPEEDS = (1 << 5) - 1, /**< all of them, as it is at first */
};

/** How frames are taken in. */
struct tce_igb_receiver {
	unsigned frame_max; /**< bytes of the largest frame, CRC included */
	bool keep_crc;	    /**< the CRC is written to memory, and counted, too */
	bool check_ip;	    /**< IPv4 header checksums */
	bool check_l4;	    /**< TCP, UDP and SCTP checksums */
	bool strip_vlan;    /**< the outer tag goes into the descriptor */
};

/** What is accepted beside frames to the NIC's addresses and broadcasts; flags. */
enum {
	TCE_IGB_ALL_UNICAST = 1,
	TCE_IGB_ALL_MULTICAST = 2,
};

/** Which fields RSS hashes, by sort of packet; flags. */
enum {
	TCE_IGB_RSS_TCP4 = 1 << 0,
	TCE_IGB_RSS_IP4 = 1 << 1,
	TCE_IGB_RSS_TCP6_EX = 1 << 2,
	TCE_IGB_RSS_IP6_EX = 1 << 3,
	TCE_IGB_RSS_IP6 = 1 << 4,
	TCE_IGB_RSS_TCP6 = 1 << 5,
	TCE_IGB_RSS_UDP4 = 1 << 6,
	TCE_IGB_RSS_UDP6 = 1 << 7,
	TCE_IGB_RSS_UDP6_EX = 1 << 8,
	TCE_IGB_RSS_ALL = (1 << 9) - 1,
};

/** A ring's memory. */
struct tce_igb_ring {
	void *va;	 /**< @n descriptors */
	tce_iova_t iova; /**< of the same; a multiple of TCE_IGB_RING_ALIGN */
	unsigned n;	 /**< descriptors: a multiple of 8, 16 to TCE_IGB_RING_MAX */
};

/** A buffer with a frame, or for one. */
struct tce_igb_frame {
	tce_iova_t iova;
	unsigned len; /**< bytes */
};

/**
 * Open the NIC behind a PCI function: reset, interrupts masked, queues off, bus mastering on.
 *
 * Units: @device as for tce_space_open(), opened by it.
 * Owner: @nic is the library's until tce_igb_close(), which comes before tce_space_close().
 * Threads: as above; a control call of libtce.
 * Errors: as tce_pci_open(), tce_pci_bar(), and
 *   -ENODEV  it is no 82576: the sentence has what it is
 *   -ENOMEM  no memory to note it
 *   -EIO     it does not answer, or does not come out of its reset
 *   -ETIMEDOUT, -EPERM  the driver of a virtual function's physical one does not answer, or refuses
 */
int tce_igb_open(struct tce_space *space, const char *device, struct tce_igb **nic);

/**
 * Bring the NIC to rest and let go of it: no DMA of it after 0.
 *
 * Units: none.
 * Owner: @nic and its queues are gone, whatever is returned. Buffers and rings are the caller's.
 * Threads: as above; no other thread may use a queue any more.
 * Errors:
 *   -EIO     bus mastering could not be cleared
 */
int tce_igb_close(struct tce_igb *nic);

/**
 * Reset the NIC to what it was after tce_igb_open(). Queues that were on are gone.
 *
 * Units: none; takes some 20 ms.
 * Owner: @nic stays; rings and buffers are the caller's again.
 * Threads: as above; no other thread may use a queue any more.
 * Errors:
 *   -EIO     it does not come out of its reset
 *   -ETIMEDOUT, -EPERM  the driver of a virtual function's physical one does not answer, or refuses
 */
int tce_igb_reset(struct tce_igb *nic);

/**
 * Give the PCI function of the NIC, for its interrupts.
 *
 * Units: none.
 * Owner: @nic's: not to be closed.
 * Threads: any.
 * Errors: none.
 */
struct tce_pci *tce_igb_pci(struct tce_igb *nic);

/**
 * Give the address that the NIC was made with; a virtual function's is the one that the physical
 * one's driver has for it, or else one made up.
 *
 * Units: six bytes, as on the wire.
 * Owner: the caller owns @mac.
 * Threads: any.
 * Errors: none.
 */
void tce_igb_mac(const struct tce_igb *nic, uint8_t mac[6]);

/**
 * Look at the link.
 *
 * Units: see the struct. A device that is gone has no link.
 * Owner: the caller owns @link.
 * Threads: any.
 * Errors: none.
 */
void tce_igb_link(struct tce_igb *nic, struct tce_igb_link *link);

/**
 * Wait until the link is up.
 *
 * Units: @ms at most; 3000 are enough for a partner that is there.
 * Owner: nothing changes hands.
 * Threads: any.
 * Errors:
 *   -ETIMEDOUT  it is not up by then: no cable, or no partner
 */
int tce_igb_link_wait(struct tce_igb *nic, unsigned ms);

/**
 * Have the link up, or down.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors: none.
 */
void tce_igb_link_set(struct tce_igb *nic, bool up);

/**
 * Say which speeds are offered to the link's partner, from the next tce_igb_link_set() or
 * tce_igb_reset() on.
 *
 * Units: flags TCE_IGB_10_HALF to TCE_IGB_1000, one at least.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors:
 *   -EINVAL   none, or others
 *   -ENOTSUP  less than all, of a virtual function: that is for the physical one
 */
int tce_igb_link_speeds(struct tce_igb *nic, unsigned speeds);

/**
 * Turn the receiver on, for all queues. What it accepts, filters and RSS stay as they are.
 *
 * Units: see the struct; @how NULL: off.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors:
 *   -EINVAL  a frame larger than TCE_IGB_FRAME_MAX
 *   -ETIMEDOUT, -EPERM  the driver of a virtual function's physical one does not answer, or refuses
 */
int tce_igb_receiver(struct tce_igb *nic, const struct tce_igb_receiver *how);

/**
 * Turn the transmitter on or off, for all queues.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors: none.
 */
void tce_igb_transmitter(struct tce_igb *nic, bool on);

/**
 * Say what is accepted beside frames to the NIC's addresses and broadcasts.
 *
 * Units: flags TCE_IGB_ALL_*.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors:
 *   -ETIMEDOUT, -EPERM  the driver of a virtual function's physical one does not answer, or refuses
 */
int tce_igb_accept(struct tce_igb *nic, unsigned what);

/**
 * Accept frames to an address.
 *
 * Units: @number below TCE_IGB_MAC_FILTERS; @mac NULL: not any more.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors:
 *   -EINVAL  no such number; or a virtual function's only one is to be taken away
 *   -ETIMEDOUT, -EPERM  the driver of a virtual function's physical one does not answer, or refuses
 */
int tce_igb_mac_filter(struct tce_igb *nic, unsigned number, const uint8_t mac[6]);

/**
 * Accept multicast frames to these addresses, and to no other ones. The NIC knows 12 bits of each:
 * some others come too.
 *
 * Units: @n addresses.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors:
 *   -ETIMEDOUT, -EPERM  the driver of a virtual function's physical one does not answer, or refuses
 */
int tce_igb_multicast(struct tce_igb *nic, const uint8_t (*mac)[6], size_t n);

/**
 * Accept tagged frames only if their VLAN passes, or all of them.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors: none.
 */
void tce_igb_vlan_filter(struct tce_igb *nic, bool on);

/**
 * Let a VLAN pass the filter, or not any more.
 *
 * Units: @id: 0 to 4095.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors:
 *   -EINVAL  no such VLAN
 *   -ETIMEDOUT, -EPERM  the driver of a virtual function's physical one does not answer, or refuses
 */
int tce_igb_vlan(struct tce_igb *nic, unsigned id, bool passes);

/**
 * Take the outer tag out of received frames, or leave it in.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors: none.
 */
void tce_igb_vlan_strip(struct tce_igb *nic, bool on);

/**
 * Spread received packets over queues by a hash of their addresses and ports.
 *
 * Units: @sorts: flags TCE_IGB_RSS_*; 0: no RSS, all packets go to queue 0.
 *   @key: TCE_IGB_RSS_KEY bytes; NULL: as it is.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors: none.
 */
void tce_igb_rss(struct tce_igb *nic, unsigned sorts, const uint8_t *key);

/**
 * Set the redirection table: the queue of each remainder of the hash.
 *
 * Units: TCE_IGB_RETA queues.
 * Owner: nothing changes hands.
 * Threads: as above.
 * Errors: none.
 */
void tce_igb_reta(struct tce_igb *nic, const uint8_t *queue);

/**
 * Turn a transmit queue on.
 *
 * Units: @number below TCE_IGB_QUEUES.
 * Owner: the ring stays the caller's, and is the NIC's to read and write until the queue is off.
 * Threads: as above.
 * Errors:
 *   -EINVAL  no such queue, or no such ring
 *   -EBUSY   it is on
 *   -ENOMEM  no memory to note it
 *   -EIO     it does not go on
 */
int tce_igb_tx_open(struct tce_igb *nic, unsigned number, const struct tce_igb_ring *ring,
		    struct tce_igb_queue **queue);

/**
 * Turn a receive queue on, without buffers.
 *
 * Units: @number below TCE_IGB_QUEUES; @buffer: bytes of each buffer: 256, 512, or a multiple of
 *   1024 up to 127 KiB. Buffers of less than 1024 bytes are of one size in all queues, and not for
 *   virtual functions.
 * Owner: as tce_igb_tx_open().
 * Threads: as above.
 * Errors: as tce_igb_tx_open(), and
 *   -EINVAL  no such size of buffers
 */
int tce_igb_rx_open(struct tce_igb *nic, unsigned number, const struct tce_igb_ring *ring,
		    unsigned buffer, struct tce_igb_queue **queue);

/**
 * Turn a queue off, after what it is at.
 *
 * Units: none.
 * Owner: @queue is gone, whatever is returned. On 0 its ring and buffers are the caller's again.
 * Threads: as above; the queue's thread uses it no more.
 * Errors:
 *   -EIO     it does not go off: the NIC may still use its memory, until it is reset or closed
 */
int tce_igb_queue_close(struct tce_igb_queue *queue);

/**
 * Send frames, each in one buffer. The NIC is told once for all of them.
 *
 * Units: frames of @frame that were taken, 0 to @n: fewer where the ring is full.
 * Owner: the buffers taken are the NIC's until tce_igb_sent() has counted them.
 * Threads: the queue's.
 * Errors: none.
 */
unsigned tce_igb_send(struct tce_igb_queue *queue, const struct tce_igb_frame *frame, unsigned n);

/**
 * Count the frames that have left since the last call, oldest first.
 *
 * Units: frames. The NIC reports 32 at a time, and the last ones of each tce_igb_send().
 * Owner: their buffers are the caller's again.
 * Threads: the queue's.
 * Errors: none.
 */
unsigned tce_igb_sent(struct tce_igb_queue *queue);

/**
 * Give buffers to receive into, each large enough for what the queue was opened with. The NIC is
 * told once for all of them.
 *
 * Units: buffers of @iova that were taken, 0 to @n: a ring takes one less than it has descriptors.
 * Owner: the buffers taken are the NIC's until tce_igb_received() gives them back.
 * Threads: the queue's.
 * Errors: none.
 */
unsigned tce_igb_fill(struct tce_igb_queue *queue, const tce_iova_t *iova, unsigned n);

/**
 * Take what was received, oldest first. A frame that did not fit one buffer comes in pieces.
 *
 * Units: buffers that were filled, 0 to @n, in the order in which they were given; @len: bytes in
 *   each of them.
 * Owner: the buffers are the caller's again. What the NIC wrote into them can be read.
 * Threads: the queue's.
 * Errors: none.
 */
unsigned tce_igb_received(struct tce_igb_queue *queue, unsigned *len, unsigned n);

/**
 * Have interrupts sent: each receive queue's to a vector of its own, all else to vector 0. All are
 * held back until tce_igb_irq() lets them through.
 *
 * Units: @queues: receive queues 0 to @queues - 1 have the vectors 1 to @queues; 0: only vector 0.
 * Owner: the eventfds of the vectors are set by tce_pci_irqs().
 * Threads: as above.
 * Errors:
 *   -EINVAL  more queues than there are vectors for
 */
int tce_igb_irq_route(struct tce_igb *nic, unsigned queues);

/**
 * Let a vector's interrupts through, or hold them back.
 *
 * Units: @vector: 0 for the link, 1 + queue for a receive queue.
 * Owner: nothing changes hands.
 * Threads: any.
 * Errors: none.
 */
void tce_igb_irq(struct tce_igb *nic, unsigned vector, bool through);

/**
 * Name a counter of the device.
 *
 * Units: @number below TCE_IGB_STATS. NULL: there is no such counter.
 * Owner: the library's, for good.
 * Threads: any.
 * Errors: none.
 */
const char *tce_igb_stat_name(unsigned number);

/**
 * Read the device's counters. They clear themselves when they are read, so they are summed up here.
 *
 * Units: @stat: TCE_IGB_STATS sums since the NIC was opened, by number; packets or bytes, bytes
 *   without CRC.
 * Owner: the caller owns @stat.
 * Threads: one at a time.
 * Errors: none.
 */
void tce_igb_stats(struct tce_igb *nic, uint64_t *stat);

/**
 * Give the sentence of this thread's last failed call to this library.
 *
 * Units: a string without a newline.
 * Owner: the library's, valid until this thread's next failed call or its end.
 * Threads: any; each thread has its own sentence.
 * Errors: none.
 */
const char *tce_igb_error(void);

TCE_END_DECLS

#endif
