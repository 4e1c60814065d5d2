/* SPDX-License-Identifier: BSD-3-Clause */
#include "shadow.h"

struct shadow shadow;

const char *const device_name[DEVICES] = {"0001:00:01.0", "0001:00:01.1", "0002:00:01.0",
					  "0003:00:01.0"};
const int device_group[DEVICES] = {0, 0, 1, 2};

static struct shadow_arena *arena_at(uintptr_t va)
{
	for (struct shadow_arena *a = shadow.arena; a < shadow.arena + ARENAS; a++)
		if (va - (uintptr_t)a->va < a->units * a->unit)
			return a;
	return NULL;
}

struct shadow_region *region_at(uintptr_t va)
{
	struct shadow_arena *a = arena_at(va);
	int r = a ? a->region[(va - (uintptr_t)a->va) / a->unit] : -1;

	return r < 0 ? NULL : &shadow.region[r];
}

struct shadow_region *region_exact(uintptr_t va, size_t len)
{
	struct shadow_region *r = region_at(va);

	return r && r->va == va && r->len == len ? r : NULL;
}

static size_t low_bit(uintptr_t va, size_t len)
{
	return (va | len) & -(va | len);
}

struct shadow_region *region_add(struct shadow_arena *a, unsigned first, unsigned n, size_t page)
{
	struct shadow_region *r = shadow.region;
	uintptr_t va = (uintptr_t)a->va + first * a->unit;
	size_t natural = low_bit(va, n * a->unit);

	while (r->used)
		r++;
	*r = (struct shadow_region){
		.used = true,
		.va = va,
		.len = n * a->unit,
		.page = page < natural ? page : natural,
		.kernel_page = a->page < natural ? a->page : natural,
		.arena = a,
		.first = first,
		.n = n,
	};
	for (unsigned i = first; i < first + n; i++)
		a->region[i] = (int)(r - shadow.region);
	shadow.regions++;
	return r;
}

bool region_enrolled(const struct shadow_region *r)
{
	for (unsigned s = 0; s < GROUPS; s++)
		if (r->enrolled[s])
			return true;
	return false;
}

void region_drop(struct shadow_region *r)
{
	if (region_enrolled(r))
		shadow.locked -= r->len;
	for (unsigned i = r->first; i < r->first + r->n; i++)
		r->arena->region[i] = -1;
	r->used = false;
	shadow.regions--;
}

unsigned region_live(const struct shadow_region *r)
{
	unsigned live = 0;

	for (unsigned s = 0; s < GROUPS; s++)
		live += r->live[s];
	return live;
}

uint32_t region_units(const struct shadow_region *r, uintptr_t va, size_t len)
{
	uint32_t bits = 0;

	for (unsigned i = r->first; i < r->first + r->n; i++) {
		uintptr_t at = (uintptr_t)r->arena->va + i * r->arena->unit;

		if (at < va + len && va < at + r->arena->unit)
			bits |= 1u << i;
	}
	return bits;
}

struct shadow_arena *pick_units(const struct op *op, unsigned *first, unsigned *n)
{
	/* Pinning hugepages takes the model long: less often. */
	static const unsigned char which[8] = {0, 0, 0, 0, 1, 1, 1, 2};
	struct shadow_arena *a = &shadow.arena[which[op->where % 8]];

	*first = op->first % a->units;
	*n = 1 + op->n % (op->n & 0x80 ? 12 : 4);
	if (op->n & 0x30) { /* whole pages, mostly */
		unsigned page = (unsigned)(a->page / a->unit);

		*first -= *first % page;
		*n = (*n + page - 1) / page * page;
	}
	if (*n > a->units - *first)
		*n = a->units - *first;
	return a;
}

unsigned slot_index(const struct shadow_window *w, uint64_t entry)
{
	unsigned low = 0, high = w->tces;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (w->slot[mid].entry < entry)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct shadow_slot *slot_at(const struct shadow_window *w, uint64_t entry)
{
	unsigned i = slot_index(w, entry);

	return i < w->tces && w->slot[i].entry == entry ? &w->slot[i] : NULL;
}

struct shadow_window *window_at(struct shadow_space *s, uint64_t iova)
{
	for (struct shadow_window *w = s->window; w < s->window + WINDOWS; w++)
		if (w->used && iova - w->start < w->size)
			return w;
	return NULL;
}

struct shadow_space *pick_space(const struct op *op, unsigned *index)
{
	/* One that is open, if there is one. */
	for (unsigned i = 0; i < GROUPS; i++) {
		*index = (op->who + i) % GROUPS;
		if (shadow.space[*index].handle)
			return &shadow.space[*index];
	}
	return NULL;
}

struct shadow_window *pick_window(struct shadow_space *s, const struct op *op)
{
	for (unsigned i = 0; i < WINDOWS; i++) {
		struct shadow_window *w = &s->window[(op->who / GROUPS + i) % WINDOWS];

		if (w->used)
			return w;
	}
	return NULL;
}

void slots_set(unsigned space, struct shadow_window *w, uint64_t entry, unsigned n, uintptr_t va,
	       unsigned access)
{
	unsigned at = slot_index(w, entry);

	memmove(&w->slot[at + n], &w->slot[at], (w->tces - at) * sizeof(w->slot[0]));
	w->tces += n;
	for (unsigned i = 0; i < n; i++, va += w->page) {
		w->slot[at + i] = (struct shadow_slot){entry + i, va, access};
		region_at(va)->live[space]++;
	}
}

void slots_clear(unsigned space, struct shadow_window *w, unsigned index, unsigned n)
{
	for (unsigned i = index; i < index + n; i++) {
		struct shadow_region *r = region_at(w->slot[i].va);

		r->live[space]--;
		r->touched = true;
	}
	w->tces -= n;
	memmove(&w->slot[index], &w->slot[index + n], (w->tces - index) * sizeof(w->slot[0]));
}

void end_regions(bool automatic)
{
	for (struct shadow_region *r = shadow.region; r < shadow.region + REGIONS; r++) {
		if (r->used && r->touched && !r->quarantined && !region_live(r) &&
		    (r->ending || (automatic && r->automatic && !r->users)))
			region_drop(r);
		r->touched = false;
	}
}

uint64_t table_locked(uint64_t page, uint64_t size, uint32_t levels)
{
	struct tce_facts facts = {.levels = shadow.platform->levels,
				  .system_page = shadow.platform->system_page};

	return tce_plan_locked(&facts, page, size, levels);
}

uint64_t pending_locked(const struct shadow_space *s)
{
	return s->pending ? table_locked(4096, shadow.platform->default_size, 1) : 0;
}

bool kernel_default(unsigned index)
{
	struct shadow_space *s = &shadow.space[index];

	if (!s->kernel_pending)
		return true;
	/* Without DDW the attempt itself loses the slot (W11). */
	shadow.slot_lost[index] |= shadow.platform->no_ddw;
	s->kernel_pending = shadow.slot_lost[index];
	return !s->kernel_pending;
}

bool lockable(uint64_t bytes)
{
	return shadow.locked <= shadow.limit && bytes <= shadow.limit - shadow.locked;
}
