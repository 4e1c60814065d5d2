/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices, by name: what sysfs says of them. */
#include <errno.h>
#include <string.h>

#include "state.h"

struct device *model_device(const char *name)
{
	struct device *d = model.devices;

	while (d && strcmp(d->name, name))
		d = d->next;
	return d;
}

static void set_name(char to[KERNEL_NAME_MAX], const char *from)
{
	if (strlen(from) >= KERNEL_NAME_MAX)
		model_die("the name %s is too long", from);
	strcpy(to, from);
}

void model_add_device(const char *name, int group, const char *driver)
{
	struct device *d = model_zalloc(1, sizeof(*d)), **end = &model.devices;

	if (model_device(name))
		model_die("%s is there already", name);
	while (*end)
		end = &(*end)->next;
	set_name(d->name, name);
	set_name(d->driver, driver);
	d->group = group < 0 ? NULL : model_group(group, true);
	*end = d;
}

static struct device *known(const char *name)
{
	struct device *d = model_device(name);

	if (!d)
		model_die("no device %s", name);
	return d;
}

void model_set_driver(const char *name, const char *driver)
{
	set_name(known(name)->driver, driver);
}

void model_device_run(const char *name)
{
	known(name)->runs = true;
}

bool model_device_runs(const char *name)
{
	return known(name)->runs;
}

int model_slot_lost(const char *device)
{
	return known(device)->group->slot_lost;
}

int model_device_group(const char *device, int *group)
{
	struct device *d = model_device(device);
	int ret;

	if (model_enter(MODEL_DEVICE_GROUP, &ret))
		return ret;
	if (!d || !d->group)
		return -ENODEV;
	*group = d->group->number;
	return 0;
}

int model_device_driver(const char *device, char driver[KERNEL_NAME_MAX])
{
	struct device *d = model_device(device);
	int ret;

	if (model_enter(MODEL_DEVICE_DRIVER, &ret))
		return ret;
	if (!d)
		return -ENODEV;
	strcpy(driver, d->driver);
	return 0;
}

int model_group_device(int group, unsigned at, char device[KERNEL_NAME_MAX])
{
	int ret;

	if (model_enter(MODEL_GROUP_DEVICE, &ret))
		return ret;
	for (struct device *d = model.devices; d; d = d->next) {
		if (!d->group || d->group->number != group || at--)
			continue;
		strcpy(device, d->name);
		return 0;
	}
	return -ENOENT;
}
