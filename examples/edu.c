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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <tce/io.h>
#include <tce/pci.h>
#include <tce/tce.h>

enum { SRC = 0x80, DST = 0x88, COUNT = 0x90, CMD = 0x98, SIZE = 1 << 20 }; /* edu's registers */
enum { RUN = 1, TO_MEMORY = 2, INSIDE = 0x40000, CHUNK = 4096 };	   /* and its own memory */

static void check(int ret, const char *what)
{
	if (ret) {
		fprintf(stderr, "%s: %s\n", what, ret < 0 ? tce_error() : strerror(ret));
		exit(1);
	}
}

/* edu has the byte order of the machine that QEMU emulates, and POWER is big-endian there. */
static void transfer(volatile char *bar, uint64_t src, uint64_t dst, uint64_t cmd)
{
	tce_io_write64_relaxed(bar + SRC, __builtin_bswap64(src));
	tce_io_write64_relaxed(bar + DST, __builtin_bswap64(dst));
	tce_io_write64_relaxed(bar + COUNT, __builtin_bswap64(CHUNK));
	tce_io_write64(bar + CMD, __builtin_bswap64(cmd | RUN)); /* the pattern is in memory now */
	while (__builtin_bswap64(tce_io_read64(bar + CMD)) & RUN)
		usleep(1000);
}

int main(int argc, char **argv)
{
	unsigned bits = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	size_t page = argc > 3 ? (size_t)atoi(argv[3]) << 10 : 0,
	       sys = (size_t)sysconf(_SC_PAGESIZE);
	size_t len = 2 * page > sys ? 2 * page : sys, holders = 1;
	size_t step = page > CHUNK ? page - CHUNK : CHUNK;
	tce_iova_t out = TCE_IOVA_ANY, in = TCE_IOVA_ANY;
	struct tce_holder holder;
	struct tce_space *space;
	struct tce_pci *pci;
	struct tce_bar bar;
	char *va;

	if (argc != 4 || bits < 1 || bits > 64 || page < CHUNK)
		check(EINVAL, "usage: edu <PCI address> <DMA mask bits> <KiB of a page>");
	struct tce_space_options opts = {
		.mem = len, .page = page, .highest = UINT64_MAX >> (64 - bits)};
	check(tce_space_open(argv[1], &opts, &space), "open");
	check(tce_pci_open(space, argv[1], &pci), "open");
	check(tce_pci_bar(pci, 0, SIZE, &bar), "BAR 0");
	check(tce_pci_bus_master(pci, true), "bus mastering");
	va = mmap(NULL, len, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS | (page > sys ? MAP_HUGETLB : 0), -1, 0);
	check(va == MAP_FAILED ? errno : 0, "mmap of the buffers");
	check(tce_register(va, len, page < sys ? sys : page), "register");
	check(tce_map(space, va, page, NULL, &out), "map");
	check(tce_map(space, va + page, page, NULL, &in), "map");
	printf("out at IOVA %#llx, in at %#llx\n", (unsigned long long)out, (unsigned long long)in);
	for (size_t i = 0; i < page; i++)
		va[i] = (char)(i * 31 + i / CHUNK + 1);
	for (size_t at = 0; at < page; at += step) { /* the first chunk, and the last */
		transfer(bar.va, out + at, INSIDE, 0);
		transfer(bar.va, INSIDE, in + at, TO_MEMORY);
		check(memcmp(va + at, va + page + at, CHUNK) ? EIO : 0, "comparison");
	}
	check(tce_release(va, len, &holder, &holders) == -EBUSY ? 0 : EIO, "release while mapped");
	printf("refused: %s\nholder 1 of %zu: IOVA %#llx + %#llx\n", tce_error(), holders,
	       (unsigned long long)holder.iova, (unsigned long long)holder.len);
	check(tce_pci_close(pci), "close");
	check(tce_unmap(space, out, page), "unmap");
	check(tce_unmap(space, in, page), "unmap");
	check(tce_release(va, len, NULL, NULL), "release");
	check(tce_space_close(space, argv[1]), "close");
	puts("the pattern came back");
	return 0;
}
