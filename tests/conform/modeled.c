/* SPDX-License-Identifier: BSD-3-Clause */
/* The bench on the model. */
#include <errno.h>

#include "lib/kernel/model/model.h"
#include "seat.h"

static char *modeled_alloc(size_t len, size_t page)
{
	return model_alloc(len, page);
}

static char *modeled_alloc_private(size_t len, size_t page)
{
	char *va = model_alloc(len, page);

	model_set_private(va, len);
	return va;
}

static void modeled_alloc_at(char *va, size_t len, size_t page)
{
	model_alloc_at(va, len, page);
}

static void modeled_free(char *va, size_t len)
{
	model_free(va, len);
}

static void modeled_read_only(char *va, size_t len)
{
	model_set_read_only(va, len);
}

static struct bench_pages modeled_pages(size_t page)
{
	struct model_hugepages h = model_hugepages(page);

	return (struct bench_pages){.total = h.total, .free = h.free, .reserved = h.reserved};
}

static void modeled_child(struct bench *b, bench_fn *fn, void *arg)
{
	int self = model_process(), child = model_fork();

	model_switch(child);
	fn(b, arg);
	model_exit(child);
	model_switch(self);
}

static int modeled_spawn(struct bench *b, bench_fn *fn, void *arg)
{
	int self = model_process(), child = model_fork();

	model_switch(child);
	fn(b, arg);
	model_switch(self);
	return child;
}

static void modeled_kill(struct bench *b, int process)
{
	model_exit(process);
}

static void modeled_exec(struct bench *b, const int fds[BENCH_FDS])
{
	model_exec();
	b->running->step(b, fds);
}

static void modeled_limit(uint64_t memlock)
{
	model_set_memlock(memlock, false);
}

static uint64_t modeled_peek(struct bench *b, const char *device, int fd, uint64_t iova)
{
	uint64_t word = 0;
	int group = -1;

	b->k->device_group(device, &group);
	if (model_device_read(group, iova, &word, sizeof(word)) == -EFAULT)
		return 0;
	return word;
}

static void modeled_poke(struct bench *b, const char *device, int fd, uint64_t iova, uint64_t word)
{
	int group = -1;

	b->k->device_group(device, &group);
	(void)model_device_write(group, iova, &word, sizeof(word));
}

static void modeled_settle(size_t page, uint64_t free)
{
	model_settle();
}

static int modeled_v1(int container, bool enable)
{
	return model_v1_call(container);
}

static int64_t modeled_work(void)
{
	return (int64_t)model_walked();
}

/* They meet in the middle. */
static int modeled_race(struct bench *b, int container, char *va, unsigned regions)
{
	unsigned each = (unsigned)(b->system_page / KIB(4)), left = regions / 2;
	int ret;

	model_race_unenroll(left * each + 1);
	ret = b->k->map(container, va, 0, regions * b->system_page, TCE_RW);
	for (unsigned i = regions; i-- > left;)
		b->k->unenroll(container, va + i * b->system_page, b->system_page);
	return ret;
}

struct list {
	struct bench_tce *tce;
	int n;
};

static void add(uint64_t iova, uint64_t page, const struct model_tce *tce, void *arg)
{
	struct list *list = arg;

	if (list->n == BENCH_TCES)
		give_up("too-many-tces", list->n);
	list->tce[list->n++] = (struct bench_tce){
		.iova = iova, .page = page, .real = (uintptr_t)tce->page, .access = tce->access};
}

static int modeled_tces(struct bench *b, const char *device, struct bench_tce tce[BENCH_TCES])
{
	struct list list = {.tce = tce};
	int group = -1;

	b->k->device_group(device, &group);
	model_each_tce(group, add, &list);
	return list.n;
}

const struct bench_ops bench_model = {
	.alloc = modeled_alloc,
	.alloc_private = modeled_alloc_private,
	.alloc_at = modeled_alloc_at,
	.free = modeled_free,
	.read_only = modeled_read_only,
	.settle = modeled_settle,
	.pages = modeled_pages,
	.warnings = model_warnings,
	.child = modeled_child,
	.spawn = modeled_spawn,
	.kill = modeled_kill,
	.exec = modeled_exec,
	.limit = modeled_limit,
	.peek = modeled_peek,
	.poke = modeled_poke,
	.v1 = modeled_v1,
	.work = modeled_work,
	.race = modeled_race,
	.tces = modeled_tces,
};
