/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVMe driver against a controller in a thread: what goes well, and all that can go wrong. */
#include <unistd.h>

#include <tce/nvme.h>

#include "nvme_device.h"

enum { BLOCK = 512, BUFFER = 512 * 1024 };

static struct tce_nvme *nvme;
static struct tce_nvme_queue *queue;
static struct tce_nvme_namespace ns;
static struct tce_arena *arena;
static unsigned char *buf;

/* What a command's function was told. */
struct told {
	unsigned times, status;
	int err;
};

static void note(void *arg, int err, unsigned status)
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

static struct tce_nvme_options with_page(void)
{
	struct tce_nvme_options o = options;

	o.page = o.space.page = system_page();
	return o;
}

/* Those that wait for a time-out do not wait long; the others must not meet one by accident. */
static void start_for(bool sgl, unsigned timeout_ms)
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

static void start(bool sgl)
{
	start_for(sgl, 60000);
}

static void finish(void)
{
	assert_ok(tce_nvme_queue_close(queue));
	assert_ok(tce_nvme_unmap(nvme, arena));
	assert_ok(tce_arena_free(arena, buf));
	assert_ok(tce_nvme_close(nvme));
	assert_ok(tce_arena_close(arena));
	nvme_device_stop();
	assert_int_equal(model_strays(), 0);
}

static void refused(int ret, int want, const char *word)
{
	if (ret != want)
		fail_msg("answered %d, wanted %d: %s", ret, want, tce_error());
	assert_sentence(word);
}

/* Poll until nothing is under way. */
static void drain(void)
{
	while (tce_nvme_outstanding(queue))
		tce_nvme_poll(queue, 0);
}

static void ends(const struct told *t, int err)
{
	drain();
	assert_int_equal(t->times, 1);
	assert_int_equal(t->err, err);
}

static void read_one(struct told *t)
{
	*t = (struct told){0};
	assert_ok(tce_nvme_read(queue, &ns, 0, 1, buf, note, t));
}

/* After whatever happened the queue is of use, and its answers are right. */
static void works(void)
{
	struct told t;

	nvme_disk[5] ^= 1;
	read_one(&t);
	ends(&t, 0);
	assert_memory_equal(buf, nvme_disk, BLOCK);
}

static void what_it_is(void)
{
	struct tce_nvme_info info;
	struct tce_nvme_namespace other;
	struct tce_nvme_queue *second, *third;
	void *space;

	start(true);
	tce_nvme_info(nvme, &info);
	assert_string_equal(info.model, "model");
	assert_string_equal(info.serial, "in a thread");
	assert_string_equal(info.firmware, "1.0");
	assert_int_equal(info.version, 0x10400);
	assert_int_equal(info.queues, 2);
	assert_int_equal(info.depth, 8);
	assert_int_equal(info.max_transfer, 256 * 1024);
	assert_true(info.sgl && info.write_cache);
	assert_int_equal(ns.blocks, DEVICE_BLOCKS);
	assert_int_equal(ns.shift, 9);
	assert_int_equal(ns.max_blocks, 512);
	refused(tce_nvme_namespace(nvme, 0, &other), -ENOENT, "1 to 3, not 0");
	refused(tce_nvme_namespace(nvme, 2, &other), -ENOENT, "not active");
	refused(tce_nvme_namespace(nvme, 3, &other), -ENOTSUP, "8 bytes of metadata");
	refused(tce_nvme_namespace(nvme, 4, &other), -ENOENT, "1 to 3, not 4");
	assert_ok(tce_nvme_queue_open(nvme, &second));
	refused(tce_nvme_queue_open(nvme, &third), -ENOSPC, "2 queue pairs are open");
	refused(tce_nvme_close(nvme), -EBUSY, "2 queue pairs are open and 1 arenas");
	assert_ok(tce_nvme_queue_close(second));
	assert_ok(tce_nvme_queue_open(nvme, &second));
	assert_ok(tce_nvme_queue_close(second));
	space = tce_nvme_space(nvme);
	assert_non_null(space);
	works();
	finish();
}

