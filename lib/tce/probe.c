/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tce_probe(): each known defect of the kernel, tried where it can be tried without harm. Nothing
 * here orphans a page (unregisters what a TCE points into), maps or clears past a window's end, or
 * asks the platform for a window that it might refuse: the one window that is asked for is refused
 * by the kernel itself, before the platform hears of it.
 */
#include <stdio.h>

#include "internal.h"

#define K tce_process.kernel

typedef unsigned long long ull;

enum { TCE_SIZE = 4096 }; /* of the default window: IOMMU_PAGE_SIZE_4K */

struct prober {
	const char *device;
	int fd; /* the container's */
	struct tce_facts facts;
	unsigned major, minor;
	char *page[2];	    /* two system pages that are registered */
	size_t len;	    /* of both */
	const char *no_map; /* why nothing can be mapped; NULL: it can */
	char sentence[512];
};

struct defect {
	const char *name;
	enum tce_answer (*look)(struct prober *p);
};

/* Keep what is to be said of an answer. */
static enum tce_answer TCE_PRINTF(3)
	say(struct prober *p, enum tce_answer answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->sentence, sizeof(p->sentence), format, args);
	va_end(args);
	return answer;
}

static uint64_t first_iova(const struct prober *p)
{
	return p->facts.default_start;
}

static int map(const struct prober *p, unsigned page, uint64_t iova)
{
	return K->map(p->fd, p->page[page], iova, TCE_SIZE, TCE_RW);
}

static int unmap(const struct prober *p)
{
	return K->unmap(p->fd, first_iova(p), TCE_SIZE);
}

static enum tce_answer misaligned(struct prober *p)
{
	int ret;

	if (p->no_map)
		return say(p, TCE_CANNOT_TELL, "%s", p->no_map);
	ret = map(p, 0, first_iova(p) + TCE_SIZE / 2);
	if (ret < 0)
		return say(p, TCE_NO, "is refused: %s", tce_errno_text(ret));
	if (!ret)
		(void)unmap(p);
	return say(p, TCE_YES,
		   "answered %d, no error to who looks for less than 0; libtce takes anything but "
		   "0 for a failure, and asks for multiples of the I/O page only",
		   ret);
}

static enum tce_answer overwrite(struct prober *p)
{
	int ret;

	if (p->no_map)
		return say(p, TCE_CANNOT_TELL, "%s", p->no_map);
	ret = map(p, 0, first_iova(p));
	if (ret)
		return say(p, TCE_CANNOT_TELL, "the kernel did not map a page to try it with: %s",
			   tce_errno_text(ret));
	ret = map(p, 1, first_iova(p));
	(void)unmap(p);
	if (ret)
		return say(p, TCE_NO, "is refused: %s", tce_errno_text(ret));
	return say(p, TCE_YES,
		   "answered 0 and replaced it in silence; libtce looks in its own table first");
}

static enum tce_answer unmap_nothing(struct prober *p)
{
	int ret;

	if (p->no_map)
		return say(p, TCE_CANNOT_TELL, "%s", p->no_map);
	ret = unmap(p);
	if (ret)
		return say(p, TCE_NO, "is refused: %s", tce_errno_text(ret));
	return say(p, TCE_YES,
		   "answered 0, so that a 0 of UNMAP proves nothing; libtce refuses it by its own "
		   "table");
}

static enum tce_answer hole(struct prober *p)
{
	char *va;
	int ret = K->pages(p->len, (void **)&va);

	if (ret)
		return say(p, TCE_CANNOT_TELL, "there is no memory to try it with");
	K->pages_end(va + p->len / 2, p->len / 2);
	ret = K->enroll(p->fd, va, p->len);
	if (!ret)
		(void)K->unenroll(p->fd, va, p->len);
	K->pages_end(va, p->len / 2);
	if (!ret)
		return say(p, TCE_CANNOT_TELL,
			   "another thread's memory came into the hole meanwhile: probe again");
	if (ret < 0)
		return say(p, TCE_NO, "is refused: %s", tce_errno_text(ret));
	return say(p, TCE_YES,
		   "answered %d and registered nothing; libtce takes anything but 0 for a failure",
		   ret);
}

