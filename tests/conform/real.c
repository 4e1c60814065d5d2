/* SPDX-License-Identifier: BSD-3-Clause */
/* The bench on the real kernel of a guest. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seat.h"
#include "tests/guest/inside.h"

enum { HUGE_SHIFT = 26 }; /* MAP_HUGE_SHIFT of linux/mman.h */

static int self = -1; /* this process's place in the shared table, if it was spawned */

const char *bench_refusal(void)
{
	return inside_refusal();
}

static int flags_of(size_t page)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE;

	if (page == (size_t)sysconf(_SC_PAGESIZE))
		return flags;
	return flags | MAP_HUGETLB | (__builtin_ctzll(page) << HUGE_SHIFT);
}

static char *real_alloc(size_t len, size_t page)
{
	char *va = mmap(NULL, len, PROT_READ | PROT_WRITE, flags_of(page), -1, 0);

	if (va == MAP_FAILED)
		give_up("memory", -errno);
	return va;
}

static char *real_alloc_private(size_t len, size_t page)
{
	int flags = (flags_of(page) & ~MAP_SHARED) | MAP_PRIVATE;
	char *va = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (va == MAP_FAILED)
		give_up("private-memory", -errno);
	return va;
}

static void real_alloc_at(char *va, size_t len, size_t page)
{
	if (mmap(va, len, PROT_READ | PROT_WRITE, flags_of(page) | MAP_FIXED, -1, 0) == MAP_FAILED)
		give_up("memory-at", -errno);
}

static void real_free(char *va, size_t len)
{
	if (munmap(va, len))
		give_up("munmap", -errno);
}

static void real_read_only(char *va, size_t len)
{
	if (mprotect(va, len, PROT_READ))
		give_up("mprotect", -errno);
}

static int64_t pool(size_t page, const char *what)
{
	char path[128];
	unsigned long n = 0; /* the kernel prints what it counted below 0 so, too */
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/%s", page / 1024,
		 what);
	f = fopen(path, "re");
	if (!f)
		give_up("hugepages", -errno);
	if (fscanf(f, "%lu", &n) != 1)
		give_up("hugepages", -EINVAL);
	fclose(f);
	return (int64_t)n;
}

static struct bench_pages real_pages(size_t page)
{
	return (struct bench_pages){
		.total = (uint64_t)pool(page, "nr_hugepages"),
		.free = (uint64_t)pool(page, "free_hugepages"),
		.reserved = pool(page, "resv_hugepages"),
	};
}

/* Pages come back after a grace period of the kernel's RCU, which a global barrier waits for. */
static void real_settle(size_t page, uint64_t free)
{
	for (int i = 0; i < 3; i++)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	for (int i = 0; i < 50 && (uint64_t)pool(page, "free_hugepages") < free; i++)
		usleep(10000);
}

static unsigned real_warnings(void)
{
	enum { READ_ALL = 3, ROOM = 1 << 20 };
	char *text = calloc(1, ROOM + 1);
	unsigned n = 0;

	if (!text || klogctl(READ_ALL, text, ROOM) < 0)
		give_up("dmesg", -errno);
	for (char *at = text; (at = strstr(at, "WARNING: ")); at++)
		n++;
	free(text);
	return n;
}

static int must_fork(void)
{
	int pid = fork();

	if (pid < 0)
		give_up("fork", -errno);
	return pid;
}

static void real_child(struct bench *b, bench_fn *fn, void *arg)
{
	int pid = must_fork(), status = 0;

	if (!pid) {
		fn(b, arg);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status && !(b->running->flags & CONFORM_LAST))
		say_text("child", "died");
}

