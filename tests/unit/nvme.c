/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVMe driver against a controller in a thread: what goes well, and what is refused. */
#include "nvme_fixture.h"

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
	refused(tce_nvme_namespace(nvme, 0, &other), -ENOENT, "1 to 4, not 0");
	refused(tce_nvme_namespace(nvme, 2, &other), -ENOENT, "not active");
	refused(tce_nvme_namespace(nvme, 3, &other), -ENOTSUP, "8 bytes of metadata");
	refused(tce_nvme_namespace(nvme, 5, &other), -ENOENT, "1 to 4, not 5");
	assert_ok(tce_nvme_namespace(nvme, 4, &other));
	assert_int_equal(other.shift, 12);
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

/* As much as one command takes, from the midst of a page on: its list of PRPs is full. */
static void most_pieces_by_prps(void)
{
	enum { MOST = 2 << 20, HALF = 2048 };
	struct tce_arena *large;
	struct tce_nvme_info info;
	struct told t = {0};
	struct iovec iov[2];
	unsigned char *at;
	void *va;

	nvme_mdts = 9;
	start(false);
	tce_nvme_info(nvme, &info);
	assert_int_equal(info.max_transfer, MOST);
	assert_ok(tce_arena_open(MOST + 16384, system_page(), TCE_NODE_ANY, &large));
	assert_ok(tce_nvme_map(nvme, large));
	assert_ok(tce_arena_alloc(large, MOST + 16384, 4096, &va));
	at = va;
	for (size_t i = 0; i < MOST; i++)
		nvme_disk[i] = (unsigned char)(i * 13 ^ i >> 11);
	iov[0] = (struct iovec){at + HALF, HALF};
	iov[1] = (struct iovec){at + 8192, MOST - HALF};
	assert_ok(tce_nvme_readv(queue, &ns, 0, MOST / BLOCK, iov, 2, note, &t));
	ends(&t, 0);
	assert_memory_equal(at + HALF, nvme_disk, HALF);
	assert_memory_equal(at + 8192, nvme_disk + HALF, MOST - HALF);
	assert_ok(tce_nvme_unmap(nvme, large));
	assert_ok(tce_arena_free(large, va));
	assert_ok(tce_arena_close(large));
	finish();
	nvme_mdts = 6;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(what_it_is),	       whole_test(transfers_by_prps),
		whole_test(transfers_by_sgls), whole_test(pieces),
		whole_test(pieces_by_prps),    whole_test(most_pieces_by_prps),
		whole_test(bad_input),	       whole_test(round_and_round),
		whole_test(short_rings),       whole_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