/* Every length from a block to the largest, at every place in a page. */
static void transfers(bool sgl)
{
	start(sgl);
	for (uint32_t blocks = 1; blocks <= ns.max_blocks; blocks += blocks < 40 ? 1 : 59) {
		size_t len = (size_t)blocks * BLOCK, off = blocks % 24 * 172;
		uint64_t lba = blocks * 7 % (DEVICE_BLOCKS - 512);
		struct told w = {0}, r = {0};

		for (size_t i = 0; i < len; i++)
			buf[off + i] = (unsigned char)(i * 31 + i / BLOCK + blocks);
		assert_ok(tce_nvme_write(queue, &ns, lba, blocks, buf + off, note, &w));
		ends(&w, 0);
		assert_memory_equal(nvme_disk + lba * BLOCK, buf + off, len);
		memset(buf + off, 0, len);
		assert_ok(tce_nvme_read(queue, &ns, lba, blocks, buf + off, note, &r));
		ends(&r, 0);
		assert_memory_equal(nvme_disk + lba * BLOCK, buf + off, len);
	}
	assert_true(nvme_shapes.prp > 10);
	assert_int_equal(nvme_shapes.sgl > 10, sgl);
	assert_int_equal(nvme_shapes.prp_list > 10, !sgl);
	assert_int_equal(nvme_shapes.sgl_list, 0);
	finish();
}

static void transfers_by_prps(void)
{
	transfers(false);
}

static void transfers_by_sgls(void)
{
	transfers(true);
}

static void pieces(void)
{
	struct iovec iov[3];
	struct told t = {0};

	start(true);
	for (size_t i = 0; i < 8 * BLOCK; i++)
		nvme_disk[i] = (unsigned char)(i * 13);
	iov[0] = (struct iovec){buf + 4, 1000};
	iov[1] = (struct iovec){buf + 40000, 0};
	iov[2] = (struct iovec){buf + 20000, 8 * BLOCK - 1000};
	assert_ok(tce_nvme_readv(queue, &ns, 0, 8, iov, 3, note, &t));
	ends(&t, 0);
	assert_memory_equal(buf + 4, nvme_disk, 1000);
	assert_memory_equal(buf + 20000, nvme_disk + 1000, 8 * BLOCK - 1000);
	assert_int_equal(nvme_shapes.sgl_list, 1);
	refused(tce_nvme_readv(queue, &ns, 0, 9, iov, 3, note, &t), -EINVAL, "4608 bytes");
	refused(tce_nvme_readv(queue, &ns, 0, 7, iov, 3, note, &t), -EINVAL, "3584 bytes");
	iov[0].iov_base = buf + 2;
	refused(tce_nvme_writev(queue, &ns, 0, 8, iov, 3, note, &t), -EINVAL, "multiples of 4");
	assert_int_equal(t.times, 1);
	works();
	finish();
}

static void pieces_by_prps(void)
{
	unsigned char *page;
	struct iovec iov[2];
	struct told t = {0};

	start(false);
	page = buf + (-(uintptr_t)buf & 4095);
	for (size_t i = 0; i < 24 * BLOCK; i++)
		nvme_disk[i] = (unsigned char)(i * 13);
	iov[0] = (struct iovec){page + 4096 - 512, 512};
	iov[1] = (struct iovec){page + 40960, 23 * BLOCK};
	assert_ok(tce_nvme_readv(queue, &ns, 0, 24, iov, 2, note, &t));
	ends(&t, 0);
	assert_memory_equal(page + 4096 - 512, nvme_disk, 512);
	assert_memory_equal(page + 40960, nvme_disk + 512, 23 * BLOCK);
	assert_int_equal(nvme_shapes.prp_list, 1);
	iov[0].iov_base = page;
	refused(tce_nvme_readv(queue, &ns, 0, 24, iov, 2, note, &t), -EINVAL, "meet on pages");
	works();
	finish();
}

