/* SPDX-License-Identifier: BSD-3-Clause */
/* What the real kernel says in its file systems, for vfio.c. The contracts are kernel.h's. */
#ifndef KERNEL_HOST_H
#define KERNEL_HOST_H

#include "kernel.h"

int host_device_group(const char *device, int *group);
int host_device_driver(const char *device, char driver[KERNEL_NAME_MAX]);
int host_device_node(const char *device, int *node);
int host_group_device(int group, unsigned at, char device[KERNEL_NAME_MAX]);
int host_group_number(int fd, int *group);
int host_locked(uint64_t *bytes);
int host_lock_limit(uint64_t *bytes);
int host_backing_page(const void *va, size_t len, size_t *page);
int host_memory(uint64_t *total, uint64_t *hugepage);
uint64_t host_hugepages_free(uint64_t page);
int host_slot_lost(const char *device);
int host_release(unsigned *major, unsigned *minor);
int host_pages(size_t len, void **va);
void host_pages_end(void *va, size_t len);

#endif
