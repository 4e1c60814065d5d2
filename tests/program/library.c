/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole library on the model of the kernel: its world, its processes, and its operations. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forget.h"
#include "shadow.h"

#define P tce_process

static struct op world;
static int bystander; /* a process that has nothing, and sees what another one leaves */

static void arenas_begin(void)
{
	size_t system = shadow.platform->system_page, huge = shadow.platform->hugepage;
	size_t middle = system < 65536 ? 65536 : 2 << 20;
	const struct shadow_arena arena[ARENAS] = {
		{.page = system, .unit = system, .units = UNITS},
		{.page = middle, .unit = middle / 4, .units = UNITS},
		{.page = huge, .unit = huge / 2, .units = 16},
	};

	for (unsigned i = 0; i < ARENAS; i++) {
		struct shadow_arena *a = &shadow.arena[i];

		*a = arena[i];
		a->va = model_alloc(a->units * a->unit, a->page);
		for (unsigned u = 0; u < UNITS; u++)
			a->region[u] = -1;
	}
}

/* Regions that nobody maps: the numbers of those that come later do not fit into a 4K TCE. */
static void crowd_begin(void)
{
	size_t page = shadow.platform->system_page;

	shadow.crowd = model_alloc(CROWD * page, page);
	for (unsigned i = 0; i < CROWD; i++)
		must_answer(tce_register(shadow.crowd + i * page, page, page), 0, "tce_register()");
}

static void world_begin(void)
{
	memset(&shadow.region, 0, sizeof(shadow.region));
	memset(&shadow.space, 0, sizeof(shadow.space));
	memset(&shadow.slot_lost, 0, sizeof(shadow.slot_lost));
	shadow.locked = shadow.regions = 0;
	shadow.crowd = NULL;
	shadow.limit = UINT64_MAX;
	shadow.platform = shadow.profile->platform;
	profile_start(shadow.profile);
	bystander = model_fork();
	for (unsigned d = 0; d < DEVICES; d++)
		model_add_device(device_name[d], device_group[d] + 1, "vfio-pci");
	tce_use_kernel(&tce_kernel_model);
	if (!(world.flags & 0x38)) {
		shadow.limit = (uint64_t)(1 + world.at % 256) << 20;
		model_set_memlock(shadow.limit, false);
	}
	arenas_begin();
	if (!(world.flags & 7))
		crowd_begin();
}

static void begin(unsigned profile, const struct op *op)
{
	world = *op;
	shadow.profile = profile_at(profile);
	world_begin();
}

/* The machine has nothing of ours any more. */
static void nothing_left(void)
{
	struct model_hugepages huge;

	model_settle();
	huge = model_hugepages(shadow.platform->hugepage);
	must(!model_fds() && !model_orphans() && !model_lost_pages());
	must(!model_strays() && !model_stale() && !model_warnings());
	must(model_locked() == model_lost_memlock() && !huge.reserved);
	for (unsigned i = 0; i < GROUPS; i++)
		must(!model_tces((int)i + 1) && !model_windows((int)i + 1));
}

static void end(void)
{
	struct model_hugepages huge;

	for (unsigned i = 0; i < GROUPS; i++) {
		struct shadow_space *s = &shadow.space[i];

		for (unsigned d = 0; d < DEVICES; d++)
			if (s->opened[d])
				must_answer(tce_space_close(s->handle, device_name[d]), 0,
					    "tce_space_close()");
		if (s->adopted)
			must_answer(tce_space_close(s->handle, NULL), 0, "tce_space_close()");
		if (s->given_group) {
			tce_kernel_model.close(s->given_group);
			tce_kernel_model.close(s->given_container);
		}
	}
	must(!P.spaces);
	while (P.regions)
		must_answer(tce_discard((void *)P.region[0]->va, P.region[0]->len), 0,
			    "tce_discard()");
	for (unsigned i = 0; i < ARENAS; i++)
		model_free(shadow.arena[i].va, shadow.arena[i].units * shadow.arena[i].unit);
	nothing_left();
	huge = model_hugepages(shadow.platform->hugepage);
	must(huge.free == huge.total);
	model_stop();
}

