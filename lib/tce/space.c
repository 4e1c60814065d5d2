/* SPDX-License-Identifier: BSD-3-Clause */
/* Spaces: opening, adopting, closing; the devices of a group. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define P tce_process
#define K tce_process.kernel

static struct tce_space *space_of_group(int group)
{
	for (size_t i = 0; i < P.spaces; i++)
		if (P.space[i]->group == group)
			return P.space[i];
	return NULL;
}

static struct tce_device *device_of(const struct tce_space *space, const char *name)
{
	for (size_t i = 0; i < space->devices; i++)
		if (!strcmp(space->device[i].name, name))
			return &space->device[i];
	return NULL;
}

static int add_device(struct tce_space *space, const char *name, struct tce_device **device)
{
	struct tce_device *bigger = realloc(space->device, (space->devices + 1) * sizeof(*bigger));

	if (!bigger)
		return tce_fail(-ENOMEM, "no memory to describe device %s", name);
	space->device = bigger;
	*device = &bigger[space->devices++];
	**device = (struct tce_device){.fd = -1};
	snprintf((*device)->name, sizeof((*device)->name), "%s", name);
	return 0;
}

/* A space without kernel objects, registered nowhere. */
static int new_space(int group, struct tce_space **space)
{
	struct tce_space *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return tce_fail(-ENOMEM, "no memory to describe a space");
	s->group = group;
	s->users = 1;
	atomic_init(&s->guess, &tce_no_window);
	s->group_fd = s->container_fd = s->given_group_fd = s->given_container_fd = -1;
	ret = tce_dir_init(&s->dir);
	if (ret)
		free(s);
	else
		*space = s;
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		K->close(*fd);
	*fd = -1;
}

/* The end of a space that has no window any more: devices, group, container. */
static void end_space(struct tce_space *space)
{
	for (size_t i = 0; i < space->devices; i++)
		close_fd(&space->device[i].fd);
	/* UNSET_CONTAINER is refused while a device is open elsewhere; closing serves then. */
	if (space->group_fd >= 0)
		(void)K->group_detach(space->group_fd);
	close_fd(&space->group_fd);
	close_fd(&space->container_fd);
	tce_dir_end(&space->dir);
	free(space->device);
	free(space);
}

/*
 * The same with regions in quarantine that are registered in its container alone. The container's
 * end frees them, unless the kernel counts TCEs in them: locked memory then falls by less than all
 * of them.
 */
static void end_with_quarantine(struct tce_space *space, bool has_windows)
{
	uint64_t leaving = tce_quarantine_leaving(), before = 0, after = 0;
	bool known = leaving && !has_windows && !K->locked(&before);

	end_space(space);
	if (leaving)
		tce_quarantine_left(known && !K->locked(&after) && before - after == leaving);
}

/* Does a space that is there already serve these options? */
static int check_shared(const struct tce_space *space, const struct tce_need *need)
{
	const struct tce_window *w;
	uint64_t room = 0;
	bool identity = !need->identity;

	TCE_FOR_EACH_WINDOW(w, space)
	{
		uint64_t last = tce_last(w->start, w->size), reach;

		if (1ull << w->shift > need->page)
			continue;
		reach = last < need->highest ? last : need->highest;
		if (w->start <= reach && reach - w->start + 1 > room)
			room = reach - w->start + 1;
		identity |= !w->start && last >= need->identity;
	}
	if (!identity)
		return tce_fail(-ENOSPC,
				"group %d has a space without a window at 0 that reaches %#llx, "
				"which IOVA=VA needs: open it so first, or let the library choose "
				"the IOVAs",
				space->group, (unsigned long long)need->identity);
	if (room >= need->mem)
		return 0;
	return tce_fail(
		-ENOSPC,
		"group %d has a space with windows of %s at most that the device reaches, for "
		"pages of %s: less than the %s wanted; open it with the larger mem= first",
		space->group, tce_bytes(room), tce_bytes(need->page), tce_bytes(need->mem));
}

/* Attach group to container and make the windows; the space's fields are set. */
static int set_up(struct tce_space *space, const struct tce_space_options *opts)
{
	struct tce_need need;
	int ret = tce_need_fill(opts, &need);

	if (!ret)
		ret = tce_ask_attach(space->group, space->group_fd, space->container_fd);
	if (!ret)
		ret = tce_ask_facts(space->container_fd, &space->facts);
	if (!ret)
		ret = tce_windows_default(space);
	if (!ret && !opts->no_windows)
		ret = tce_windows_plan(space, &need);
	tce_windows_guess(space);
	space->highest = opts->highest ? opts->highest : UINT64_MAX;
	return ret;
}

static int enlist(struct tce_space *space)
{
	return tce_array_insert((void ***)&P.space, &P.spaces, P.spaces, space);
}

/* End a space whose opening failed, and keep the first sentence. */
static int give_up(struct tce_space *space, int ret)
{
	char why[512];

	snprintf(why, sizeof(why), "%s", tce_error());
	(void)tce_windows_close(space);
	end_space(space);
	return tce_fail(ret, "%s", why);
}

