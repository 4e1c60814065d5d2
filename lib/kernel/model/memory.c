/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of the model's machine: each kept by a file, so that it can outlive its VA. A page is in
 * use while an address space has it behind a VA, while it is pinned, and until the next grace
 * period after that.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

static struct memory *behind(const struct mm *mm, const char *va, size_t *index)
{
	for (struct memory *m = model.memory; m; m = m->next) {
		if (va < m->va || va >= m->va + m->len)
			continue;
		*index = (size_t)(va - m->va) / m->page;
		if (m->mapped[*index] & mm->bit)
			return m;
	}
	return NULL;
}

/* The address space whose memory a call means: in a real child that is still its parent's. */
static const struct mm *here(void)
{
	if (!model.current)
		model_die("the process whose memory is asked for has ended");
	return model.current->mm;
}

static struct memory *of_frame(const char *frame, size_t *index)
{
	for (struct memory *m = model.memory; m; m = m->next) {
		if (frame >= m->pages && frame < m->pages + m->len) {
			*index = (size_t)(frame - m->pages) / m->page;
			return m;
		}
	}
	model_die("no page of the model at %p", (const void *)frame);
}

char *model_frame_of(const struct mm *mm, const char *va, size_t *page)
{
	size_t index;
	struct memory *m = behind(mm, va, &index);

	if (!m)
		return NULL;
	if (page)
		*page = m->page;
	return m->pages + (va - m->va);
}

char *model_frame(const char *va, size_t *page)
{
	return model_frame_of(here(), va, page);
}

size_t model_page_of(const char *frame)
{
	size_t index;

	return of_frame(frame, &index)->page;
}

bool model_writable(const char *va)
{
	size_t index;
	struct memory *m = behind(here(), va, &index);

	return m && !m->read_only[index];
}

void model_pin(char *frame)
{
	size_t index;
	struct memory *m = of_frame(frame, &index);

	m->pins[index]++;
}

void model_unpin(char *frame)
{
	size_t index;
	struct memory *m = of_frame(frame, &index);

	if (!m->pins[index]--)
		model_die("a page unpinned more often than pinned");
	m->leaving[index]++;
}

bool model_pinned(const void *va)
{
	size_t index;
	struct memory *m = behind(here(), va, &index);

	return m && m->pins[index];
}

static bool in_use(const struct memory *m, size_t i)
{
	return m->mapped[i] || m->pins[i] || m->leaving[i];
}

static struct pool *pool_of(size_t page)
{
	struct pool *pool = model.pools;

	while (pool && pool->page != page)
		pool = pool->next;
	return pool;
}

void model_set_hugepages(size_t page, uint64_t total)
{
	struct pool *pool = pool_of(page);

	if (!pool) {
		pool = model_zalloc(1, sizeof(*pool));
		*pool = (struct pool){.next = model.pools, .page = page};
		model.pools = pool;
	}
	pool->total = total;
}

static uint64_t used(size_t page)
{
	uint64_t n = 0;

	for (const struct memory *m = model.memory; m; m = m->next)
		for (size_t i = 0; m->page == page && i < m->len / page; i++)
			n += in_use(m, i);
	return n;
}

struct model_hugepages model_hugepages(size_t page)
{
	struct pool *pool = pool_of(page);
	struct model_hugepages h = {0};

	if (pool)
		h = (struct model_hugepages){.total = pool->total,
					     .free = pool->total - used(page),
					     .reserved = pool->reserved};
	return h;
}

static void draw(size_t len, size_t page)
{
	struct pool *pool = pool_of(page);

	if (!pool && page > model.platform->system_page)
		model_set_hugepages(page, len / page);
	else if (pool && pool->total - used(page) < len / page)
		pool->total = used(page) + len / page; /* reserved meanwhile */
}

/* Pages of the current process at @va, whatever keeps them. */
static struct memory *note(char *va, size_t len, size_t page)
{
	struct memory *m = model_zalloc(1, sizeof(*m));

	draw(len, page);
	*m = (struct memory){.next = model.memory, .va = va, .len = len, .page = page, .file = -1};
	m->pins = model_zalloc(len / page, sizeof(*m->pins));
	m->leaving = model_zalloc(len / page, sizeof(*m->leaving));
	m->mapped = model_zalloc(len / page, sizeof(*m->mapped));
	m->read_only = model_zalloc(len / page, sizeof(*m->read_only));
	m->private = model_zalloc(len / page, sizeof(*m->private));
	for (size_t i = 0; i < len / page; i++)
		m->mapped[i] = here()->bit;
	model.memory = m;
	return m;
}

static void add(char *va, size_t len, size_t page)
{
	struct memory *m = note(va, len, page);

	m->file = memfd_create("model", MFD_CLOEXEC);
	if (m->file < 0 || ftruncate(m->file, (off_t)len))
		model_die("no file for %zu bytes", len);
	m->pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, m->file, 0);
	if (m->pages == MAP_FAILED)
		model_die("no mapping of %zu bytes", len);
	if (mmap(va, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, m->file, 0) != va)
		model_die("no mapping of %zu bytes at %p", len, (void *)va);
}

static void check_shape(uintptr_t va, size_t len, size_t page)
{
	if (!page || page & (page - 1) || page < model.platform->system_page)
		model_die("this machine has no page of %zu bytes", page);
	if (!len || (va | len) & (page - 1))
		model_die("memory of other than whole pages of %zu bytes", page);
}