static _Noreturn void wait_to_be_killed(void)
{
	__atomic_store_n(&bench_shared->process[self].ready, true, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

static int real_spawn(struct bench *b, bench_fn *fn, void *arg)
{
	int n = (int)bench_shared->processes++, pid = must_fork(), status;

	if (!pid) {
		self = n;
		fn(b, arg);
		wait_to_be_killed();
	}
	bench_shared->process[n].pid = pid;
	while (!__atomic_load_n(&bench_shared->process[n].ready, __ATOMIC_ACQUIRE)) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			give_up("spawned", -ECHILD);
		usleep(1000);
	}
	return n;
}

/* Its parent may have been killed before: the case's process is the subreaper of all of them. */
static void real_kill(struct bench *b, int process)
{
	int pid = bench_shared->process[process].pid;

	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void real_exec(struct bench *b, const int fds[BENCH_FDS])
{
	char text[BENCH_FDS + 2][16], *argv[BENCH_FDS + 7];
	int n = 0;

	for (int i = 0; i < BENCH_FDS; i++)
		snprintf(text[i], sizeof(text[i]), "%d", fds[i]);
	snprintf(text[BENCH_FDS], sizeof(text[0]), "%d", self);
	snprintf(text[BENCH_FDS + 1], sizeof(text[0]), "%d", dup(bench_shared_fd));
	argv[n++] = (char *)"conform";
	argv[n++] = (char *)BENCH_STEP;
	argv[n++] = (char *)b->running->name;
	for (int i = 0; i < BENCH_FDS + 2; i++)
		argv[n++] = text[i];
	argv[n] = NULL;
	execv("/proc/self/exe", argv);
	give_up("exec", -errno);
}

int bench_after_exec(struct bench *b, char **argv)
{
	int fds[BENCH_FDS];

	for (int i = 0; i < BENCH_FDS; i++)
		fds[i] = atoi(*argv++);
	self = atoi(*argv++);
	bench_shared = mmap(NULL, sizeof(*bench_shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			    atoi(*argv), 0);
	if (bench_shared == MAP_FAILED || !b->running->step)
		return 1;
	b->running->step(b, fds);
	wait_to_be_killed();
}

static void real_limit(uint64_t memlock)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	struct rlimit limit = {.rlim_cur = memlock, .rlim_max = memlock};

	if (syscall(SYS_capget, &head, caps))
		give_up("capget", -errno);
	caps[0].effective &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &head, caps) || setrlimit(RLIMIT_MEMLOCK, &limit))
		give_up("limit", -errno);
}

/*
 * QEMU's device "edu" (docs/specs/edu.rst of QEMU). vfio-pci has BAR n at n << 40 of a device's
 * file and the configuration space at 7 << 40 (VFIO_PCI_INDEX_TO_OFFSET of vfio_pci_core.h).
 */
enum { EDU_ID = 0, EDU_SRC = 0x80, EDU_DST = 0x88, EDU_COUNT = 0x90, EDU_CMD = 0x98 };
enum { EDU_RUN = 1, EDU_TO_MEMORY = 2, EDU_INSIDE = 0x40000, EDU_BAR = 1 << 20 };
enum { COMMAND = 4, MEMORY_AND_MASTER = 6 };

