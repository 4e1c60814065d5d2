/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of a queue beside its bursts. */
#include "rx.h"
#include "tx.h"

#include <errno.h>

static unsigned after(unsigned at, unsigned offset, unsigned n)
{
	return at + offset < n ? at + offset : at + offset - n;
}

uint32_t rx_count(void *queue)
{
	const struct pmd_rxq *q = queue;
	unsigned to_end = q->n - q->next;
	unsigned n = rx_done(q->ring + q->next, to_end);

	return n == to_end && q->next ? n + rx_done(q->ring, q->next) : n;
}

int rx_status(void *queue, uint16_t offset)
{
	const struct pmd_rxq *q = queue;
	const volatile struct igb_rx_desc *d;

	if (offset >= q->n)
		return -EINVAL;
	if (offset >= q->n - q->held - 1u)
		return RTE_ETH_RX_DESC_UNAVAIL;
	d = &q->ring[after(q->next, offset, q->n)];
	return d->upper & IGB_RX_DD ? RTE_ETH_RX_DESC_DONE : RTE_ETH_RX_DESC_AVAIL;
}

/* Of a batch the last descriptor speaks for all. */
int tx_status(void *queue, uint16_t offset)
{
	const struct pmd_txq *q = queue;
	unsigned used = q->n - 1u - q->free, at, from_oldest;

	if (offset >= q->n)
		return -EINVAL;
	at = after(q->next, offset, q->n);
	from_oldest = at >= q->oldest ? at - q->oldest : at + q->n - q->oldest;
	if (from_oldest >= used)
		return RTE_ETH_TX_DESC_DONE;
	/* A batch that is not full has no report yet. */
	if (from_oldest / PMD_TX_BATCH >= used / PMD_TX_BATCH)
		return RTE_ETH_TX_DESC_FULL;
	return tx_is_done(&q->ring[q->reports[at / PMD_TX_BATCH]]) ? RTE_ETH_TX_DESC_DONE
								   : RTE_ETH_TX_DESC_FULL;
}

int tx_cleanup(void *queue, uint32_t count)
{
	struct pmd_txq *q = queue;
	uint32_t freed = 0;

	while ((!count || freed < count) && tx_reclaim(q))
		freed += PMD_TX_BATCH;
	return (int)freed;
}
