/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * release SCENE DEVICE...: memory given back on a real kernel, with two of QEMU's edu devices that
 * really reach for it. Each scene prints what it saw; status 0 says that all of it held.
 *   spaces A B      a region in two spaces: who holds it, one of them closed, evict with time
 * limits quarantine A    calls that the kernel refuses (preloaded refuser), and the way out orphan
 * A B      a TCE that stays although the kernel said it cleared it: no way out unplug A B      a
 * device is wanted back while memory is mapped for it fork A          children while other threads
 * map; one of them outlives this process exec A          becomes another program with everything
 * open pass A          passes its container to another process (itself, as `take SOCKET`)
 */
#include "release.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tce/io.h>

enum { SRC = 0x80, DST = 0x88, COUNT = 0x90, CMD = 0x98, SIZE = 1 << 20 }; /* edu's registers */
enum { RUN = 1, TO_MEMORY = 2, INSIDE = 0x40000, CHUNK = 4096 };	   /* and its own memory */

void want(bool holds, const char *what)
{
	if (holds)
		return;
	printf("does not hold: %s\nthe last sentence: %s\n", what, tce_error());
	exit(1);
}

void edu_open(struct edu *edu, const char *name)
{
	struct tce_space_options opts = {.mem = 16 * LEN, .page = PAGE};
	struct tce_bar bar;

	edu->name = name;
	WANT(!tce_space_open(name, &opts, &edu->space));
	WANT(!tce_pci_open(edu->space, name, &edu->pci));
	WANT(!tce_pci_bar(edu->pci, 0, SIZE, &bar));
	WANT(!tce_pci_bus_master(edu->pci, true));
	edu->bar = bar.va;
}

void edu_close(struct edu *edu)
{
	WANT(!tce_pci_close(edu->pci));
	WANT(!tce_space_close(edu->space, edu->name));
}

void edu_start(const struct edu *edu, uint64_t iova, bool to_memory)
{
	uint64_t src = to_memory ? INSIDE : iova, dst = to_memory ? iova : INSIDE;

	/* edu has the byte order of the machine that QEMU emulates: big-endian. */
	tce_io_write64_relaxed(edu->bar + SRC, __builtin_bswap64(src));
	tce_io_write64_relaxed(edu->bar + DST, __builtin_bswap64(dst));
	tce_io_write64_relaxed(edu->bar + COUNT, __builtin_bswap64(CHUNK));
	tce_io_write64(edu->bar + CMD, __builtin_bswap64(RUN | (to_memory ? TO_MEMORY : 0)));
}

bool edu_busy(const struct edu *edu)
{
	return __builtin_bswap64(tce_io_read64(edu->bar + CMD)) & RUN;
}

void edu_copy(const struct edu *edu, uint64_t iova, bool to_memory)
{
	edu_start(edu, iova, to_memory);
	while (edu_busy(edu))
		usleep(1000);
}

char *pages_get(void)
{
	char *va = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
			-1, 0);

	WANT(va != MAP_FAILED);
	memset(va, 0x5a, LEN);
	return va;
}

void pages_drop(char *va)
{
	WANT(!munmap(va, LEN));
}

uint64_t locked(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kb = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %llu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb << 10;
}

/* A driver that lets go when its device is idle; in_hand: when it may. */
struct hand {
	struct tce_driver driver;
	const struct edu *edu;
	bool never;
	unsigned asked, resumed;
};

static int let_go(void *va, size_t len, void *arg)
{
	struct hand *hand = arg;
	tce_iova_t iova;

	hand->asked++;
	/* What is to go is not found any more. */
	if (!tce_iova(hand->edu->space, va, len, &iova, NULL))
		return -EIO;
	return hand->never || edu_busy(hand->edu) ? -EAGAIN : 0;
}

static void go_on(void *va, size_t len, void *arg)
{
	(void)va;
	(void)len;
	((struct hand *)arg)->resumed++;
}

