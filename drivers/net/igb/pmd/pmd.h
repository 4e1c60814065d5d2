/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the poll-mode driver share. */
#ifndef PMD_PMD_H
#define PMD_PMD_H

#include <stdatomic.h>

#include <ethdev_driver.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>
#include <rte_version.h>

#include "../../../common/common.h"
#include "../device.h"

#define PMD_QUEUES	4  /* pairs */
#define PMD_RX_RING_MIN 64 /* descriptors */
/* Of which a batch that is not full may be in use for good, and the largest frame still fits. */
#define PMD_TX_RING_MIN 96
#define PMD_RX_STEP	64   /* the most that one round of a receive burst takes */
#define PMD_TX_BATCH	32   /* descriptors, of which one reports for all */
#define PMD_LEARN	1024 /* misses until a queue looks for a better run, or another pool */
#define PMD_SEGS_MAX	40   /* of one frame */
#define PMD_TSO_MAX	(256 * 1024 - 1)
#define PMD_TSO_HEADER	512
#define PMD_MSS_MAX	9216
/* Header, CRC, and two tags: what a frame is longer than the MTU. */
#define PMD_OVERHEAD (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN)

/* Addresses that translate by one addition: [base, base + len) is at base + delta and on. */
struct pmd_run {
	uint64_t base, len, delta;
};

/* Hot first: what a burst touches is in the first line of 128 bytes. */
struct pmd_rxq {
	struct igb_rx_desc *ring;
	struct rte_mbuf **sw;
	struct rte_mempool *pool;
	volatile char *tail;
	uint64_t rearm; /* the mbuf's word of that name */
	uint64_t delta; /* from an mbuf to the IOVA of its buffer, where the pool is one run */
	uint16_t n, next, held, threshold;
	uint64_t packets, bytes;
	struct rte_mbuf *first, *last; /* of a frame that is not complete */
	struct rte_eth_dev_data *data;
	struct tce_space *space;
	uint16_t crc_len;
	bool pinned;  /* the pool's buffers lie elsewhere, for good */
	bool special; /* either of these */

	struct rte_mbuf *aside; /* those whose buffers cannot be filled, see rx_take() */
	const struct rte_memzone *zone;
	tce_iova_t iova;
	unsigned buffer;
	uint16_t number;
	bool one_run, drop, deferred;
	uint64_t offloads;
};

struct pmd_context {
	uint64_t lower, upper;
};

struct pmd_txq {
	struct igb_tx_desc *ring;
	struct rte_mbuf **sw;
	volatile char *tail;
	struct pmd_run
		home; /* all of a pool's memory, and of no other's; empty: no pool is known */
	uint32_t n, next, free, threshold;
	uint32_t oldest; /* the first descriptor of the oldest batch */
	uint32_t mixed;	 /* so many of the oldest batches need a look as they are freed */
	uint64_t packets, bytes;

	const struct rte_mempool *pool; /* the one looked at last, whatever was found */
	struct pmd_run run;		/* of memory, around what was sent outside of home */
	uint32_t strangers;		/* bursts that began with a frame of another pool */
	uint16_t *reports;		/* of each batch, the descriptor that reports it */
	uint64_t errors;
	uint32_t misses;
	uint32_t context; /* the one used last */
	struct pmd_context contexts[IGB_TX_CONTEXTS];
	struct tce_space *space;
	atomic_uint *forgotten; /* the port's: how often memory was taken away */

	const struct rte_memzone *zone;
	tce_iova_t iova;
	uint16_t number;
	bool deferred;
	uint64_t offloads;
};
static_assert(offsetof(struct pmd_txq, pool) <= 128, "one line of POWER's for a burst");

struct pmd_port {
	struct tce_igb *nic;
	struct rte_eth_dev *dev;
	struct pmd_space *space;
	char device[PLUGIN_DEVICE_MAX];
	struct pmd_port *next;		     /* in the same space */
	struct pmd_txq *senders[PMD_QUEUES]; /* those that events of memory look at */
	atomic_uint forgotten;
	uint8_t reta[TCE_IGB_RETA];
	uint8_t rss_key[TCE_IGB_RSS_KEY];
	uint64_t rss_hf;
	uint64_t stats_zero[TCE_IGB_STATS];
	/* Vector 0 and the request to let go of the device, by EAL's interrupt thread. */
	struct rte_intr_handle *link, *removal, *queues;
	rte_spinlock_t link_lock; /* one look at the link at a time: see link_update() */
};

