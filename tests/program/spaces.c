/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on spaces: open, adopt, close, devices, windows. */
#include "shadow.h"

static struct tce_space_options pick_options(const struct op *op)
{
	static const uint64_t mems[4] = {64u << 20, 1u << 30, 3ull << 30, 0};
	static const uint64_t pages[4] = {0, 65536, 65536, 16u << 20};
	struct tce_space_options o = {
		.mem = mems[op->n % 4],
		.page = pages[op->n / 4 % 4],
		.no_windows = !(op->flags & 3),
		.highest = op->flags & 4 ? 0 : UINT32_MAX,
	};

	if (op->flags & 4 && !(op->flags & 0x38))
		o.identity = 1ull << 40;
	return o;
}

static void need_of(const struct tce_space_options *o, struct tce_need *need)
{
	*need = (struct tce_need){
		.mem = o->mem ? o->mem : shadow.platform->ram,
		.page = o->page ? o->page : shadow.platform->hugepage,
		.highest = o->highest ? o->highest : UINT64_MAX,
		.identity = o->identity,
	};
}

/* Does an LPAR make one window that is not like the default one? */
static bool ddw(unsigned group, bool alone)
{
	const struct model_platform *p = shadow.platform;

	if (!shadow.slot_lost[group] &&
	    (p->no_ddw || p->fixed_window || (!alone && p->max_windows < 2)))
		shadow.slot_lost[group] = true;
	return !shadow.slot_lost[group];
}

/* The plan itself is held against facts elsewhere; here it says how opening has to end. */
static int expect_open(unsigned group, const struct tce_space_options *o)
{
	const struct model_platform *p = shadow.platform;
	struct tce_facts facts = {
		.default_start = p->default_start,
		.default_size = p->default_size,
		.page_sizes = p->page_sizes,
		.max_windows = p->max_windows,
		.levels = p->levels,
		.lock_free = shadow.limit == UINT64_MAX	    ? UINT64_MAX
			     : shadow.limit > shadow.locked ? shadow.limit - shadow.locked
							    : 0,
		.system_page = p->system_page,
	};
	struct tce_need need;
	struct tce_plan plan;
	uint64_t cost;
	int ret;

	if (o->no_windows)
		return 0;
	need_of(o, &need);
	ret = tce_plan(&facts, &need, &plan);
	if (ret || !plan.create)
		return ret;
	cost = table_locked(plan.page, plan.size, plan.levels);
	cost += plan.remove_default ? 0 : table_locked(4096, p->default_size, 1);
	if (shadow.limit != UINT64_MAX && !lockable(cost))
		return -ENOMEM;
	if (p->pseries && !ddw(group, plan.remove_default))
		return -EIO;
	return tce_plan_verify(&need, plan.remove_default ? p->alone : p->beside, plan.size);
}

/* What opening made: windows are read from the library, and held against the kernel's number. */
static void read_windows(unsigned index)
{
	struct shadow_space *s = &shadow.space[index];
	unsigned n = 0;

	memset(s->window, 0, sizeof(s->window));
	for (unsigned i = 0; i < TCE_WINDOWS_MAX; i++) {
		const struct tce_window *w = s->handle->window[i];
		struct shadow_window *to;
		uint64_t low = shadow.platform->default_start + shadow.platform->default_size;

		if (!w)
			continue;
		must(i < WINDOWS);
		to = &s->window[i];
		*to = (struct shadow_window){
			.used = true,
			.is_default = w->is_default,
			.start = w->start,
			.size = w->size,
			.page = 1ull << w->shift,
			.entries = w->size >> w->shift,
			.hole_first = UINT64_MAX,
		};
		if (!w->is_default && w->start <= UINT32_MAX && w->start + (w->size - 1) >= low) {
			to->hole_first = w->start < low ? (low - w->start) / to->page : 0;
			to->hole_last = (UINT32_MAX - w->start) / to->page;
			if (to->hole_last > w->size / to->page - 1)
				to->hole_last = w->size / to->page - 1;
		}
		n++;
	}
	must(n == model_windows((int)index + 1));
	shadow.locked = model_locked();
}

