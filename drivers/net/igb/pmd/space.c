/* SPDX-License-Identifier: BSD-3-Clause */
/* The spaces of our devices: those of one IOMMU group share one. */
#include "pmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_mempool.h>

#include "eal.h"

static struct pmd_space *spaces;

/* Memory cannot be taken away from the devices: none of them may start DMA any more. */
static void stop_all(void *arg)
{
	struct pmd_space *space = arg;

	for (struct pmd_port *p = space->ports; p; p = p->next)
		igb_stop_dma(p->nic);
}

static void forget_queue(struct pmd_txq *q)
{
	__atomic_store_n(&q->run.len, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&q->home.len, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&q->pool, NULL, __ATOMIC_RELAXED);
}

static bool is_in(uint64_t base, uint64_t run, uint64_t addr, size_t len)
{
	return base < addr + len && addr < base + run;
}

/* See learn() in translate.c, whose other half this is. */
static void forget(struct pmd_port *port, uint64_t addr, size_t len)
{
	atomic_fetch_add(&port->forgotten, 1);
	for (unsigned i = 0; i < PMD_QUEUES; i++) {
		struct pmd_txq *q = port->senders[i];

		if (q && (is_in(q->run.base, q->run.len, addr, len) ||
			  is_in(q->home.base, q->home.len, addr, len)))
			forget_queue(q);
	}
}

static void forget_pool(struct pmd_port *port, const struct rte_mempool *pool)
{
	atomic_fetch_add(&port->forgotten, 1);
	for (unsigned i = 0; i < PMD_QUEUES; i++) {
		struct pmd_txq *q = port->senders[i];

		if (q && __atomic_load_n(&q->pool, __ATOMIC_RELAXED) == pool)
			forget_queue(q);
	}
}

static void forget_all(void *arg, const void *addr, size_t len)
{
	struct pmd_space *space = arg;

	for (struct pmd_port *p = space->ports; p; p = p->next)
		forget(p, (uintptr_t)addr, len);
}

void space_forget(struct pmd_space *space, const void *addr, size_t len)
{
	rte_mcfg_mem_read_lock();
	forget_all(space, addr, len);
	rte_mcfg_mem_read_unlock();
}

/* Its memory may be other pools' next, which a queue must not take for the one that it knew. */
static void on_pool(enum rte_mempool_event event, struct rte_mempool *pool, void *arg)
{
	if (event != RTE_MEMPOOL_EVENT_DESTROY)
		return;
	rte_mcfg_mem_write_lock();
	for (struct pmd_space *s = spaces; s; s = s->next)
		for (struct pmd_port *p = s->ports; p; p = p->next)
			forget_pool(p, pool);
	rte_mcfg_mem_write_unlock();
}

static int watch_pools(void)
{
	if (!rte_mempool_event_callback_register(on_pool, NULL) || rte_errno == EEXIST)
		return 0;
	return say(-rte_errno, "EAL does not let mempools be followed (%s)",
		   rte_strerror(rte_errno));
}

static int join(struct pmd_space *s)
{
	struct tce_eal_member member = {
		.space = s->space,
		.name = s->name,
		.stop = stop_all,
		.gone = forget_all,
		.arg = s,
		.translates = true,
	};
	int err = tce_eal_join(&member);

	return err ? say(err, "%s", tce_eal_error()) : 0;
}

static struct pmd_space *find(int group)
{
	struct pmd_space *s = spaces;

	while (s && s->group != group)
		s = s->next;
	return s;
}

static int enter(struct tce_space *space, struct pmd_space **made)
{
	struct pmd_space *s = calloc(1, sizeof(*s));
	struct tce_space_info info;
	int err;

	if (!s || tce_space_info(space, &info)) {
		free(s);
		return say(-ENOMEM, "no memory to note a space");
	}
	s->space = space;
	s->group = info.group;
	snprintf(s->name, sizeof(s->name), "IOMMU group %d", info.group);
	err = watch_pools();
	if (!err)
		err = join(s);
	if (err) {
		free(s);
		return err;
	}
	rte_mcfg_mem_read_lock();
	s->next = spaces;
	spaces = s;
	rte_mcfg_mem_read_unlock();
	*made = s;
	return 0;
}

int space_get(const struct plugin_args *args, struct pmd_space **space)
{
	struct tce_space_options opts;
	struct tce_space *opened;
	struct pmd_space *s;
	int group, err = space_options(args, &opts);

	/* Any IOVA that the device reaches will do, whatever EAL's are. */
	opts.identity = opts.highest = 0;
	if (!err && tce_device_group(args->device, &group))
		err = say(-ENODEV, "%s", tce_error());
	if (err)
		return err;
	s = find(group);
	/* A group that is open here is shared, and cannot be looked at once more. */
	if (!s)
		err = space_look_first(args->device, &opts);
	if (err)
		return err;
	err = tce_space_open(args->device, &opts, &opened);
	if (err)
		return space_say(err, &opts);
	if (!s)
		err = enter(opened, &s);
	if (err) {
		tce_space_close(opened, args->device);
		return err;
	}
	s->users++;
	*space = s;
	return 0;
}

void space_put(struct pmd_space *space, const char *device)
{
	bool last = --space->users == 0;

	if (last)
		tce_eal_leave(space->space);
	if (tce_space_close(space->space, device))
		say_now(RTE_LOG_ERR, "%s: %s", device, tce_error());
	if (!last)
		return;
	rte_mcfg_mem_read_lock();
	for (struct pmd_space **at = &spaces; *at; at = &(*at)->next)
		if (*at == space) {
			*at = space->next;
			break;
		}
	rte_mcfg_mem_read_unlock();
	free(space);
}

/* The lists change under EAL's memory lock held for reading: events hold it for writing. */
void space_add(struct pmd_space *space, struct pmd_port *port)
{
	rte_mcfg_mem_read_lock();
	port->next = space->ports;
	space->ports = port;
	rte_mcfg_mem_read_unlock();
}

void space_sender(struct pmd_port *port, unsigned number, struct pmd_txq *q)
{
	rte_mcfg_mem_read_lock();
	port->senders[number] = q;
	rte_mcfg_mem_read_unlock();
}

void space_drop(struct pmd_space *space, struct pmd_port *port)
{
	rte_mcfg_mem_read_lock();
	for (struct pmd_port **at = &space->ports; *at; at = &(*at)->next)
		if (*at == port) {
			*at = port->next;
			break;
		}
	rte_mcfg_mem_read_unlock();
}
