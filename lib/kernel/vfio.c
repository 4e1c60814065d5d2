/* SPDX-License-Identifier: BSD-3-Clause */
/* The real kernel, VFIO SPAPR TCE v2. The only file of the tree that issues an ioctl. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host.h"

#define CONTAINER_FILE "/dev/vfio/vfio"

static_assert(sizeof(struct vfio_iommu_spapr_tce_info) == 32,
	      "UAPI of VFIO_IOMMU_SPAPR_TCE_GET_INFO");
static_assert(sizeof(struct vfio_iommu_spapr_tce_create) == 40,
	      "UAPI of VFIO_IOMMU_SPAPR_TCE_CREATE");
static_assert(sizeof(struct vfio_iommu_spapr_register_memory) == 24, "UAPI of REGISTER_MEMORY");
static_assert(sizeof(struct vfio_iommu_type1_dma_map) == 32, "UAPI of VFIO_IOMMU_MAP_DMA");
static_assert(sizeof(struct vfio_region_info) == 32, "UAPI of VFIO_DEVICE_GET_REGION_INFO");
static_assert(sizeof(struct vfio_irq_set) == 20, "UAPI of VFIO_DEVICE_SET_IRQS");
static_assert((int)KERNEL_PCI_CONFIG == (int)VFIO_PCI_CONFIG_REGION_INDEX &&
		      (int)KERNEL_INTX == (int)VFIO_PCI_INTX_IRQ_INDEX &&
		      (int)KERNEL_MSI == (int)VFIO_PCI_MSI_IRQ_INDEX &&
		      (int)KERNEL_MSIX == (int)VFIO_PCI_MSIX_IRQ_INDEX &&
		      (int)KERNEL_ERROR == (int)VFIO_PCI_ERR_IRQ_INDEX &&
		      (int)KERNEL_REMOVAL == (int)VFIO_PCI_REQ_IRQ_INDEX,
	      "indexes of regions and interrupts");

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

/* The areas of a region that may be mapped, where that is not all of it. */
static void read_areas(const struct vfio_region_info *info, struct kernel_region *region)
{
	const char *base = (const char *)info;
	uint32_t at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	while (at && at + sizeof(struct vfio_info_cap_header) <= info->argsz) {
		const struct vfio_info_cap_header *head = (const void *)(base + at);
		const struct vfio_region_info_cap_sparse_mmap *sparse = (const void *)head;

		at = head->next;
		if (head->id != VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			continue;
		for (uint32_t i = 0; i < sparse->nr_areas && i < KERNEL_AREAS_MAX; i++)
			region->area[region->areas++] = (struct kernel_area){
				.at = sparse->areas[i].offset, .len = sparse->areas[i].size};
		return;
	}
}

static int vfio_device_region(int fd, unsigned index, struct kernel_region *region)
{
	struct vfio_region_info head = {.argsz = sizeof(head), .index = index}, *info = &head;
	int ret = answer(ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info));

	if (ret)
		return ret;
	/* The kernel has set argsz to what it wants to say. */
	if (head.argsz > sizeof(head)) {
		info = calloc(1, head.argsz);
		if (!info)
			return -ENOMEM;
		info->argsz = head.argsz;
		info->index = index;
		ret = answer(ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info));
	}
	if (!ret) {
		*region = (struct kernel_region){
			.size = info->size,
			.offset = info->offset,
			.mappable = info->flags & VFIO_REGION_INFO_FLAG_MMAP,
		};
		read_areas(info, region);
	}
	if (info != &head)
		free(info);
	return ret;
}

static int vfio_device_read(int fd, uint64_t offset, void *buf, size_t len)
{
	return answer((int)pread(fd, buf, len, (off_t)offset));
}

static int vfio_device_write(int fd, uint64_t offset, const void *buf, size_t len)
{
	return answer((int)pwrite(fd, buf, len, (off_t)offset));
}

static int vfio_device_mmap(int fd, uint64_t offset, size_t len, void *va)
{
	void *p = mmap(va, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)offset);

	return p == MAP_FAILED ? -errno : 0;
}

