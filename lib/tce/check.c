/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tce_check(): the questions of opening a space, all of them, each with its finding. What comes
 * behind something wrong is still asked where that makes sense.
 */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"

#define K tce_process.kernel

typedef unsigned long long ull;

/* What cannot be looked at because of something that was found before. */
#define MEND "mend what is wrong above, then look again"

struct checker {
	tce_finding_fn *fn;
	void *arg;
	int first;     /* -errno of the first finding that is wrong */
	char why[512]; /* and its sentence */
};

/* Report what was found: 0, or -errno with a sentence; and what opening would answer. */
static int report(struct checker *c, const char *item, int ret, int opening, const char *ok)
{
	struct tce_finding f = {
		.item = item,
		.verdict = ret ? TCE_WRONG : TCE_OK,
		.err = opening,
		.found = ret ? tce_error() : ok,
		.remedy = "",
	};

	if (ret && !c->first) {
		c->first = ret;
		snprintf(c->why, sizeof(c->why), "%s", f.found);
	}
	c->fn(&f, c->arg);
	return ret;
}

/* Report a question that was asked: its answer is 0, or -errno with a sentence. */
static int tell(struct checker *c, const char *item, int ret, const char *ok)
{
	return report(c, item, ret, ret, ok);
}

/* A region is locked once, however many spaces map it: those of this process are already. */
static int check_lock(uint64_t mem)
{
	uint64_t has = tce_locked_by_regions();

	return mem > has ? tce_lock_check(mem - has, "mapping this much memory (mem=)") : 0;
}

static void tell_unknown(struct checker *c, const char *item, const char *why, const char *remedy)
{
	struct tce_finding f = {
		.item = item,
		.verdict = TCE_UNKNOWN,
		.found = why,
		.remedy = remedy,
	};

	c->fn(&f, c->arg);
}

/* Everything that is the machine's alone. Leaves a container open, or -1. */
static int check_machine(struct checker *c, const struct tce_space_options *opts,
			 struct tce_need *need)
{
	struct utsname u;
	char text[128];
	uint64_t limit = 0, locked = 0;
	int fd = -1, opening, ret = tce_ask_container(&fd);

	uname(&u);
	snprintf(text, sizeof(text), "SPAPR TCE v2 on Linux %.40s, %.20s", u.release, u.machine);
	if (tell(c, "kernel and VFIO module", ret, text))
		fd = -1;
	ret = opening = tce_need_fill(opts, need);
	if (ret)
		*need = (struct tce_need){0};
	if (!ret && K->hugepages_free(need->page) < 1 &&
	    need->page > (uint64_t)sysconf(_SC_PAGESIZE))
		ret = tce_fail(
			-ENOMEM,
			"no hugepage of %s is free: reserve N of them (hugeadm --pool-pages-min "
			"%lluKB:N)",
			tce_bytes(need->page), (ull)need->page / 1024);
	snprintf(text, sizeof(text), "pages of %s, %llu free", tce_bytes(need->page),
		 (ull)K->hugepages_free(need->page));
	/* Not needed to open, and whoever has his memory already leaves none free. */
	report(c, "hugepages", ret, opening, text);
	ret = K->lock_limit(&limit);
	if (!ret)
		ret = K->locked(&locked);
	if (ret)
		ret = tce_fail(-EIO, "cannot read this process's memlock: %s", tce_errno_text(ret));
	else if (opts->mem)
		ret = check_lock(opts->mem);
	snprintf(text, sizeof(text),
		 limit == UINT64_MAX ? "no limit" : "%llu kB, of which %llu kB are used",
		 (ull)limit / 1024, (ull)locked / 1024);
	tell(c, "memlock", ret, text);
	return fd;
}

/* Whether the window can still be had is known to the kernel's log only, short of making it. */
static void check_slot(struct checker *c, const char *device)
{
	static const char item[] = "no window lost since boot";
	int lost = K->slot_lost(device);

	if (lost < 0)
		tell_unknown(c, item, "the kernel's log cannot be read",
			     "look again as root: after an earlier failure only a reboot helps");
	else
		tell(c, item,
		     lost ? tce_fail(-ENOSPC,
				     "an earlier failure has lost the window of %s's slot, as the "
				     "kernel's log tells: reboot, or use the default window "
				     "(page=4K, "
				     "and mem= at most its size)",
				     device)
			  : 0,
		     "the kernel's log tells of none");
}

/* What the platform offers the group, and whether a plan can be made of it. */
static void check_windows(struct checker *c, const char *device, int container_fd,
			  const struct tce_need *need)
{
	struct tce_facts f;
	struct tce_plan plan;
	char text[256];
	int ret = tce_ask_facts(container_fd, &f);

	if (!ret)
		snprintf(text, sizeof(text),
			 "default window at %#llx of %s; %u windows, %u levels, I/O page sizes "
			 "%#llx",
			 (ull)f.default_start, tce_bytes(f.default_size), f.max_windows, f.levels,
			 (ull)f.page_sizes);
	if (tell(c, "what the platform offers", ret, text)) {
		tell_unknown(c, "window", "the platform's windows are not known", MEND);
		return;
	}
	if (!need->mem) {
		tell_unknown(c, "window", "what it has to serve is not known", MEND);
		return;
	}
	ret = tce_plan(&f, need, &plan);
	if (!ret && plan.create)
		snprintf(text, sizeof(text), "one of %s in I/O pages of %s will be created for %s",
			 tce_bytes(plan.size), tce_bytes(plan.page), tce_bytes(need->mem));
	else if (!ret)
		snprintf(text, sizeof(text), "the default window serves for %s",
			 tce_bytes(need->mem));
	tell(c, "window", ret, text);
	if (!ret && plan.create)
		check_slot(c, device);
}

static void check_group(struct checker *c, const char *device, int group, int container_fd,
			const struct tce_need *need)
{
	char text[64];
	int fd, ret;

	snprintf(text, sizeof(text), "group %d, all of it free of kernel drivers", group);
	tell(c, "the rest of its IOMMU group", tce_ask_siblings(group), text);
	ret = tce_ask_group(group, &fd);
	snprintf(text, sizeof(text), "group %d can be opened", group);
	if (tell(c, "permission, and nobody using it", ret, text)) {
		tell_unknown(c, "what the platform offers", "the group cannot be opened", MEND);
		return;
	}
	if (container_fd < 0) {
		tell_unknown(c, "what the platform offers", "there is no SPAPR TCE v2 container",
			     MEND);
	} else if (!tell(c, "attaching to a container", tce_ask_attach(group, fd, container_fd),
			 "works")) {
		check_windows(c, device, container_fd, need);
		(void)K->group_detach(fd);
	}
	K->close(fd);
}

int tce_check(const char *device, const struct tce_space_options *opts, tce_finding_fn *fn,
	      void *arg)
{
	static const struct tce_space_options none;
	struct checker c = {.fn = fn, .arg = arg};
	struct tce_need need;
	int container_fd = check_machine(&c, opts ? opts : &none, &need), group, ret;

	if (device) {
		ret = tce_device_group(device, &group);
		if (tell(&c, "device", ret, device)) {
			tell_unknown(&c, "driver and IOMMU group", "there is no such device", MEND);
		} else {
			tell(&c, "driver", tce_ask_driver(device), "vfio-pci");
			check_group(&c, device, group, container_fd, &need);
		}
	}
	if (container_fd >= 0)
		K->close(container_fd);
	return c.first ? tce_report(tce_fail(c.first, "%s", c.why)) : 0;
}