static void new_space(unsigned index, struct tce_space *handle, const struct tce_space_options *o)
{
	struct shadow_space *s = &shadow.space[index];
	struct tce_need need;

	*s = (struct shadow_space){
		.handle = handle, .users = 1, .highest = o->highest ? o->highest : UINT64_MAX};
	for (unsigned d = 0; d < DEVICES; d++)
		s->borrowed[d] = -1;
	read_windows(index);
	/* Made by the first CREATE, so not if that took its place. */
	for (const struct shadow_window *w = s->window; w < s->window + WINDOWS; w++)
		s->pending |= w->used && w->is_default;
	for (const struct shadow_window *w = s->window; w < s->window + WINDOWS; w++)
		s->pending &= !w->used || w->is_default;
	s->kernel_pending = s->pending;
	need_of(o, &need);
	for (struct shadow_window *w = s->window; w < s->window + WINDOWS; w++)
		if (w->used && !w->is_default)
			w->promised = (need.mem + w->page - 1) / w->page;
}

/* A space that is there is shared if its windows are large enough. */
static int expect_share(const struct shadow_space *s, const struct tce_space_options *o)
{
	struct tce_need need;
	uint64_t room = 0;
	bool identity = !o->identity;

	need_of(o, &need);
	if (!(o->mem || o->page || o->highest || o->identity))
		return 0;
	for (const struct shadow_window *w = s->window; w < s->window + WINDOWS; w++) {
		uint64_t reached = w->size;

		if (!w->used || w->page > need.page)
			continue;
		if (w->start > need.highest)
			reached = 0;
		else if (need.highest - w->start < w->size)
			reached = need.highest - w->start + 1;
		room = reached > room ? reached : room;
		identity |= !w->start && w->size - 1 >= o->identity;
	}
	return identity && room >= need.mem ? 0 : -ENOSPC;
}

bool do_open(const struct op *op, int *ret)
{
	unsigned d = op->who % DEVICES, index = (unsigned)device_group[d];
	struct shadow_space *s = &shadow.space[index];
	struct tce_space_options o = pick_options(op);
	struct tce_space *space = NULL;
	int want;

	if (s->handle)
		want = s->opened[d] ? -EALREADY : expect_share(s, &o);
	else
		want = expect_open(index, &o);
	*ret = tce_space_open(device_name[d], &o, &space);
	must_answer(*ret, want, "tce_space_open()");
	if (*ret) {
		must(!space);
		shadow.locked = model_locked(); /* what a refused window keeps (W5) */
		return true;
	}
	must(!s->handle || s->handle == space);
	if (!s->handle) {
		new_space(index, space, &o);
	} else {
		s->users++;
		if (o.highest && o.highest < s->highest)
			s->highest = o.highest;
	}
	s->opened[d] = true;
	return true;
}

static int given_open(unsigned index, int *group, int *container)
{
	int ret = tce_kernel_model.container_open(container);

	must_answer(ret, 0, "container_open()");
	ret = tce_kernel_model.group_open((int)index + 1, group);
	if (ret)
		tce_kernel_model.close(*container);
	return ret;
}

bool do_adopt(const struct op *op, int *ret)
{
	unsigned index = op->who % GROUPS;
	struct shadow_space *s = &shadow.space[index];
	struct tce_space_options o = pick_options(op);
	struct tce_space *space = NULL;
	int group, container, want = s->handle ? -EBUSY : expect_open(index, &o);

	if (s->handle) {
		/* A second one of a group, by the descriptors that the library has. */
		*ret = tce_space_adopt(s->handle->group_fd, s->handle->container_fd, &o, &space);
		must_answer(*ret, -EBUSY, "tce_space_adopt()");
		return true;
	}
	if (given_open(index, &group, &container))
		return false;
	*ret = tce_space_adopt(group, container, &o, &space);
	must_answer(*ret, want, "tce_space_adopt()");
	if (*ret) {
		tce_kernel_model.close(group);
		tce_kernel_model.close(container);
		shadow.locked = model_locked();
		return true;
	}
	new_space(index, space, &o);
	s->adopted = true;
	s->given_group = group;
	s->given_container = container;
	return true;
}

