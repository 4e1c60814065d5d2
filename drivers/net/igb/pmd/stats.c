/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters: the device's for the port, our own for each queue. */
#include "pmd.h"

#include <stdio.h>

/* Numbers of the device's counters that ethdev has names of its own for. */
static unsigned number_of(const char *name)
{
	unsigned i = 0;

	while (strcmp(tce_igb_stat_name(i), name))
		i++;
	return i;
}

static uint64_t value_of(const uint64_t *stat, const char *name)
{
	return stat[number_of(name)];
}

static void read_port(struct rte_eth_dev *dev, uint64_t *stat)
{
	struct pmd_port *port = pmd_port(dev);

	tce_igb_stats(port->nic, stat);
	for (unsigned i = 0; i < TCE_IGB_STATS; i++)
		stat[i] -= port->stats_zero[i];
}

static void add_queues(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	for (unsigned i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct pmd_rxq *q = dev->data->rx_queues[i];

		if (q && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_ipackets[i] = q->packets;
			stats->q_ibytes[i] = q->bytes;
		}
	}
	for (unsigned i = 0; i < dev->data->nb_tx_queues; i++) {
		const struct pmd_txq *q = dev->data->tx_queues[i];

		if (q)
			stats->oerrors += q->errors;
		if (q && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_opackets[i] = q->packets;
			stats->q_obytes[i] = q->bytes;
		}
	}
}

int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	uint64_t stat[TCE_IGB_STATS];

	read_port(dev, stat);
	stats->ipackets = value_of(stat, "rx_good_frames");
	stats->opackets = value_of(stat, "tx_good_frames");
	stats->ibytes = value_of(stat, "rx_good_octets");
	stats->obytes = value_of(stat, "tx_good_octets");
	stats->imissed = value_of(stat, "rx_missed_packets");
	stats->ierrors = value_of(stat, "rx_crc_errors") + value_of(stat, "rx_length_errors") +
			 value_of(stat, "rx_errors_frames") + value_of(stat, "rx_align_errors");
	stats->oerrors = value_of(stat, "tx_excessive_collision_packets") +
			 value_of(stat, "tx_late_collisions");
	add_queues(dev, stats);
	return 0;
}

int stats_reset(struct rte_eth_dev *dev)
{
	tce_igb_stats(pmd_port(dev)->nic, pmd_port(dev)->stats_zero);
	for (unsigned i = 0; i < dev->data->nb_rx_queues; i++) {
		struct pmd_rxq *q = dev->data->rx_queues[i];

		if (q)
			q->packets = q->bytes = 0;
	}
	for (unsigned i = 0; i < dev->data->nb_tx_queues; i++) {
		struct pmd_txq *q = dev->data->tx_queues[i];

		if (q)
			q->packets = q->bytes = q->errors = 0;
	}
	dev->data->rx_mbuf_alloc_failed = 0;
	return 0;
}

static unsigned count(void)
{
	unsigned n = 0;

	while (tce_igb_stat_name(n))
		n++;
	return n;
}

int stats_xget(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned n)
{
	uint64_t stat[TCE_IGB_STATS];
	unsigned all = count();

	if (!stats || n < all)
		return (int)all;
	read_port(dev, stat);
	for (unsigned i = 0; i < all; i++)
		stats[i] = (struct rte_eth_xstat){.id = i, .value = stat[i]};
	return (int)all;
}

int stats_xnames(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned n)
{
	unsigned all = count();

	if (!names || n < all)
		return (int)all;
	for (unsigned i = 0; i < all; i++)
		snprintf(names[i].name, sizeof(names[i].name), "%s", tce_igb_stat_name(i));
	return (int)all;
}
