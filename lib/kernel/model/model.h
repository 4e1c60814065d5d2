/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of the kernel behind kernel.h, for tests: VFIO SPAPR TCE v2 with its defects, on a
 * platform of the test's choice, in this process and without any privilege. It is never kinder than
 * the kernel: what it cannot know, it aborts on.
 *
 * Memory is the model's own (model_alloc()), so that it knows the pages behind a VA: a page keeps
 * living while a region pins it, whatever happens to the VA, and a device's DMA goes to the page
 * that its TCE names, not to the VA. Any other memory of the process counts as not mapped.
 *
 * Where a rule of the kernel has a name below (W5, R8), the function that keeps it says so.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../kernel.h"

extern const struct tce_kernel tce_kernel_model;

/** What the platform is. */
struct model_platform {
	const char *name;
	uint64_t default_start, default_size; /* the default window */
	uint64_t page_sizes;		      /* of created windows, a mask of bytes */
	uint32_t max_windows, levels;
	uint64_t beside;	/* start of a window made beside the default one */
	uint64_t alone;		/* start of a window made when the default one is gone */
	bool pseries;		/* windows come from a hypervisor, tables have one level */
	bool no_ddw;		/* the kernel cannot make even the default window */
	bool fixed_window;	/* the hypervisor makes no window but the default one (W11a) */
	uint64_t system_page;	/* bytes */
	uint64_t ram, hugepage; /* the machine's memory, its default hugepage */
};

extern const struct model_platform model_p8;	     /* bare metal POWER8, hash, 64K kernel */
extern const struct model_platform model_p9;	     /* bare metal POWER9, radix, 4K kernel */
extern const struct model_platform model_p9_64k;     /* the same, 64K kernel */
extern const struct model_platform model_p9_hash;    /* the same, 64K kernel, hash */
extern const struct model_platform model_p10;	     /* bare metal POWER10, radix, 4K kernel */
extern const struct model_platform model_lpar;	     /* an LPAR, radix, 4K kernel */
extern const struct model_platform model_lpar_64k;   /* the same, 64K kernel */
extern const struct model_platform model_lpar_4g;    /* an LPAR whose window is at 4 GiB */
extern const struct model_platform model_one_window; /* an LPAR with one window at a time */
extern const struct model_platform model_vf;	     /* an LPAR's virtual function (W11a) */
extern const struct model_platform model_no_ddw;     /* an LPAR without DDW, on Linux 6.12 */
/* The same on a kernel that can use the default window. None was measured. */
extern const struct model_platform model_default_only;
/* All of them, NULL at the end. */
extern const struct model_platform *const model_platforms[];

/** Differences between kernels of one platform. */
struct model_quirks {
	bool busy_unenroll;    /* UNREGISTER with live TCEs is refused with EBUSY (before 5.0) */
	bool unmap_checks_end; /* UNMAP past the window's end returns +1, clears nothing */
	/* Without the defects that tce_probe() looks for. No kernel is known to be so. */
	bool mended;
	unsigned major, minor; /* its release; 0.0 stands for the one measured, 6.12 */
};

/* The machine. Starting forgets everything before; stopping gives all its memory back. */
void model_start(const struct model_platform *platform);
void model_stop(void);
void model_set_quirks(struct model_quirks quirks);
void model_add_device(const char *name, int group, const char *driver);
void model_set_driver(const char *name, const char *driver);
void model_set_memlock(uint64_t limit, bool capable);
/* Opening the container, or this group's file, answers @err from now on; 0 ends it. */
void model_refuse_container(int err);
void model_refuse_group(int group, int err);
/* An earlier failure put this group's slot on the list of those that get no window again (W11). */
void model_lose_slot(int group);

