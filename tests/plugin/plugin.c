/* SPDX-License-Identifier: BSD-3-Clause */
#include "plugin.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bus_driver.h>
#include <bus_vdev_driver.h>
#include <dev_driver.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_kvargs.h>
#include <rte_mbuf.h>
#include <rte_memory.h>

#define NAME "net_tce_test"

struct options options;
struct tally tally;
volatile bool stopping;

static pthread_t worker;
static bool working;

bool rest(uint64_t microseconds)
{
	const uint64_t slice = 10000;

	while (!stopping && microseconds > slice) {
		usleep(slice);
		microseconds -= slice;
	}
	if (!stopping)
		usleep((useconds_t)microseconds);
	return !stopping;
}

void wrong(const char *format, ...)
{
	va_list args;

	if (tally.error[0])
		return;
	va_start(args, format);
	vsnprintf(tally.error, sizeof(tally.error), format, args);
	va_end(args);
}

void poison(void *at, size_t len)
{
	static const char pattern[8] = "FREEDPG!";

	for (size_t i = 0; i + sizeof(pattern) <= len; i += sizeof(pattern))
		memcpy((char *)at + i, pattern, sizeof(pattern));
}

bool is_poisoned(const void *at, size_t len)
{
	static const char pattern[8] = "FREEDPG!";

	for (size_t i = 0; i + sizeof(pattern) <= len; i += sizeof(pattern))
		if (memcmp((const char *)at + i, pattern, sizeof(pattern)))
			return false;
	return true;
}

void report(void)
{
	char temporary[sizeof(options.out) + 8];
	FILE *f;

	if (!options.out[0])
		return;
	snprintf(temporary, sizeof(temporary), "%s.new", options.out);
	f = fopen(temporary, "we");
	if (!f)
		return;
	fprintf(f,
		"{\"mode\": \"%s\", \"done\": %s, \"error\": \"%s\", \"allocs\": %" PRIu64
		", \"failed\": %" PRIu64 ", \"frees\": %" PRIu64 ", \"corrupt\": %" PRIu64
		", \"grown\": %" PRIu64 ", \"shrunk\": %" PRIu64 ", \"bad_iova\": %" PRIu64
		", \"pages\": %" PRIu64 ", \"pool_inside\": %s, \"free_before\": %" PRIu64
		", \"free_after\": %" PRIu64 ", \"regions_before\": %" PRIu64
		", \"regions_after\": %" PRIu64 ", \"va\": %" PRIu64 ", \"block_iova\": %" PRIu64
		", \"quarantined\": %" PRIu64 ", \"dead\": %" PRIu64 "}\n",
		options.mode, tally.done ? "true" : "false", tally.error, tally.allocs,
		tally.failed, tally.frees, tally.corrupt, tally.grown, tally.shrunk, tally.bad_iova,
		tally.pages, tally.pool_inside ? "true" : "false", tally.free_before,
		tally.free_after, tally.regions_before, tally.regions_after, tally.va,
		tally.block_iova, tally.quarantined, tally.dead);
	if (!fclose(f))
		rename(temporary, options.out);
}

static int keep_text(const char *key, const char *value, void *to)
{
	bool is_mode = to == options.mode;
	size_t room = is_mode ? sizeof(options.mode) : sizeof(options.out);

	return snprintf(to, room, "%s", value) < (int)room ? 0 : -EINVAL;
}

static int keep_number(const char *key, const char *value, void *to)
{
	char *end;

	*(uint64_t *)to = strtoull(value, &end, 0);
	return *end ? -EINVAL : 0;
}

static int read_options(const char *text)
{
	static const struct {
		const char *key;
		uint64_t *number;
	} numbers[] = {
		{"period", &options.period}, {"least", &options.least}, {"most", &options.most},
		{"blocks", &options.blocks}, {"seed", &options.seed},	{"delay", &options.delay},
		{"bits", &options.bits},
	};
	struct rte_kvargs *list = rte_kvargs_parse(text, NULL);
	int err = list ? 0 : -EINVAL;

	options = (struct options){.mode = "churn", .period = 1000, .least = 1 << 20};
	options.most = 16 << 20;
	options.blocks = 8;
	if (!err)
		err = rte_kvargs_process(list, "mode", keep_text, options.mode);
	if (!err)
		err = rte_kvargs_process(list, "out", keep_text, options.out);
	for (size_t i = 0; !err && i < RTE_DIM(numbers); i++)
		err = rte_kvargs_process(list, numbers[i].key, keep_number, numbers[i].number);
	rte_kvargs_free(list);
	return err;
}

static void on_event(enum rte_mem_event event, const void *addr, size_t len, void *arg)
{
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(addr);
	const struct rte_memseg *seg = rte_mem_virt2memseg(addr, list);

	if (event == RTE_MEM_EVENT_FREE) {
		tally.shrunk += len;
		return;
	}
	tally.grown += len;
	/* At the end of the application its ports go first, and nothing needs IOVAs any more. */
	if (!rte_eth_dev_count_avail())
		return;
	for (size_t done = 0; done < len; done += seg->len, seg++)
		tally.bad_iova += seg->iova == RTE_BAD_IOVA;
}

static void *work(void *arg)
{
	if (!strcmp(options.mode, "churn"))
		churn_run();
	else if (!strcmp(options.mode, "steps"))
		steps_run();
	else if (!strcmp(options.mode, "mbufs"))
		mbufs_run();
	else
		middle_run();
	if (strcmp(options.mode, "mbufs"))
		report();
	return NULL;
}

/* EAL cleans its buses in the order in which they registered. */
static int put_pci_last(void)
{
	struct rte_bus *pci = rte_bus_find_by_name("pci");

	if (!pci)
		return -ENODEV;
	rte_bus_unregister(pci);
	rte_bus_register(pci);
	return 0;
}

static int prepare(void)
{
	if (!strcmp(options.mode, "pool"))
		return rte_pktmbuf_pool_create("early", 512, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0)
			       ? 0
			       : -ENOMEM;
	if (!strcmp(options.mode, "mask"))
		rte_mem_set_dma_mask((uint8_t)options.bits);
	if (!strcmp(options.mode, "middle"))
		return middle_prepare();
	if (!strcmp(options.mode, "order"))
		return put_pci_last();
	return 0;
}

static int probe(struct rte_vdev_device *vdev)
{
	int err = read_options(rte_vdev_device_args(vdev));

	if (!err)
		err = prepare();
	if (err) {
		wrong("prepare: %s", strerror(-err));
		report();
		return err;
	}
	if (strcmp(options.mode, "churn") && strcmp(options.mode, "middle") &&
	    strcmp(options.mode, "steps") && strcmp(options.mode, "mbufs"))
		return 0;
	rte_mem_event_callback_register(NAME, on_event, NULL);
	stopping = false;
	err = -pthread_create(&worker, NULL, work, NULL);
	working = !err;
	return err;
}

static int stop(struct rte_vdev_device *vdev)
{
	stopping = true;
	if (working)
		pthread_join(worker, NULL);
	if (working)
		rte_mem_event_callback_unregister(NAME, NULL);
	working = false;
	return 0;
}

static struct rte_vdev_driver driver = {.probe = probe, .remove = stop};

RTE_PMD_REGISTER_VDEV(net_tce_test, driver);
