/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the plugin share. */
#ifndef ATTACH_ATTACH_H
#define ATTACH_ATTACH_H

#include "../common/common.h"

/* quiet.c */

/** Bring a device to rest that VFIO's reset does not: before EAL sets bus mastering. */
int quiet(struct tce_space *space, const char *device);

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
int group_get(const struct plugin_args *args, struct group **group);
/** One user less; the last one closes it. */
void group_put(struct group *group);

/* device.c: the devices that are attached. */

/** Attach and detach; the list of what is attached. */
int device_attach(const struct plugin_args *args);
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
