/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two files of the program `release` share: QEMU's edu devices, by lib/vfio_pci. */
#ifndef RELEASE_H
#define RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tce/pci.h>
#include <tce/tce.h>

#define PAGE  ((size_t)2 << 20)
#define PAGES ((size_t)4)
#define LEN   (PAGES * PAGE)

struct edu {
	const char *name;
	struct tce_space *space;
	struct tce_pci *pci;
	volatile char *bar;
};

/* Print what does not hold, with the library's last sentence, and end. */
void want(bool holds, const char *what);
#define WANT(holds) want((holds), #holds)

void edu_open(struct edu *edu, const char *name);
void edu_close(struct edu *edu);
/* One copy of 4 KiB between the device and memory; it takes a tenth of a second. */
void edu_start(const struct edu *edu, uint64_t iova, bool to_memory);
bool edu_busy(const struct edu *edu);
void edu_copy(const struct edu *edu, uint64_t iova, bool to_memory);

/* Hugepages, and what this process has locked. */
char *pages_get(void);
void pages_drop(char *va);
uint64_t locked(void);

/* The process's own scenes: each ends the program's work by its status. */
void scene_fork(const char *name);
void scene_exec(const char *name);
void scene_pass(const char *self, const char *name);
void scene_take(int socket);

#endif
