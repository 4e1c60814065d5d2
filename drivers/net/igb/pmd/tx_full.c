/* SPDX-License-Identifier: BSD-3-Clause */
/* The full transmit burst: frames in several buffers, checksums, TSO, VLAN tags. */
#include "tx.h"

#include <rte_errno.h>
#include <rte_net.h>

#define CHECKSUMS (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)
#define OFFLOADS  (CHECKSUMS | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_VLAN)
/* What says nothing that the device would have to do. */
#define HINTS                                                                                      \
	(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_OUTER_IPV4 |                      \
	 RTE_MBUF_F_TX_OUTER_IPV6)

bool tx_reclaim(struct pmd_txq *q)
{
	if (!tx_has_batch(q) || !tx_is_done(&q->ring[q->reports[q->oldest / PMD_TX_BATCH]]))
		return false;
	tx_free_each(q->sw + q->oldest);
	tx_batch_is_free(q);
	return true;
}

/* Where a frame's descriptors go, and the batches that end among them. */
struct place {
	unsigned at, last, batches;
	uint16_t batch[2 + PMD_SEGS_MAX / PMD_TX_BATCH];
};

static void put(struct pmd_txq *q, struct place *p, struct rte_mbuf *m, uint64_t lower,
		uint64_t upper)
{
	q->ring[p->at].lower = lower;
	q->ring[p->at].upper = upper;
	q->sw[p->at] = m;
	if (p->at % PMD_TX_BATCH == PMD_TX_BATCH - 1)
		p->batch[p->batches++] = (uint16_t)(p->at / PMD_TX_BATCH);
	p->last = p->at;
	p->at = p->at + 1 == q->n ? 0 : p->at + 1;
}

/* What the device has to know of a frame for its offloads [7.2.2.2]. */
static struct pmd_context context_of(const struct rte_mbuf *m)
{
	uint64_t flags = m->ol_flags, l4 = IGB_TX_L4_NONE;
	struct pmd_context c = {.upper = IGB_TX_CONTEXT | IGB_TX_DEXT};

	if (flags & (CHECKSUMS | RTE_MBUF_F_TX_TCP_SEG))
		c.lower = IGB_TX_IPLEN(m->l3_len) | IGB_TX_MACLEN(m->l2_len);
	if (flags & RTE_MBUF_F_TX_VLAN)
		c.lower |= IGB_TX_VLAN(m->vlan_tci);
	if (flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4))
		c.upper |= IGB_TX_IPV4;
	if (flags & RTE_MBUF_F_TX_TCP_SEG)
		return (struct pmd_context){c.lower, c.upper | IGB_TX_L4_TCP |
							     IGB_TX_L4LEN(m->l4_len) |
							     IGB_TX_MSS(m->tso_segsz)};
	switch (flags & RTE_MBUF_F_TX_L4_MASK) {
	case RTE_MBUF_F_TX_TCP_CKSUM:
		l4 = IGB_TX_L4_TCP | IGB_TX_L4LEN(sizeof(struct rte_tcp_hdr));
		break;
	case RTE_MBUF_F_TX_UDP_CKSUM:
		l4 = IGB_TX_L4_UDP | IGB_TX_L4LEN(sizeof(struct rte_udp_hdr));
		break;
	case RTE_MBUF_F_TX_SCTP_CKSUM:
		l4 = IGB_TX_L4_SCTP | IGB_TX_L4LEN(sizeof(struct rte_sctp_hdr));
		break;
	}
	c.upper |= l4;
	return c;
}

/* Have the device know a context: one of the two that it keeps for the queue. Whether it is new. */
static bool choose(struct pmd_txq *q, const struct pmd_context *c)
{
	for (unsigned i = 0; i < IGB_TX_CONTEXTS; i++, q->context ^= 1)
		if (q->contexts[q->context].lower == c->lower &&
		    q->contexts[q->context].upper == c->upper)
			return false;
	q->context ^= 1;
	return true;
}