/* The library has let go of a space: so does who opened its descriptors. */
static void space_gone(unsigned index)
{
	struct shadow_space *s = &shadow.space[index];

	for (struct shadow_region *r = shadow.region; r < shadow.region + REGIONS; r++) {
		if (!r->used || !r->enrolled[index])
			continue;
		if (r->live[index])
			r->touched = true;
		r->live[index] = 0;
		/* What only waited for its last TCE ends, and what only this space had. */
		if (!region_live(r)) {
			bool elsewhere = false;

			for (unsigned g = 0; g < GROUPS; g++)
				elsewhere |= g != index && r->enrolled[g];
			if (r->ending ||
			    (r->automatic && !r->users && (r->touched || !elsewhere))) {
				region_drop(r);
				continue;
			}
		}
		r->touched = false;
		r->enrolled[index] = false;
		if (!region_enrolled(r))
			shadow.locked -= r->len;
	}
	if (s->given_group) {
		tce_kernel_model.close(s->given_group);
		tce_kernel_model.close(s->given_container);
	}
	*s = (struct shadow_space){.handle = NULL};
	must(!model_tces((int)index + 1) && !model_windows((int)index + 1));
}

bool do_close(const struct op *op, int *ret)
{
	unsigned index, d = DEVICES;
	struct shadow_space *s = pick_space(op, &index);
	bool opened;

	/* Rare enough for programs to get far. */
	if (!s || (op->flags & 3 && s->users == 1))
		return false;
	for (unsigned i = 0; i < DEVICES; i++)
		if (s->opened[(i + op->n) % DEVICES])
			d = (i + op->n) % DEVICES;
	if (op->flags & 4)
		d = op->n % DEVICES;
	else if (op->flags & 8 && s->adopted)
		d = DEVICES;
	opened = d < DEVICES ? s->opened[d] : s->adopted;
	*ret = tce_space_close(s->handle, d < DEVICES ? device_name[d] : NULL);
	must_answer(*ret, opened ? 0 : -ENODEV, "tce_space_close()");
	if (*ret)
		return true;
	if (d < DEVICES) {
		must(!model_device_runs(device_name[d]));
		s->opened[d] = false;
		s->borrowed[d] = -1;
	} else {
		s->adopted = false;
	}
	if (--s->users)
		return true;
	space_gone(index);
	/* Its windows' tables are given back, too. */
	must(model_locked() <= shadow.locked);
	shadow.locked = model_locked();
	return true;
}

bool do_borrow(const struct op *op, int *ret)
{
	unsigned index, d = op->n % DEVICES;
	struct shadow_space *s = pick_space(op, &index);
	int fd = -1;

	if (!s)
		return false;
	*ret = tce_space_device(s->handle, device_name[d], &fd);
	must_answer(*ret, device_group[d] == (int)index ? 0 : -ENODEV, "tce_space_device()");
	if (*ret)
		return true;
	must(s->borrowed[d] < 0 || s->borrowed[d] == fd);
	s->borrowed[d] = fd;
	model_device_run(device_name[d]);
	return true;
}