void *model_alloc(size_t len, size_t page)
{
	char *room, *va;

	check_shape(0, len, page);
	room = mmap(NULL, len + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
	if (room == MAP_FAILED)
		model_die("no room for %zu bytes", len);
	va = room + (-(uintptr_t)room & (page - 1));
	if (va != room)
		munmap(room, (size_t)(va - room));
	if (va != room + page)
		munmap(va + len, (size_t)(room + page - va));
	add(va, len, page);
	return va;
}

void model_alloc_at(void *va, size_t len, size_t page)
{
	check_shape((uintptr_t)va, len, page);
	for (char *at = va; at < (char *)va + len; at += page)
		if (model_frame(at, NULL))
			model_die("%p is mapped already", (void *)at);
	add(va, len, page);
}

static void mark(char *va, size_t len, bool private)
{
	size_t index;

	for (char *at = va; at < va + len;) {
		struct memory *m = behind(here(), at, &index);

		if (!m)
			model_die("%p is not mapped", (void *)at);
		*(private ? &m->private[index] : &m->read_only[index]) = true;
		at += m->page;
	}
}

void model_set_read_only(void *va, size_t len)
{
	mark(va, len, false);
	mprotect(va, len, PROT_READ);
}

void model_set_private(void *va, size_t len)
{
	mark(va, len, true);
}

/* R4: HugePages_Rsvd falls below 0 by the private pages that are lost. */
void model_memory_lost(char *const *frames, size_t n)
{
	size_t index, last = SIZE_MAX;
	struct memory *before = NULL;

	for (size_t i = 0; i < n; i++) {
		struct memory *m = of_frame(frames[i], &index);
		struct pool *pool = pool_of(m->page);

		if (pool && m->private[index] && (m != before || index != last))
			pool->reserved--;
		before = m;
		last = index;
	}
}

/* No other process sees memory at this VA any more: it goes in truth, too. */
static void unmap_page(struct memory *m, size_t i, const struct mm *mm)
{
	char *va = m->va + i * m->page;

	m->mapped[i] &= ~mm->bit;
	if (m->mapped[i])
		return;
	for (const struct mm *other = model.mms; other; other = other->next)
		if (model_frame_of(other, va, NULL))
			return;
	munmap(va, m->page);
}

static void end(struct memory *m)
{
	if (m->file >= 0) {
		munmap(m->pages, m->len);
		close(m->file);
	}
	free(m->pins);
	free(m->leaving);
	free(m->mapped);
	free(m->read_only);
	free(m->private);
	free(m);
}

/* Forget memory of which nothing is in use. */
static void reclaim(void)
{
	for (struct memory **at = &model.memory; *at;) {
		struct memory *m = *at;
		bool used_still = false;

		for (size_t i = 0; i < m->len / m->page && !used_still; i++)
			used_still = in_use(m, i);
		if (used_still) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		end(m);
	}
}

void model_adopt(void *va, size_t len, size_t page)
{
	check_shape((uintptr_t)va, len, page);
	note(va, len, page)->pages = va;
}

void model_forget(void *va)
{
	size_t index;
	struct memory *m = behind(here(), va, &index);

	if (!m || m->file >= 0)
		model_die("%p was not adopted", va);
	memset(m->mapped, 0, m->len / m->page * sizeof(*m->mapped));
	reclaim();
}

void model_free(void *va, size_t len)
{
	char *last = (char *)va + len;
	size_t index, page;

	for (char *at = va; at < last; at += page) {
		struct memory *m = behind(here(), at, &index);

		if (!m)
			model_die("%p is not mapped", (void *)at);
		page = m->page;
		if ((uintptr_t)at & (page - 1) || (size_t)(last - at) < page)
			model_die("only whole pages of %zu bytes can be freed", page);
		unmap_page(m, index, here());
	}
	reclaim();
}

void model_settle(void)
{
	for (struct memory *m = model.memory; m; m = m->next)
		memset(m->leaving, 0, m->len / m->page * sizeof(*m->leaving));
	reclaim();
}

uint64_t model_lost_pages(void)
{
	uint64_t bytes = 0;

	for (struct memory *m = model.memory; m; m = m->next)
		for (size_t i = 0; i < m->len / m->page; i++)
			bytes += !m->mapped[i] && m->pins[i] ? m->page : 0;
	return bytes;
}

/* A child has the shared pages at the same VAs. */
void model_memory_fork(const struct mm *from, const struct mm *to)
{
	for (struct memory *m = model.memory; m; m = m->next) {
		for (size_t i = 0; i < m->len / m->page; i++) {
			if (!(m->mapped[i] & from->bit))
				continue;
			if (m->private[i])
				model_die("fork with private memory: what it copies is not known");
			m->mapped[i] |= to->bit;
		}
	}
}

void model_memory_exit(const struct mm *mm)
{
	for (struct memory *m = model.memory; m; m = m->next)
		for (size_t i = 0; i < m->len / m->page; i++)
			if (m->mapped[i] & mm->bit)
				unmap_page(m, i, mm);
	reclaim();
}

void model_memory_end(void)
{
	while (model.memory) {
		struct memory *m = model.memory;

		model.memory = m->next;
		for (size_t i = 0; i < m->len / m->page; i++)
			if (m->mapped[i] && m->file >= 0)
				munmap(m->va + i * m->page, m->page);
		end(m);
	}
	while (model.pools) {
		struct pool *pool = model.pools;

		model.pools = pool->next;
		free(pool);
	}
}
