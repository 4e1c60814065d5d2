/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL's memory comes and goes. All of this runs with EAL's memory lock held. */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_memory.h>

#include <tce/tce.h>

#define NAME "libtce"

bool events_never;

static void (*reporter)(const char *sentence);

void tce_eal_report(void (*report)(const char *sentence))
{
	reporter = report;
}

void events_report(const char *sentence)
{
	if (reporter)
		reporter(sentence);
}

/* Segments get our IOVAs where somebody goes by them, and in any case what says: not mapped. */
static void write_iovas(const struct run *run, int err)
{
	if (members_laid_out || err)
		segments_write(run);
}

/* One by one the pages may find room where the run as a whole found none. */
static int map_pages(const struct run *run)
{
	int failed = 0;

	for (size_t done = 0; done < run->len; done += run->page) {
		struct run page = *run;
		int err;

		page.va += done;
		page.len = run->page;
		err = members_map(&page);
		failed = err ? err : failed;
		write_iovas(&page, err);
	}
	return failed;
}

static int take_run(struct run *run)
{
	uint64_t wanted = run->iova;
	int err = members_register(run);

	if (!err && members)
		err = members_map(run);
	if (err == -ENOSPC && wanted == RUN_ANY)
		return map_pages(run);
	if (err || !members)
		run->iova = wanted == RUN_ANY || err ? RUN_ANY : wanted;
	write_iovas(run, err);
	return err;
}

static void memory_came(const void *addr, size_t len)
{
	struct runs runs = {0};
	char sentence[1200];
	int err = segments_of(addr, len, &runs);

	if (err)
		eal_fail(err, "no memory to list the new segments");
	for (size_t i = 0; i < runs.n && !err; i++)
		err = take_run(&runs.run[i]);
	if (err) {
		snprintf(sentence, sizeof(sentence),
			 "%zu bytes that EAL has just got at %p cannot be mapped and no device can "
			 "use them: %s",
			 len, addr, tce_eal_error());
		events_report(sentence);
	}
	runs_free(&runs);
}

static void on_event(enum rte_mem_event event, const void *addr, size_t len, void *arg)
{
	if (!members_registered)
		return;
	if (event == RTE_MEM_EVENT_ALLOC)
		memory_came(addr, len);
	else
		members_discard(addr, len);
}

/* What of a member's window may be handed out to EAL's memory, in use or not. */
static int ask_room(const struct member *member, size_t page, const struct tce_window_info *window,
		    uint64_t *room)
{
	struct tce_space_info info;
	struct range range = range_usable(window, page);
	int err = 0;

	if (tce_space_info(member->is.space, &info))
		return eal_fail(-EIO, "%s", tce_error());
	if (info.highest < range.last)
		range.last = info.highest;
	/* What goes by EAL's IOVAs has these where all such devices reach. */
	if (!member->is.translates)
		err = members_range(NULL, page, &range);
	if (!err)
		*room = range_room(&range, window->hole, window->hole_size);
	return err;
}

/* Whether @growth more bytes fit a member's window. */
static int fits(const struct member *member, size_t page, uint64_t growth)
{
	struct tce_window_info window;
	uint64_t room = 0, used;
	int err = members_window(member, page, &window);

	if (!err)
		err = ask_room(member, page, &window, &room);
	if (err)
		return err;
	used = window.tces * window.page;
	if (used <= room && growth <= room - used)
		return 0;
	return eal_fail(-ENOSPC,
			"EAL was refused %" PRIu64 " bytes more: the window of %s has room for "
			"%" PRIu64 " bytes and %" PRIu64 " of them are in use; give more by mem=",
			growth, member->is.name, room, used);
}

static int on_growth(int socket, size_t limit, size_t total)
{
	size_t held = segments_held(socket);
	uint64_t growth = total > held ? total - held : 0;
	uint64_t lockable = UINT64_MAX;
	static bool refusing;
	struct tce_eal_need need;
	int err = members ? need_now(&need) : 0;

	for (const struct member *m = members; m && !err; m = m->next)
		err = fits(m, need.page, growth);
	if (!err && members && tce_lock_free(&lockable))
		lockable = UINT64_MAX;
	if (!err && growth > lockable)
		err = eal_fail(-ENOMEM,
			       "EAL was refused %" PRIu64 " bytes more: this process may lock only "
			       "%" PRIu64 " more; raise it by ulimit -l, or give it CAP_IPC_LOCK",
			       growth, lockable);
	/* An application that tries again and again is told once, until it got some. */
	if (err && !refusing)
		events_report(tce_eal_error());
	refusing = err;
	return err ? -1 : 0;
}

static int guard_sockets(void)
{
	for (unsigned i = 0; i < rte_socket_count(); i++)
		if (rte_mem_alloc_validator_register(NAME, on_growth, rte_socket_id_by_idx(i), 0) &&
		    rte_errno != EEXIST)
			return -rte_errno;
	return 0;
}

int events_follow(void)
{
	static bool following;
	int err;

	if (following)
		return 0;
	err = guard_sockets();
	if (!err && rte_mem_event_callback_register(NAME, on_event, NULL))
		err = -rte_errno;
	events_never = err == -ENOTSUP;
	if (err && !events_never)
		return eal_fail(err, "EAL does not let its memory be followed (%s)",
				rte_strerror(-err));
	following = true;
	return 0;
}