/* What an LPAR does with one more window: see pseries_create() of the model. */
static int expect_pseries(unsigned index, uint64_t page, uint64_t size)
{
	const struct shadow_window *w = shadow.space[index].window;
	const struct model_platform *p = shadow.platform;
	bool like = page == 4096 && size <= p->default_size, made = false;

	if (!kernel_default(index) || shadow.slot_lost[index])
		return -EIO;
	if (!w[0].used && w[1].used)
		return -EIO;
	if (!w[0].used && like)
		return 0;
	for (unsigned i = 0; i < WINDOWS; i++)
		made |= w[i].used && !(w[i].page == 4096 && w[i].size <= p->default_size);
	if (made) {
		shadow.slot_lost[index] = true;
		return -EIO;
	}
	return ddw(index, !w[0].used) ? 0 : -EIO;
}

/* pnv_pci_ioda2_table_alloc_pages() of the kernel. */
static bool levels_fit(uint64_t page, uint64_t size, uint32_t levels)
{
	uint64_t parts = 1, most = shadow.platform->system_page / 8;

	if (levels > shadow.platform->levels || levels == 1)
		return levels == 1;
	/* The smallest power of two that holds all TCEs in so many levels, at least a page. */
	for (unsigned shift = 0;; shift++) {
		parts = 1ull << shift;
		if (shift * levels >= 8 && size / page >> 8 <= 1ull << (shift * levels - 8))
			break;
	}
	parts = parts < most ? most : parts;
	return tce_log2(parts) * levels + tce_log2(page) < 55;
}

bool do_create(const struct op *op, int *ret)
{
	static const uint64_t pages[4] = {4096, 65536, 2u << 20, 16u << 20};
	unsigned index, used = 0;
	struct shadow_space *s = pick_space(op, &index);
	uint64_t page = pages[op->first % 4], size = page << (8 + op->n % 12);
	uint32_t levels = op->flags & 7 ? 1 : 1 + op->flags / 8 % 7;
	const struct model_platform *p = shadow.platform;
	struct tce_window_info info;
	uint64_t cost;
	int want = 0;

	if (!s)
		return false;
	for (unsigned i = 0; i < WINDOWS; i++)
		used += s->window[i].used;
	cost = levels_fit(page, size, levels) ? table_locked(page, size, levels) : 0;
	cost += pending_locked(s);
	if (!p->levels) /* no DDW */
		want = -ENOSPC;
	else if (!(page & p->page_sizes) || !levels_fit(page, size, levels))
		want = -EINVAL;
	else if (used >= p->max_windows)
		want = -ENOSPC;
	else if (!lockable(cost))
		want = -ENOMEM;
	else if (p->pseries)
		want = expect_pseries(index, page, size);
	*ret = tce_window_create(s->handle, page, size, levels, &info);
	must_answer(*ret, want, "tce_window_create()");
	if (!*ret)
		s->pending = s->kernel_pending = false;
	if (!*ret) {
		struct shadow_window keep[WINDOWS];

		memcpy(keep, s->window, sizeof(keep));
		read_windows(index);
		for (unsigned i = 0; i < WINDOWS; i++)
			if (keep[i].used)
				s->window[i] = keep[i];
		must(window_at(s, info.start) && info.page == page && info.size == size);
	}
	shadow.locked = model_locked();
	return true;
}

bool do_remove(const struct op *op, int *ret)
{
	unsigned index;
	struct shadow_space *s = pick_space(op, &index);
	struct shadow_window *w = s ? pick_window(s, op) : NULL;
	int want;

	if (!w || (w->is_default && op->flags & 3))
		return false;
	want = w->tces ? -EBUSY : 0;
	if (!(op->at & 15)) {
		*ret = tce_window_remove(s->handle, w->start + w->page);
		must_answer(*ret, -ENOENT, "tce_window_remove()");
		return true;
	}
	*ret = tce_window_remove(s->handle, w->start);
	must_answer(*ret, want, "tce_window_remove()");
	if (!*ret) {
		s->pending &= !w->is_default;
		s->kernel_pending &= !w->is_default;
		w->used = false;
	}
	shadow.locked = model_locked();
	return true;
}
