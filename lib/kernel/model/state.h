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
	unsigned *pins; /* by page */
	bool *mapped;	/* by page: still behind its VA */
};

/* Registered memory of the process (the kernel's mm_iommu_table_group_mem_t). */
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
	unsigned access;
};

struct table {
	bool used;
	uint64_t start, page, size;
	uint32_t levels;
	uint64_t charged, back; /* memlock taken, and what removing it gives back */
	uint64_t live;
	struct hw_tce **leaves;
};

struct container {
	struct container *next;
	unsigned files;
	struct group *group; /* attached, with the v2 IOMMU set */
	pid_t owner;
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
	pid_t owner;
	int container_refusal;
	uint64_t locked, lost, lock_limit;
	bool capable;
	struct memory *memory;
	struct region *regions;
	struct container *containers;
	struct group *groups;
	struct device *devices;
	struct file *files;
	unsigned strays;
	/* faults to come */
	enum model_op fail_op, failed_op;
	unsigned fail_in, fail_write_in, fail_clear_in;
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
struct device *model_device(const char *name);
/* The container behind a descriptor that may be changed now; *ret has the kernel's answer if not.
 */
struct container *model_container(int fd, int *ret);

bool model_charge(uint64_t bytes);
void model_uncharge(uint64_t bytes);

/* memory.c: the page behind a VA; NULL if nothing is mapped there. */
char *model_frame(const char *va, size_t *page);
void model_pin(char *frame);
void model_unpin(char *frame);
void model_memory_end(void);

/* region.c */
struct region *model_region(const char *va, uint64_t len);
void model_containers_regions_end(struct container *container);
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
void model_clear(struct table *table, uint64_t first, uint64_t count);
int model_map(int fd, void *va, uint64_t iova, uint64_t len, unsigned access);
int model_unmap(int fd, uint64_t iova, uint64_t len);

/* vfio.c of the model: files, groups, devices */
int model_device_group(const char *device, int *group);
int model_device_driver(const char *device, char driver[KERNEL_NAME_MAX]);
int model_group_device(int group, unsigned at, char device[KERNEL_NAME_MAX]);
int model_container_open(int *fd);
int model_container_check(int fd);
int model_group_open(int group, int *fd);
int model_group_number(int fd, int *group);
int model_group_flags(int fd, unsigned *flags);
int model_group_attach(int group_fd, int container_fd);
int model_group_detach(int group_fd);
int model_facts(int container_fd, struct tce_facts *facts);
int model_dup(int fd, int *copy);
int model_close(int fd);
int model_device_open(int group_fd, const char *device, int *fd);
int model_device_stop(int fd);
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