/* ---- processes ---- */

/* In a child everything that would change something is refused, and nothing is found. */
static void child(void)
{
	struct shadow_arena *a = shadow.arena;
	tce_iova_t iova = TCE_IOVA_ANY;
	struct tce_space *space = NULL;
	size_t n = 0;

	must_answer(tce_register(a->va, a->unit, 0), -EPERM, "tce_register() in a child");
	must_answer(tce_release(a->va, a->unit, NULL, NULL), -EPERM, "tce_release() in a child");
	must_answer(tce_discard(a->va, a->unit), -EPERM, "tce_discard() in a child");
	must_answer(tce_evict(a->va, a->unit, 0), -EPERM, "tce_evict() in a child");
	must_answer(tce_region_list(NULL, &n), -EPERM, "tce_region_list() in a child");
	must_answer(tce_space_open(device_name[0], NULL, &space), -EPERM,
		    "tce_space_open() in a child");
	for (unsigned i = 0; i < GROUPS; i++) {
		space = shadow.space[i].handle;
		if (!space)
			continue;
		must_answer(tce_map(space, a->va, a->unit, NULL, &iova), -EPERM,
			    "tce_map() in a child");
		must_answer(tce_unmap(space, 0, a->unit), -EPERM, "tce_unmap() in a child");
		must_answer(tce_window_remove(space, 0), -EPERM, "tce_window_remove() in a child");
		must_answer(tce_space_close(space, NULL), -EPERM, "tce_space_close() in a child");
		for (unsigned k = 0; k < ARENAS; k++)
			must_answer(tce_iova(space, shadow.arena[k].va, 1, &iova, NULL), -ENOENT,
				    "tce_iova() in a child");
	}
}

bool do_fork(const struct op *op, int *ret)
{
	int status;
	pid_t pid;

	if (op->at & 7) /* it costs as much as hundreds of the others */
		return false;
	pid = fork();
	must(pid >= 0);
	if (!pid) {
		child();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		differs("a child ended with the status %#x", status);
	compare_all();
	*ret = 0;
	return true;
}

/* A process dies at any moment: all comes back, as soon as a grace period has passed. */
bool do_kill(const struct op *op, int *ret)
{
	if (op->at & 7)
		return false;
	model_exit(model_process());
	model_switch(bystander);
	nothing_left();
	must(model_hugepages(shadow.platform->hugepage).free ==
	     model_hugepages(shadow.platform->hugepage).total);
	forget_library();
	model_stop();
	world_begin();
	*ret = 0;
	return true;
}

/* ---- operations ---- */

static const struct kind kinds[] = {
	{"register", 36}, {"map", 52},	  {"dma_map", 28}, {"unmap", 30}, {"dma_unmap", 22},
	{"release", 18},  {"discard", 8}, {"evict", 8},	   {"watch", 6},  {"unwatch", 6},
	{"translate", 8}, {"open", 9},	  {"close", 4},	   {"adopt", 3},  {"borrow", 4},
	{"create", 6},	  {"remove", 4},  {"fork", 2},	   {"kill", 2},
};
static operation_fn *const operation[] = {
	do_register, do_map,	do_dma_map, do_unmap,	  do_dma_unmap, do_release, do_discard,
	do_evict,    do_watch,	do_unwatch, do_translate, do_open,	do_close,   do_adopt,
	do_borrow,   do_create, do_remove,  do_fork,	  do_kill,
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == sizeof(operation) / sizeof(operation[0]),
	       "a name for each operation");

static bool step(unsigned kind, const struct op *op, int *ret)
{
	if (!operation[kind](op, ret))
		return false;
	compare_counts();
	return true;
}

static const char *profile_name(unsigned profile)
{
	const struct profile *p = profile_at(profile);

	return p ? p->name : NULL;
}

const struct subject library_subject = {
	.name = "library",
	.kinds = kinds,
	.n_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.profile = profile_name,
	.begin = begin,
	.step = step,
	.compare = compare_all,
	.end = end,
};
