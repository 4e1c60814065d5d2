/* SPDX-License-Identifier: BSD-3-Clause */
/* What the plugins have in common: each is compiled with these files. */
#ifndef COMMON_COMMON_H
#define COMMON_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include <bus_pci_driver.h>

#include <tce/tce.h>

/** Room for a PCI address and its terminator. */
#define PLUGIN_DEVICE_MAX (PCI_PRI_STR_SIZE + 1)

/** The prefix of the names of a plugin's vdevs, and its type of log; each plugin has its own. */
extern const char plugin_driver[];
extern int plugin_log_type;

/* args.c */

/** What a vdev was told. */
struct plugin_args {
	char device[PLUGIN_DEVICE_MAX]; /**< dev=, written as the PCI bus names it */
	uint64_t mem;			/**< mem=, bytes; 0: not given */
	uint64_t page;			/**< page=, bytes; 0: not given */
};

/** Read a vdev's arguments. -EINVAL. */
int args_read(const char *text, struct plugin_args *args);
/** Read a size: digits, then K, M, G, T or nothing. -EINVAL. */
int args_size(const char *text, uint64_t *bytes);

/* say.c */

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

/* keep_off.c: EAL's PCI bus and devices that are not its own. */

/** Whether the user asked for a vdev of this plugin at start-up. */
bool keep_off_is_wanted(void);
/** Keep EAL's PCI bus off every device on vfio-pci that the user did not name by -a. */
void keep_off(void);
/** Whether the user gave this device to EAL's PCI bus at start-up, by -a. */
bool keep_off_was_given(const char *name);

/* space.c */

/** How the space of a device is to be made. Says what is wrong. */
int space_options(const struct plugin_args *args, struct tce_space_options *opts);
/** Say what libtce said, and of what EAL could be told otherwise; returns @err. */
int space_say(int err, const struct tce_space_options *opts);
/** Everything that can be wrong with a device is looked for before anything is opened. */
int space_look_first(const char *device, const struct tce_space_options *opts);

#endif
