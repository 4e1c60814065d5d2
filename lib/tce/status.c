/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is, and whether it agrees with itself. */
#include "internal.h"

#define P tce_process

typedef unsigned long long ull;

static void describe_region(const struct tce_region *r, struct tce_region_info *info)
{
	*info = (struct tce_region_info){
		.va = (void *)r->va,
		.len = r->len,
		.page = r->page,
		.users = r->users,
		.spaces = (unsigned)r->uses,
		.tces = tce_region_live(r),
		.dead = r->all_dead ? r->len : 0,
		.automatic = r->automatic,
		.quarantined = r->quarantined,
	};
	for (size_t i = 0; i < r->deads && !r->all_dead; i++)
		info->dead += r->dead[i].len;
}

int tce_region_list(struct tce_region_info *info, size_t *n)
{
	size_t room = *n;
	int ret = tce_enter();

	if (ret)
		return ret;
	*n = P.regions;
	for (size_t i = 0; i < P.regions && i < room; i++)
		describe_region(P.region[i], &info[i]);
	return tce_leave(0);
}

int tce_space_info(struct tce_space *space, struct tce_space_info *info)
{
	const struct tce_window *w;
	int ret = tce_enter();

	if (ret)
		return ret;
	*info = (struct tce_space_info){
		.group = space->group,
		.users = space->users,
		.highest = space->highest,
	};
	TCE_FOR_EACH_WINDOW(w, space)
	{
		info->windows++;
		info->tces += w->used;
	}
	return tce_leave(0);
}

int tce_calls(struct tce_calls *calls)
{
	int ret = tce_enter();

	if (ret)
		return ret;
	*calls = P.calls;
	return tce_leave(0);
}

int tce_space_runs(struct tce_space *space, struct tce_run *runs, size_t *n)
{
	const struct tce_window *w;
	size_t room = *n, count = 0;
	int ret = tce_enter();

	if (ret)
		return ret;
	TCE_FOR_EACH_WINDOW(w, space)
	{
		struct tce_stretch s;

		for (size_t at = 0; tce_table_next(w, at, w->entries - at, &s); at = s.at + s.n) {
			if (count < room)
				runs[count] = (struct tce_run){
					.iova = w->start + ((uint64_t)s.at << w->shift),
					.len = (uint64_t)s.n << w->shift,
					.va = (void *)(uintptr_t)s.va,
					.access = s.bits >> TCE_ENTRY_ACCESS_SHIFT & TCE_RW,
				};
			count++;
		}
	}
	*n = count;
	return tce_leave(0);
}

/* An entry names the region that its VA lies in, and is found from its VA. */
static int audit_entry(const struct tce_space *space, const struct tce_window *w, size_t at)
{
	uint64_t e = tce_entry_peek(w, at), va = tce_entry_va(w, e);
	ull iova = w->start + ((uint64_t)at << w->shift);
	struct tce_region *r = tce_region_of(w, e);
	struct tce_use *use = r ? tce_use_of(r, space) : NULL;
	tce_iova_t found;
	void *back;

	if (!(e & TCE_ENTRY_VALID) || !use || r != tce_region_at(va))
		return tce_fail(
			-EUCLEAN,
			"audit: the TCE at IOVA %#llx of group %d holds VA %#llx, which is not in "
			"the region that it names",
			iova, space->group, (ull)va);
	use->counted++;
	if (tce_iova_by_hint(space, va, 1, &found, NULL) || tce_va(space, found, 1, &back, NULL) ||
	    (uintptr_t)back != va)
		return tce_fail(
			-EUCLEAN,
			"audit: VA %#llx is mapped at IOVA %#llx of group %d, but is not found",
			(ull)va, iova, space->group);
	return 0;
}

static int summary_differs(const struct tce_space *space, const struct tce_window *w)
{
	return tce_fail(-EUCLEAN,
			"audit: the summary of the window at %#llx of group %d differs from its "
			"table",
			(ull)w->start, space->group);
}

static int audit_window(const struct tce_space *space, const struct tce_window *w)
{
	struct tce_stretch s;

	if (!tce_table_agrees(w))
		return summary_differs(space, w);
	for (size_t at = 0; tce_table_next(w, at, w->entries - at, &s); at = s.at + s.n) {
		for (size_t i = s.at; i < s.at + s.n; i++) {
			int ret = audit_entry(space, w, i);

			if (ret)
				return ret;
		}
	}
	return tce_table_astray_agrees(w) ? 0 : summary_differs(space, w);
}

static int audit_counts(const struct tce_region *r)
{
	for (size_t i = 0; i < r->uses; i++)
		if (r->use[i].live != r->use[i].counted)
			return tce_fail(-EUCLEAN,
					"audit: region %#zx + %#zx counts %llu TCEs in group %d, "
					"the tables "
					"have %llu",
					(size_t)r->va, r->len, (ull)r->use[i].live,
					r->use[i].space->group, (ull)r->use[i].counted);
	return 0;
}

static int audit(void)
{
	int ret = 0;

	for (size_t i = 0; i < P.regions; i++)
		for (size_t k = 0; k < P.region[i]->uses; k++)
			P.region[i]->use[k].counted = 0;
	for (size_t i = 0; i < P.spaces && !ret; i++) {
		const struct tce_window *w;

		TCE_FOR_EACH_WINDOW(w, P.space[i])
		ret = ret ? ret : audit_window(P.space[i], w);
	}
	for (size_t i = 0; i < P.regions && !ret; i++)
		ret = audit_counts(P.region[i]);
	return ret;
}

int tce_audit(void)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(audit());
}