/** Each operation of the boundary, in the order of struct tce_kernel. */
enum model_op {
	MODEL_DEVICE_GROUP,
	MODEL_DEVICE_DRIVER,
	MODEL_GROUP_DEVICE,
	MODEL_CONTAINER_OPEN,
	MODEL_CONTAINER_CHECK,
	MODEL_GROUP_OPEN,
	MODEL_GROUP_NUMBER,
	MODEL_GROUP_FLAGS,
	MODEL_GROUP_ATTACH,
	MODEL_GROUP_JOIN,
	MODEL_GROUP_DETACH,
	MODEL_FACTS,
	MODEL_DUP,
	MODEL_CLOSE,
	MODEL_WINDOW_CREATE,
	MODEL_WINDOW_REMOVE,
	MODEL_ENROLL,
	MODEL_UNENROLL,
	MODEL_MAP,
	MODEL_UNMAP,
	MODEL_DEVICE_OPEN,
	MODEL_DEVICE_STOP,
	MODEL_DEVICE_RESET,
	MODEL_DEVICE_RESETS,
	MODEL_DEVICE_NODE,
	MODEL_DEVICE_REGION,
	MODEL_DEVICE_READ,
	MODEL_DEVICE_WRITE,
	MODEL_DEVICE_MMAP,
	MODEL_DEVICE_IRQS,
	MODEL_DEVICE_IRQS_SET,
	MODEL_DEVICE_IRQ_MASK,
	MODEL_LOCKED,
	MODEL_LOCK_LIMIT,
	MODEL_BACKING_PAGE,
	MODEL_MEMORY,
	MODEL_HUGEPAGES_FREE,
	MODEL_SLOT_LOST,
	MODEL_RELEASE,
	MODEL_PAGES,
	MODEL_OPS,
	MODEL_ANY = MODEL_OPS, /* any of them but MODEL_CLOSE */
};

/* Fail the n-th (from 1) call of @op from now with @ret, once; n = 0 ends it. */
void model_fail(enum model_op op, unsigned n, int ret);
/* The same, and all calls of @op after it, too: what undoes a failed call fails as well. */
void model_fail_from(enum model_op op, unsigned n, int ret);
/* Has the failure asked for last happened, and which operation did it hit? */
bool model_failed(void);
enum model_op model_failed_op(void);
/* The n-th TCE written by MAP from now fails in the hardware with @ret (R17, R25). */
void model_fail_write(unsigned n, int ret);
/* The n-th TCE cleared by UNMAP from now stays as it is, and UNMAP returns 0 (R25). */
void model_fail_clear(unsigned n);
/* The n-th TCE of MAP from now meets a region that another thread unregisters at that moment (R16).
 */
void model_race_unenroll(unsigned n);
/* Regions that were looked at for the TCEs so far (R18). */
uint64_t model_walked(void);
/* Has the failure of a TCE asked for last happened? It does not any more. */
bool model_tce_failed(void);

/* Called at the beginning of each call, before it does anything; NULL ends it. */
void model_on_call(void (*fn)(void));

/** The calls made, in order. */
unsigned model_calls(enum model_op op);
/* Position in the order of all calls of the first, the last call of @op; -1: none. */
long model_first(enum model_op op);
long model_last(enum model_op op);

/* Memory: pages of @page bytes, at a multiple of it. Freeing takes whole pages, any part. */
void *model_alloc(size_t len, size_t page);
void model_alloc_at(void *va, size_t len, size_t page);
void model_free(void *va, size_t len);
/* Nothing can write there any more, nor can it be registered for a device. */
void model_set_read_only(void *va, size_t len);
/* Take other memory of the process, pages of @page bytes that stay as they are, for the model's;
 * let it go again. Its owner unmaps it. */
void model_adopt(void *va, size_t len, size_t page);
void model_forget(void *va);
/* The process's own, as of MAP_PRIVATE: the kernel counts it otherwise when it is lost (R4). */
void model_set_private(void *va, size_t len);
/* Bytes of pages that are neither free nor mapped: pinned by somebody, or lost. */
uint64_t model_lost_pages(void);
/* Is this page pinned? */
bool model_pinned(const void *va);

