/* SPDX-License-Identifier: BSD-3-Clause */
/* A controller's life, what it is, what is mapped for it, its queue pairs and namespaces. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <tce/status.h>
#include <unistd.h>

#include "internal.h"

enum {
	CLASS_NVME = 0x010802,
	QUEUES = 8,
	DEPTH = 128,
	TIMEOUT_MS = 10000,
	QUEUES_MAX = 1024,
	DEPTH_MAX = 16383,
	/* What a controller says that it takes is believed within these. */
	SHUTDOWN_MS_MIN = 5000,
	SHUTDOWN_MS_MAX = 60000
};

int nvme_fail(const struct tce_nvme *n, int err, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return tce_error_set(err, "nvme %s: %s", n->device, text);
}

int nvme_enter(struct tce_nvme *n)
{
	struct tce_space_info info;
	int ret = tce_space_info(n->space, &info);

	if (!ret)
		pthread_mutex_lock(&n->lock);
	return ret;
}

static int fill_options(struct tce_nvme *n, const struct tce_nvme_options *opts)
{
	const uint64_t *r = opts->reserved;

	if (r[0] | r[1] | r[2] | r[3])
		return nvme_fail(n, -EINVAL, "a reserved field of its options is not 0");
	n->opts = *opts;
	n->opts.queues = opts->queues ? opts->queues : QUEUES;
	n->opts.depth = opts->depth ? opts->depth : DEPTH;
	n->opts.timeout_ms = opts->timeout_ms ? opts->timeout_ms : TIMEOUT_MS;
	if (n->opts.queues > QUEUES_MAX || n->opts.depth > DEPTH_MAX)
		return nvme_fail(n, -EINVAL, "%u queue pairs of %u commands: at most %d of %d",
				 n->opts.queues, n->opts.depth, QUEUES_MAX, DEPTH_MAX);
	n->shutdown_ms = SHUTDOWN_MS_MIN;
	n->timeout = n->opts.timeout_ms * nvme_ticks_per_ms();
	n->look_every = n->timeout / 8;
	if (n->look_every > 100 * nvme_ticks_per_ms())
		n->look_every = 100 * nvme_ticks_per_ms();
	return 0;
}

/* The function, its registers, and word when somebody wants it back. */
static int open_function(struct tce_nvme *n)
{
	struct tce_pci_info info;
	struct tce_bar bar;
	unsigned removals;
	int ret = tce_pci_open(n->space, n->device, &n->pci);

	if (ret)
		return ret;
	tce_pci_info(n->pci, &info);
	if (info.class_code != CLASS_NVME)
		return nvme_fail(n, -ENOTSUP, "class %06x is no NVMe controller", info.class_code);
	ret = tce_pci_bar(n->pci, 0, NVME_DOORBELLS + 8, &bar);
	if (ret)
		return ret;
	n->regs = bar.va;
	n->cap = tce_io_read64(n->regs + NVME_CAP);
	if (n->cap == UINT64_MAX)
		return nvme_fail(n, -ENODEV, "the controller is gone: its registers read all ones");
	ret = tce_pci_bar(
		n->pci, 0,
		NVME_DOORBELLS + 2 * (size_t)nvme_cap_stride(n->cap) * (n->opts.queues + 1), &bar);
	n->removal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!ret && n->removal < 0)
		return nvme_fail(n, -ENOMEM, "no eventfd: %s", strerror(errno));
	if (!ret)
		ret = tce_pci_irq_count(n->pci, TCE_PCI_REMOVAL, &removals);
	if (!ret && removals)
		ret = tce_pci_irqs(n->pci, TCE_PCI_REMOVAL, &n->removal, 1);
	return ret;
}

/* What the capabilities say of queues and pages. */
static int check_capabilities(struct tce_nvme *n)
{
	unsigned most = nvme_cap_entries(n->cap), shift = nvme_cap_page_min(n->cap);

	if (!(n->cap & NVME_CAP_CSS_NVM))
		return nvme_fail(n, -ENOTSUP, "it does not have the NVM command set");
	if (shift > 16)
		return nvme_fail(n, -ENOTSUP, "its smallest page is 1 << %u bytes", shift);
	n->page = (size_t)1 << shift;
	/* One entry stays empty. */
	n->depth = n->opts.depth < most ? n->opts.depth : most - 1;
	return n->depth ? 0 : nvme_fail(n, -ENOTSUP, "its queues have one entry");
}