static inline struct pmd_port *pmd_port(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

/* space.c: spaces, each with its ports. */
struct pmd_space {
	struct tce_space *space;
	int group;
	char name[32]; /* for sentences */
	unsigned users;
	struct pmd_port *ports;
	struct pmd_space *next;
};
int space_get(const struct plugin_args *args, struct pmd_space **space);
void space_put(struct pmd_space *space, const char *device);
void space_add(struct pmd_space *space, struct pmd_port *port);
/* Have events of memory look at a transmit queue, or no more (NULL): before it is freed. */
void space_sender(struct pmd_port *port, unsigned number, struct pmd_txq *q);
void space_drop(struct pmd_space *space, struct pmd_port *port);
/* Have no queue send from memory any more that it knew: it is not mapped any more. */
void space_forget(struct pmd_space *space, const void *addr, size_t len);

/* translate.c */
/*
 * Whether all of a pool's memory translates by one addition; @run->delta then has it, and @run the
 * memory, if that is in one piece.
 */
bool translate_pool(struct tce_space *space, struct rte_mempool *pool, struct pmd_run *run);
/* The IOVA of an mbuf's data outside of the queue's run. 0: it is not mapped. */
uint64_t translate_miss(struct pmd_txq *q, const void *va, size_t len);
/* Have the queue know a pool, if all of it is in one run. */
void translate_learn(struct pmd_txq *q, struct rte_mempool *pool);

/* rx.c, rx_full.c, tx.c, tx_full.c: the bursts. */
uint16_t rx_plain(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t rx_full(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t tx_plain(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t tx_full(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n);
/* Free the oldest batch, if it has left; whether it did. */
bool tx_reclaim(struct pmd_txq *q);

/* status.c */
uint32_t rx_count(void *queue);
int rx_status(void *queue, uint16_t offset);
int tx_status(void *queue, uint16_t offset);
int tx_cleanup(void *queue, uint32_t count);

/* rx_kinds.c: what a descriptor says, in DPDK's words. */
extern uint64_t rx_kinds[1 << 11];    /* by RSS type and packet type: packet_type, ol_flags << 32 */
extern uint16_t rx_verdicts[1 << 10]; /* by status, turned left by 3: ol_flags */
/* DPDK before 24.03 is not told how many there are: it looks for the 0 at the end. */
#define PMD_COUNTS_KINDS (RTE_VERSION >= RTE_VERSION_NUM(24, 3, 0, 0))
#if PMD_COUNTS_KINDS
const uint32_t *rx_kinds_list(struct rte_eth_dev *dev, size_t *n);
#else
const uint32_t *rx_kinds_list(struct rte_eth_dev *dev);
#endif

/* queues.c */
int queues_rx_setup(struct rte_eth_dev *dev, uint16_t number, uint16_t n, unsigned socket,
		    const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int queues_tx_setup(struct rte_eth_dev *dev, uint16_t number, uint16_t n, unsigned socket,
		    const struct rte_eth_txconf *conf);
void queues_rx_release(struct rte_eth_dev *dev, uint16_t number);
void queues_tx_release(struct rte_eth_dev *dev, uint16_t number);
/* The device is at rest: of none of them it uses memory any more. */
void queues_are_off(struct rte_eth_dev *dev);
int queues_rx_start(struct rte_eth_dev *dev, uint16_t number);
int queues_rx_stop(struct rte_eth_dev *dev, uint16_t number);
int queues_tx_start(struct rte_eth_dev *dev, uint16_t number);
int queues_tx_stop(struct rte_eth_dev *dev, uint16_t number);

/* interrupt.c */
int interrupt_open(struct pmd_port *port);
void interrupt_close(struct pmd_port *port);
int interrupt_start(struct rte_eth_dev *dev);
void interrupt_stop(struct rte_eth_dev *dev);
int interrupt_rx_enable(struct rte_eth_dev *dev, uint16_t queue);
int interrupt_rx_disable(struct rte_eth_dev *dev, uint16_t queue);

/* link.c */
int link_update(struct rte_eth_dev *dev, int wait);
/* Those that were configured. */
int link_speeds(struct rte_eth_dev *dev);
int link_up(struct rte_eth_dev *dev);
int link_down(struct rte_eth_dev *dev);

/* config.c: filters, RSS, VLANs, MTU. */
extern const uint64_t config_rss_sorts;
int config_all(struct rte_eth_dev *dev);
int config_promiscuous_on(struct rte_eth_dev *dev);
int config_promiscuous_off(struct rte_eth_dev *dev);
int config_allmulticast_on(struct rte_eth_dev *dev);
int config_allmulticast_off(struct rte_eth_dev *dev);
int config_mac_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t at, uint32_t pool);
void config_mac_remove(struct rte_eth_dev *dev, uint32_t at);
int config_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac);
int config_multicast(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t n);
int config_vlan(struct rte_eth_dev *dev, uint16_t id, int on);
int config_vlan_offload(struct rte_eth_dev *dev, int mask);
int config_reta(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size);
int config_reta_get(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size);
int config_rss_anew(struct rte_eth_dev *dev);
int config_rss(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int config_rss_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int config_mtu(struct rte_eth_dev *dev, uint16_t mtu);

/* stats.c */
int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int stats_reset(struct rte_eth_dev *dev);
int stats_xget(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned n);
int stats_xnames(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned n);

/* ethdev.c */
extern const struct eth_dev_ops ethdev_ops, ethdev_vf_ops;
/* Log the sentence that was said last; returns @err. */
int log_failure(const struct rte_eth_dev *dev, int err);

#endif