/*
 * A window that the kernel itself refuses, but counts first: on bare metal by more levels than it
 * needs, with I/O pages so large that no table could take them (pnv_pci_ioda2_table_alloc_pages());
 * on pseries by a size that is no power of two (spapr_tce_create_table()), of a table of a few
 * system pages.
 */
static int refused_window(const struct prober *p)
{
	uint64_t page = 1ull << tce_log2(p->facts.page_sizes), start;
	int ret;

	if (tce_plan_is_pseries(&p->facts))
		ret = K->window_create(p->fd, page, 3 * p->facts.system_page / 8 * page, 1, &start);
	else
		ret = K->window_create(p->fd, page, page, p->facts.levels, &start);
	if (!ret)
		(void)K->window_remove(p->fd, start);
	return ret;
}

static enum tce_answer refused_memlock(struct prober *p)
{
	uint64_t before, after;
	int ret;

	if (p->no_map)
		return say(p, TCE_CANNOT_TELL, "%s", p->no_map);
	if (K->locked(&before))
		return say(p, TCE_CANNOT_TELL, "this process's memlock cannot be read");
	ret = refused_window(p);
	if (!ret || K->locked(&after))
		return say(p, TCE_CANNOT_TELL,
			   "the kernel did not refuse a window that it cannot "
			   "make");
	if (after <= before)
		return say(p, TCE_NO, "is given back");
	return say(p, TCE_YES,
		   "stays locked until the process ends (%llu kB for the one refused just now); "
		   "libtce asks for one computed window only",
		   (ull)(after - before) / 1024);
}

static enum tce_answer orphan(struct prober *p)
{
	return say(p, TCE_CANNOT_TELL,
		   "to try it could lose the pages; kernels since 5.0 answer 0 and keep them, "
		   "hugepages until the next boot; libtce never does it");
}

static enum tce_answer past_end(struct prober *p)
{
	return say(p, TCE_CANNOT_TELL,
		   "to try it could bring the kernel down; those before 6.12.112, and 6.1.189 of "
		   "6.1, look at the first TCE only; libtce checks the whole range first");
}

static enum tce_answer large_pages(struct prober *p)
{
	uint64_t total, hugepage;

	if (K->memory(&total, &hugepage))
		return say(p, TCE_CANNOT_TELL, "the size of this machine's hugepages is not known");
	if (hugepage != 16 << 20 || p->facts.system_page != 4096)
		return say(p, TCE_NO, "are no matter here: pages of %s in a kernel of %s",
			   tce_bytes(hugepage), tce_bytes(p->facts.system_page));
	return say(p, TCE_CANNOT_TELL,
		   "to try it could hang this processor for ever, as a 4K kernel with the hash MMU "
		   "is known to; take one of 64K pages");
}

/* 4.19 to 6.10: what was mapped on an LPAR could not be taken back. */
static bool before_6_11(const struct prober *p)
{
	return tce_plan_is_pseries(&p->facts) && (p->major < 6 || (p->major == 6 && p->minor < 11));
}

static enum tce_answer broken_lpar(struct prober *p)
{
	if (!tce_plan_is_pseries(&p->facts))
		return say(p, TCE_NO, "this is bare metal");
	if (!before_6_11(p))
		return say(p, TCE_NO, "Linux %u.%u is none of 4.19 to 6.10, which cannot", p->major,
			   p->minor);
	return say(p, TCE_CANNOT_TELL,
		   "to try it could orphan a page: this is Linux %u.%u, and 4.19 to 6.10 cannot; "
		   "take 6.11 or later, unless this distribution's carries its change",
		   p->major, p->minor);
}

static enum tce_answer leaking_view(struct prober *p)
{
	if (!tce_plan_is_pseries(&p->facts))
		return say(p, TCE_NO, "this is bare metal");
	return say(p, TCE_CANNOT_TELL,
		   "only the kernel could; 6.11 to 6.15 are known to lose 8 bytes a TCE, 6.12 from "
		   "6.12.34 on not to; open spaces seldom on those");
}

