/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts: of receive queues, by epoll, and of the link, by ethdev's event. */
#include "ethdev.h"

#include <stdatomic.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_epoll.h>
#include <rte_interrupts.h>

enum { SILENCE_MS = 50, PATIENCE_MS = 3000 };

static atomic_uint changes, is_up;

static int on_link(uint16_t port, enum rte_eth_event_type event, void *arg, void *more)
{
	struct rte_eth_link link = {0};

	atomic_store(&is_up, !rte_eth_link_get_nowait(port, &link) && link.link_status);
	atomic_fetch_add(&changes, 1);
	return 0;
}

/* The queue that an interrupt came for within so many ms; -1: none. */
static int woken(int ms)
{
	struct rte_epoll_event event;
	int n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, ms);

	return n == 1 ? (int)(uintptr_t)event.epdata.data : -1;
}

static void send_one(void)
{
	struct rte_mbuf *m = make(&(struct frame){0});

	if (rte_eth_tx_burst(OUT, 0, &m, 1) != 1)
		rte_pktmbuf_free(m);
}

static unsigned take(uint16_t queue)
{
	struct rte_mbuf *got[32];
	uint16_t n = rte_eth_rx_burst(IN, queue, got, RTE_DIM(got));

	rte_pktmbuf_free_bulk(got, n);
	return n;
}

static void send_to(uint16_t queue)
{
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};

	for (unsigned i = 0; i < 128; i++)
		reta[i / 64].reta[i % 64] = queue;
	rte_eth_dev_rss_reta_update(IN, reta, 128);
	send_one();
}

static void of_queue(uint16_t q)
{
	rte_eth_dev_rx_intr_enable(IN, q);
	point(woken(SILENCE_MS) == -1, "queue %u: no interrupt without a frame", q);
	send_to(q);
	point(woken(PATIENCE_MS) == q && take(q) == 1, "queue %u: a frame interrupts", q);
	rte_eth_dev_rx_intr_disable(IN, q);
	/* One that was on its way. */
	woken(SILENCE_MS);
	send_to(q);
	point(woken(SILENCE_MS) == -1, "queue %u: held back, it does not", q);
	rte_eth_dev_rx_intr_enable(IN, q);
	point(woken(PATIENCE_MS) == q && take(q) == 1, "queue %u: let through, it does at once", q);
	rte_eth_dev_rx_intr_disable(IN, q);
	woken(SILENCE_MS);
}

static void of_queues(void)
{
	int ret = 0;

	for (uint16_t q = 0; q < QUEUES && !ret; q++)
		ret = rte_eth_dev_rx_intr_ctl_q(IN, q, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD,
						(void *)(uintptr_t)q);
	point(!ret, "interrupts of %u receive queues are watched", QUEUES);
	for (uint16_t q = 0; q < QUEUES && !ret; q++)
		of_queue(q);
	for (uint16_t q = 0; q < QUEUES && !ret; q++)
		ret = rte_eth_dev_rx_intr_ctl_q(IN, q, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_DEL,
						(void *)(uintptr_t)q);
	point(!ret, "and not any more");
}

static bool link_changes(unsigned up)
{
	struct rte_eth_link link = {0};

	for (unsigned ms = 0; ms < PATIENCE_MS * 3 && (!changes || is_up != up); ms++)
		rte_delay_us_sleep(1000);
	return !rte_eth_link_get_nowait(IN, &link) && changes && is_up == up &&
	       link.link_status == up;
}

/* The cable is pulled, and put in again, by whoever started the program. */
static void of_link(void)
{
	changes = 0;
	printf("# pull\n");
	fflush(stdout);
	point(link_changes(0), "the link goes down: an event, not a question");
	changes = 0;
	printf("# plug\n");
	fflush(stdout);
	point(link_changes(1), "and up again");
	wait_links();
	point(arrives(&(struct frame){0}), "frames come as before");
}

void interrupts(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS},
				    .intr_conf = {.rxq = 1, .lsc = 1}};

	conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4;
	rte_eth_dev_callback_register(IN, RTE_ETH_EVENT_INTR_LSC, on_link, NULL);
	start(IN, &conf, QUEUES);
	of_queues();
	of_link();
	rte_eth_dev_callback_unregister(IN, RTE_ETH_EVENT_INTR_LSC, on_link, NULL);
	stop(IN);
}