static void bad_input(void)
{
	struct told t = {0}, all[8];
	struct iovec iov[2];
	char outside[BLOCK];

	start(true);
	refused(tce_nvme_read(queue, &ns, 0, 0, buf, note, &t), -EINVAL, "1 to 512");
	refused(tce_nvme_read(queue, &ns, 0, 513, buf, note, &t), -EINVAL, "513 blocks");
	refused(tce_nvme_read(queue, &ns, DEVICE_BLOCKS, 1, buf, note, &t), -ERANGE, "has 4096");
	refused(tce_nvme_write(queue, &ns, DEVICE_BLOCKS - 1, 2, buf, note, &t), -ERANGE, "+ 2");
	refused(tce_nvme_read(queue, &ns, UINT64_MAX, 2, buf, note, &t), -ERANGE, "+ 2");
	refused(tce_nvme_read(queue, &ns, 0, 1, outside, note, &t), -ENOENT, "not mapped");
	iov[0] = (struct iovec){buf, 256};
	iov[1] = (struct iovec){outside, 256};
	refused(tce_nvme_readv(queue, &ns, 0, 1, iov, 2, note, &t), -ENOENT, "not mapped from");
	refused(tce_nvme_read(queue, &ns, 0, 1, buf + 1, note, &t), -EINVAL, "multiples of 4");
	assert_int_equal(t.times, 0);
	/* Full: no more than the depth, and none is lost. */
	for (unsigned i = 0; i < 8; i++)
		read_one(&all[i]);
	assert_int_equal(tce_nvme_read(queue, &ns, 0, 1, buf, note, &t), -EAGAIN);
	refused(tce_nvme_queue_close(queue), -EBUSY, "8 commands");
	for (unsigned i = 0; i < 8; i++)
		ends(&all[i], 0);
	works();
	finish();
}

/* Rings come round many times, whatever is under way. */
static void round_and_round(void)
{
	static struct told t[2000];
	struct told flush = {0};
	size_t given = 0;

	start(true);
	memset(t, 0, sizeof(t));
	while (given < 2000) {
		while (given < 2000 && !tce_nvme_read(queue, &ns, given % DEVICE_BLOCKS, 1,
						      buf + given % 8 * BLOCK, note, &t[given]))
			given++;
		tce_nvme_poll(queue, given % 5);
	}
	drain();
	for (size_t i = 0; i < given; i++)
		ends(&t[i], 0);
	assert_ok(tce_nvme_flush(queue, &ns, note, &flush));
	ends(&flush, 0);
	assert_int_equal(nvme_shapes.flush, 1);
	finish();
}

/* A controller of short rings: the admin queue's are as long as ever, and come round too. */
static void short_rings(void)
{
	struct tce_nvme_info info;

	nvme_entries = 4;
	start(true);
	tce_nvme_info(nvme, &info);
	assert_int_equal(info.depth, 3);
	for (unsigned i = 0; i < 100; i++) {
		assert_ok(tce_nvme_namespace(nvme, 1, &ns));
		works();
	}
	finish();
}

static void answers(void)
{
	static const struct {
		unsigned status;
		int err;
	} want[] = {{0x002, -EINVAL}, {0x00b, -EINVAL}, {0x080, -ERANGE},    {0x081, -ENOSPC},
		    {0x286, -EACCES}, {0x281, -EIO},	{0x007, -ECANCELED}, {0x004, -EIO}};
	struct told t;

	start(true);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		nvme_wrong.status = want[i].status;
		read_one(&t);
		ends(&t, want[i].err);
		assert_int_equal(t.status, want[i].status);
	}
	nvme_wrong.stranger = true; /* a completion of no command ends none */
	works();
	works();
	finish();
}

/* One command of three is not answered: it is aborted, and the others are not touched. */
static void aborted(void)
{
	struct tce_nvme_info info;
	struct told t[3];

	start_for(true, 1000);
	nvme_wrong.hold = 1;
	for (unsigned i = 0; i < 3; i++)
		read_one(&t[i]);
	ends(&t[0], -ETIMEDOUT);
	ends(&t[1], 0);
	ends(&t[2], 0);
	tce_nvme_info(nvme, &info);
	assert_int_equal(info.aborts, 1);
	assert_int_equal(info.resets, 0);
	assert_int_equal(nvme_shapes.aborts, 1);
	works();
	finish();
}

