/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When things go wrong. A command that is under way too long is aborted; if that does not end it,
 * the controller is reset. A reset belongs to the controller, but rings belong to the threads of
 * their queues: so it only moves the epoch on, and each queue, as it is polled, ends what it had
 * under way and sets itself up again. Nothing is ended before the controller is off, since until
 * then it may write to the buffers.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

int nvme_state_error(const struct tce_nvme *n)
{
	switch (atomic_load(&n->state)) {
	case NVME_LOST:
		return -ENODEV;
	case NVME_BROKEN:
		return -EIO;
	default:
		return -ECANCELED;
	}
}

/*
 * No DMA begins after this, by whatever means there is. If it is not 0, the controller is gone or
 * only cut off: with bus mastering it would go on with what it was told before. Under the lock.
 */
static int stop(struct tce_nvme *n)
{
	int ret = nvme_disable(n);
	char why[512];

	if (!ret)
		return 0;
	snprintf(why, sizeof(why), "%s", tce_error());
	if (ret != -ENODEV && !tce_pci_reset(n->pci))
		return 0;
	(void)tce_pci_bus_master(n->pci, false);
	return tce_error_set(ret, "%s", why);
}

static void end_epoch(struct tce_nvme *n, enum nvme_state state)
{
	atomic_store(&n->state, state);
	atomic_fetch_add(&n->epoch, 1);
}

/* It is gone, shall go, or is of no use: every command ends. Under the lock. */
static void give_up(struct tce_nvme *n, enum nvme_state state)
{
	(void)stop(n);
	end_epoch(n, state);
}

static int reset(struct tce_nvme *n)
{
	unsigned got;
	int ret;

	n->info.resets++;
	ret = stop(n);
	end_epoch(n, NVME_RUNS);
	if (!ret)
		ret = nvme_enable(n);
	if (!ret)
		ret = nvme_set_queues(n, n->opts.queues, &got);
	if (!ret)
		return 0;
	atomic_store(&n->state, ret == -ENODEV ? NVME_LOST : NVME_BROKEN);
	return ret;
}

int tce_nvme_reset(struct tce_nvme *nvme)
{
	int ret = nvme_enter(nvme);

	if (ret)
		return ret;
	if (atomic_load(&nvme->state) == NVME_LOST)
		ret = nvme_fail(nvme, -ENODEV, "the controller is gone");
	else
		ret = reset(nvme);
	pthread_mutex_unlock(&nvme->lock);
	return ret;
}

unsigned nvme_recover(struct tce_nvme_queue *q, unsigned max)
{
	struct tce_nvme *n = q->nvme;
	/* What ended before the controller was off has ended well. */
	unsigned done = nvme_queue_harvest(q, max);
	unsigned epoch;
	int ret;

	done += nvme_queue_fail(q, nvme_state_error(n), max - done);
	/* The next poll goes on with them. */
	if (q->outstanding)
		return done;
	pthread_mutex_lock(&n->lock);
	epoch = atomic_load(&n->epoch);
	if (atomic_load(&n->state) == NVME_RUNS) {
		nvme_queue_clear(q);
		ret = nvme_create_queue(n, q);
		if (!ret)
			q->epoch = epoch;
		else
			give_up(n, ret == -ENODEV ? NVME_LOST : NVME_BROKEN);
	}
	pthread_mutex_unlock(&n->lock);
	return done;
}

/* The longest under way, and since when; false: none is. */
static bool oldest(const struct tce_nvme_queue *q, uint16_t *cid)
{
	bool found = false;

	for (uint16_t i = 0; i < q->sq_entries - 1; i++) {
		if (!q->command[i].fn || (found && q->command[i].since >= q->command[*cid].since))
			continue;
		*cid = i;
		found = true;
	}
	return found;
}

/* A command is too old: have it aborted, or if it was, reset. Under the lock. */
static void too_old(struct tce_nvme_queue *q, uint16_t cid)
{
	struct tce_nvme *n = q->nvme;
	struct nvme_command *c = &q->command[cid];

	if (!c->aborted) {
		c->aborted = true;
		c->since = nvme_ticks();
		n->info.aborts++;
		if (!nvme_abort(n, q->id, cid))
			return;
	}
	(void)reset(n);
}

static bool wanted_back(const struct tce_nvme *n)
{
	uint64_t times;

	return read(n->removal, &times, sizeof(times)) == sizeof(times);
}

void nvme_look(struct tce_nvme_queue *q)
{
	struct tce_nvme *n = q->nvme;
	uint64_t now = nvme_ticks();
	uint32_t csts = 0;
	uint16_t cid = 0;

	q->look_at = now + n->look_every;
	pthread_mutex_lock(&n->lock);
	if (atomic_load(&n->epoch) != q->epoch)
		; /* somebody else has seen to it */
	else if (wanted_back(n) || nvme_status(n, &csts))
		give_up(n, NVME_LOST);
	else if (csts & NVME_CSTS_CFS)
		(void)reset(n);
	else if (oldest(q, &cid) && now - q->command[cid].since > n->timeout)
		too_old(q, cid);
	pthread_mutex_unlock(&n->lock);
}
