/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The boundary: what a kernel with VFIO SPAPR TCE v2 offers, and no more. Two things stand behind
 * it: the real VFIO (vfio.c) and a model of it for tests.
 *
 * Every call returns what the kernel said: 0, a negative errno, or a positive number where the
 * kernel answers so; judging it is the caller's business. File descriptors are the caller's to
 * close. Calls are made under the library's lock, but for those marked [any].
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include <tce/plan.h>
#include <tce/types.h>

enum {
	KERNEL_GROUP_VIABLE = 1,   /* every device of the group is bound to a VFIO driver */
	KERNEL_GROUP_ATTACHED = 2, /* the group is in a container */
	KERNEL_NAME_MAX = 64,	   /* bytes of a device's or driver's name, terminator included */
};

/* What VFIO calls a PCI function's regions after its six BARs, and its sorts of interrupts. */
enum { KERNEL_PCI_BARS = 6, KERNEL_PCI_CONFIG = 7 };
enum kernel_irq {
	KERNEL_INTX,
	KERNEL_MSI,
	KERNEL_MSIX,
	KERNEL_ERROR,
	KERNEL_REMOVAL,
	KERNEL_IRQS,
};
enum { KERNEL_AREAS_MAX = 8 };

/* A part of a device's region. */
struct kernel_area {
	uint64_t at, len;
};

/* A region of a device. A size of 0: there is none. */
struct kernel_region {
	uint64_t size;
	uint64_t offset; /* where read, write and mmap of the device's file find it */
	bool mappable;	 /* all of it, or, where there are areas, these */
	unsigned areas;	 /* more than KERNEL_AREAS_MAX are cut off */
	struct kernel_area area[KERNEL_AREAS_MAX];
};

struct tce_kernel {
	const char *name;

	/* Devices, by name. -ENODEV: no such device. */
	int (*device_group)(const char *device, int *group); /* [any] -ENODEV: no group either */
	int (*device_driver)(const char *device,
			     char driver[KERNEL_NAME_MAX]); /* [any] "" if none */
	/* The next device of a group after the @at-th: 0, or -ENOENT past the last. [any] */
	int (*group_device)(int group, unsigned at, char device[KERNEL_NAME_MAX]);

	/* Container and group. */
	int (*container_open)(int *fd); /* -EPROTONOSUPPORT: a VFIO without SPAPR TCE v2 */
	int (*container_check)(int fd); /* the same questions of a descriptor that is open */
	int (*group_open)(int group, int *fd);
	int (*group_number)(int fd, int *group); /* -EBADF: the file is no VFIO group */
	int (*group_flags)(int fd, unsigned *flags);
	int (*group_attach)(int group_fd, int container_fd); /* SET_CONTAINER and SET_IOMMU v2 */
	int (*group_join)(int group_fd, int container_fd);   /* SET_CONTAINER alone */
	int (*group_detach)(int group_fd);
	int (*facts)(int container_fd, struct tce_facts *facts); /* all but lock_free */
	int (*dup)(int fd, int *copy);				 /* close-on-exec, both */
	int (*close)(int fd); /* [any], a forked child's handler included */

	/* Windows, memory, TCEs of a container. */
	int (*window_create)(int fd, uint64_t page, uint64_t size, uint32_t levels,
			     uint64_t *start);
	int (*window_remove)(int fd, uint64_t start);
	int (*enroll)(int fd, void *va, size_t len);   /* REGISTER_MEMORY */
	int (*unenroll)(int fd, void *va, size_t len); /* UNREGISTER_MEMORY */
	int (*map)(int fd, void *va, uint64_t iova, uint64_t len, unsigned access);
	int (*unmap)(int fd, uint64_t iova, uint64_t len);

	/* A device of a group. */
	int (*device_open)(int group_fd, const char *device, int *fd);
	int (*device_stop)(int fd);   /* no DMA after this: bus mastering cleared, or reset */
	int (*device_reset)(int fd);  /* -ENOTTY: there is no way to */
	int (*device_resets)(int fd); /* 1, or 0 */
	int (*device_node)(const char *device, int *node); /* NUMA node, -1: unknown. [any] */
	int (*device_region)(int fd, unsigned index, struct kernel_region *region);
	int (*device_read)(int fd, uint64_t offset, void *buf, size_t len); /* bytes read */
	int (*device_write)(int fd, uint64_t offset, const void *buf, size_t len);
	/* Put a part of a region, whole pages, over the mapping that is at va. */
	int (*device_mmap)(int fd, uint64_t offset, size_t len, void *va);
	int (*device_irqs)(int fd, enum kernel_irq irq, unsigned *n);
	/* Signal these eventfds (-1: none) by vectors from the first on; n = 0 turns the sort off.
	 */
	int (*device_irqs_set)(int fd, enum kernel_irq irq, unsigned first, unsigned n,
			       const int *eventfd);
	int (*device_irq_mask)(int fd, enum kernel_irq irq, bool masked); /* INTx */

	/* The process. */
	int (*locked)(uint64_t *bytes);	    /* VmLck */
	int (*lock_limit)(uint64_t *bytes); /* RLIMIT_MEMLOCK; UINT64_MAX: none, or CAP_IPC_LOCK */
	/* Smallest page behind a range. -EFAULT: part of it is not mapped. */
	int (*backing_page)(const void *va, size_t len, size_t *page);
	int (*memory)(uint64_t *total, uint64_t *hugepage); /* RAM, and the default hugepage */
	uint64_t (*hugepages_free)(uint64_t page); /* of a size; 0 also if there is no such [any] */
	/*
	 * Does the kernel's log tell that the device's slot gets no window before the next boot?
	 * 1: it does; 0: it does not; -EPERM, -EACCES: the log cannot be read. [any]
	 */
	int (*slot_lost)(const char *device);
	int (*release)(unsigned *major, unsigned *minor); /* of the kernel. [any] */
	/* Fresh memory of the process, in system pages; and its end, also of a part. [any] */
	int (*pages)(size_t len, void **va);
	void (*pages_end)(void *va, size_t len);
};

/* The real kernel. */
extern const struct tce_kernel tce_kernel_vfio;

#endif
