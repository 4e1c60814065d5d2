/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/nvme/regs.h"
#include "nvme_device.h"

enum { BAR = 16384, PAGE = 4096, HELD = 64 };

struct ring {
	uint64_t iova;
	unsigned entries, at, phase; /* at: head of a submission ring, tail of a completion ring */
};

struct nvme_wrongs nvme_wrong;
struct nvme_shapes nvme_shapes;
unsigned nvme_entries = 64;
unsigned nvme_mdts = 6; /* 256 KiB */
unsigned char nvme_disk[DEVICE_BLOCKS * 512];

static volatile unsigned char *regs;
static struct ring sq[DEVICE_QUEUES + 1], cq[DEVICE_QUEUES + 1];
static struct {
	uint16_t queue, cid;
} held[HELD];
static unsigned n_held;
static bool with_sgl, enabled;
static _Atomic bool running, gone;
static pthread_t thread;

static uint32_t reg32(unsigned at)
{
	return *(volatile uint32_t *)(regs + at);
}

static void set32(unsigned at, uint32_t value)
{
	*(volatile uint32_t *)(regs + at) = value;
}

static uint64_t reg64(unsigned at)
{
	return *(volatile uint64_t *)(regs + at);
}

static void complete(unsigned q, uint16_t cid, unsigned status, uint32_t result)
{
	struct ring *r = &cq[q];
	struct nvme_cqe cqe = {
		.result = result, .sq_head = (uint16_t)sq[q].at, .sq_id = (uint16_t)q, .cid = cid};

	if (nvme_wrong.stranger && q) {
		nvme_wrong.stranger = false;
		complete(q, 0x1234, 0, 0);
	}
	/* The phase last, as the bus would. */
	cqe.status = (uint16_t)(status << 1 | !r->phase);
	model_device_write(GROUP_A, r->iova + r->at * sizeof(cqe), &cqe, sizeof(cqe));
	atomic_thread_fence(memory_order_release);
	cqe.status ^= 1;
	model_device_write(GROUP_A, r->iova + r->at * sizeof(cqe) + 14, &cqe.status, 2);
	if (++r->at == r->entries) {
		r->at = 0;
		r->phase ^= 1;
	}
}

/* Data to or from the disk at one range of IOVAs. */
static void move(bool write, uint64_t iova, size_t len, unsigned char **at)
{
	if (write)
		model_device_read(GROUP_A, iova, *at, len);
	else
		model_device_write(GROUP_A, iova, *at, len);
	*at += len;
}

static void move_sgl(bool write, const struct nvme_sgl *sgl, unsigned char *at)
{
	struct nvme_sgl list[PAGE / sizeof(struct nvme_sgl)];

	if (sgl->type == NVME_SGL_DATA) {
		nvme_shapes.sgl++;
		move(write, sgl->address, sgl->length, &at);
		return;
	}
	nvme_shapes.sgl_list++;
	model_device_read(GROUP_A, sgl->address, list, sgl->length);
	for (size_t i = 0; i < sgl->length / sizeof(*list); i++)
		move(write, list[i].address, list[i].length, &at);
}

static void move_prp(bool write, const uint64_t prp[2], size_t len, unsigned char *at)
{
	uint64_t list[PAGE / 8], next = prp[1];
	size_t first = PAGE - (prp[0] & (PAGE - 1)), n = 0;

	if (first > len)
		first = len;
	move(write, prp[0], first, &at);
	len -= first;
	if (len <= PAGE) {
		nvme_shapes.prp++;
		if (len)
			move(write, next, len, &at);
		return;
	}
	nvme_shapes.prp_list++;
	model_device_read(GROUP_A, next, list, PAGE - (next & (PAGE - 1)));
	for (; len; n++) {
		size_t part = len < PAGE ? len : PAGE;

		if (list[n] & (PAGE - 1))
			return; /* what is not moved will be missed */
		move(write, list[n], part, &at);
		len -= part;
	}
}

static void transfer(const struct nvme_sqe *c)
{
	bool write = (c->cdw0 & 0xff) == NVME_WRITE;
	unsigned char *at = nvme_disk + (size_t)c->cdw10 * 512;
	size_t len = ((c->cdw12 & 0xffff) + 1) * (size_t)512;

	if (c->cdw0 & NVME_SQE_SGL)
		move_sgl(write, &c->sgl, at);
	else
		move_prp(write, c->prp, len, at);
}

