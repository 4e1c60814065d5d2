/* SPDX-License-Identifier: BSD-3-Clause */
/* Library, kernel and shadow, held against each other. */
#include "shadow.h"

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (const struct shadow_space *s = shadow.space; s < shadow.space + GROUPS; s++) {
		n += s->handle ? s->given_group ? 4 : 2 : 0;
		for (unsigned d = 0; s->handle && d < DEVICES; d++)
			n += s->borrowed[d] >= 0;
	}
	return n;
}

void compare_counts(void)
{
	unsigned spaces = 0;

	for (unsigned i = 0; i < GROUPS; i++) {
		const struct shadow_space *s = &shadow.space[i];
		uint64_t tces = 0;

		spaces += s->handle != NULL;
		must(!s->handle || s->handle->group == (int)i + 1);
		for (unsigned k = 0; s->handle && k < WINDOWS; k++) {
			const struct tce_window *w = s->handle->window[k];

			must(s->window[k].used == (w != NULL));
			must(!w || w->used == s->window[k].tces);
			tces += w ? w->used : 0;
		}
		must(model_tces((int)i + 1) == tces);
	}
	must(tce_process.spaces == spaces);
	must(tce_process.regions == shadow.regions + (shadow.crowd ? CROWD : 0));
	must(model_locked() == shadow.locked);
	must(model_fds() == count_fds());
}

/* From a slot on, how much follows that is contiguous in VA? */
static size_t contiguous(const struct shadow_window *w, const struct shadow_slot *slot)
{
	size_t n = 1;

	while (slot + n < w->slot + w->tces && slot[n].entry == slot->entry + n &&
	       slot[n].va == slot->va + n * w->page)
		n++;
	return n * w->page;
}

/* The way back leads to any of its IOVAs. */
static void compare_back(const struct shadow_space *s, uintptr_t va)
{
	const struct shadow_window *w;
	const struct shadow_slot *slot;
	tce_iova_t found;
	uint64_t inside;
	size_t len;

	must_answer(tce_iova(s->handle, (void *)va, SIZE_MAX, &found, &len), 0, "tce_iova()");
	w = window_at((struct shadow_space *)s, found);
	must(w);
	slot = slot_at(w, (found - w->start) / w->page);
	inside = (found - w->start) % w->page;
	must(slot && slot->va + inside == va);
	must(len == contiguous(w, slot) - inside);
}

void compare_entry(unsigned space, const struct shadow_window *w, uint64_t entry)
{
	const struct shadow_space *s = &shadow.space[space];
	const struct shadow_slot *slot = slot_at(w, entry);
	uint64_t iova = w->start + entry * w->page;
	struct model_tce tce;
	size_t len;
	void *va;
	int ret = tce_va(s->handle, iova + 1, SIZE_MAX, &va, &len);

	must_answer(ret, slot ? 0 : -ENOENT, "tce_va()");
	if (ret) {
		must(!model_tce((int)space + 1, iova, &tce));
		return;
	}
	must((uintptr_t)va == slot->va + 1 && len == contiguous(w, slot) - 1);
	must(model_leads_to((int)space + 1, iova, (void *)slot->va, slot->access));
	compare_back(s, slot->va);
}

/* What is in use, and what is free before and behind it; that there is no more, the counts say. */
static void compare_window(unsigned space, const struct shadow_window *w)
{
	for (unsigned i = 0; i < w->tces; i++) {
		uint64_t entry = w->slot[i].entry;

		compare_entry(space, w, entry);
		if (entry && !slot_at(w, entry - 1))
			compare_entry(space, w, entry - 1);
		if (entry + 1 < w->entries && !slot_at(w, entry + 1))
			compare_entry(space, w, entry + 1);
	}
}

void compare_region(const struct shadow_region *r)
{
	const struct tce_region *it = tce_region_at(r->va);
	unsigned uses = 0;

	must(it && it->va == r->va && it->len == r->len && it->page == r->page);
	must(it->users == r->users && it->automatic == r->automatic && it->ending == r->ending);
	must(it->quarantined == r->quarantined && it->drivers == r->watchers);
	for (unsigned s = 0; s < GROUPS; s++) {
		const struct tce_use *use =
			shadow.space[s].handle
				? tce_use_of((struct tce_region *)it, shadow.space[s].handle)
				: NULL;

		must(r->enrolled[s] == (use != NULL));
		must(!use || use->live == r->live[s]);
		uses += use != NULL;
	}
	must(it->uses == uses);
}

/* A page is pinned exactly if a region that some space has registered lies on it. */
static void compare_pins(const struct shadow_arena *a)
{
	unsigned per_page = (unsigned)(a->page / a->unit);

	for (unsigned i = 0; i < a->units; i += per_page) {
		bool pinned = false;

		for (unsigned k = i; k < i + per_page; k++)
			pinned |=
				a->region[k] >= 0 && region_enrolled(&shadow.region[a->region[k]]);
		must(model_pinned(a->va + i * a->unit) == pinned);
	}
}

static void compare_dead(const struct shadow_region *r)
{
	for (unsigned i = r->first; i < r->first + r->n; i++)
		must(tce_region_is_dead(tce_region_at(r->va),
					(uintptr_t)r->arena->va + i * r->arena->unit,
					r->arena->unit) == (r->dead >> i & 1));
}

void compare_all(void)
{
	compare_counts();
	for (const struct shadow_region *r = shadow.region; r < shadow.region + REGIONS; r++) {
		if (!r->used)
			continue;
		compare_region(r);
		compare_dead(r);
	}
	for (unsigned i = 0; i < GROUPS; i++) {
		const struct shadow_space *s = &shadow.space[i];

		if (!s->handle)
			continue;
		must(s->handle->users == s->users && s->handle->highest == s->highest);
		must(model_windows((int)i + 1) == (unsigned)s->window[0].used + s->window[1].used);
		for (unsigned w = 0; w < WINDOWS; w++)
			if (s->window[w].used)
				compare_window(i, &s->window[w]);
	}
	for (const struct shadow_arena *a = shadow.arena; a < shadow.arena + ARENAS; a++)
		compare_pins(a);
	must_answer(tce_audit(), 0, "tce_audit()");
	must(!model_orphans() && !model_strays() && !model_lost_pages());
}