/* The end of opening and adopting: the descriptors are there, or ret says why not. */
static int finish(struct tce_space *s, int ret, const struct tce_space_options *opts,
		  struct tce_space **space)
{
	if (!ret)
		ret = tce_check_waiting("opening a space");
	if (!ret)
		ret = set_up(s, opts);
	if (!ret)
		ret = enlist(s);
	if (ret)
		return give_up(s, ret);
	*space = s;
	return 0;
}

static int share(struct tce_space *space, const char *name, const struct tce_space_options *opts)
{
	struct tce_device *device = device_of(space, name);
	struct tce_need need;
	int ret;

	if (device && device->opened)
		return tce_fail(-EALREADY, "device %s is open in this process already", name);
	ret = tce_need_fill(opts, &need);
	if (!ret && (opts->mem || opts->page || opts->highest || opts->identity))
		ret = check_shared(space, &need);
	if (!ret && !device)
		ret = add_device(space, name, &device);
	if (ret)
		return ret;
	device->opened = true;
	space->users++;
	if (opts->highest && opts->highest < space->highest)
		space->highest = opts->highest;
	return 0;
}

static int open_space(const char *name, const struct tce_space_options *opts,
		      struct tce_space **space)
{
	struct tce_device *device = NULL;
	struct tce_space *s = NULL;
	int group, ret = tce_ask_driver(name);

	if (!ret && K->device_group(name, &group))
		ret = tce_fail(-ENODEV, "device %s has no IOMMU group", name);
	if (ret)
		return ret;
	s = space_of_group(group);
	if (s) {
		ret = share(s, name, opts);
		if (!ret)
			*space = s;
		return ret;
	}
	ret = tce_ask_siblings(group);
	if (!ret)
		ret = new_space(group, &s);
	if (ret)
		return ret;
	ret = add_device(s, name, &device);
	if (!ret) {
		device->opened = true;
		ret = tce_ask_container(&s->container_fd);
	}
	if (!ret)
		ret = tce_ask_group(group, &s->group_fd);
	return finish(s, ret, opts, space);
}

int tce_space_open(const char *device, const struct tce_space_options *opts,
		   struct tce_space **space)
{
	static const struct tce_space_options none;
	int ret = tce_enter();

	return ret ? ret : tce_leave(open_space(device, opts ? opts : &none, space));
}

/* Duplicates of somebody else's descriptors, both sorts marked close-on-exec. */
static int take_copies(struct tce_space *s, int group_fd, int container_fd)
{
	int ret = K->container_check(container_fd);

	if (ret)
		return tce_fail(ret == -EPROTONOSUPPORT ? ret : -EBADF,
				"file descriptor %d is no VFIO container with SPAPR TCE v2: %s",
				container_fd, tce_errno_text(ret));
	ret = K->dup(group_fd, &s->group_fd);
	if (!ret)
		ret = K->dup(container_fd, &s->container_fd);
	if (ret)
		return tce_fail(-EBADF, "cannot duplicate the descriptors %d and %d: %s", group_fd,
				container_fd, tce_errno_text(ret));
	s->given_group_fd = group_fd;
	s->given_container_fd = container_fd;
	s->adopted = true;
	return 0;
}

/*
 * Whose is a container? The kernel answers the question for its facts to nobody while it has no
 * group, and then to the process whose memory it has.
 */
static int check_owner(int container_fd, bool *in_use)
{
	struct tce_facts facts;
	int ret = K->facts(container_fd, &facts);

	*in_use = !ret;
	if (ret != -EPERM)
		return 0;
	return tce_fail(-EPERM,
			"file descriptor %d is another process's container: what is mapped there "
			"are that process's addresses, which mean nothing here; open a container "
			"of your own",
			container_fd);
}

static int adopt(int group_fd, int container_fd, const struct tce_space_options *opts,
		 struct tce_space **space)
{
	struct tce_space *s = NULL;
	unsigned flags;
	bool in_use;
	int group, ret = K->group_number(group_fd, &group);

	if (!ret)
		ret = K->group_flags(group_fd, &flags);
	if (ret)
		return tce_fail(-EBADF, "file descriptor %d is no VFIO group: %s", group_fd,
				tce_errno_text(ret));
	if (space_of_group(group))
		return tce_fail(-EBUSY, "IOMMU group %d has a space in this process already",
				group);
	ret = check_owner(container_fd, &in_use);
	if (ret)
		return ret;
	if (flags & KERNEL_GROUP_ATTACHED)
		return tce_fail(-EBUSY,
				"IOMMU group %d is in a container already, with windows and TCEs "
				"that others "
				"made: hand it over before its container is set",
				group);
	if (!(flags & KERNEL_GROUP_VIABLE)) {
		ret = tce_ask_siblings(group);
		return ret ? ret : tce_fail(-ENXIO, "IOMMU group %d is not viable", group);
	}
	if (in_use)
		return tce_fail(-EBUSY,
				"file descriptor %d is a container with a group already: each "
				"group has one of its own",
				container_fd);
	ret = new_space(group, &s);
	if (ret)
		return ret;
	ret = take_copies(s, group_fd, container_fd);
	return finish(s, ret, opts, space);
}