/* Clear bus mastering, and read it back. */
static int clear_bus_master(int fd)
{
	struct kernel_region config;
	uint64_t at;
	uint16_t command;
	int ret = vfio_device_region(fd, KERNEL_PCI_CONFIG, &config);

	if (ret)
		return ret;
	at = config.offset + PCI_COMMAND;
	ret = vfio_device_read(fd, at, &command, sizeof(command));
	/* It is gone, or frozen by EEH: it reaches nothing. The bus knows, or it reads all ones but
	 * for the bit that VFIO makes up (init_pci_cap_basic_perm() of vfio_pci_config.c). */
	if (ret == -ENODEV ||
	    (ret == (int)sizeof(command) && (command | PCI_COMMAND_INTX_DISABLE) == UINT16_MAX))
		return 0;
	if (ret != (int)sizeof(command))
		return -EIO;
	/* Little-endian on the bus, and this library runs on little-endian only. */
	command &= (uint16_t)~PCI_COMMAND_MASTER;
	if (vfio_device_write(fd, at, &command, sizeof(command)) != sizeof(command) ||
	    vfio_device_read(fd, at, &command, sizeof(command)) != sizeof(command))
		return -EIO;
	return command & PCI_COMMAND_MASTER ? -EIO : 0;
}

static int vfio_device_resets(int fd)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int ret = answer(ioctl(fd, VFIO_DEVICE_GET_INFO, &info));

	return ret ? ret : (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
}

static int vfio_device_reset(int fd)
{
	int ret = vfio_device_resets(fd);

	if (ret <= 0)
		return ret ? ret : -ENOTTY;
	return answer(ioctl(fd, VFIO_DEVICE_RESET));
}

static int vfio_device_stop(int fd)
{
	/* A reset ends with the command register as it was before. */
	int ret = clear_bus_master(fd);

	return vfio_device_reset(fd) ? ret : 0;
}

static int vfio_device_irqs(int fd, enum kernel_irq irq, unsigned *n)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = irq};
	int ret = answer(ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &info));

	/* An index that this kernel or device does not know is refused. */
	if (ret == -EINVAL) {
		info.count = 0;
		ret = 0;
	}
	if (!ret)
		*n = info.count;
	return ret;
}

static int vfio_device_irqs_set(int fd, enum kernel_irq irq, unsigned first, unsigned n,
				const int *eventfd)
{
	size_t data = n * sizeof(int32_t);
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + data);
	int ret;

	if (!set)
		return -ENOMEM;
	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(*set) + data),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
			 (n ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
		.index = irq,
		.start = first,
		.count = n,
	};
	if (n)
		memcpy(set->data, eventfd, data);
	ret = answer(ioctl(fd, VFIO_DEVICE_SET_IRQS, set));
	free(set);
	return ret;
}

static int vfio_device_irq_mask(int fd, enum kernel_irq irq, bool masked)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE |
			 (masked ? VFIO_IRQ_SET_ACTION_MASK : VFIO_IRQ_SET_ACTION_UNMASK),
		.index = irq,
		.count = 1,
	};

	return answer(ioctl(fd, VFIO_DEVICE_SET_IRQS, &set));
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
	.device_reset = vfio_device_reset,
	.device_resets = vfio_device_resets,
	.device_node = host_device_node,
	.device_region = vfio_device_region,
	.device_read = vfio_device_read,
	.device_write = vfio_device_write,
	.device_mmap = vfio_device_mmap,
	.device_irqs = vfio_device_irqs,
	.device_irqs_set = vfio_device_irqs_set,
	.device_irq_mask = vfio_device_irq_mask,
	.locked = host_locked,
	.lock_limit = host_lock_limit,
	.backing_page = host_backing_page,
	.memory = host_memory,
	.hugepages_free = host_hugepages_free,
	.slot_lost = host_slot_lost,
	.release = host_release,
	.pages = host_pages,
	.pages_end = host_pages_end,
};
