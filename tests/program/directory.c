/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory alone: mappings come and go over four times 2 MiB of VA, across a border of 1 GiB.
 * Every page that is mapped has a hint that is true, and one that may be mapped twice is known as
 * an alias.
 */
#include <string.h>

#include "lib/tce/internal.h"
#include "program.h"

enum { MAPPINGS = 24, PAGE = 4096, MID = 2 << 20, PAGES = 4 * MID / PAGE };
#define BASE ((1ull << 44) + (1ull << 30) - 2 * MID)
#define IOVA (1ull << 59)
#define SPAN (16ull << 20) /* of IOVA that a slot has for its mapping */

/* Of what sizes mappings are. */
static const struct {
	const char *name;
	unsigned unit;
} profile[] = {{"4K", PAGE}, {"64K", 65536}, {"2M", MID}};

struct mapping {
	uint64_t va, len, iova; /* len 0: none */
};

static struct {
	struct tce_dir dir;
	struct mapping mapping[MAPPINGS];
	unsigned unit;
} d;

/* IOVAs never overlap, and may lie otherwise to 2 MiB than the VA does. */
static uint64_t iova_of(unsigned slot, const struct op *op)
{
	return IOVA + slot * SPAN + (op->flags & 1 ? 0 : op->first * 4096ull);
}

/* A hint is or was the IOVA of a mapping, and says in which slot that was. */
static bool is_true(const void *arg, uint64_t va, uint64_t len, uint64_t iova)
{
	uint64_t slot = (iova - IOVA) / SPAN;
	const struct mapping *m;

	must(slot < MAPPINGS);
	m = &d.mapping[slot];
	return m->len && m->iova - m->va == iova - va && m->va < va + len && va < m->va + m->len;
}

static void begin(unsigned p, const struct op *world)
{
	memset(&d, 0, sizeof(d));
	d.unit = profile[p].unit;
	must_answer(tce_dir_init(&d.dir), 0, "tce_dir_init()");
}

/* How many mappings a page has, and whether this IOVA is one of them. */
static unsigned count(uint64_t va, uint64_t iova, bool *one)
{
	unsigned n = 0;

	*one = false;
	for (unsigned i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &d.mapping[i];

		if (va - m->va >= m->len)
			continue;
		n++;
		*one |= m->iova + (va - m->va) == iova;
	}
	return n;
}

static void compare_range(uint64_t va, uint64_t len, uint64_t stride)
{
	for (uint64_t at = va; at < va + len; at += stride) {
		uint64_t iova = 0;
		bool led = tce_dir_hint(&d.dir, at, &iova), one;
		unsigned n = count(at, iova, &one);

		if (n && !(led && one))
			differs("VA %#llx is mapped %u times, and its hint is %#llx",
				(unsigned long long)at, n, (unsigned long long)iova);
		if (!n)
			must(!one);
		if (n > 1)
			must(tce_dir_aliased(&d.dir, at, PAGE));
	}
}

/* So that some pages of a range are looked at: its first one among them. */
static uint64_t stride(uint64_t len)
{
	return len / 8 < PAGE ? PAGE : len / 8 & -(uint64_t)PAGE;
}

static bool map(const struct op *op, int *ret)
{
	unsigned slot = op->who % MAPPINGS, units = 4 * MID / d.unit;
	unsigned first = op->at % units, n = 1 + op->n % (op->flags & 2 ? units : 8);
	struct mapping *m = &d.mapping[slot];
	uint64_t va, len;

	if (m->len)
		return false;
	if (n > units - first)
		n = units - first;
	va = BASE + (uint64_t)first * d.unit;
	len = (uint64_t)n * d.unit;
	*ret = tce_dir_prepare(&d.dir, va, len, is_true, NULL);
	must_answer(*ret, 0, "tce_dir_prepare()");
	/* What prepares may not change what is led where. */
	compare_range(va, len, stride(len));
	tce_dir_set(&d.dir, va, len, iova_of(slot, op), is_true, NULL);
	*m = (struct mapping){va, len, iova_of(slot, op)};
	compare_range(va, len, stride(len));
	return true;
}

/* A mapping goes, or its first or last part: others lead on before, as map.c has them. */
static bool unmap(const struct op *op, int *ret)
{
	struct mapping *m = &d.mapping[op->who % MAPPINGS], gone = *m;

	if (!m->len)
		return false;
	if (op->flags & 1 && m->len > d.unit) {
		gone.len = m->len / 2 / d.unit * d.unit;
		gone.va += op->flags & 2 ? m->len - gone.len : 0;
	}
	if (tce_dir_aliased(&d.dir, gone.va, gone.len)) {
		for (unsigned i = 0; i < MAPPINGS; i++) {
			const struct mapping *o = &d.mapping[i];
			uint64_t from = o->va > gone.va ? o->va : gone.va, to = o->va + o->len;

			to = to < gone.va + gone.len ? to : gone.va + gone.len;
			if (o != m && from < to)
				tce_dir_set(&d.dir, from, to - from, o->iova + (from - o->va),
					    is_true, NULL);
		}
	}
	if (gone.va == m->va) {
		m->va += gone.len;
		m->iova += gone.len;
	}
	m->len -= gone.len;
	compare_range(gone.va, gone.len, stride(gone.len));
	return true;
}

/* Beyond what any kernel gives as VA. */
static bool beyond(const struct op *op, int *ret)
{
	*ret = tce_dir_prepare(&d.dir, 1ull << TCE_VA_BITS, PAGE * (1 + op->n), is_true, NULL);
	must_answer(*ret, -EINVAL, "tce_dir_prepare()");
	*ret = tce_dir_prepare(&d.dir, (1ull << TCE_VA_BITS) - PAGE, PAGE * (1 + op->n % 2),
			       is_true, NULL);
	must_answer(*ret, op->n % 2 ? -EINVAL : 0, "tce_dir_prepare()");
	return true;
}

static void compare(void)
{
	compare_range(BASE, (uint64_t)PAGES * PAGE, PAGE);
}

static void end(void)
{
	tce_dir_end(&d.dir);
}

static const struct kind kinds[] = {{"map", 30}, {"unmap", 24}, {"beyond", 1}};
static bool (*const run[])(const struct op *op, int *ret) = {map, unmap, beyond};

static bool step(unsigned kind, const struct op *op, int *ret)
{
	return run[kind](op, ret);
}

static const char *profile_name(unsigned p)
{
	return p < sizeof(profile) / sizeof(profile[0]) ? profile[p].name : NULL;
}

const struct subject directory_subject = {
	.name = "directory",
	.kinds = kinds,
	.n_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.profile = profile_name,
	.begin = begin,
	.step = step,
	.compare = compare,
	.end = end,
};
