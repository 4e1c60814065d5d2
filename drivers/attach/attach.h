/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the plugin share. */
#ifndef ATTACH_ATTACH_H
#define ATTACH_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include <bus_pci_driver.h>

#include <tce/tce.h>

/** Prefix of the names of our vdevs. */
#define ATTACH_DRIVER "net_tce_attach"

/** Room for a PCI address and its terminator. */
#define ATTACH_NAME_MAX (PCI_PRI_STR_SIZE + 1)

/* args.c */

/** What the vdev was told. */
struct attach_args {
	char device[ATTACH_NAME_MAX]; /**< dev=, written as the PCI bus names it */
	uint64_t mem;		      /**< mem=, bytes; 0: not given */
	uint64_t page;		      /**< page=, bytes; 0: not given */
};

/** Read a vdev's arguments. -EINVAL. */
int args_read(const char *text, struct attach_args *args);
/** Read a size: digits, then K, M, G, T or nothing. -EINVAL. */
int args_size(const char *text, uint64_t *bytes);

/* say.c */

extern int attach_log_type;

/** Keep the sentence of a failure; returns @err. */
int say(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The sentence kept last. */
const char *said(void);
/** Log a sentence; of levels as in rte_log.h. */
void say_now(uint32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* pci.c: EAL's PCI bus. */

/** A device that the bus knows. NULL: there is none of this name. */
struct rte_pci_device *pci_find(const char *name);
/** The next device after @last, from the first one if that is NULL. */
struct rte_pci_device *pci_next(const struct rte_pci_device *last);
/** Whether a driver of DPDK's has it. */
bool pci_is_driven(const struct rte_pci_device *pci);
/** Clear bus mastering: no DMA begins after this. */
void pci_stop(struct rte_pci_device *pci);
/** The descriptor by which EAL has the device open, or -1. */
int pci_descriptor(const struct rte_pci_device *pci);
/** Keep what EAL has of the device, its registers and its descriptor, from children of a fork. */
void pci_keep(struct rte_pci_device *pci);
/** Tell the bus to leave a device alone that it knows of. */
void pci_block(struct rte_pci_device *pci);

/* quiet.c */

/** Bring a device to rest that VFIO's reset does not: before EAL sets bus mastering. */
int quiet(struct tce_space *space, const char *device);

/* bus.c */

/** Whether the user gave this device to EAL's PCI bus at start-up, by -a. */
bool bus_was_given(const char *name);

/* group.c: IOMMU groups, each with its container and its space. */

struct group {
	int number;
	int container; /**< EAL's, as is the group's descriptor in it */
	struct tce_space *space;
	char name[32]; /**< for sentences */
	unsigned users;
	struct group *next;
};

/** Get the group of a device: shared if we have it, else opened, mapped, and put to EAL. */
int group_get(const struct attach_args *args, struct group **group);
/** One user less; the last one closes it. */
void group_put(struct group *group);

/* device.c: the devices that are attached. */

/** Attach and detach; the list of what is attached. */
int device_attach(const struct attach_args *args);
void device_detach(const char *name);
/** Close in the child of a fork what would keep a device busy after its parent's end. */
int device_guard_forks(void);
/** Whether a device of this name is attached. */
bool device_is_ours(const char *name);
/** The space of an attached device, or NULL. */
struct tce_space *device_space(const char *name);
/** Stop all devices of a group. EAL's memory lock may be held. */
void device_stop_group(void *group);

#endif