/* The abort does not help: a reset does. */
static void reset_after_an_abort(void)
{
	struct tce_nvme_info info;
	struct told t[3];

	start_for(true, 1000);
	nvme_wrong.silent = nvme_wrong.deaf_to_aborts = true;
	for (unsigned i = 0; i < 3; i++)
		read_one(&t[i]);
	drain();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(t[i].times, 1);
		assert_true(t[i].err == -ETIMEDOUT || t[i].err == -ECANCELED);
	}
	assert_int_equal(t[0].err, -ETIMEDOUT);
	tce_nvme_info(nvme, &info);
	assert_int_equal(info.resets, 1);
	nvme_wrong.deaf_to_aborts = false;
	works();
	finish();
}

/* Two queues, one reset: each ends its own as it is polled, and goes on. */
static void reset_by_hand(void)
{
	struct tce_nvme_queue *other;
	struct told mine = {0}, theirs = {0}, more = {0};

	start(true);
	assert_ok(tce_nvme_queue_open(nvme, &other));
	nvme_wrong.silent = true;
	read_one(&mine);
	assert_ok(tce_nvme_read(other, &ns, 0, 1, buf + 4096, note, &theirs));
	tce_nvme_ring(queue);
	tce_nvme_ring(other);
	assert_ok(tce_nvme_reset(nvme));
	/* Until it is polled, a queue takes nothing. */
	assert_int_equal(tce_nvme_read(queue, &ns, 0, 1, buf, note, &more), -EAGAIN);
	assert_int_equal(theirs.times + mine.times + more.times, 0);
	ends(&mine, -ECANCELED);
	works();
	while (tce_nvme_outstanding(other))
		tce_nvme_poll(other, 0);
	assert_int_equal(theirs.times, 1);
	assert_int_equal(theirs.err, -ECANCELED);
	assert_ok(tce_nvme_queue_close(other));
	finish();
}

/* No more functions are called at once than the caller has room for, after a reset too. */
static void reset_by_and_by(void)
{
	struct told t[5];

	start(true);
	nvme_wrong.hold = 4;
	for (unsigned i = 0; i < 5; i++)
		read_one(&t[i]);
	tce_nvme_ring(queue);
	usleep(100000); /* the fifth is answered */
	assert_ok(tce_nvme_reset(nvme));
	for (unsigned left = 5; left; left--) {
		assert_int_equal(tce_nvme_outstanding(queue), left);
		assert_int_equal(tce_nvme_poll(queue, 1), 1);
	}
	for (unsigned i = 0; i < 5; i++)
		ends(&t[i], i < 4 ? -ECANCELED : 0);
	works();
	finish();
}

static void fatal_state(void)
{
	struct told t;

	start(true);
	nvme_device_fail();
	read_one(&t);
	ends(&t, -ECANCELED);
	works();
	finish();
}

static void does_not_come_back(void)
{
	struct told t, u = {0};

	start(true);
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	nvme_wrong.never_ready = true;
	refused(tce_nvme_reset(nvme), -ETIMEDOUT, "does not become");
	ends(&t, -EIO);
	refused(tce_nvme_read(queue, &ns, 0, 1, buf, note, &u), -EIO, "did not come back");
	nvme_wrong.never_ready = false;
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	works();
	finish();
}

/* Neither it nor the platform takes it back to its beginning: it must not have the bus again. */
static void neither_off_nor_reset(void)
{
	struct told t;

	start(true);
	nvme_wrong.silent = nvme_wrong.stays_ready = true;
	read_one(&t);
	tce_nvme_ring(queue);
	model_fail(MODEL_DEVICE_RESET, 1, -EIO);
	refused(tce_nvme_reset(nvme), -ETIMEDOUT, "does not become 0");
	assert_false(model_device_runs(DEV_A));
	ends(&t, -EIO);
	nvme_wrong.stays_ready = false;
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	works();
	finish();
}

/* After a reset one queue is there again, and the other one is refused: that is the end of both. */
static void one_queue_does_not_come_back(void)
{
	struct tce_nvme_queue *other;
	struct told t, u = {0};

	start(true);
	assert_ok(tce_nvme_queue_open(nvme, &other));
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	works();
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	nvme_wrong.no_queues = true;
	tce_nvme_poll(other, 0);
	ends(&t, -EIO);
	refused(tce_nvme_read(queue, &ns, 0, 1, buf, note, &u), -EIO, "did not come back");
	refused(tce_nvme_read(other, &ns, 0, 1, buf, note, &u), -EIO, "did not come back");
	nvme_wrong.no_queues = false;
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	tce_nvme_poll(other, 0);
	works();
	assert_ok(tce_nvme_queue_close(other));
	finish();
}

