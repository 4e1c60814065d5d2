/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine: platforms, start and end, faults, memlock, and the table of operations. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define HIGH (UINT64_C(1) << 59)

/* W1, W2, W3 of bare metal and of LPARs. W9: POWER8 has other I/O pages. */
#define BARE_METAL                                                                                 \
	.default_size = GIB(2), .max_windows = 2, .levels = 5, .beside = HIGH, .ram = GIB(4)
#define RADIX .page_sizes = 0x40211000, .hugepage = MIB(2), BARE_METAL
#define HASH  .hugepage = MIB(16), .system_page = KIB(64), BARE_METAL
#define LPAR_AT(where)                                                                             \
	.default_size = GIB(1), .page_sizes = 0x1211000, .levels = 1, .pseries = true,             \
	.ram = GIB(4), .hugepage = MIB(2), .beside = (where), .alone = (where)

const struct model_platform model_p8 = {.name = "p8", .page_sizes = 0x11011000, HASH};
const struct model_platform model_p9 = {.name = "p9", .system_page = KIB(4), RADIX};
const struct model_platform model_p9_64k = {
	.name = "p9, 64K kernel", .system_page = KIB(64), RADIX};
const struct model_platform model_p9_hash = {.name = "p9, hash", .page_sizes = 0x40211000, HASH};
const struct model_platform model_p10 = {.name = "p10", .system_page = KIB(4), RADIX};
const struct model_platform model_lpar = {
	.name = "lpar", .system_page = KIB(4), .max_windows = 2, LPAR_AT(HIGH)};
const struct model_platform model_lpar_64k = {
	.name = "lpar, 64K kernel", .system_page = KIB(64), .max_windows = 2, LPAR_AT(HIGH)};
const struct model_platform model_lpar_4g = {
	.name = "lpar, window at 4 GiB", .system_page = KIB(4), .max_windows = 2, LPAR_AT(GIB(4))};
const struct model_platform model_one_window = {
	.name = "lpar, one window", .system_page = KIB(4), .max_windows = 1, LPAR_AT(HIGH)};
const struct model_platform model_vf = {.name = "lpar, virtual function",
					.system_page = KIB(4),
					.max_windows = 1,
					.fixed_window = true,
					LPAR_AT(HIGH)};
#define NO_DDW                                                                                     \
	.system_page = KIB(4), .default_size = GIB(1), .page_sizes = 0x1000,                       \
	.max_windows = UINT32_MAX, .pseries = true, .ram = GIB(4), .hugepage = MIB(2)
const struct model_platform model_no_ddw = {.name = "lpar, no ddw", .no_ddw = true, NO_DDW};
const struct model_platform model_default_only = {.name = "lpar, default window only", NO_DDW};

const struct model_platform *const model_platforms[] = {
	&model_p8,     &model_p9,	    &model_p9_64k,  &model_p9_hash,    &model_p10,
	&model_lpar,   &model_lpar_64k,	    &model_lpar_4g, &model_one_window, &model_vf,
	&model_no_ddw, &model_default_only, NULL,
};

struct model model;

_Noreturn void model_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("model: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

void *model_zalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		model_die("no memory for %zu x %zu bytes", n, size);
	return p;
}

void model_start(const struct model_platform *platform)
{
	model_stop();
	model.platform = platform;
	model.owner = getpid();
	model.lock_limit = UINT64_MAX;
	model.capable = true;
	model.fail_op = MODEL_OPS;
	model_processes_start();
	model_set_hugepages(platform->hugepage, platform->ram / 2 / platform->hugepage);
}

void model_stop(void)
{
	model_files_end();
	model_processes_end();
	model_memory_end();
	free(model.trace);
	memset(&model, 0, sizeof(model));
}

void model_set_quirks(struct model_quirks quirks)
{
	model.quirks = quirks;
}

void model_set_memlock(uint64_t limit, bool capable)
{
	model.lock_limit = limit;
	model.capable = capable;
}

void model_fail(enum model_op op, unsigned n, int ret)
{
	model.fail_op = op;
	model.fail_in = n;
	model.fail_ret = ret;
	model.fail_on = false;
}

void model_fail_from(enum model_op op, unsigned n, int ret)
{
	model_fail(op, n, ret);
	model.fail_on = true;
}

void model_on_call(void (*fn)(void))
{
	model.on_call = fn;
}

bool model_failed(void)
{
	return model.fail_in == 0;
}

void model_fail_write(unsigned n, int ret)
{
	model.fail_write_in = n;
	model.fail_write_ret = ret;
}

void model_race_unenroll(unsigned n)
{
	model.race_in = n;
}

void model_fail_clear(unsigned n)
{
	model.fail_clear_in = n;
}

bool model_tce_failed(void)
{
	bool failed = !model.fail_write_in && !model.fail_clear_in;

	model.fail_write_in = model.fail_clear_in = 0;
	return failed;
}

bool model_due(unsigned *countdown)
{
	return *countdown && --*countdown == 0;
}

bool model_enter(enum model_op op, int *ret)
{
	if (!model.platform)
		model_die("called before model_start()");
	if (model.n_trace == model.trace_room) {
		model.trace_room = model.trace_room ? 2 * model.trace_room : 256;
		model.trace = realloc(model.trace, model.trace_room);
		if (!model.trace)
			model_die("no memory for the trace");
	}
	model.trace[model.n_trace++] = (unsigned char)op;
	if (model.on_call)
		model.on_call();
	if (op != model.fail_op && (model.fail_op != MODEL_ANY || op == MODEL_CLOSE))
		return false;
	if (!model_due(&model.fail_in) && !(model.fail_on && !model.fail_in))
		return false;
	model.failed_op = op;
	*ret = model.fail_ret;
	return true;
}

