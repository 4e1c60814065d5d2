/* SPDX-License-Identifier: BSD-3-Clause */
/* What the model's files share. Tests use model.h. */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model.h"

enum {
	MODEL_TABLES = 2,  /* IOMMU_TABLE_GROUP_MAX_TABLES */
	MODEL_LEAF = 1024, /* TCEs allocated at a time */
};

/* Pages that were allocated together, kept by a file so that they outlive their VA. */
struct memory {
	struct memory *next;
	int file;
	char *pages; /* the model's own mapping of them: their "physical" address */
	char *va;
	size_t len, page;
	unsigned *pins;	   /* by page */
	unsigned *leaving; /* by page: pins that end with the next grace period */
	uint32_t *mapped;  /* by page: the address spaces that have it behind its VA, as bits */
	bool *read_only;   /* by page */
	bool *private;	   /* by page */
};

/* Hugepages of one size that the machine has. */
struct pool {
	struct pool *next;
	size_t page;
	uint64_t total;
	int64_t reserved; /* as the kernel miscounts it (R4) */
};

/* An address space (the kernel's mm_struct). It lives while a process or a container holds it. */
struct mm {
	struct mm *next;
	unsigned users;
	uint32_t bit; /* in memory.mapped */
	uint64_t locked, lost;
	struct region *regions;
	unsigned n_regions;
};

struct process {
	struct process *next;
	int number;
	struct mm *mm;
};

/* Registered memory of a process (the kernel's mm_iommu_table_group_mem_t). */
struct region {
	struct region *next;
	char *va;
	size_t len;
	uint64_t page; /* its largest I/O page (R19) */
	unsigned used;
	long mapped;   /* 1 + TCEs; never falls below 1 */
	char **frames; /* the pages behind it when it was registered, by system page */
};

struct hw_tce {
	char *frame;
	char *va; /* the kernel's userspace view, which finds the region again */
	char *at; /* the VA that was mapped, whatever became of the view */
	unsigned access;
};

struct table {
	bool used;
	uint64_t start, page, size;
	uint32_t levels;
	uint64_t charged; /* memlock taken */
	uint64_t live;
	struct hw_tce **leaves;
};

struct container {
	struct container *next;
	unsigned files, groups;
	bool iommu;    /* the v2 IOMMU is set */
	struct mm *mm; /* of who first registered, or changed a window; nobody else may */
	bool enabled, default_pending;
	struct table tables[MODEL_TABLES];
	struct region **enrolled;
	size_t n_enrolled;
};

struct group {
	struct group *next;
	int number;
	int refusal;
	unsigned files, devices_open;
	bool slot_lost;
	struct container *container;
};

struct bar {
	struct kernel_region region;
	int file;
	void *memory; /* NULL: no such BAR */
	size_t room;
};

struct irq {
	unsigned there, set;
	int *eventfd;
	bool masked;
};

struct device {
	struct device *next;
	char name[KERNEL_NAME_MAX], driver[KERNEL_NAME_MAX];
	struct group *group;
	unsigned files;
	bool runs; /* bus mastering is on */
	struct model_pci pci;
	unsigned resets;
	uint8_t config[MODEL_CONFIG];
	struct bar bar[KERNEL_PCI_BARS];
	struct irq irq[KERNEL_IRQS];
};

enum file_kind { FILE_CONTAINER, FILE_GROUP, FILE_DEVICE };

struct file {
	struct file *next;
	struct process *process;
	int fd;
	enum file_kind kind;
	union {
		struct container *container;
		struct group *group;
		struct device *device;
	};
};

struct model {
	const struct model_platform *platform;
	struct model_quirks quirks;
	pid_t owner; /* the real process in which all of the model's live */
	int container_refusal;
	uint64_t lock_limit;
	bool capable;
	struct memory *memory;
	struct pool *pools;
	struct mm *mms;
	struct process *processes, *current;
	int n_processes;
	struct container *containers;
	struct group *groups;
	struct device *devices;
	struct file *files;
	unsigned strays, stale, warnings;
	/* faults to come */
	enum model_op fail_op, failed_op;
	void (*on_call)(void);
	unsigned fail_in, fail_write_in, fail_clear_in, race_in;
	uint64_t walked; /* regions that were looked at for a TCE */
	bool fail_on;	 /* once it has begun */
	int fail_ret, fail_write_ret;
	/* the calls so far */
	unsigned char *trace;
	size_t n_trace, trace_room;
};

extern struct model model;