static uint64_t options_of(const struct rte_mbuf *m, uint64_t len)
{
	uint64_t flags = m->ol_flags, options = 0;

	if (flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG))
		options |= IGB_TX_TXSM;
	if (flags & RTE_MBUF_F_TX_IP_CKSUM)
		options |= IGB_TX_IXSM;
	if (flags & RTE_MBUF_F_TX_TCP_SEG) {
		options |= IGB_TX_TSE;
		/* The segments' payload alone [7.2.2.3.11]. */
		len -= m->l2_len + m->l3_len + m->l4_len;
	}
	if (flags & RTE_MBUF_F_TX_VLAN)
		options |= IGB_TX_VLE;
	return options | IGB_TX_PAYLEN(len);
}

/* The IOVAs of a frame's buffers. Their number; 0: it cannot be sent. */
static unsigned translate(struct pmd_txq *q, const struct rte_mbuf *m, uint64_t *iova)
{
	unsigned n = 0;

	for (; m; m = m->next) {
		if (n == PMD_SEGS_MAX)
			return 0;
		iova[n] = tx_iova(q, m);
		if (!iova[n++])
			return 0;
	}
	return n;
}

/* One frame. 1: it is sent, or dropped for good; 0: there is no room. */
static int transmit(struct pmd_txq *q, struct rte_mbuf *m)
{
	uint64_t iova[PMD_SEGS_MAX], options;
	struct place p = {.at = q->next};
	unsigned n = translate(q, m, iova);
	struct rte_mbuf *s = m;

	/* With a context at most. */
	while (q->free < n + 1)
		if (!tx_reclaim(q))
			return 0;
	if (!n) {
		rte_pktmbuf_free(m);
		q->errors++;
		return 1;
	}
	options = options_of(m, m->pkt_len) | IGB_TX_DATA | IGB_TX_DEXT | IGB_TX_IFCS;
	if (m->ol_flags & OFFLOADS) {
		struct pmd_context c = context_of(m);

		if (choose(q, &c)) {
			q->contexts[q->context] = c;
			put(q, &p, NULL, c.lower, c.upper | IGB_TX_CTX_IDX(q->context));
		}
		options |= IGB_TX_IDX(q->context);
	}
	q->packets++;
	q->bytes += m->pkt_len;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *next = s->next;

		put(q, &p, s, iova[i], options | s->data_len);
		s = next;
	}
	q->ring[p.last].upper |= IGB_TX_EOP | (p.batches ? IGB_TX_RS : 0);
	while (p.batches)
		q->reports[p.batch[--p.batches]] = (uint16_t)p.last;
	q->free -= p.at >= q->next ? p.at - q->next : p.at + q->n - q->next;
	q->next = p.at;
	return 1;
}

uint16_t tx_full(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_txq *q = queue;
	unsigned before = q->next;
	uint16_t done = 0;

	while (q->free < q->threshold && tx_reclaim(q))
		;
	while (done < n && transmit(q, pkts[done]))
		done++;
	/* The one sync: descriptors and frames before the doorbell. */
	if (q->next != before)
		tce_io_write32(q->tail, q->next);
	return done;
}

static int check(const struct rte_mbuf *m)
{
	uint64_t flags = m->ol_flags;

	if ((flags & RTE_MBUF_F_TX_OFFLOAD_MASK) & ~(OFFLOADS | HINTS))
		return -ENOTSUP;
	if (m->nb_segs > PMD_SEGS_MAX)
		return -EINVAL;
	if (!(flags & RTE_MBUF_F_TX_TCP_SEG))
		return m->pkt_len + RTE_ETHER_CRC_LEN > IGB_FRAME_MAX ? -EINVAL : 0;
	if (m->tso_segsz == 0 || m->tso_segsz > PMD_MSS_MAX || m->pkt_len > PMD_TSO_MAX ||
	    m->l2_len + m->l3_len + m->l4_len > PMD_TSO_HEADER)
		return -EINVAL;
	return 0;
}

uint16_t tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		int err = check(pkts[i]);

		/* The pseudo header's sum is where the device wants it. */
		if (!err)
			err = rte_net_intel_cksum_prepare(pkts[i]);
		if (err) {
			rte_errno = -err;
			return i;
		}
	}
	return n;
}