static int hint_at_nodes(const struct tce_nvme *n, int ret)
{
	char why[300];

	snprintf(why, sizeof(why), "%s", tce_error());
	return nvme_fail(n, ret, "%s; or have its memory from any node (any_node)", why);
}

static int take_memory(struct tce_nvme *n)
{
	struct tce_pci_info info;
	size_t size = nvme_pair_size(NVME_ADMIN_COMMANDS, false) + NVME_LIST;
	int ret;

	tce_pci_info(n->pci, &info);
	size += n->opts.queues * nvme_pair_size(n->depth, true);
	size += (3 * (size_t)n->opts.queues + 4) * n->page; /* places of rings are whole pages */
	ret = tce_arena_open(size, n->opts.page, n->opts.any_node ? TCE_NODE_ANY : info.node,
			     &n->arena);
	if (ret && !n->opts.any_node && info.node >= 0)
		ret = hint_at_nodes(n, ret);
	if (!ret)
		ret = tce_arena_map(n->arena, n->space, NULL, &n->rings);
	if (!ret)
		ret = tce_arena_alloc(n->arena, NVME_LIST, NVME_LIST, &n->page_block);
	if (!ret)
		ret = nvme_pair_make(n, 0, NVME_ADMIN_COMMANDS, false, &n->admin);
	if (ret)
		return ret;
	n->queue_open = calloc(n->opts.queues + 1, sizeof(*n->queue_open));
	return n->queue_open ? 0 : nvme_fail(n, -ENOMEM, "no memory to describe queue pairs");
}

/* Text of fixed length, filled up with blanks. */
static void copy_text(char *to, const uint8_t *from, size_t len)
{
	memcpy(to, from, len);
	while (len && (to[len - 1] == ' ' || !to[len - 1]))
		len--;
	to[len] = '\0';
}

static uint32_t word(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return tce_le32(v);
}

static void read_identity(struct tce_nvme *n)
{
	const uint8_t *id = n->page_block;
	size_t most = NVME_LIST / sizeof(uint64_t) * n->page; /* what one list has room for */
	unsigned mdts = id[NVME_ID_MDTS];
	uint32_t us;

	copy_text(n->info.model, id + NVME_ID_MODEL, sizeof(n->info.model) - 1);
	copy_text(n->info.serial, id + NVME_ID_SERIAL, sizeof(n->info.serial) - 1);
	copy_text(n->info.firmware, id + NVME_ID_FIRMWARE, sizeof(n->info.firmware) - 1);
	n->info.version = tce_io_read32(n->regs + NVME_VS);
	n->info.namespaces = word(id + NVME_ID_NAMESPACES);
	n->info.depth = n->depth;
	n->info.max_transfer = mdts && mdts < 20 && n->page << mdts < most ? n->page << mdts : most;
	n->info.sgl = (word(id + NVME_ID_SGLS) & 3) && !n->opts.no_sgl;
	n->info.write_cache = id[NVME_ID_VWC] & 1;
	us = word(id + NVME_ID_RTD3E);
	n->shutdown_ms = us / 1000 < SHUTDOWN_MS_MIN   ? SHUTDOWN_MS_MIN
			 : us / 1000 > SHUTDOWN_MS_MAX ? SHUTDOWN_MS_MAX
						       : us / 1000;
}

static int start(struct tce_nvme *n)
{
	int ret = nvme_disable(n);

	if (!ret)
		ret = nvme_enable(n);
	if (!ret)
		ret = nvme_identify(n, 0, NVME_CNS_CONTROLLER, NULL);
	if (ret)
		return ret;
	read_identity(n);
	ret = nvme_set_queues(n, n->opts.queues, &n->queue_limit);
	n->info.queues = n->queue_limit;
	return ret;
}

/* End what there is of a controller, in the order of stopping; the first failure. */
static int end(struct tce_nvme *n)
{
	int result = 0, ret;

	if (n->pci && n->admin) {
		nvme_shut_down(n);
		(void)nvme_disable(n);
	}
	if (n->pci)
		result = tce_pci_close(n->pci);
	if (n->removal >= 0)
		close(n->removal);
	if (n->admin)
		nvme_pair_end(n, n->admin);
	if (n->page_block)
		(void)tce_arena_free(n->arena, n->page_block);
	/* If the device did not stop, its memory stays mapped until the space ends it by a reset.
	 */
	if (n->rings.space && !result)
		result = tce_arena_unmap(n->arena, &n->rings);
	if (n->space) {
		ret = tce_space_close(n->space, n->device);
		result = result ? result : ret;
	}
	if (n->arena) {
		ret = tce_arena_close(n->arena);
		result = result ? result : ret;
	}
	pthread_mutex_destroy(&n->lock);
	free(n->queue_open);
	free(n);
	return result;
}