int tce_space_adopt(int group_fd, int container_fd, const struct tce_space_options *opts,
		    struct tce_space **space)
{
	static const struct tce_space_options none;
	int ret = tce_enter();

	return ret ? ret : tce_leave(adopt(group_fd, container_fd, opts ? opts : &none, space));
}

/* Of several failures the first is the one to tell. */
struct first {
	int ret;
	char why[512];
};

static void note(struct first *first, int ret)
{
	if (!ret || first->ret)
		return;
	first->ret = ret;
	snprintf(first->why, sizeof(first->why), "%s", tce_error());
}

/* Clear every TCE of a space. */
static void clear_all(struct tce_space *space, struct first *first)
{
	struct tce_window *w;

	TCE_FOR_EACH_WINDOW(w, space)
	{
		struct tce_stretch s;

		for (size_t at = 0; tce_table_next(w, at, w->entries - at, &s); at = s.at + s.n)
			note(first, tce_unmap_entries(space, w, s.at, s.n, true));
	}
}

/* Take the space out of a region; regions without users that only it used end. */
static int leave_region(struct tce_space *space, struct tce_region *r)
{
	struct tce_use *use = tce_use_of(r, space);
	int ret;

	if (!use)
		return 0;
	if (r->quarantined || use->live) {
		/* To unregister could lose the pages. */
		r->quarantined = true;
		ret = tce_fail(-EIO, "region %#zx + %#zx is in quarantine: do not unmap it",
			       (size_t)r->va, r->len);
	} else if (r->uses == 1 && (r->ending || (r->automatic && !r->users))) {
		ret = tce_region_end(r);
	} else {
		ret = tce_unenroll(space, r);
	}
	if (ret) {
		/* The end of the container may free it. */
		*use = r->use[--r->uses];
		r->leaving = !r->uses;
	}
	return ret;
}

/* No DMA of a device that was borrowed begins after this. */
static int stop_device(const struct tce_device *device)
{
	if (device->fd < 0 || !K->device_stop(device->fd))
		return 0;
	return tce_fail(-EIO,
			"device %s did not stop: neither reset nor clearing bus mastering worked; "
			"memory it was given may still be written",
			device->name);
}

static size_t count_quarantined(void)
{
	size_t n = 0;

	for (size_t i = 0; i < P.regions; i++)
		n += P.region[i]->quarantined;
	return n;
}

static int close_space(struct tce_space *space)
{
	size_t at = 0, before = count_quarantined(), after;
	struct first first = {.ret = 0};
	int ret;

	while (P.space[at] != space)
		at++;
	for (size_t i = 0; i < space->devices; i++)
		note(&first, stop_device(&space->device[i]));
	clear_all(space, &first);
	for (size_t i = P.regions; i--;)
		note(&first, leave_region(space, P.region[i]));
	tce_array_remove((void **)P.space, &P.spaces, at);
	ret = tce_windows_close(space);
	note(&first, ret);
	end_with_quarantine(space, ret);
	if (!first.ret)
		return 0;
	after = count_quarantined();
	if (after <= before)
		return tce_fail(first.ret, "%s", first.why);
	return tce_fail(first.ret, "%s; %zu regions went into quarantine by this close", first.why,
			after - before);
}

static int close_use(struct tce_space *space, const char *name)
{
	struct tce_device *device = name ? device_of(space, name) : NULL;
	int ret = 0;

	if (!name && !space->adopted)
		return tce_fail(-ENODEV,
				"close: the space of group %d was opened by devices, and "
				"is closed by them: give the device's address",
				space->group);
	if (name && (!device || !device->opened))
		return tce_fail(-ENODEV, "close: device %s was not opened in the space of group %d",
				name, space->group);
	ret = tce_check_waiting("close");
	if (ret)
		return ret;
	if (space->users == 1)
		return close_space(space);
	space->users--;
	if (device) {
		ret = stop_device(device);
		close_fd(&device->fd);
		device->opened = false;
	} else {
		space->adopted = false;
	}
	return ret;
}

int tce_space_close(struct tce_space *space, const char *device)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(close_use(space, device));
}

static int borrow(struct tce_space *space, const char *name, int *fd)
{
	struct tce_device *device = device_of(space, name);
	int group, opened, ret;

	if (device && device->fd >= 0) {
		*fd = device->fd;
		return 0;
	}
	if (K->device_group(name, &group) || group != space->group)
		return tce_fail(-ENODEV, "device %s is not in IOMMU group %d, which this space has",
				name, space->group);
	ret = K->device_open(space->group_fd, name, &opened);
	if (ret)
		return tce_fail(ret == -EBUSY ? -EBUSY : -EIO, "cannot open device %s: %s", name,
				tce_errno_text(ret));
	if (!device && (ret = add_device(space, name, &device))) {
		K->close(opened);
		return ret;
	}
	*fd = device->fd = opened;
	return 0;
}

int tce_space_device(struct tce_space *space, const char *device, int *fd)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(borrow(space, device, fd));
}
