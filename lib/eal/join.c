/* SPDX-License-Identifier: BSD-3-Clause */
/* A space joins: all memory that there is gets mapped in it. */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_eal_memconfig.h>
#include <rte_memory.h>

#include <tce/tce.h>

/*
 * Members change under EAL's memory lock held for reading, which keeps events away, and this one,
 * which keeps other threads that join or leave away.
 */
static pthread_mutex_t joining = PTHREAD_MUTEX_INITIALIZER;

static void begin(void)
{
	rte_mcfg_mem_read_lock();
	pthread_mutex_lock(&joining);
}

static void end(void)
{
	pthread_mutex_unlock(&joining);
	rte_mcfg_mem_read_unlock();
}

int tce_eal_ready(void)
{
	return segments_check_pools(members_laid_out);
}

/* Register the runs that are not: all, or those whose segments never got an IOVA of ours. */
static int register_runs(const struct runs *runs)
{
	for (size_t i = 0; i < runs->n; i++) {
		int err = members_register(&runs->run[i]);

		if (!err)
			continue;
		while (i-- > 0)
			members_release(&runs->run[i]);
		return err;
	}
	return 0;
}

static int reaches(const struct member *new, const struct run *run)
{
	struct tce_window_info window;
	struct range all;
	int err = members_window(new, run->page, &window);

	if (err || run->iova == RUN_ANY)
		return err;
	all = (struct range){window.start, window.start + (window.size - 1)};
	if (run->iova >= all.first && run->iova + (run->len - 1) <= all.last)
		return 0;
	if (rte_eal_iova_mode() == RTE_IOVA_VA)
		return eal_fail(-ERANGE,
				"%s has its window at 0x%" PRIx64 " to 0x%" PRIx64 " and EAL's "
				"memory is at 0x%" PRIx64 ", which cannot be its IOVA there: run "
				"EAL with --iova-mode=pa, or with a lower --base-virtaddr",
				new->is.name, all.first, all.last, run->iova);
	return eal_fail(-ERANGE,
			"EAL's memory has IOVAs at 0x%" PRIx64 " to 0x%" PRIx64 " in the spaces of "
			"other devices, and the window of %s is 0x%" PRIx64 " to 0x%" PRIx64
			": these cannot serve one process",
			run->iova, run->iova + (run->len - 1), new->is.name, all.first, all.last);
}

static int map_runs(struct member *new, struct runs *runs)
{
	struct range common;
	bool placed = !new->is.translates;
	int err = placed && runs->n ? members_range(new, runs->run[0].page, &common) : 0;

	for (size_t i = 0; placed && i < runs->n && !err; i++)
		err = reaches(new, &runs->run[i]);
	for (size_t i = 0; i < runs->n && !err; i++) {
		err = members_map_one(new, &runs->run[i]);
		while (err && i-- > 0)
			members_unmap_one(new, &runs->run[i]);
	}
	return err;
}

static int take_in(struct member *new, struct runs *runs)
{
	int err = members_registered ? 0 : register_runs(runs);

	if (err)
		return err;
	err = map_runs(new, runs);
	if (err && !members_registered)
		for (size_t i = 0; i < runs->n; i++)
			members_release(&runs->run[i]);
	if (err)
		return err;
	members_registered = true;
	for (size_t i = 0; i < runs->n && !new->is.translates; i++)
		segments_write(&runs->run[i]);
	members_laid_out = members_laid_out || !new->is.translates;
	new->next = members;
	members = new;
	return 0;
}

static int check_new(const struct tce_eal_member *member)
{
	for (const struct member *m = members; m; m = m->next)
		if (m->is.space == member->space)
			return eal_fail(-EEXIST,
					"%s is in use by another driver of this process already: "
					"one driver has all the devices of a group",
					member->name);
	return 0;
}

int tce_eal_join(const struct tce_eal_member *member)
{
	struct member *new = calloc(1, sizeof(*new));
	struct runs runs = {0};
	int err;

	if (!new)
		return eal_fail(-ENOMEM, "no memory to note a space");
	new->is = *member;
	begin();
	err = check_new(member);
	if (!err)
		err = events_follow();
	if (!err && segments_all(&runs, members_laid_out, members == NULL))
		err = eal_fail(-ENOMEM, "no memory to list EAL's memory segments");
	if (!err)
		err = take_in(new, &runs);
	end();
	runs_free(&runs);
	if (err)
		free(new);
	else if (!member->translates)
		segments_refresh_zones();
	return err;
}

void tce_eal_leave(struct tce_space *space)
{
	struct member *gone = NULL;

	begin();
	for (struct member **at = &members; *at; at = &(*at)->next)
		if ((*at)->is.space == space) {
			gone = *at;
			*at = gone->next;
			break;
		}
	end();
	free(gone);
}

int tce_eal_dma_map(struct tce_space *space, void *va, uint64_t iova, size_t len)
{
	tce_iova_t at = iova;
	int err = tce_dma_map(space, va, len, NULL, &at);

	return err ? eal_fail(err, "%s", tce_error()) : 0;
}

int tce_eal_dma_unmap(struct tce_space *space, uint64_t iova, size_t len)
{
	int err = tce_dma_unmap(space, iova, len);

	return err ? eal_fail(err, "%s", tce_error()) : 0;
}
