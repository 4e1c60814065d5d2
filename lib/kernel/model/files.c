/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices, groups, containers and their descriptors, as drivers/vfio/group.c and container.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

struct group *model_group(int number, bool create)
{
	struct group *g;

	for (g = model.groups; g; g = g->next)
		if (g->number == number)
			return g;
	if (!create)
		return NULL;
	g = model_zalloc(1, sizeof(*g));
	*g = (struct group){.next = model.groups, .number = number};
	model.groups = g;
	return g;
}

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

void model_refuse_container(int err)
{
	model.container_refusal = err;
}

void model_refuse_group(int group, int err)
{
	model_group(group, true)->refusal = err;
}

void model_lose_slot(int group)
{
	model_group(group, true)->slot_lost = true;
}

unsigned model_fds(void)
{
	unsigned n = 0;

	for (struct file *f = model.files; f; f = f->next)
		n++;
	return n;
}

/* Descriptors are real ones, so that close-on-exec and fork can be looked at. */
int model_file_new(enum file_kind kind, void *object)
{
	struct file *f = model_zalloc(1, sizeof(*f));

	*f = (struct file){.next = model.files, .kind = kind, .container = object};
	f->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (f->fd < 0)
		model_die("no descriptor left");
	model.files = f;
	return f->fd;
}

static struct file *any_file(int fd)
{
	struct file *f = model.files;

	while (f && f->fd != fd)
		f = f->next;
	return f;
}

struct file *model_file(int fd, enum file_kind kind)
{
	struct file *f = any_file(fd);

	return f && f->kind == kind ? f : NULL;
}

struct container *model_container(int fd, int *ret)
{
	struct file *f = model_file(fd, FILE_CONTAINER);

