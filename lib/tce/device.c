/* SPDX-License-Identifier: BSD-3-Clause */
/* The questions that opening a space and checking a machine both ask: each answers by a sentence.
 */
#include <string.h>

#include "internal.h"

#define K tce_process.kernel

int tce_device_group(const char *device, int *group)
{
	char driver[KERNEL_NAME_MAX];
	int ret = K->device_driver(device, driver);

	if (ret)
		return tce_report(tce_fail(-ENODEV, "no device %s: compare with lspci -D", device));
	ret = K->device_group(device, group);
	if (ret)
		return tce_report(
			tce_fail(-ENODEV,
				 "device %s has no IOMMU group: its host bridge has no IOMMU, or "
				 "this kernel was built without CONFIG_IOMMU_API",
				 device));
	return 0;
}

int tce_ask_driver(const char *device)
{
	char driver[KERNEL_NAME_MAX];

	if (K->device_driver(device, driver))
		return tce_fail(-ENODEV, "no device %s: compare with lspci -D", device);
	if (!strcmp(driver, "vfio-pci"))
		return 0;
	return tce_fail(-ENXIO,
			"device %s is bound to %s, not to vfio-pci; write vfio-pci into its "
			"driver_override "
			"in sysfs, unbind it, and write its address into the bus's drivers_probe",
			device, *driver ? driver : "no driver");
}

int tce_ask_siblings(int group)
{
	char device[KERNEL_NAME_MAX], driver[KERNEL_NAME_MAX];

	for (unsigned i = 0; !K->group_device(group, i, device); i++) {
		if (K->device_driver(device, driver) || !strncmp(driver, "vfio-", 5) || !*driver ||
		    !strcmp(driver, "pci-stub") || !strcmp(driver, "pcieport"))
			continue;
		return tce_fail(
			-ENXIO,
			"device %s of the same IOMMU group %d is bound to the kernel driver %s: "
			"the "
			"group cannot be used until it is bound to vfio-pci too, or to nothing",
			device, group, driver);
	}
	return 0;
}

int tce_ask_container(int *fd)
{
	int ret = K->container_open(fd);

	if (!ret)
		return 0;
	if (ret == -EACCES || ret == -EPERM)
		return tce_fail(-EACCES,
				"no permission to open VFIO's container file; give this user "
				"read and write on it");
	return tce_fail(-EPROTONOSUPPORT,
			"this kernel has no VFIO SPAPR TCE v2 (%s): load vfio_iommu_spapr_tce and "
			"vfio-pci; "
			"only ppc64 kernels built with CONFIG_VFIO_IOMMU_SPAPR_TCE have it",
			tce_errno_text(ret));
}

int tce_ask_group(int group, int *fd)
{
	unsigned flags;
	int opened, ret = K->group_open(group, &opened);

	if (ret == -EACCES || ret == -EPERM)
		return tce_fail(
			-EACCES,
			"no permission to open the file of IOMMU group %d; give this user read and "
			"write on it",
			group);
	if (ret == -EBUSY)
		return tce_fail(-EBUSY,
				"IOMMU group %d is in use by another process, or elsewhere in "
				"this one; end that first",
				group);
	if (ret)
		return tce_fail(-ENXIO,
				"cannot open IOMMU group %d: %s; bind its devices to vfio-pci",
				group, tce_errno_text(ret));
	ret = K->group_flags(opened, &flags);
	if (!ret && (flags & KERNEL_GROUP_VIABLE)) {
		*fd = opened;
		return 0;
	}
	K->close(opened);
	if (ret)
		return tce_fail(-EIO, "the kernel does not tell the state of IOMMU group %d: %s",
				group, tce_errno_text(ret));
	ret = tce_ask_siblings(group);
	return ret ? ret
		   : tce_fail(-ENXIO,
			      "IOMMU group %d is not viable: a device of it is bound to a kernel "
			      "driver; "
			      "bind every device of the group to vfio-pci",
			      group);
}

int tce_ask_attach(int group, int group_fd, int container_fd)
{
	int ret = K->group_attach(group_fd, container_fd);

	if (!ret)
		return 0;
	if (ret == -EBUSY)
		return tce_fail(-EBUSY,
				"IOMMU group %d cannot be attached: it is in a container already, "
				"or its TCE "
				"tables are in use by the kernel",
				group);
	return tce_fail(-EIO,
			"IOMMU group %d cannot be attached to a SPAPR TCE v2 container: %s; this "
			"kernel may "
			"be one where VFIO on this platform is broken",
			group, tce_errno_text(ret));
}

static int lock_free(uint64_t *bytes)
{
	uint64_t limit, locked = 0;
	int ret = K->lock_limit(&limit);

	if (!ret && limit != UINT64_MAX)
		ret = K->locked(&locked);
	if (ret)
		return tce_fail(-EIO, "cannot read this process's memlock: %s",
				tce_errno_text(ret));
	*bytes = limit == UINT64_MAX ? UINT64_MAX : limit > locked ? limit - locked : 0;
	return 0;
}

int tce_lock_free(uint64_t *bytes)
{
	return tce_report(lock_free(bytes));
}

/* What the kernel says of the group, and how much may still be locked. */
int tce_ask_facts(int container_fd, struct tce_facts *facts)
{
	int ret = K->facts(container_fd, facts);

	if (ret)
		return tce_fail(-EIO, "the kernel does not describe the group's windows: %s",
				tce_errno_text(ret));
	return lock_free(&facts->lock_free);
}

int tce_need_fill(const struct tce_space_options *opts, struct tce_need *need)
{
	uint64_t total = 0, hugepage = 0;
	int ret;

	ret = tce_check_reserved("space", opts->reserved);
	if (ret)
		return ret;
	ret = K->memory(&total, &hugepage);
	if (ret)
		return tce_fail(-EIO, "cannot read how much memory this machine has: %s",
				tce_errno_text(ret));
	*need = (struct tce_need){
		.mem = opts->mem ? opts->mem : total,
		.page = opts->page ? opts->page : hugepage,
		.highest = opts->highest ? opts->highest : UINT64_MAX,
		.identity = opts->identity,
	};
	return 0;
}