/* A reset is the first to notice that it was pulled. */
static void pulled_before_a_reset(void)
{
	struct told t;

	start(true);
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	nvme_device_pull();
	refused(tce_nvme_reset(nvme), -ENODEV, "is gone");
	ends(&t, -ENODEV);
	finish();
}

static void child(const void *arg)
{
	struct tce_nvme *none;

	assert_int_equal(tce_nvme_close(nvme), -EPERM);
	assert_int_equal(tce_nvme_open(DEV_A, NULL, &none), -EPERM);
}

/* It has neither registers nor rings. */
static void a_child_changes_nothing(void)
{
	start(true);
	in_child(child, NULL);
	works();
	assert_ok(tce_nvme_queue_close(queue));
	assert_ok(tce_nvme_unmap(nvme, arena));
	in_child(child, NULL);
	assert_ok(tce_nvme_map(nvme, arena));
	assert_ok(tce_nvme_queue_open(nvme, &queue));
	works();
	finish();
}

/* Its registers read all ones from one moment to the next. */
static void pulled(void)
{
	struct told t[4], u = {0};

	start(true);
	nvme_wrong.silent = true;
	for (unsigned i = 0; i < 4; i++)
		read_one(&t[i]);
	tce_nvme_ring(queue);
	nvme_device_pull();
	for (unsigned i = 0; i < 4; i++)
		ends(&t[i], -ENODEV);
	refused(tce_nvme_read(queue, &ns, 0, 1, buf, note, &u), -ENODEV, "is gone");
	refused(tce_nvme_reset(nvme), -ENODEV, "is gone");
	refused(tce_nvme_namespace(nvme, 1, &ns), -ENODEV, "is gone");
	assert_int_equal(tce_nvme_poll(queue, 0), 0);
	finish();
}

/* The kernel asks for the device: it is off before the commands end. */
static void wanted_back(void)
{
	struct told t;

	start(true);
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	assert_true(model_raise(DEV_A, KERNEL_REMOVAL, 0));
	ends(&t, -ENODEV);
	assert_int_equal(nvme_shapes.enables, 1);
	finish();
}

static void what_is_no_controller(void)
{
	struct tce_nvme_options o = with_page();
	struct tce_nvme *none = NULL;

	machine(lpar_here());
	o.reserved[1] = 1;
	refused(tce_nvme_open(DEV_A, &o, &none), -EINVAL, "reserved");
	o = with_page();
	o.queues = 5000;
	refused(tce_nvme_open(DEV_A, &o, &none), -EINVAL, "5000 queue pairs");
	o = with_page();
	refused(tce_nvme_open("0009:00:01.0", &o, &none), -ENODEV, "no device");
	refused(tce_nvme_open(DEV_A, &o, &none), -ENOTSUP, "class 000000");
	nvme_device_start(true);
	nvme_wrong.never_ready = true;
	refused(tce_nvme_open(DEV_A, &o, &none), -ETIMEDOUT, "after 1500 ms");
	assert_null(none);
	nvme_device_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(what_it_is),
		whole_test(transfers_by_prps),
		whole_test(transfers_by_sgls),
		whole_test(pieces),
		whole_test(pieces_by_prps),
		whole_test(bad_input),
		whole_test(round_and_round),
		whole_test(short_rings),
		whole_test(answers),
		whole_test(aborted),
		whole_test(reset_after_an_abort),
		whole_test(reset_by_hand),
		whole_test(reset_by_and_by),
		whole_test(fatal_state),
		whole_test(does_not_come_back),
		whole_test(neither_off_nor_reset),
		whole_test(one_queue_does_not_come_back),
		whole_test(pulled_before_a_reset),
		whole_test(a_child_changes_nothing),
		whole_test(pulled),
		whole_test(wanted_back),
		whole_test(what_is_no_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
