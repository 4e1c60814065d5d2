/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of the model's machine: each kept by a file, so that it can outlive its VA. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

static struct memory *behind(const char *va, size_t *index)
{
	for (struct memory *m = model.memory; m; m = m->next) {
		if (va < m->va || va >= m->va + m->len)
			continue;
		*index = (size_t)(va - m->va) / m->page;
		if (m->mapped[*index])
			return m;
	}
	return NULL;
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

char *model_frame(const char *va, size_t *page)
{
	size_t index;
	struct memory *m = behind(va, &index);

	if (!m)
		return NULL;
	if (page)
		*page = m->page;
	return m->pages + (va - m->va);
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
}

bool model_pinned(const void *va)
{
	size_t index;
	struct memory *m = behind(va, &index);

	return m && m->pins[index];
}

static void add(char *va, size_t len, size_t page)
{
	struct memory *m = model_zalloc(1, sizeof(*m));

	*m = (struct memory){.next = model.memory, .va = va, .len = len, .page = page};
	m->file = memfd_create("model", MFD_CLOEXEC);
	if (m->file < 0 || ftruncate(m->file, (off_t)len))
		model_die("no file for %zu bytes", len);
	m->pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, m->file, 0);
	if (m->pages == MAP_FAILED)
		model_die("no mapping of %zu bytes", len);
	if (mmap(va, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, m->file, 0) != va)
		model_die("no mapping of %zu bytes at %p", len, (void *)va);
	m->pins = model_zalloc(len / page, sizeof(*m->pins));
	m->mapped = model_zalloc(len / page, sizeof(*m->mapped));
	memset(m->mapped, true, len / page);
	model.memory = m;
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

void model_free(void *va, size_t len)
{
	char *end = (char *)va + len;
	size_t index, page;

	for (char *at = va; at < end; at += page) {
		struct memory *m = behind(at, &index);

		if (!m)
			model_die("%p is not mapped", (void *)at);
		page = m->page;
		if ((uintptr_t)at & (page - 1) || (size_t)(end - at) < page)
			model_die("only whole pages of %zu bytes can be freed", page);
		munmap(at, page);
		m->mapped[index] = false;
	}
}

uint64_t model_lost_pages(void)
{
	uint64_t bytes = 0;

	for (struct memory *m = model.memory; m; m = m->next)
		for (size_t i = 0; i < m->len / m->page; i++)
			bytes += !m->mapped[i] && m->pins[i] ? m->page : 0;
	return bytes;
}

void model_memory_end(void)
{
	while (model.regions) {
		struct region *region = model.regions;

		model.regions = region->next;
		free(region->frames);
		free(region);
	}
	while (model.memory) {
		struct memory *m = model.memory;

		model.memory = m->next;
		for (size_t i = 0; i < m->len / m->page; i++)
			if (m->mapped[i])
				munmap(m->va + i * m->page, m->page);
		munmap(m->pages, m->len);
		close(m->file);
		free(m->pins);
		free(m->mapped);
		free(m);
	}
}