static void io(unsigned q, const struct nvme_sqe *c)
{
	uint16_t cid = (uint16_t)(c->cdw0 >> 16);
	unsigned status = nvme_wrong.status;

	nvme_wrong.status = 0;
	if (nvme_wrong.silent || nvme_wrong.hold) {
		nvme_wrong.hold -= nvme_wrong.hold != 0;
		held[n_held].queue = (uint16_t)q;
		held[n_held++ % HELD].cid = cid;
		return;
	}
	if ((c->cdw0 & 0xff) == NVME_FLUSH)
		nvme_shapes.flush++;
	else if (!status)
		transfer(c);
	complete(q, cid, status, 0);
}

static void identify(const struct nvme_sqe *c)
{
	unsigned char page[PAGE] = {0};

	if (c->cdw10 == NVME_CNS_CONTROLLER) {
		memcpy(page + NVME_ID_SERIAL, "in a thread         ", 20);
		memset(page + NVME_ID_MODEL, ' ', 40);
		memcpy(page + NVME_ID_MODEL, "model", 5);
		memcpy(page + NVME_ID_FIRMWARE, "1.0     ", 8);
		page[NVME_ID_MDTS] = (unsigned char)nvme_mdts;
		page[NVME_ID_NAMESPACES] = 4;
		page[NVME_ID_VWC] = 1;
		page[NVME_ID_SGLS] = with_sgl;
	} else if (c->nsid == 1 || c->nsid == 3) {
		memcpy(page, &(uint64_t){DEVICE_BLOCKS}, 8);
		page[NVME_NS_FORMAT + 2] = 9;
		page[NVME_NS_FORMAT] = c->nsid == 3 ? 8 : 0; /* metadata */
	} else if (c->nsid == 4) {
		memcpy(page, &(uint64_t){DEVICE_BLOCKS / 8}, 8);
		/* The 17th format, and blocks of an impossible size in the first one. */
		page[NVME_NS_FLBAS] = 0x20;
		page[NVME_NS_FORMAT + 4 * 16 + 2] = 12;
	}
	model_device_write(GROUP_A, c->prp[0], page, sizeof(page));
}

static void make_ring(struct ring *r, const struct nvme_sqe *c)
{
	*r = (struct ring){.iova = c->prp[0], .entries = (c->cdw10 >> 16) + 1, .phase = 1};
}

static void abort_command(const struct nvme_sqe *c)
{
	nvme_shapes.aborts++;
	for (unsigned i = 0; i < n_held && !nvme_wrong.deaf_to_aborts; i++)
		if (held[i].queue == (c->cdw10 & 0xffff) && held[i].cid == c->cdw10 >> 16)
			complete(held[i].queue, held[i].cid, NVME_SC_ABORTED, 0);
}

static void admin(const struct nvme_sqe *c)
{
	uint16_t id = c->cdw10 & 0xffff;
	unsigned status = 0;
	uint32_t result = 0;

	switch (c->cdw0 & 0xff) {
	case NVME_IDENTIFY:
		identify(c);
		break;
	case NVME_SET_FEATURES:
		result = (DEVICE_QUEUES - 1) << 16 | (DEVICE_QUEUES - 1);
		break;
	case NVME_CREATE_CQ:
		if (nvme_wrong.no_queues)
			status = 0x101;
		set32(NVME_DOORBELLS + 8 * id + 4, 0);
		make_ring(&cq[id], c);
		break;
	case NVME_CREATE_SQ:
		make_ring(&sq[id], c);
		break;
	case NVME_DELETE_SQ:
		sq[id].entries = 0;
		set32(NVME_DOORBELLS + 8 * id, 0);
		break;
	case NVME_ABORT:
		abort_command(c);
		break;
	default:
		break;
	}
	complete(0, (uint16_t)(c->cdw0 >> 16), status, result);
}

