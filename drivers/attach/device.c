/* SPDX-License-Identifier: BSD-3-Clause */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_pci.h>
#include <rte_dev.h>
#include <rte_eal_memconfig.h>
#include <rte_vfio.h>

/*
 * A device that is attached. Beside the descriptor that EAL's PCI bus opens for it there are two:
 * the space's, by which closing the space brings the device to rest even where EAL forgot to (at
 * quit, EAL 22.11 leaves its own open, bus mastering on), and EAL's in our name, which keeps EAL
 * from closing the group when the application takes the port away before the vdev.
 */
struct device {
	char name[PLUGIN_DEVICE_MAX];
	struct group *group;
	int pin;
	struct device *next;
};

/* Changed under EAL's memory lock held for reading: events, which hold it for writing, may read. */
static struct device *devices;

static struct device *find(const char *name)
{
	struct device *d = devices;

	while (d && strcmp(d->name, name))
		d = d->next;
	return d;
}

bool device_is_ours(const char *name)
{
	return find(name) != NULL;
}

struct tce_space *device_space(const char *name)
{
	struct device *d = find(name);

	return d ? d->group->space : NULL;
}

void device_stop_group(void *group)
{
	for (struct device *d = devices; d; d = d->next) {
		struct rte_pci_device *pci = d->group == group ? pci_find(d->name) : NULL;

		if (pci && pci_is_driven(pci))
			pci_stop(pci);
	}
}

static void let_go_in_child(void)
{
	for (struct device *d = devices; d; d = d->next) {
		struct rte_pci_device *pci = pci_find(d->name);

		if (pci && pci_is_driven(pci) && pci_descriptor(pci) >= 0)
			close(pci_descriptor(pci));
		if (d->pin >= 0)
			close(d->pin);
	}
}

int device_guard_forks(void)
{
	return pthread_atfork(NULL, NULL, let_go_in_child);
}

static void add(struct device *d)
{
	rte_mcfg_mem_read_lock();
	d->next = devices;
	devices = d;
	rte_mcfg_mem_read_unlock();
}

static void drop(struct device *d)
{
	rte_mcfg_mem_read_lock();
	for (struct device **at = &devices; *at; at = &(*at)->next)
		if (*at == d) {
			*at = d->next;
			break;
		}
	rte_mcfg_mem_read_unlock();
	free(d);
}

/* The descriptors of our own: the space's comes with looking at the device. */
static int take_device(struct device *d)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int err = quiet(d->group->space, d->name);

	if (err)
		return err;
	if (rte_vfio_setup_device(rte_pci_get_sysfs_path(), d->name, &d->pin, &info))
		return say(-EIO, "%s: EAL cannot open the device: it said why above", d->name);
	fcntl(d->pin, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int plug(struct device *d)
{
	int err = rte_eal_hotplug_add("pci", d->name, "");

	if (!err)
		return 0;
	rte_vfio_release_device(rte_pci_get_sysfs_path(), d->name, d->pin);
	return say(err < 0 ? err : -EIO,
		   "%s: no driver of DPDK's took the device: it said why above, or there is none "
		   "for it",
		   d->name);
}

int device_attach(const struct plugin_args *args)
{
	struct device *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return say(-ENOMEM, "no memory to note %s", args->device);
	strcpy(d->name, args->device);
	d->pin = -1;
	err = group_get(args, &d->group);
	if (err) {
		free(d);
		return err;
	}
	add(d);
	err = take_device(d);
	if (!err)
		err = plug(d);
	if (err) {
		struct group *group = d->group;

		drop(d);
		group_put(group);
	}
	return err;
}

void device_detach(const char *name)
{
	struct device *d = find(name);
	struct group *group = d->group;
	struct rte_pci_device *pci = pci_find(name);

	/* At quit the PCI bus may have been cleaned first. */
	if (!pci || !pci_is_driven(pci)) {
		say_now(RTE_LOG_INFO, "%s: its driver had let go already", name);
	} else if (rte_eal_hotplug_remove("pci", name)) {
		pci_stop(pci);
		say_now(RTE_LOG_ERR, "%s: its driver did not let go, so its DMA was cut off", name);
	}
	rte_vfio_release_device(rte_pci_get_sysfs_path(), name, d->pin);
	drop(d);
	group_put(group);
}