/* In full flight: a driver that never lets go changes nothing, one whose copy ends does. */
static void evict_in_flight(struct edu *edu, char *va, tce_iova_t iova)
{
	struct hand good = {{let_go, go_on, &good}, edu, false, 0, 0};
	struct hand bad = {{let_go, go_on, &bad}, edu, true, 0, 0};
	tce_iova_t again;
	uint64_t before;

	WANT(!tce_watch(va, LEN, &good.driver));
	WANT(!tce_watch(va, LEN, &bad.driver));
	edu_start(edu, iova, true);
	WANT(tce_evict(va, LEN, 500) == -ETIMEDOUT);
	printf("evict: %s\n", tce_error());
	WANT(good.asked > 1 && good.resumed == 1 && bad.resumed == 1);
	WANT(!tce_iova(edu->space, va, LEN, &again, NULL) && again == iova);
	edu_copy(edu, iova, false);
	WANT(!tce_unwatch(va, LEN, &bad.driver));
	good.asked = 0;
	before = locked();
	edu_start(edu, iova, true);
	WANT(!tce_evict(va, LEN, 5000) && before - locked() == LEN);
	/* It was asked as long as the copy ran, which therefore is in memory now. */
	WANT(good.asked > 1 && !edu_busy(edu) && va[0] == 0x5a);
}

static void scene_spaces(const char *a, const char *b)
{
	struct tce_holder holder[4];
	tce_iova_t in_a = TCE_IOVA_ANY, in_b = TCE_IOVA_ANY;
	size_t n = 4;
	struct edu one, two;
	char *va = pages_get();
	uint64_t before;

	edu_open(&one, a);
	edu_open(&two, b);
	before = locked();
	WANT(!tce_register(va, LEN, PAGE));
	WANT(!tce_map(one.space, va, LEN, NULL, &in_a));
	WANT(!tce_map(two.space, va, LEN, NULL, &in_b));
	WANT(locked() - before == LEN);
	edu_copy(&one, in_a, false);
	edu_copy(&two, in_b, false);
	WANT(tce_release(va, LEN, holder, &n) == -EBUSY && n == 2);
	WANT(holder[0].len == LEN && holder[1].len == LEN && holder[0].space != holder[1].space);
	printf("release: %s\n", tce_error());
	/* The first space ends with its TCEs; the second one's device notices nothing. */
	edu_close(&one);
	n = 4;
	WANT(tce_release(va, LEN, holder, &n) == -EBUSY && n == 1);
	WANT(holder[0].space == two.space && holder[0].iova == in_b && holder[0].va == va);
	memset(va, 0, LEN);
	edu_copy(&two, in_b, true);
	WANT(va[0] == 0x5a && va[CHUNK - 1] == 0x5a);
	evict_in_flight(&two, va, in_b);
	WANT(!tce_audit());
	pages_drop(va);
	edu_close(&two);
	WANT(locked() == 0);
}

static void refuse(const char *what)
{
	FILE *f = fopen("/tmp/refuse", "we");

	WANT(f && fputs(what, f) >= 0 && !fclose(f));
}

static bool was_refused(void)
{
	return access("/tmp/refuse", F_OK) && errno == ENOENT;
}

/* The only region there is. */
static struct tce_region_info the_region(void)
{
	struct tce_region_info info;
	size_t n = 1;

	WANT(!tce_region_list(&info, &n) && n == 1);
	return info;
}

/* UNREGISTER is refused; the memory goes, or stays, before the way out is tried. */
static void refused_unregister(struct edu *edu, bool drop)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	uint64_t before = locked();
	char *va = pages_get();

	WANT(!tce_register(va, LEN, PAGE));
	WANT(!tce_map(edu->space, va, LEN, NULL, &iova));
	WANT(!tce_unmap(edu->space, iova, LEN));
	refuse("unregister");
	WANT(tce_release(va, LEN, NULL, NULL) == -EIO && was_refused());
	printf("release: %s\n", tce_error());
	WANT(the_region().quarantined && locked() - before == LEN);
	if (drop)
		pages_drop(va);
	WANT(!tce_reclaim(va, LEN) && locked() == before);
	if (!drop)
		pages_drop(va);
}