int tce_nvme_open(const char *device, const struct tce_nvme_options *opts, struct tce_nvme **nvme)
{
	static const struct tce_nvme_options none;
	struct tce_nvme *n = calloc(1, sizeof(*n));
	char why[512];
	int ret;

	if (!n)
		return tce_error_set(-ENOMEM, "no memory to describe controller %s", device);
	pthread_mutex_init(&n->lock, NULL);
	n->removal = -1;
	snprintf(n->device, sizeof(n->device), "%s", device);
	ret = fill_options(n, opts ? opts : &none);
	if (!ret)
		ret = tce_space_open(device, &n->opts.space, &n->space);
	if (!ret)
		ret = open_function(n);
	if (!ret)
		ret = check_capabilities(n);
	if (!ret)
		ret = take_memory(n);
	if (!ret)
		ret = start(n);
	if (!ret) {
		*nvme = n;
		return 0;
	}
	snprintf(why, sizeof(why), "%s", tce_error());
	(void)end(n);
	return tce_error_set(ret, "%s", why);
}

int tce_nvme_close(struct tce_nvme *nvme)
{
	unsigned queues = 0, arenas = 0;
	struct tce_space_info info;
	/* A child is refused before it touches the registers and rings, which it does not have. */
	int ret = tce_space_info(nvme->space, &info);

	if (ret)
		return ret;
	for (unsigned i = 1; i <= nvme->opts.queues; i++)
		queues += nvme->queue_open[i];
	for (unsigned i = 0; i < NVME_SPANS; i++)
		arenas += nvme->mapped[i] != NULL;
	if (queues || arenas)
		return nvme_fail(nvme, -EBUSY, "%u queue pairs are open and %u arenas mapped",
				 queues, arenas);
	return end(nvme);
}

void tce_nvme_info(struct tce_nvme *nvme, struct tce_nvme_info *info)
{
	pthread_mutex_lock(&nvme->lock);
	*info = nvme->info;
	pthread_mutex_unlock(&nvme->lock);
}

struct tce_space *tce_nvme_space(const struct tce_nvme *nvme)
{
	return nvme->space;
}

/* So many are there from now on, and whoever is looking at them finds that they changed. */
static void set_spans(struct tce_nvme *nvme, unsigned n)
{
	unsigned before = atomic_load_explicit(&nvme->spans, memory_order_relaxed);

	/* Pairs with the acquire of near(). */
	atomic_store_explicit(&nvme->spans, before - NVME_SPANS_OF(before) + 16 + n,
			      memory_order_release);
}

int tce_nvme_map(struct tce_nvme *nvme, struct tce_arena *arena)
{
	unsigned at;
	int ret;

	pthread_mutex_lock(&nvme->lock);
	at = NVME_SPANS_OF(atomic_load(&nvme->spans));
	if (at == NVME_SPANS) {
		ret = nvme_fail(nvme, -ENOSPC, "%d arenas are mapped already", NVME_SPANS);
	} else if (!(ret = tce_arena_map(arena, nvme->space, NULL, &nvme->span[at]))) {
		nvme->mapped[at] = arena;
		set_spans(nvme, at + 1);
	}
	pthread_mutex_unlock(&nvme->lock);
	return ret;
}

int tce_nvme_unmap(struct tce_nvme *nvme, struct tce_arena *arena)
{
	unsigned at = 0, last;
	int ret;

	pthread_mutex_lock(&nvme->lock);
	last = NVME_SPANS_OF(atomic_load(&nvme->spans));
	while (at < last && nvme->mapped[at] != arena)
		at++;
	if (at == last)
		ret = nvme_fail(nvme, -ENOENT, "this arena is not mapped");
	else
		ret = tce_arena_unmap(arena, &nvme->span[at]);
	if (!ret) {
		/* Whoever looks between the two finds none, and asks the table. */
		set_spans(nvme, 0);
		/* Before any of what follows; pairs with the fence of near(). */
		atomic_thread_fence(memory_order_release);
		nvme->span[at] = nvme->span[--last];
		nvme->mapped[at] = nvme->mapped[last];
		nvme->mapped[last] = NULL;
		set_spans(nvme, last);
	}
	pthread_mutex_unlock(&nvme->lock);
	return ret;
}

