/* SPDX-License-Identifier: BSD-3-Clause */
/* The real kernel, VFIO SPAPR TCE v2. The only file of the tree that issues an ioctl. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host.h"

#define CONTAINER_FILE "/dev/vfio/vfio"

static_assert(sizeof(struct vfio_iommu_spapr_tce_info) == 32,
	      "UAPI of VFIO_IOMMU_SPAPR_TCE_GET_INFO");
static_assert(sizeof(struct vfio_iommu_spapr_tce_create) == 40,
	      "UAPI of VFIO_IOMMU_SPAPR_TCE_CREATE");
static_assert(sizeof(struct vfio_iommu_spapr_register_memory) == 24, "UAPI of REGISTER_MEMORY");
static_assert(sizeof(struct vfio_iommu_type1_dma_map) == 32, "UAPI of VFIO_IOMMU_MAP_DMA");

/* An ioctl's answer as kernel.h wants it: positive ones stay as they are. */
static int answer(int ret)
{
	return ret < 0 ? -errno : ret;
}

static int vfio_container_check(int fd)
{
	if (ioctl(fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		return errno == EBADF ? -EBADF : -ENOTTY;
	return ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_v2_IOMMU) > 0 ? 0 : -EPROTONOSUPPORT;
}

static int open_file(const char *path, int *fd)
{
	int opened = open(path, O_RDWR | O_CLOEXEC);

	if (opened < 0)
		return -errno;
	*fd = opened;
	return 0;
}

static int vfio_container_open(int *fd)
{
	int opened = -1, ret = open_file(CONTAINER_FILE, &opened);

	if (ret)
		return ret;
	ret = vfio_container_check(opened);
	if (ret)
		close(opened);
	else
		*fd = opened;
	return ret;
}

static int vfio_group_open(int group, int *fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	return open_file(path, fd);
}

static int vfio_group_flags(int fd, unsigned *flags)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	int ret = answer(ioctl(fd, VFIO_GROUP_GET_STATUS, &status));

	if (ret)
		return ret;
	*flags = (status.flags & VFIO_GROUP_FLAGS_VIABLE ? KERNEL_GROUP_VIABLE : 0) |
		 (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET ? KERNEL_GROUP_ATTACHED : 0);
	return 0;
}

static int vfio_group_join(int group_fd, int container_fd)
{
	return answer(ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &container_fd));
}

static int vfio_group_attach(int group_fd, int container_fd)
{
	int ret = vfio_group_join(group_fd, container_fd);

	if (ret)
		return ret;
	ret = answer(ioctl(container_fd, VFIO_SET_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU));
	if (ret)
		ioctl(group_fd, VFIO_GROUP_UNSET_CONTAINER);
	return ret;
}

static int vfio_group_detach(int group_fd)
{
	return answer(ioctl(group_fd, VFIO_GROUP_UNSET_CONTAINER));
}

static int vfio_facts(int container_fd, struct tce_facts *facts)
{
	struct vfio_iommu_spapr_tce_info info = {.argsz = sizeof(info)};
	int ret = answer(ioctl(container_fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info));

	if (ret)
		return ret;
	*facts = (struct tce_facts){
		.default_start = info.dma32_window_start,
		.default_size = info.dma32_window_size,
		.system_page = (uint64_t)sysconf(_SC_PAGESIZE),
	};
	if (info.flags & VFIO_IOMMU_SPAPR_INFO_DDW) {
		facts->page_sizes = info.ddw.pgsizes;
		facts->max_windows = info.ddw.max_dynamic_windows_supported;
		facts->levels = info.ddw.levels;
	}
	return 0;
}

static int vfio_dup(int fd, int *copy)
{
	int flags = fcntl(fd, F_GETFD), made;

	if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC))
		return -errno;
	made = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (made < 0)
		return -errno;
	*copy = made;
	return 0;
}

static int vfio_close(int fd)
{
	return close(fd) ? -errno : 0;
}

