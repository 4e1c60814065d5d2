/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups, containers, open devices and their descriptors, as drivers/vfio/group.c and container.c.
 */
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

struct group *model_group_in(const struct container *container)
{
	struct group *g = model.groups;

	while (g && g->container != container)
		g = g->next;
	if (!g)
		model_die("a container without a group");
	return g;
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

static struct file *file_add(struct process *process, int fd, enum file_kind kind, void *object)
{
	struct file *f = model_zalloc(1, sizeof(*f));

	*f = (struct file){.next = model.files,
			   .process = process,
			   .fd = fd,
			   .kind = kind,
			   .container = object};
	model.files = f;
	return f;
}

/* Descriptors are real ones, so that close-on-exec and fork can be looked at. */
int model_file_new(enum file_kind kind, void *object)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		model_die("no descriptor left");
	return file_add(model.current, fd, kind, object)->fd;
}

static struct file *any_file(int fd)
{
	struct file *f = model.files;

	while (f && (f->fd != fd || f->process != model.current))
		f = f->next;
	return f;
}

struct file *model_file(int fd, enum file_kind kind)
{
	struct file *f = any_file(fd);

	return f && f->kind == kind ? f : NULL;
}

/* What a call on a group's descriptor says of one that is none. */
static int no_group(int fd)
{
	struct file *f = any_file(fd);

	if (!f)
		return -EBADF;
	return f->kind == FILE_CONTAINER && !f->container->iommu ? -EINVAL : -ENOTTY;
}

struct container *model_container(int fd, int *ret)
{
	struct file *f = model_file(fd, FILE_CONTAINER);

	if (!f)
		*ret = any_file(fd) ? -ENOTTY : -EBADF;
	else if (!f->container->iommu)
		*ret = -EINVAL; /* R1: no IOMMU driver yet */
	else if (f->container->mm && f->container->mm != model_mm())
		*ret = -EPERM; /* R15 */
	else
		return f->container;
	return NULL;
}

int model_mm_set(struct container *container)
{
	struct mm *mm = model_mm();

	if (!mm)
		model_die("a real child of the test's process would own a container");
	if (container->mm)
		return container->mm == mm ? 0 : -EPERM;
	container->mm = mm;
	model_mm_get(mm);
	return 0;
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

int model_v1_call(int fd)
{
	int ret;

	return model_container(fd, &ret) ? -ENOTTY : ret;
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
		return no_group(fd);
	*flags = (viable(f->group) ? KERNEL_GROUP_VIABLE : 0) |
		 (f->group->container ? KERNEL_GROUP_ATTACHED : 0);
	return 0;
}

/* SET_CONTAINER. A container that has its IOMMU takes further groups in at once (W7). */
static int join(struct group *group, struct container *container)
{
	if (group->container)
		return -EINVAL;
	if (!viable(group))
		return -EBUSY;
	for (unsigned i = 0; container->iommu && i < MODEL_TABLES; i++)
		if (container->tables[i].used && model.platform->pseries)
			return -EPERM;
	group->container = container;
	container->groups++;
	return 0;
}

static void container_put(struct container *container)
{
	if (container->files || container->groups)
		return;
	for (struct container **at = &model.containers; *at; at = &(*at)->next) {
		if (*at == container) {
			*at = container->next;
			break;
		}
	}
	free(container);
}

/* W10: the TCEs go with any group; windows and registrations with the last. */
static void detach(struct group *group)
{
	struct container *container = group->container;

	group->container = NULL;
	for (unsigned i = 0; i < MODEL_TABLES; i++)
		if (container->tables[i].used)
			model_clear(container->mm, &container->tables[i], 0,
				    container->tables[i].size / container->tables[i].page);
	if (!--container->groups) {
		model_windows_end(container);
		model_containers_regions_end(container);
		if (container->mm)
			model_mm_put(container->mm);
		container->mm = NULL;
		container->iommu = container->default_pending = false;
	}
	container_put(container);
}

static int group_and_container(int group_fd, int container_fd, struct group **group,
			       struct container **container)
{
	struct file *g = model_file(group_fd, FILE_GROUP), *c = any_file(container_fd);

	if (!g)
		return no_group(group_fd);
	if (!c)
		return -EBADF;
	*group = g->group;
	if (g->group->container)
		return -EINVAL;
	if (c->kind != FILE_CONTAINER)
		return -EBADFD;
	*container = c->container;
	return 0;
}

int model_group_join(int group_fd, int container_fd)
{
	struct container *container;
	struct group *group;
	int ret;

	if (model_enter(MODEL_GROUP_JOIN, &ret))
		return ret;
	ret = group_and_container(group_fd, container_fd, &group, &container);
	return ret ? ret : join(group, container);
}

int model_group_attach(int group_fd, int container_fd)
{
	struct container *container;
	struct group *group;
	int ret;

	if (model_enter(MODEL_GROUP_ATTACH, &ret))
		return ret;
	ret = group_and_container(group_fd, container_fd, &group, &container);
	if (!ret)
		ret = join(group, container);
	if (ret)
		return ret;
	if (container->iommu) { /* the second SET_IOMMU; vfio.c takes the group out again */
		detach(group);
		return -EINVAL;
	}
	container->iommu = true;
	container->default_pending = true;
	return 0;
}

int model_group_detach(int group_fd)
{
	struct file *f = model_file(group_fd, FILE_GROUP);
	int ret;

	if (model_enter(MODEL_GROUP_DETACH, &ret))
		return ret;
	if (!f)
		return no_group(group_fd);
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

/*
 * One process's descriptor ends; the number is free when no other process has it. In a real child
 * only its own descriptors end: the parent's keep everything alive.
 */
static void file_end(struct file *f)
{
	struct file **at = &model.files, *other = model.files;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	while (other && (other == f || other->fd != f->fd))
		other = other->next;
	if (!other)
		close(f->fd);
	if (getpid() == model.owner)
		file_put(f);
	free(f);
}

int model_close(int fd)
{
	struct file *f = any_file(fd);
	int ret;

	if (model_enter(MODEL_CLOSE, &ret))
		return ret;
	if (!f)
		return -EBADF;
	file_end(f);
	return 0;
}

void model_files_fork(struct process *from, struct process *to)
{
	for (struct file *f = model.files; f; f = f->next) {
		if (f->process != from)
			continue;
		file_get(f);
		file_add(to, f->fd, f->kind, f->container);
	}
}

static void files_end(const struct process *process, bool all)
{
	struct file *f = model.files;

	while (f) {
		if (f->process != process || (!all && !(fcntl(f->fd, F_GETFD) & FD_CLOEXEC))) {
			f = f->next;
			continue;
		}
		file_end(f);
		f = model.files; /* other files may have gone with it */
	}
}

void model_files_exec(struct process *process)
{
	files_end(process, false);
}

void model_files_exit(struct process *process)
{
	files_end(process, true);
}

int model_device_open(int group_fd, const char *name, int *fd)
{
	struct file *f = model_file(group_fd, FILE_GROUP);
	struct device *d = model_device(name);
	int ret;

	if (model_enter(MODEL_DEVICE_OPEN, &ret))
		return ret;
	if (!f)
		return no_group(group_fd);
	if (!d || d->group != f->group || !ours(d))
		return -ENODEV;
	if (!f->group->container || !f->group->container->iommu)
		return -EINVAL;
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
		file_end(model.files);
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