static void scene_quarantine(const char *a)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	struct edu edu;
	uint64_t before;
	char *va;

	edu_open(&edu, a);
	before = locked();
	va = pages_get();
	WANT(!tce_register(va, LEN, PAGE));
	WANT(!tce_map(edu.space, va, LEN, NULL, &iova));
	refuse("unmap");
	WANT(tce_evict(va, LEN, 100) == -EIO && was_refused() && the_region().quarantined);
	WANT(tce_reclaim(va, LEN) == -EBUSY);
	printf("reclaim: %s\n", tce_error());
	edu_copy(&edu, iova, false); /* it is still the device's */
	WANT(!tce_unmap(edu.space, iova, LEN));
	WANT(tce_release(va, LEN, NULL, NULL) == -EIO && locked() - before == LEN);
	WANT(!tce_reclaim(va, LEN) && locked() == before);
	pages_drop(va);
	refused_unregister(&edu, false);
	refused_unregister(&edu, true);
	/* The end of the space is a way out, too. */
	va = pages_get();
	iova = TCE_IOVA_ANY;
	WANT(!tce_register(va, LEN, PAGE));
	WANT(!tce_map(edu.space, va, LEN, NULL, &iova));
	refuse("unmap");
	WANT(!tce_pci_close(edu.pci));
	WANT(tce_space_close(edu.space, a) == -EIO && was_refused());
	printf("close: %s\n", tce_error());
	WANT(!the_region().quarantined && !locked());
	WANT(!tce_release(va, LEN, NULL, NULL));
	pages_drop(va);
}

/* The kernel is never told to clear a TCE, and keeps the pages: the witness sees it. */
static void scene_orphan(const char *a, const char *b)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	struct edu edu;
	char *va = pages_get();

	edu_open(&edu, a);
	WANT(!tce_register(va, LEN, PAGE));
	WANT(!tce_map(edu.space, va, LEN, NULL, &iova));
	refuse("unmap-not");
	WANT(!tce_unmap(edu.space, iova, LEN) && was_refused());
	WANT(tce_release(va, LEN, NULL, NULL) == -EIO && the_region().quarantined);
	printf("release: %s\n", tce_error());
	WANT(tce_reclaim(va, LEN) == -EIO);
	printf("reclaim: %s\n", tce_error());
	edu_close(&edu);
	WANT(tce_reclaim(va, LEN) == -EAGAIN);
	edu_open(&edu, b);
	WANT(tce_reclaim(va, LEN) == -EIO && the_region().quarantined);
	edu_close(&edu);
}

/* Asked for the device, all that it has goes; the other one and its memory stay as they are. */
static void scene_unplug(const char *a, const char *b)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	tce_iova_t in_a = TCE_IOVA_ANY, in_b = TCE_IOVA_ANY;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct edu one, two;
	char *va = pages_get();

	edu_open(&one, a);
	edu_open(&two, b);
	WANT(!tce_dma_map(one.space, va, LEN, NULL, &in_a));
	WANT(!tce_dma_map(two.space, va, LEN, NULL, &in_b));
	WANT(!tce_pci_irqs(one.pci, TCE_PCI_REMOVAL, &fd, 1));
	edu_start(&one, in_a, false);
	puts("wanted");
	fflush(stdout);
	WANT(poll(&p, 1, 20000) == 1);
	while (edu_busy(&one))
		usleep(1000);
	edu_close(&one);
	close(fd);
	memset(va, 0x11, LEN);
	edu_copy(&two, in_b, false);
	WANT(!tce_audit() && the_region().tces == PAGES && the_region().spaces == 1);
	puts("given");
	fflush(stdout);
	sleep(2); /* the device goes meanwhile */
	memset(va, 0, LEN);
	edu_copy(&two, in_b, true);
	WANT(va[0] == 0x11);
	WANT(!tce_dma_unmap(two.space, in_b, LEN));
	pages_drop(va);
	edu_close(&two);
}

int main(int argc, char **argv)
{
	const char *scene = argc > 2 ? argv[1] : "", *a = argv[2], *b = argc > 3 ? argv[3] : NULL;

	if (!strcmp(scene, "spaces") && b)
		scene_spaces(a, b);
	else if (!strcmp(scene, "quarantine"))
		scene_quarantine(a);
	else if (!strcmp(scene, "orphan") && b)
		scene_orphan(a, b);
	else if (!strcmp(scene, "unplug") && b)
		scene_unplug(a, b);
	else if (!strcmp(scene, "fork"))
		scene_fork(a);
	else if (!strcmp(scene, "exec"))
		scene_exec(a);
	else if (!strcmp(scene, "pass"))
		scene_pass(argv[0], a);
	else if (!strcmp(scene, "take"))
		scene_take(atoi(a));
	else
		return 2;
	puts("all of it held");
	return 0;
}
