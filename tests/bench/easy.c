/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <tce/tce.h>
#include "lib/kernel/model/model.h"
#include "lib/tce/internal.h"
#include "easy.h"

static struct tce_kernel easy;
static uint64_t locked;

static int easy_enroll(int fd, void *va, size_t len)
{
	locked += len;
	return 0;
}

static int easy_unenroll(int fd, void *va, size_t len)
{
	locked -= len;
	return 0;
}

static int easy_map(int fd, void *va, uint64_t iova, uint64_t len, unsigned access)
{
	return 0;
}

static int easy_unmap(int fd, uint64_t iova, uint64_t len)
{
	return 0;
}

/* Of a size that the model would need memory for. */
static int easy_window_create(int fd, uint64_t page, uint64_t size, uint32_t levels,
			      uint64_t *start)
{
	*start = 1ull << 59;
	return 0;
}

static int easy_window_remove(int fd, uint64_t start)
{
	return 0;
}

static int easy_locked(uint64_t *bytes)
{
	*bytes = locked;
	return 0;
}

static int easy_lock_limit(uint64_t *bytes)
{
	*bytes = UINT64_MAX;
	return 0;
}

static int easy_backing_page(const void *va, size_t len, size_t *page)
{
	*page = EASY_PAGE;
	return 0;
}

void easy_ok(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "%s: %d: %s\n", what, ret, tce_error());
	exit(1);
}

const char *easy_device(unsigned device)
{
	static char name[KERNEL_NAME_MAX];

	snprintf(name, sizeof(name), "%04x:00:01.0", device + 1);
	return name;
}

void easy_start(unsigned devices)
{
	struct model_platform *machine = malloc(sizeof(*machine));

	if (!machine)
		exit(1);
	*machine = model_lpar;
	machine->ram = 1ull << 50;
	model_start(machine);
	for (unsigned i = 0; i < devices; i++)
		model_add_device(easy_device(i), (int)i + 1, "vfio-pci");
	easy = tce_kernel_model;
	easy.enroll = easy_enroll;
	easy.unenroll = easy_unenroll;
	easy.map = easy_map;
	easy.unmap = easy_unmap;
	easy.window_create = easy_window_create;
	easy.window_remove = easy_window_remove;
	easy.locked = easy_locked;
	easy.lock_limit = easy_lock_limit;
	easy.backing_page = easy_backing_page;
	tce_use_kernel(&easy);
}

struct tce_space *easy_open(unsigned device, uint64_t mem)
{
	struct tce_space_options opts = {.mem = mem, .page = EASY_PAGE};
	struct tce_space *space;

	easy_ok(tce_space_open(easy_device(device), &opts, &space), "open");
	return space;
}

char *easy_room(uint64_t len)
{
	void *p = mmap(NULL, len + EASY_PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return (char *)(((uintptr_t)p + EASY_PAGE - 1) & ~(uintptr_t)(EASY_PAGE - 1));
}