/*
 * Hugepages of one size: at the start half of the machine's RAM in default hugepages; more are
 * there when more are allocated. What was pinned is free only after a grace period.
 */
struct model_hugepages {
	uint64_t total, free;
	int64_t reserved; /* HugePages_Rsvd, which the kernel can get wrong (R4) */
};
void model_set_hugepages(size_t page, uint64_t total);
struct model_hugepages model_hugepages(size_t page);
void model_settle(void); /* a grace period passes */

/*
 * Processes. The calls are the current process's: at first the one that model_start() made. A real
 * fork() of the test is something else: in its child every call is a stranger's, on a copy.
 */
int model_process(void); /* number of the current process */
/* A child of it, with the same memory at the same VAs and copies of its descriptors; its number. */
int model_fork(void);
void model_switch(int process);
void model_exec(void); /* a new address space; only descriptors without FD_CLOEXEC stay */
void model_exit(int process);
/* Times that the kernel had cause for a WARNING. */
unsigned model_warnings(void);

/* VFIO_IOMMU_ENABLE or VFIO_IOMMU_DISABLE, which the boundary does not have (R21). */
int model_v1_call(int fd);

/* The hardware: its TCE at an IOVA, how many TCEs it has in all, windows of a group. */
struct model_tce {
	void *page; /* the page's address in the model's own mapping */
	unsigned access;
};
bool model_tce(int group, uint64_t iova, struct model_tce *tce);
/* Does the hardware's TCE at @iova lead to the page that is behind @va now? */
bool model_leads_to(int group, uint64_t iova, const void *va, unsigned access);
uint64_t model_tces(int group);
/* Each of them, window by window, by rising IOVA. */
typedef void model_tce_fn(uint64_t iova, uint64_t page, const struct model_tce *tce, void *arg);
void model_each_tce(int group, model_tce_fn *fn, void *arg);
unsigned model_windows(int group);

/*
 * A device's DMA: 0, or -EFAULT where it hits no TCE or one without that access: a stray. -ESTALE:
 * done, but by a TCE that leads to a page that is not behind the VA that was mapped any more.
 */
int model_device_read(int group, uint64_t iova, void *buf, size_t len);
int model_device_write(int group, uint64_t iova, const void *buf, size_t len);
unsigned model_strays(void);
unsigned model_stale(void);
/* A PCI function's nature. */
struct model_pci {
	int node;
	bool no_reset; /* the platform knows no way to */
	bool stuck;    /* its configuration space takes no write */
	bool gone;     /* it was pulled: all ones, but for what VFIO makes up */
	bool absent;   /* and the bus knows: no access to its configuration space */
	void (*on_reset)(void *arg);
	void *arg;
};
enum { MODEL_CONFIG = 4096 }; /* bytes of configuration space */
void model_set_pci(const char *name, struct model_pci pci);
uint8_t *model_config(const char *name);
/* Give it a BAR; the memory behind it. The offset is the model's to set. */
void *model_set_bar(const char *name, unsigned bar, const struct kernel_region *region);
void model_set_irqs(const char *name, enum kernel_irq irq, unsigned n);
/* Interrupt; false: nobody would hear of it. */
bool model_raise(const char *name, enum kernel_irq irq, unsigned vector);
unsigned model_resets(const char *name);
/* Let a device do DMA (bus mastering on), and ask whether it may. */
void model_device_run(const char *name);
bool model_device_runs(const char *name);

/* Descriptors of the model that are open, regions that can never be given back. */
unsigned model_fds(void);
unsigned model_orphans(void);
uint64_t model_locked(void);
/* Memlock that the kernel will not give back before the process ends (W5). */
uint64_t model_lost_memlock(void);

/*
 * Write down everything that a failed call must leave as it was: windows, TCEs, regions,
 * containers, groups, descriptors, memlock less what is lost. Two states are the same if their
 * texts are.
 */
void model_describe(FILE *out);

#endif