static int vfio_window_create(int fd, uint64_t page, uint64_t size, uint32_t levels,
			      uint64_t *start)
{
	struct vfio_iommu_spapr_tce_create create = {
		.argsz = sizeof(create),
		.page_shift = (uint32_t)__builtin_ctzll(page),
		.window_size = size,
		.levels = levels,
	};
	int ret = answer(ioctl(fd, VFIO_IOMMU_SPAPR_TCE_CREATE, &create));

	if (!ret)
		*start = create.start_addr;
	return ret;
}

static int vfio_window_remove(int fd, uint64_t start)
{
	struct vfio_iommu_spapr_tce_remove rm = {.argsz = sizeof(rm), .start_addr = start};

	return answer(ioctl(fd, VFIO_IOMMU_SPAPR_TCE_REMOVE, &rm));
}

static int vfio_enroll(int fd, void *va, size_t len)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg), .vaddr = (uintptr_t)va, .size = len};

	return answer(ioctl(fd, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &reg));
}

static int vfio_unenroll(int fd, void *va, size_t len)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg), .vaddr = (uintptr_t)va, .size = len};

	return answer(ioctl(fd, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, &reg));
}

static int vfio_map(int fd, void *va, uint64_t iova, uint64_t len, unsigned access)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = (access & TCE_READ ? VFIO_DMA_MAP_FLAG_READ : 0) |
			 (access & TCE_WRITE ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = len,
	};

	return answer(ioctl(fd, VFIO_IOMMU_MAP_DMA, &map));
}

static int vfio_unmap(int fd, uint64_t iova, uint64_t len)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = len};

	return answer(ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

static int vfio_device_open(int group_fd, const char *device, int *fd)
{
	int opened = ioctl(group_fd, VFIO_GROUP_GET_DEVICE_FD, device);

	if (opened < 0)
		return -errno;
	/* The kernel makes it close-on-exec since 2012; say so all the same. */
	fcntl(opened, F_SETFD, FD_CLOEXEC);
	*fd = opened;
	return 0;
}

/* Clear bus mastering, and read it back: where a function cannot be reset. */
static int clear_bus_master(int fd)
{
	struct vfio_region_info config = {.argsz = sizeof(config),
					  .index = VFIO_PCI_CONFIG_REGION_INDEX};
	off_t at;
	uint16_t command;
	int ret = answer(ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &config));

	if (ret)
		return ret;
	at = (off_t)config.offset + PCI_COMMAND;
	if (pread(fd, &command, sizeof(command), at) != sizeof(command))
		return -EIO;
	/* Little-endian on the bus, and this library runs on little-endian only. */
	command &= (uint16_t)~PCI_COMMAND_MASTER;
	if (pwrite(fd, &command, sizeof(command), at) != sizeof(command) ||
	    pread(fd, &command, sizeof(command), at) != sizeof(command))
		return -EIO;
	return command & PCI_COMMAND_MASTER ? -EIO : 0;
}

static int vfio_device_stop(int fd)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int ret = answer(ioctl(fd, VFIO_DEVICE_GET_INFO, &info));

	if (ret)
		return ret;
	if ((info.flags & VFIO_DEVICE_FLAGS_RESET) && !ioctl(fd, VFIO_DEVICE_RESET))
		return 0;
	return clear_bus_master(fd);
}

const struct tce_kernel tce_kernel_vfio = {
	.name = "vfio",
	.device_group = host_device_group,
	.device_driver = host_device_driver,
	.group_device = host_group_device,
	.container_open = vfio_container_open,
	.container_check = vfio_container_check,
	.group_open = vfio_group_open,
	.group_number = host_group_number,
	.group_flags = vfio_group_flags,
	.group_attach = vfio_group_attach,
	.group_join = vfio_group_join,
	.group_detach = vfio_group_detach,
	.facts = vfio_facts,
	.dup = vfio_dup,
	.close = vfio_close,
	.window_create = vfio_window_create,
	.window_remove = vfio_window_remove,
	.enroll = vfio_enroll,
	.unenroll = vfio_unenroll,
	.map = vfio_map,
	.unmap = vfio_unmap,
	.device_open = vfio_device_open,
	.device_stop = vfio_device_stop,
	.locked = host_locked,
	.lock_limit = host_lock_limit,
	.backing_page = host_backing_page,
	.memory = host_memory,
	.hugepages_free = host_hugepages_free,
	.slot_lost = host_slot_lost,
};
