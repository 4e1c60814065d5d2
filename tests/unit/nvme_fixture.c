/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme_fixture.h"

struct tce_nvme *nvme;
struct tce_nvme_queue *queue;
struct tce_nvme_namespace ns;
struct tce_arena *arena;
unsigned char *buf;

void note(void *arg, int err, unsigned status)
{
	struct told *t = arg;

	t->times++;
	t->err = err;
	t->status = status;
}

static const struct tce_nvme_options options = {
	.space = {.mem = 64 << 20, .page = 4096},
	.queues = 2,
	.depth = 8,
	.any_node = true,
};

struct tce_nvme_options with_page(void)
{
	struct tce_nvme_options o = options;

	o.page = o.space.page = system_page();
	return o;
}

/* Those that wait for a time-out do not wait long; the others must not meet one by accident. */
void start_for(bool sgl, unsigned timeout_ms)
{
	struct tce_nvme_options o = with_page();
	void *va;

	o.timeout_ms = timeout_ms;

	machine(lpar_here());
	nvme_device_start(sgl);
	assert_ok(tce_nvme_open(DEV_A, &o, &nvme));
	assert_ok(tce_nvme_namespace(nvme, 1, &ns));
	assert_ok(tce_nvme_queue_open(nvme, &queue));
	assert_ok(tce_arena_open(BUFFER, system_page(), TCE_NODE_ANY, &arena));
	assert_ok(tce_nvme_map(nvme, arena));
	assert_ok(tce_arena_alloc(arena, BUFFER, 0, &va));
	buf = va;
}

void start(bool sgl)
{
	start_for(sgl, 60000);
}

void finish(void)
{
	assert_ok(tce_nvme_queue_close(queue));
	assert_ok(tce_nvme_unmap(nvme, arena));
	assert_ok(tce_arena_free(arena, buf));
	assert_ok(tce_nvme_close(nvme));
	assert_ok(tce_arena_close(arena));
	nvme_device_stop();
	assert_int_equal(model_strays(), 0);
}

void refused(int ret, int want, const char *word)
{
	if (ret != want)
		fail_msg("answered %d, wanted %d: %s", ret, want, tce_error());
	assert_sentence(word);
}

/* Poll until nothing is under way. */
void drain(void)
{
	while (tce_nvme_outstanding(queue))
		tce_nvme_poll(queue, 0);
}

void ends(const struct told *t, int err)
{
	drain();
	assert_int_equal(t->times, 1);
	assert_int_equal(t->err, err);
}

void read_one(struct told *t)
{
	*t = (struct told){0};
	assert_ok(tce_nvme_read(queue, &ns, 0, 1, buf, note, t));
}

/* After whatever happened the queue is of use, and its answers are right. */
void works(void)
{
	struct told t;

	nvme_disk[5] ^= 1;
	read_one(&t);
	ends(&t, 0);
	assert_memory_equal(buf, nvme_disk, BLOCK);
}
