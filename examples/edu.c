/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver for QEMU's teaching device "edu" (docs/specs/edu.rst of QEMU) in one page: it copies a
 * pattern from one buffer into the device and from there into another, each at an IOVA of its own.
 *
 *   cc edu.c -o edu $(pkg-config --cflags --libs tce)
 *   ./edu 0001:00:01.0 28 4       a device with a DMA mask of 28 bits, buffers of 4 KiB
 *   ./edu 0001:00:01.0 64 2048    one of 64 bits, buffers in hugepages of 2 MiB
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tce/io.h>
#include <tce/pci.h>
#include <tce/tce.h>

enum { SRC = 0x80, COMMAND = 0x98, SIZE = 1 << 20 };		 /* edu's registers */
enum { RUN = 1, TO_MEMORY = 2, INSIDE = 0x40000, CHUNK = 4096 }; /* and its own memory */

static void check(int ret, const char *what)
{
	if (ret)
		errx(1, "%s: %s", what, ret < 0 ? tce_error() : strerror(ret));
}

/*
 * Source, destination, length, command; the pattern is in memory before any of them is written.
 * edu has the byte order of the machine that QEMU emulates, and POWER is big-endian there.
 */
static void transfer(volatile char *bar, uint64_t src, uint64_t dst, uint64_t command)
{
	const uint64_t value[] = {src, dst, CHUNK, command | RUN};

	for (int i = 0; i < 4; i++)
		tce_io_write64(bar + SRC + 8 * i, __builtin_bswap64(value[i]));
	while (__builtin_bswap64(tce_io_read64(bar + COMMAND)) & RUN)
		;
}

int main(int argc, char **argv)
{
	size_t bits = argc == 4 ? (size_t)atoi(argv[2]) : 0, holders = 1, at;
	size_t page = argc == 4 ? (size_t)atoi(argv[3]) << 10 : 0;
	tce_iova_t out = TCE_IOVA_ANY, in = TCE_IOVA_ANY;
	struct tce_holder holder;
	struct tce_space *space;
	struct tce_pci *pci;
	struct tce_bar bar;
	char *va;

	if (bits < 1 || bits > 64 || page < CHUNK)
		errx(1, "usage: edu <PCI address> <DMA mask bits> <KiB of a page>");
	struct tce_space_options opts = {
		.mem = 2 * page, .page = page, .highest = ~0ull >> (64 - bits)};
	check(tce_space_open(argv[1], &opts, &space), "open");
	check(tce_pci_open(space, argv[1], &pci), "open");
	check(tce_pci_bar(pci, 0, SIZE, &bar), "BAR 0");
	check(tce_pci_bus_master(pci, true), "bus mastering");
	va = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS | (page >> 20 ? MAP_HUGETLB : 0), -1, 0);
	check(va == MAP_FAILED ? errno : 0, "mmap of the buffers");
	check(tce_register(va, 2 * page, page), "register");
	check(tce_map(space, va, page, NULL, &out), "map");
	check(tce_map(space, va + page, page, NULL, &in), "map");
	printf("out at IOVA %#llx, in at %#llx\n", (unsigned long long)out, (unsigned long long)in);
	for (at = 0; at < page; at++)
		va[at] = (char)(at * 31 + at / CHUNK + 1);
	for (at = 0; at < page; at += page == CHUNK ? CHUNK : page - CHUNK) { /* both ends */
		transfer(bar.va, out + at, INSIDE, 0);
		transfer(bar.va, INSIDE, in + at, TO_MEMORY);
		check(memcmp(va + at, va + page + at, CHUNK) ? EIO : 0, "comparison");
	}
	check(tce_release(va, 2 * page, &holder, &holders) == -EBUSY ? 0 : EIO, "release in use");
	printf("refused: %s\nholder 1 of %zu: IOVA %#llx + %#llx\n", tce_error(), holders,
	       (unsigned long long)holder.iova, (unsigned long long)holder.len);
	check(tce_pci_close(pci), "close");
	check(tce_unmap(space, out, page), "unmap");
	check(tce_unmap(space, in, page), "unmap");
	check(tce_release(va, 2 * page, NULL, NULL), "release");
	check(tce_space_close(space, argv[1]), "close");
	puts("the pattern came back");
	return 0;
}