static void enable(void)
{
	uint32_t aqa = reg32(NVME_AQA);

	memset(sq, 0, sizeof(sq));
	memset(cq, 0, sizeof(cq));
	n_held = 0;
	sq[0] = (struct ring){.iova = reg64(NVME_ASQ), .entries = (aqa & 0xfff) + 1};
	cq[0] = (struct ring){
		.iova = reg64(NVME_ACQ), .entries = (aqa >> 16 & 0xfff) + 1, .phase = 1};
	for (unsigned i = 0; i <= 2 * DEVICE_QUEUES + 1; i++)
		set32(NVME_DOORBELLS + 4 * i, 0);
	nvme_shapes.enables++;
	set32(NVME_CSTS, NVME_CSTS_RDY);
}

static void control(void)
{
	uint32_t cc = reg32(NVME_CC);
	bool on = cc & NVME_CC_EN;

	if (on && !enabled && !nvme_wrong.never_ready) {
		enable();
		enabled = true;
	} else if (!on && enabled && !nvme_wrong.stays_ready) {
		enabled = nvme_wrong.silent = nvme_wrong.silent_once = false;
		set32(NVME_CSTS, 0);
	}
	if ((cc & NVME_CC_SHN_MASK) && !(reg32(NVME_CSTS) & NVME_CSTS_SHST_MASK))
		set32(NVME_CSTS, reg32(NVME_CSTS) | NVME_CSTS_SHST_DONE);
}

/* Without room for its completion a command is not fetched (4.1.2). */
static bool is_full(unsigned q)
{
	return (cq[q].at + 1) % cq[q].entries == reg32(NVME_DOORBELLS + 8 * q + 4);
}

static void *play(void *arg)
{
	while (atomic_load(&running)) {
		if (!atomic_load(&gone))
			control();
		for (unsigned q = 0; q <= DEVICE_QUEUES && enabled && !atomic_load(&gone); q++) {
			struct nvme_sqe c;
			uint32_t tail = reg32(NVME_DOORBELLS + 8 * q);

			if (!sq[q].entries || nvme_wrong.silent_once || tail == sq[q].at ||
			    is_full(q))
				continue;
			atomic_thread_fence(memory_order_acquire);
			model_device_read(GROUP_A, sq[q].iova + sq[q].at * sizeof(c), &c,
					  sizeof(c));
			sq[q].at = sq[q].at + 1 == sq[q].entries ? 0 : sq[q].at + 1;
			if (q)
				io(q, &c);
			else
				admin(&c);
		}
		usleep(20);
	}
	return NULL;
}

void nvme_device_start(bool sgl)
{
	uint8_t *config = model_config(DEV_A);

	memcpy(config, (uint8_t[]){0x36, 0x1b, 0x10, 0x00}, 4);
	memcpy(config + 8, (uint8_t[]){2, 2, 8, 1}, 4);
	regs = model_set_bar(DEV_A, 0, &(struct kernel_region){.size = BAR, .mappable = true});
	model_set_irqs(DEV_A, KERNEL_REMOVAL, 1);
	/* One and a half seconds to get ready, the NVM command set. */
	*(volatile uint64_t *)(regs + NVME_CAP) =
		(nvme_entries - 1) | UINT64_C(3) << 24 | NVME_CAP_CSS_NVM;
	set32(NVME_VS, 0x10400);
	with_sgl = sgl;
	atomic_store(&running, true);
	assert_int_equal(pthread_create(&thread, NULL, play, NULL), 0);
}

void nvme_device_stop(void)
{
	atomic_store(&running, false);
	pthread_join(thread, NULL);
}

void nvme_device_pull(void)
{
	atomic_store(&gone, true);
	usleep(1000);
	memset((void *)regs, 0xff, BAR);
	model_set_pci(DEV_A, (struct model_pci){.gone = true});
}

void nvme_device_fail(void)
{
	set32(NVME_CSTS, NVME_CSTS_RDY | NVME_CSTS_CFS);
	nvme_wrong.silent_once = true;
}

/* The driver's arenas are memory that the model has to know before it is registered. */
void *unit_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int unit_munmap(void *at, size_t len);

void *unit_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *va = mmap(at, len, prot, flags, fd, offset);

	if (va != MAP_FAILED)
		model_adopt(va, len, system_page());
	return va;
}

int unit_munmap(void *at, size_t len)
{
	model_forget(at);
	return munmap(at, len);
}