static volatile char *edu(int fd)
{
	unsigned char command = MEMORY_AND_MASTER;
	volatile char *bar;

	if (pwrite(fd, &command, 1, ((off_t)7 << 40) + COMMAND) != 1)
		give_up("bus-master", -errno);
	bar = mmap(NULL, EDU_BAR, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		give_up("bar", -errno);
	return bar;
}

static void transfer(volatile char *bar, uint64_t src, uint64_t dst, uint64_t cmd)
{
	/* The device has the byte order of the machine that QEMU emulates. */
	bool swapped = *(volatile uint32_t *)(bar + EDU_ID) >> 24 == 0xed;
	uint64_t words[] = {src, dst, sizeof(uint64_t), cmd | EDU_RUN};

	__sync_synchronize();
	for (unsigned i = 0; i < 4; i++)
		*(volatile uint64_t *)(bar + EDU_SRC + 8 * i) =
			swapped ? __builtin_bswap64(words[i]) : words[i];
	for (;;) {
		uint64_t now = *(volatile uint64_t *)(bar + EDU_CMD);

		if (!((swapped ? __builtin_bswap64(now) : now) & EDU_RUN))
			break;
		usleep(1000);
	}
	__sync_synchronize();
}

static uint64_t real_peek(struct bench *b, const char *device, int fd, uint64_t iova)
{
	volatile char *bar = edu(fd);

	set_word(b->scratch, 0);
	transfer(bar, b->scratch_iova, EDU_INSIDE, 0);
	transfer(bar, iova, EDU_INSIDE, 0);
	transfer(bar, EDU_INSIDE, b->scratch_iova, EDU_TO_MEMORY);
	munmap((void *)bar, EDU_BAR);
	return word_at(b->scratch);
}

static void real_poke(struct bench *b, const char *device, int fd, uint64_t iova, uint64_t word)
{
	volatile char *bar = edu(fd);

	set_word(b->scratch, word);
	transfer(bar, b->scratch_iova, EDU_INSIDE, 0);
	transfer(bar, EDU_INSIDE, iova, EDU_TO_MEMORY);
	munmap((void *)bar, EDU_BAR);
}

static int real_v1(int container, bool enable)
{
	int ret = ioctl(container, enable ? VFIO_IOMMU_ENABLE : VFIO_IOMMU_DISABLE);

	return ret < 0 ? -errno : ret;
}

/* QEMU counts each instruction, of the kernel's too. */
static int64_t real_work(void)
{
	static int fd = -1;
	struct perf_event_attr what = {.size = sizeof(what),
				       .type = PERF_TYPE_HARDWARE,
				       .config = PERF_COUNT_HW_INSTRUCTIONS};
	int64_t n = 0;

	if (fd < 0)
		fd = (int)syscall(SYS_perf_event_open, &what, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || read(fd, &n, sizeof(n)) != sizeof(n))
		give_up("instructions", -errno);
	return n;
}

static struct rival {
	struct bench *b;
	int container;
	char *va;
	unsigned regions;
	atomic_bool go;
} rival;

static void *unregister_all(void *arg)
{
	struct rival *r = arg;

	while (!atomic_load(&r->go))
		;
	for (unsigned i = r->regions; i-- > 0;)
		r->b->k->unenroll(r->container, r->va + i * r->b->system_page, r->b->system_page);
	return NULL;
}

static int real_race(struct bench *b, int container, char *va, unsigned regions)
{
	pthread_t thread;
	int ret;

	rival = (struct rival){.b = b, .container = container, .va = va, .regions = regions};
	if (pthread_create(&thread, NULL, unregister_all, &rival))
		give_up("thread", -EAGAIN);
	atomic_store(&rival.go, true);
	ret = b->k->map(container, va, 0, regions * b->system_page, TCE_RW);
	pthread_join(thread, NULL);
	return ret;
}

/*
 * The hardware's TCEs are known to who started the guest, from the trace of its hypervisor calls:
 * "?DEVICE" asks, and the answer is a line for each, IOVA, I/O page, page, access, and "end".
 */
static int real_tces(struct bench *b, const char *device, struct bench_tce tce[BENCH_TCES])
{
	char line[128] = "";
	size_t at = 0;
	int n = 0;

	dprintf(STDOUT_FILENO, "?%s\n", device);
	while (read(STDIN_FILENO, &line[at], 1) == 1 && at < sizeof(line) - 1) {
		if (line[at++] != '\n')
			continue;
		line[at] = '\0';
		at = 0;
		if (!strcmp(line, "end\n"))
			return n;
		if (n == BENCH_TCES || sscanf(line, "%lx %lx %lx %x", &tce[n].iova, &tce[n].page,
					      &tce[n].real, &tce[n].access) != 4)
			give_up("tces", n);
		n++;
	}
	return -1;
}

const struct bench_ops bench_real = {
	.alloc = real_alloc,
	.alloc_private = real_alloc_private,
	.alloc_at = real_alloc_at,
	.free = real_free,
	.read_only = real_read_only,
	.settle = real_settle,
	.pages = real_pages,
	.warnings = real_warnings,
	.child = real_child,
	.spawn = real_spawn,
	.kill = real_kill,
	.exec = real_exec,
	.limit = real_limit,
	.peek = real_peek,
	.poke = real_poke,
	.v1 = real_v1,
	.work = real_work,
	.race = real_race,
	.tces = real_tces,
};