/* The controller answers, or why it will not. Under the lock. */
static int check_state(struct tce_nvme *n)
{
	int ret = nvme_state_error(n);

	if (ret == -ECANCELED)
		return 0;
	return nvme_fail(n, ret, "the controller is gone, or did not come back from its reset");
}

static int read_namespace(struct tce_nvme *n, uint32_t id, struct tce_nvme_namespace *ns)
{
	const uint8_t *d = n->page_block;
	uint64_t blocks;
	uint32_t format, shift;

	memcpy(&blocks, d + NVME_NS_SIZE, sizeof(blocks));
	blocks = tce_le64(blocks);
	if (!blocks)
		return nvme_fail(n, -ENOENT, "namespace %u is not active", id);
	format = word(d + NVME_NS_FORMAT + 4 * nvme_format_of(d[NVME_NS_FLBAS]));
	shift = format >> 16 & 0xff;
	if (format & 0xffff)
		return nvme_fail(n, -ENOTSUP,
				 "namespace %u keeps %u bytes of metadata beside each "
				 "block: format it without",
				 id, format & 0xffff);
	if (shift < 9 || shift > 20)
		return nvme_fail(n, -ENOTSUP, "namespace %u has blocks of 1 << %u bytes", id,
				 shift);
	*ns = (struct tce_nvme_namespace){
		.id = id,
		.shift = shift,
		.blocks = blocks,
		.max_blocks = (uint32_t)(n->info.max_transfer >> shift),
	};
	if (ns->max_blocks > 0x10000)
		ns->max_blocks = 0x10000;
	return 0;
}

int tce_nvme_namespace(struct tce_nvme *nvme, uint32_t id, struct tce_nvme_namespace *ns)
{
	unsigned status = 0;
	int ret = nvme_enter(nvme);

	if (ret)
		return ret;
	ret = check_state(nvme);
	if (!ret && (!id || id > nvme->info.namespaces))
		ret = nvme_fail(nvme, -ENOENT, "namespaces are 1 to %u, not %u",
				nvme->info.namespaces, id);
	if (!ret)
		ret = nvme_identify(nvme, id, NVME_CNS_NAMESPACE, &status);
	if (!ret)
		ret = read_namespace(nvme, id, ns);
	else if ((status & NVME_SC_MASK) == NVME_SC_INVALID_NAMESPACE)
		ret = nvme_fail(nvme, -ENOENT, "there is no namespace %u", id);
	pthread_mutex_unlock(&nvme->lock);
	return ret;
}

static int open_queue(struct tce_nvme *n, struct tce_nvme_queue **queue)
{
	struct tce_nvme_queue *q;
	uint16_t id = 1;
	int ret = check_state(n);

	while (id <= n->queue_limit && n->queue_open[id])
		id++;
	if (!ret && id > n->queue_limit)
		ret = nvme_fail(n, -ENOSPC, "%u queue pairs are open, which are all",
				n->queue_limit);
	if (!ret)
		ret = nvme_pair_make(n, id, n->depth, true, &q);
	if (ret)
		return ret;
	ret = nvme_create_queue(n, q);
	if (ret) {
		nvme_pair_end(n, q);
		return ret;
	}
	q->epoch = atomic_load(&n->epoch);
	n->queue_open[id] = true;
	*queue = q;
	return 0;
}

int tce_nvme_queue_open(struct tce_nvme *nvme, struct tce_nvme_queue **queue)
{
	int ret = nvme_enter(nvme);

	if (ret)
		return ret;
	ret = open_queue(nvme, queue);
	pthread_mutex_unlock(&nvme->lock);
	return ret;
}

int tce_nvme_queue_close(struct tce_nvme_queue *queue)
{
	struct tce_nvme *n = queue->nvme;
	int ret;

	if (queue->outstanding)
		return nvme_fail(n, -EBUSY, "%u commands are under way", queue->outstanding);
	ret = nvme_enter(n);
	if (ret)
		return ret;
	/* A controller that was reset, or is gone, has forgotten it. */
	if (atomic_load(&n->epoch) == queue->epoch && nvme_delete_queue(n, queue))
		ret = -EIO;
	n->queue_open[queue->id] = false;
	nvme_pair_end(n, queue);
	pthread_mutex_unlock(&n->lock);
	return ret;
}