	if (!f)
		*ret = any_file(fd) ? -ENOTTY : -EBADF;
	else if (!f->container->group)
		*ret = -EINVAL; /* R1: no IOMMU driver yet */
	else if (f->container->owner != getpid())
		*ret = -EPERM; /* R15 */
	else
		return f->container;
	return NULL;
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

int model_container_open(int *fd)
{
	struct container *c;
	int ret;

	if (model_enter(MODEL_CONTAINER_OPEN, &ret))
		return ret;
	if (model.container_refusal)
		return model.container_refusal;
	c = model_zalloc(1, sizeof(*c));
	*c = (struct container){.next = model.containers, .files = 1};
	model.containers = c;
	*fd = model_file_new(FILE_CONTAINER, c);
	return 0;
}

int model_container_check(int fd)
{
	int ret;

	if (model_enter(MODEL_CONTAINER_CHECK, &ret))
		return ret;
	if (!model_file(fd, FILE_CONTAINER))
		return any_file(fd) ? -ENOTTY : -EBADF;
	return model.container_refusal == -EPROTONOSUPPORT ? -EPROTONOSUPPORT : 0;
}

static bool ours(const struct device *d)
{
	return !strncmp(d->driver, "vfio", 4);
}

/* A group has a file while one of its devices is bound to a VFIO driver. */
int model_group_open(int number, int *fd)
{
	struct group *group = model_group(number, false);
	bool file = false;
	int ret;

	if (model_enter(MODEL_GROUP_OPEN, &ret))
		return ret;
	for (struct device *d = model.devices; d; d = d->next)
		file |= group && d->group == group && ours(d);
	if (!file)
		return -ENOENT;
	if (group->refusal)
		return group->refusal;
	if (group->files || group->container)
		return -EBUSY;
	group->files = 1;
	*fd = model_file_new(FILE_GROUP, group);
	return 0;
}

int model_group_number(int fd, int *group)
{
	struct file *f = model_file(fd, FILE_GROUP);
	int ret;

	if (model_enter(MODEL_GROUP_NUMBER, &ret))
		return ret;
	if (!f)
		return -EBADF;
	*group = f->group->number;
	return 0;
}

static bool viable(const struct group *group)
{
	for (struct device *d = model.devices; d; d = d->next)
		if (d->group == group && d->driver[0] && !ours(d))
			return false;
	return true;
}

int model_group_flags(int fd, unsigned *flags)
{
	struct file *f = model_file(fd, FILE_GROUP);
	int ret;

	if (model_enter(MODEL_GROUP_FLAGS, &ret))
		return ret;
	if (!f)
		return any_file(fd) ? -ENOTTY : -EBADF;
	*flags = (viable(f->group) ? KERNEL_GROUP_VIABLE : 0) |
		 (f->group->container ? KERNEL_GROUP_ATTACHED : 0);
	return 0;
}

int model_group_attach(int group_fd, int container_fd)
{
	struct file *g = model_file(group_fd, FILE_GROUP);
	struct file *c = model_file(container_fd, FILE_CONTAINER);
	int ret;

	if (model_enter(MODEL_GROUP_ATTACH, &ret))
		return ret;
	if (!g || !c)
		return -EBADF;
	if (g->group->container)
		return -EINVAL;
	if (!viable(g->group))
		return -EBUSY;
	if (c->container->group)
		model_die("W7: a second group in one container");
	g->group->container = c->container;
	c->container->group = g->group;
	c->container->owner = getpid();
	c->container->default_pending = true;
	return 0;
}

static void container_put(struct container *container)
{
	if (container->files || container->group)
		return;
	for (struct container **at = &model.containers; *at; at = &(*at)->next) {
		if (*at == container) {
			*at = container->next;
			break;
		}
	}
	free(container);
}

/* W10: TCEs, windows and registrations of the container go with the group. */
static void detach(struct group *group)
{
	struct container *container = group->container;

	model_windows_end(container);
	model_containers_regions_end(container);
	container->group = NULL;
	group->container = NULL;
	container_put(container);
}

int model_group_detach(int group_fd)
{
	struct file *f = model_file(group_fd, FILE_GROUP);
	int ret;

	if (model_enter(MODEL_GROUP_DETACH, &ret))
		return ret;
	if (!f)
		return any_file(group_fd) ? -ENOTTY : -EBADF;
	if (!f->group->container)
		return -EINVAL;
	if (f->group->devices_open)
		return -EBUSY;
	detach(f->group);
	return 0;
}

int model_facts(int fd, struct tce_facts *facts)
{
	const struct model_platform *platform = model.platform;
	struct container *container;
	int ret;

	if (model_enter(MODEL_FACTS, &ret))
		return ret;
	container = model_container(fd, &ret);
	if (!container)
		return ret;
	facts->default_start = platform->default_start;
	facts->default_size = platform->default_size;
	facts->page_sizes = platform->page_sizes;
	facts->max_windows = platform->max_windows;
	facts->levels = platform->levels;
	facts->system_page = platform->system_page;
	return 0;
}

static void file_get(const struct file *f)
{
	if (f->kind == FILE_CONTAINER)
		f->container->files++;
	else if (f->kind == FILE_GROUP)
		f->group->files++;
	else
		f->device->files++;
}

static void group_put(struct group *group)
{
	if (!group->files && !group->devices_open && group->container)
		detach(group);
}

/* The last file of a device resets it; a group ends after its devices. */
static void file_put(const struct file *f)
{
	if (f->kind == FILE_CONTAINER) {
		f->container->files--;
		container_put(f->container);
	} else if (f->kind == FILE_GROUP) {
		f->group->files--;
		group_put(f->group);
	} else if (!--f->device->files) {
		model_pci_rest(f->device);
		f->device->group->devices_open--;
		group_put(f->device->group);
	}
}

int model_dup(int fd, int *copy)
{
	struct file *f = any_file(fd);
	int ret;

	if (model_enter(MODEL_DUP, &ret))
		return ret;
	if (!f)
		return -EBADF;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	file_get(f);
	*copy = model_file_new(f->kind, f->container);
	return 0;
}

/* In a forked child only its own descriptors end: the parent's keep everything alive. */
int model_close(int fd)
{
	struct file *f = any_file(fd), **at = &model.files;
	int ret;

	if (model_enter(MODEL_CLOSE, &ret))
		return ret;
	if (!f)
		return -EBADF;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	close(fd);
	if (getpid() == model.owner)
		file_put(f);
	free(f);
	return 0;
}

int model_device_open(int group_fd, const char *name, int *fd)
{
	struct file *f = model_file(group_fd, FILE_GROUP);
	struct device *d = model_device(name);
	int ret;

	if (model_enter(MODEL_DEVICE_OPEN, &ret))
		return ret;
	if (!f)
		return any_file(group_fd) ? -ENOTTY : -EBADF;
	if (!f->group->container)
		return -EINVAL;
	if (!d || d->group != f->group || !ours(d))
		return -ENODEV;
	if (!d->files++) {
		f->group->devices_open++;
		model_pci_rest(d);
	}
	*fd = model_file_new(FILE_DEVICE, d);
	return 0;
}

int model_device_stop(int fd)
{
	struct file *f = model_file(fd, FILE_DEVICE);
	int ret;

	if (model_enter(MODEL_DEVICE_STOP, &ret))
		return ret;
	if (!f)
		return any_file(fd) ? -ENOTTY : -EBADF;
	f->device->config[4] &= (uint8_t)~4; /* PCI_COMMAND_MASTER */
	f->device->runs = false;
	return 0;
}

void model_files_end(void)
{
	model.owner = getpid();
	while (model.files)
		model_close(model.files->fd);
	while (model.devices) {
		struct device *d = model.devices;

		model.devices = d->next;
		model_pci_end(d);
		free(d);
	}
	while (model.groups) {
		struct group *g = model.groups;

		model.groups = g->next;
		free(g);
	}
}