enum model_op model_failed_op(void)
{
	return model.failed_op;
}

unsigned model_calls(enum model_op op)
{
	unsigned n = 0;

	for (size_t i = 0; i < model.n_trace; i++)
		n += model.trace[i] == op || (op == MODEL_ANY && model.trace[i] != MODEL_CLOSE);
	return n;
}

long model_first(enum model_op op)
{
	for (size_t i = 0; i < model.n_trace; i++)
		if (model.trace[i] == op)
			return (long)i;
	return -1;
}

long model_last(enum model_op op)
{
	for (size_t i = model.n_trace; i-- > 0;)
		if (model.trace[i] == op)
			return (long)i;
	return -1;
}

uint64_t model_whole_pages(uint64_t bytes)
{
	return bytes & ~(model.platform->system_page - 1);
}

bool model_charge(struct mm *mm, uint64_t bytes)
{
	bytes = model_whole_pages(bytes);
	if (bytes && !model.capable &&
	    (bytes > model.lock_limit || mm->locked > model.lock_limit - bytes))
		return false;
	mm->locked += bytes;
	return true;
}

void model_uncharge(struct mm *mm, uint64_t bytes)
{
	bytes = model_whole_pages(bytes);
	if (bytes > mm->locked)
		model_die("more memlock given back than was taken");
	mm->locked -= bytes;
}

uint64_t model_locked(void)
{
	return model.current ? model.current->mm->locked : 0;
}

uint64_t model_lost_memlock(void)
{
	return model.current ? model.current->mm->lost : 0;
}

static int op_locked(uint64_t *bytes)
{
	int ret;

	if (model_enter(MODEL_LOCKED, &ret))
		return ret;
	*bytes = model_locked();
	return 0;
}

static int op_lock_limit(uint64_t *bytes)
{
	int ret;

	if (model_enter(MODEL_LOCK_LIMIT, &ret))
		return ret;
	*bytes = model.capable ? UINT64_MAX : model.lock_limit;
	return 0;
}

static int op_backing_page(const void *va, size_t len, size_t *page)
{
	size_t smallest = SIZE_MAX, here;
	const char *at = va;
	int ret;

	if (model_enter(MODEL_BACKING_PAGE, &ret))
		return ret;
	for (const char *end = at + len; at < end; at += here - ((uintptr_t)at & (here - 1))) {
		if (!model_frame(at, &here))
			return -EFAULT;
		smallest = here < smallest ? here : smallest;
	}
	*page = smallest;
	return 0;
}

static int op_memory(uint64_t *total, uint64_t *hugepage)
{
	int ret;

	if (model_enter(MODEL_MEMORY, &ret))
		return ret;
	*total = model.platform->ram;
	*hugepage = model.platform->hugepage;
	return 0;
}

static int op_slot_lost(const char *device)
{
	int ret;

	return model_enter(MODEL_SLOT_LOST, &ret) ? ret : model_slot_lost(device);
}

static int op_release(unsigned *major, unsigned *minor)
{
	const struct model_quirks *q = &model.quirks;
	int ret;

	if (model_enter(MODEL_RELEASE, &ret))
		return ret;
	*major = q->major ? q->major : 6;
	*minor = q->major ? q->minor : 12;
	return 0;
}

static int op_pages(size_t len, void **va)
{
	int ret;

	if (model_enter(MODEL_PAGES, &ret))
		return ret;
	*va = model_alloc(len, model.platform->system_page);
	return 0;
}

static uint64_t op_hugepages_free(uint64_t page)
{
	int ret;

	if (model_enter(MODEL_HUGEPAGES_FREE, &ret))
		return 0;
	return model_hugepages(page).free;
}

const struct tce_kernel tce_kernel_model = {
	.name = "model",
	.device_group = model_device_group,
	.device_driver = model_device_driver,
	.group_device = model_group_device,
	.container_open = model_container_open,
	.container_check = model_container_check,
	.group_open = model_group_open,
	.group_number = model_group_number,
	.group_flags = model_group_flags,
	.group_attach = model_group_attach,
	.group_join = model_group_join,
	.group_detach = model_group_detach,
	.facts = model_facts,
	.dup = model_dup,
	.close = model_close,
	.window_create = model_window_create,
	.window_remove = model_window_remove,
	.enroll = model_enroll,
	.unenroll = model_unenroll,
	.map = model_map,
	.unmap = model_unmap,
	.device_open = model_device_open,
	.device_stop = model_device_stop,
	.device_reset = model_device_reset,
	.device_resets = model_device_resets,
	.device_node = model_device_node,
	.device_region = model_device_region,
	.device_read = model_region_read,
	.device_write = model_region_write,
	.device_mmap = model_device_mmap,
	.device_irqs = model_device_irqs,
	.device_irqs_set = model_device_irqs_set,
	.device_irq_mask = model_device_irq_mask,
	.locked = op_locked,
	.lock_limit = op_lock_limit,
	.backing_page = op_backing_page,
	.memory = op_memory,
	.hugepages_free = op_hugepages_free,
	.slot_lost = op_slot_lost,
	.release = op_release,
	.pages = op_pages,
	.pages_end = model_free,
};