_Noreturn void model_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *model_zalloc(size_t n, size_t size);
/* Note a call; true if it is to fail, with @ret. */
bool model_enter(enum model_op op, int *ret);
/* Count down a fault: true when its turn has come. */
bool model_due(unsigned *countdown);

struct file *model_file(int fd, enum file_kind kind);
int model_file_new(enum file_kind kind, void *object);
struct group *model_group(int number, bool create);
struct group *model_group_in(const struct container *container); /* one of its groups */
struct device *model_device(const char *name);
/* The container behind a descriptor that may be changed now; *ret has the kernel's answer if not.
 */
struct container *model_container(int fd, int *ret);
/* Make the caller the container's owner if it has none: 0, or -EPERM. */
int model_mm_set(struct container *container);

/* Memlock, in whole pages of the system, as account_locked_vm() counts. */
bool model_charge(struct mm *mm, uint64_t bytes);
void model_uncharge(struct mm *mm, uint64_t bytes);
uint64_t model_whole_pages(uint64_t bytes);

/* process.c: the address space that calls; NULL in a real child of the test's process. */
struct mm *model_mm(void);
void model_mm_get(struct mm *mm);
void model_mm_put(struct mm *mm);
void model_processes_start(void);
void model_processes_end(void);

/* memory.c: the page behind a VA; NULL if nothing is mapped there. */
char *model_frame_of(const struct mm *mm, const char *va, size_t *page);
char *model_frame(const char *va, size_t *page);
bool model_writable(const char *va);
size_t model_page_of(const char *frame); /* the size of the page that a frame lies in */
void model_pin(char *frame);
void model_unpin(char *frame); /* it is free after a grace period */
void model_memory_fork(const struct mm *from, const struct mm *to);
void model_memory_exit(const struct mm *mm);
/* The address space of these pages has ended, and they are pinned for ever. */
void model_memory_lost(char *const *frames, size_t n);
void model_memory_end(void);

/* region.c */
struct region *model_region(const struct mm *mm, const char *va, uint64_t len);
void model_containers_regions_end(struct container *container);
void model_regions_free(struct mm *mm);
int model_enroll(int fd, void *va, size_t len);
int model_unenroll(int fd, void *va, size_t len);

/* window.c */
int model_default_window(struct container *container);
struct table *model_table(struct container *container, uint64_t iova);
void model_windows_end(struct container *container);
int model_window_create(int fd, uint64_t page, uint64_t size, uint32_t levels, uint64_t *start);
int model_window_remove(int fd, uint64_t start);

/* tces.c */
struct hw_tce *model_entry(const struct table *table, uint64_t index);
void model_clear(const struct mm *mm, struct table *table, uint64_t first, uint64_t count);
int model_map(int fd, void *va, uint64_t iova, uint64_t len, unsigned access);
int model_unmap(int fd, uint64_t iova, uint64_t len);

/* files.c, devices.c */
int model_device_group(const char *device, int *group);
int model_device_driver(const char *device, char driver[KERNEL_NAME_MAX]);
int model_group_device(int group, unsigned at, char device[KERNEL_NAME_MAX]);
int model_container_open(int *fd);
int model_container_check(int fd);
int model_group_open(int group, int *fd);
int model_group_number(int fd, int *group);
int model_group_flags(int fd, unsigned *flags);
int model_group_attach(int group_fd, int container_fd);
int model_group_join(int group_fd, int container_fd);
int model_group_detach(int group_fd);
int model_facts(int container_fd, struct tce_facts *facts);
int model_dup(int fd, int *copy);
int model_close(int fd);
int model_device_open(int group_fd, const char *device, int *fd);
int model_device_stop(int fd);
int model_slot_lost(const char *device);
void model_files_fork(struct process *from, struct process *to);
void model_files_exec(struct process *process);
void model_files_exit(struct process *process);
void model_files_end(void);

/* pci.c */
void model_pci_rest(struct device *d);
void model_pci_end(struct device *d);
int model_device_reset(int fd);
int model_device_resets(int fd);
int model_device_node(const char *device, int *node);
int model_device_region(int fd, unsigned index, struct kernel_region *region);
int model_region_read(int fd, uint64_t offset, void *buf, size_t len);
int model_region_write(int fd, uint64_t offset, const void *buf, size_t len);
int model_device_mmap(int fd, uint64_t offset, size_t len, void *va);
int model_device_irqs(int fd, enum kernel_irq irq, unsigned *n);
int model_device_irqs_set(int fd, enum kernel_irq irq, unsigned first, unsigned n,
			  const int *eventfd);
int model_device_irq_mask(int fd, enum kernel_irq irq, bool masked);

#endif
