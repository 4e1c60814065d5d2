/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The full receive burst: frames in several buffers, buffers anywhere (pinned external memory,
 * pools in several runs), CRCs that are kept by the device and taken off here.
 */
#include "rx.h"

#include <errno.h>

#include <rte_mempool.h>

#include <tce/translate.h>

int rx_take(struct pmd_rxq *q, struct rte_mbuf **m, tce_iova_t *iova)
{
	size_t len = 0;
	int err;

	do {
		*m = rte_mbuf_raw_alloc(q->pool);
		if (!*m)
			return -ENOMEM;
		err = tce_iova(q->space, (char *)(*m)->buf_addr + RTE_PKTMBUF_HEADROOM, q->buffer,
			       iova, &len);
		if (!err && len >= q->buffer)
			return 0;
		/* Given back to the pool, it would be the next one to come. */
		(*m)->next = q->aside;
		q->aside = *m;
	} while (!err);
	return -EFAULT;
}

/* Put an empty mbuf in the place of the one at @at. False: there is none that the device reaches.
 */
static bool refill(struct pmd_rxq *q, unsigned at)
{
	struct rte_mbuf *m;
	tce_iova_t iova;

	if (rx_take(q, &m, &iova))
		return false;
	q->sw[at] = m;
	q->ring[at].lower = iova;
	q->ring[at].upper = 0;
	return true;
}

/* Hang a buffer behind those that the frame has. */
static void append(struct pmd_rxq *q, struct rte_mbuf *m, unsigned len)
{
	*(pmd_word *)&m->rearm_data = q->rearm;
	m->data_len = (uint16_t)len;
	m->next = NULL;
	if (q->first) {
		q->first->pkt_len += len;
		q->first->nb_segs++;
		q->last->next = m;
	} else {
		q->first = m;
		m->pkt_len = len;
	}
	q->last = m;
}

/* Take the CRC off the end: it may lie in two buffers, or have one of its own. */
static void cut_crc(struct rte_mbuf *first, unsigned crc_len)
{
	struct rte_mbuf *m = first, *before = NULL;

	for (; m->next; m = m->next)
		before = m;
	first->pkt_len -= crc_len;
	if (m->data_len > crc_len || !before) {
		m->data_len = (uint16_t)(m->data_len - crc_len);
		return;
	}
	before->data_len = (uint16_t)(before->data_len - (crc_len - m->data_len));
	before->next = NULL;
	first->nb_segs--;
	rte_pktmbuf_free_seg(m);
}

/* What few queues have to do. */
static __rte_noinline void finish_special(const struct pmd_rxq *q, struct rte_mbuf *m)
{
	if (q->pinned)
		m->ol_flags |= RTE_MBUF_F_EXTERNAL;
	if (q->crc_len)
		cut_crc(m, q->crc_len);
}

static struct rte_mbuf *finish(struct pmd_rxq *q, uint64_t lower, uint64_t upper)
{
	struct rte_mbuf *m = q->first;
	uint64_t kind = rx_kind(lower);

	q->first = NULL;
	m->ol_flags = rx_flags(kind, upper);
	m->packet_type = (uint32_t)kind;
	m->vlan_tci = (uint16_t)IGB_RX_VLAN(upper);
	m->hash.rss = IGB_RX_RSS_HASH(lower);
	if (q->special)
		finish_special(q, m);
	q->packets++;
	q->bytes += m->pkt_len;
	return m;
}

uint16_t rx_full(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_rxq *q = queue;
	uint16_t got = 0;
	unsigned used = 0, done;

	while (got < n) {
		done = rx_done(q->ring + q->next,
			       RTE_MIN((unsigned)(n - got), (unsigned)(q->n - q->next)));
		if (!done)
			break;
		tce_dma_rmb();
		while (done--) {
			struct igb_rx_desc d = q->ring[q->next];
			struct rte_mbuf *m = q->sw[q->next];

			if (!refill(q, q->next)) {
				q->data->rx_mbuf_alloc_failed++;
				goto end;
			}
			q->next = (uint16_t)(q->next + 1 == q->n ? 0 : q->next + 1);
			used++;
			append(q, m, (unsigned)IGB_RX_LENGTH(d.upper));
			if (d.upper & IGB_RX_EOP)
				pkts[got++] = finish(q, d.lower, d.upper);
		}
	}
end:
	if (used)
		rx_give(q, used);
	return got;
}