static const struct defect defects[] = {
	{"an LPAR cannot unmap or make windows", broken_lpar},
	{"MAP at a misaligned IOVA", misaligned},
	{"MAP over a TCE in use", overwrite},
	{"UNMAP of a free TCE", unmap_nothing},
	{"REGISTER of memory with a hole", hole},
	{"memlock of a refused window", refused_memlock},
	{"UNREGISTER of memory in use", orphan},
	{"MAP or UNMAP past a window's end", past_end},
	{"REGISTER of 16M pages", large_pages},
	{"an LPAR's window that goes leaks", leaking_view},
};

/* Why nothing may be mapped here: the first MAP also makes the default window. */
static const char *why_no_map(const struct prober *p)
{
	if (!p->facts.default_size)
		return "the group has no default window to try it in";
	if (!tce_plan_has_ddw(&p->facts))
		return "the slot has no DDW: the attempt could lose its default window";
	if (before_6_11(p))
		return "what is mapped on an LPAR might not be taken back by this kernel";
	if (K->slot_lost(p->device) == 1)
		return "an earlier failure has lost this slot's windows: reboot first";
	return NULL;
}

/* Unregister, and look whether the kernel let go. */
static int give_back(const struct prober *p)
{
	uint64_t before = 0, after = 0;
	int ret = K->locked(&before);

	if (!ret)
		ret = K->unenroll(p->fd, p->page[0], p->len);
	if (!ret)
		ret = K->locked(&after);
	if (!ret && before - after == p->len) {
		K->pages_end(p->page[0], p->len);
		return 0;
	}
	return tce_fail(
		-EIO,
		"the kernel did not let go of the probe's %s at VA %#zx (UNREGISTER answered "
		"%s): they stay pinned until this process ends",
		tce_bytes(p->len), (size_t)p->page[0], tce_errno_text(ret));
}

/* The container is there: memory, every defect, and all back. */
static int look(struct prober *p, tce_defect_fn *fn, void *arg)
{
	int ret = K->release(&p->major, &p->minor);

	if (ret)
		return tce_fail(-EIO, "the kernel's release cannot be read: %s",
				tce_errno_text(ret));
	p->no_map = why_no_map(p);
	p->len = 2 * p->facts.system_page;
	ret = tce_lock_check(2 * p->len +
				     tce_plan_locked(&p->facts, TCE_SIZE, p->facts.default_size, 1),
			     "the probe, with the default window's table,");
	if (!ret && K->pages(p->len, (void **)&p->page[0]))
		ret = tce_fail(-ENOMEM, "no memory for the pages of the probe");
	if (ret)
		return ret;
	p->page[1] = p->page[0] + p->len / 2;
	ret = K->enroll(p->fd, p->page[0], p->len);
	if (ret) {
		K->pages_end(p->page[0], p->len);
		return tce_fail(-EIO, "the kernel does not register memory: %s",
				tce_errno_text(ret));
	}
	for (size_t i = 0; i < sizeof(defects) / sizeof(*defects); i++) {
		struct tce_defect d = {.name = defects[i].name};

		d.answer = defects[i].look(p);
		d.sentence = p->sentence;
		fn(&d, arg);
	}
	return give_back(p);
}

static int probe(const char *device, tce_defect_fn *fn, void *arg)
{
	struct prober p = {.device = device};
	int group, group_fd, ret = tce_ask_driver(device);

	if (!ret && K->device_group(device, &group))
		ret = tce_fail(-ENODEV, "device %s has no IOMMU group", device);
	if (!ret)
		ret = tce_ask_container(&p.fd);
	if (ret)
		return ret;
	ret = tce_ask_group(group, &group_fd);
	if (!ret) {
		ret = tce_ask_attach(group, group_fd, p.fd);
		if (!ret) {
			ret = tce_ask_facts(p.fd, &p.facts);
			ret = ret ? ret : look(&p, fn, arg);
			(void)K->group_detach(group_fd);
		}
		K->close(group_fd);
	}
	K->close(p.fd);
	return ret;
}

int tce_probe(const char *device, tce_defect_fn *fn, void *arg)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(probe(device, fn, arg));
}
