/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver for QEMU's teaching device "edu" (docs/specs/edu.rst of QEMU) in one page: it copies a
 * pattern from one buffer into the device and from there into another, each at an IOVA of its own.
 *
 *   cc edu.c -o edu $(pkg-config --cflags --libs tce)
 *   ./edu 0001:00:01.0 28 4       a device with a DMA mask of 28 bits, buffers of 4 KiB
 *   ./edu 0001:00:01.0 64 2048    one of 64 bits, buffers in hugepages of 2 MiB
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <tce/tce.h>

enum { ID = 0x00, SRC = 0x80, DST = 0x88, COUNT = 0x90, CMD = 0x98 }; /* edu's registers */
enum { RUN = 1, TO_MEMORY = 2, INSIDE = 0x40000, CHUNK = 4096 };      /* and its own memory */

static volatile char *bar;
static bool swapped; /* the device has the byte order of the machine that QEMU emulates */

static uint64_t swap(uint64_t v)
{
	return swapped ? __builtin_bswap64(v) : v;
}

static void check(int ret, const char *what)
{
	if (ret) {
		fprintf(stderr, "%s: %s\n", what, ret < 0 ? tce_error() : strerror(ret));
		exit(1);
	}
}

static void transfer(uint64_t src, uint64_t dst, uint64_t cmd)
{
	*(volatile uint64_t *)(bar + SRC) = swap(src);
	*(volatile uint64_t *)(bar + DST) = swap(dst);
	*(volatile uint64_t *)(bar + COUNT) = swap(CHUNK);
	__sync_synchronize(); /* the pattern is in memory before the device starts */
	*(volatile uint64_t *)(bar + CMD) = swap(cmd | RUN);
	while (swap(*(volatile uint64_t *)(bar + CMD)) & RUN)
		usleep(1000);
	__sync_synchronize(); /* and what it wrote is read after it is done */
}

/* The part of a driver that is VFIO's, not libtce's. VFIO has reset the device as it opened it. */
static void start(int fd)
{
	struct vfio_region_info info = {.argsz = sizeof(info)};
	unsigned char command = 6; /* PCI_COMMAND: memory, bus master */

	info.index = VFIO_PCI_CONFIG_REGION_INDEX;
	check(ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info) ? errno : 0, "configuration space");
	check(pwrite(fd, &command, 1, (off_t)info.offset + 4) != 1 ? EIO : 0, "bus mastering");
	info.index = VFIO_PCI_BAR0_REGION_INDEX;
	check(ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info) ? errno : 0, "BAR 0");
	bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)info.offset);
	check(bar == MAP_FAILED ? errno : 0, "mmap of BAR 0");
	swapped = *(volatile uint32_t *)(bar + ID) >> 24 == 0xed;
}

int main(int argc, char **argv)
{
	unsigned bits = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	size_t page = argc > 3 ? (size_t)atoi(argv[3]) << 10 : 0,
	       sys = (size_t)sysconf(_SC_PAGESIZE);
	size_t len = 2 * page > sys ? 2 * page : sys, holders = 1;
	size_t step = page > CHUNK ? page - CHUNK : CHUNK;
	int flags = MAP_SHARED | MAP_ANONYMOUS | (page > sys ? MAP_HUGETLB : 0), fd, ret;
	tce_iova_t out = TCE_IOVA_ANY, in = TCE_IOVA_ANY;
	struct tce_holder holder;
	struct tce_space *space;
	char *va;

	if (argc != 4 || bits < 1 || bits > 64 || page < CHUNK)
		check(EINVAL, "usage: edu <PCI address> <DMA mask bits> <KiB of a page>");
	struct tce_space_options opts = {
		.mem = len, .page = page, .highest = UINT64_MAX >> (64 - bits)};
	check(tce_space_open(argv[1], &opts, &space), "open");
	check(tce_space_device(space, argv[1], &fd), "device");
	start(fd);
	va = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, -1, 0);
	check(va == MAP_FAILED ? errno : 0, "mmap of the buffers");
	check(tce_register(va, len, page < sys ? sys : page), "register");
	check(tce_map(space, va, page, NULL, &out), "map");
	check(tce_map(space, va + page, page, NULL, &in), "map");
	printf("out at IOVA %#llx, in at %#llx\n", (unsigned long long)out, (unsigned long long)in);
	for (size_t i = 0; i < page; i++)
		va[i] = (char)(i * 31 + i / CHUNK + 1);
	for (size_t at = 0; at < page; at += step) { /* the first chunk, and the last */
		transfer(out + at, INSIDE, 0);
		transfer(INSIDE, in + at, TO_MEMORY);
		check(memcmp(va + at, va + page + at, CHUNK) ? EIO : 0, "comparison");
	}
	ret = tce_release(va, len, &holder, &holders);
	check(ret == -EBUSY ? 0 : EIO, "release of memory that the device still reaches");
	printf("refused: %s\nholder 1 of %zu: IOVA %#llx + %#llx\n", tce_error(), holders,
	       (unsigned long long)holder.iova, (unsigned long long)holder.len);
	check(tce_unmap(space, out, page), "unmap");
	check(tce_unmap(space, in, page), "unmap");
	check(tce_release(va, len, NULL, NULL), "release");
	munmap((void *)bar, 1 << 20);
	check(tce_space_close(space, argv[1]), "close");
	puts("the pattern came back");
	return 0;
}
