/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spaces: one VFIO container with one IOMMU group. Devices of one group share its space, counted.
 * One group, one space, always: on pseries a second group cannot use a container's windows, and
 * everywhere the kernel clears the TCEs of all groups when one is detached
 * (arch/powerpc/platforms/powernv/pci-ioda.c and pseries/iommu.c, release_ownership).
 */
#ifndef TCE_SPACE_H
#define TCE_SPACE_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** How to open a space. Zero every field that is not set: 0 always means the default. */
struct tce_space_options {
	/** most bytes mapped at a time (mem=); default: all the machine's memory */
	uint64_t mem;
	/** smallest page backing that memory (page=); default: the system's default hugepage */
	uint64_t page;
	/** highest IOVA that the device can reach, inclusive; default: all 64 bits. A device that
	 * shares the space with a lower one lowers it for what is mapped later */
	uint64_t highest;
	/** IOVA=VA is wanted up to this VA, inclusive; default: not wanted */
	uint64_t identity;
	/** make no window, keep the default one: the caller shapes windows by hand */
	bool no_windows;
	/** for later versions */
	uint64_t reserved[4];
};

/**
 * Open the space of a device: find its group, attach it to a container, plan and make the windows.
 * A device whose group has a space already shares it, counted, windows and all; the options are
 * then held against the sizes of the windows that are there, not against what is free in them.
 *
 * Units: @device as the bus names it, "0001:00:01.0"; @opts may be NULL.
 * Owner: @space is the library's until as many tce_space_close() as there were opens.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  a reserved field of the options is not 0; the page is no power of two from 4 KiB on,
 *            the memory more than any window holds, IOVA=VA wanted beyond the device's reach
 *   -EDEADLK this thread is itself between tce_read_begin() and tce_read_end()
 *   -ENODEV  no such device, or it has no IOMMU group
 *   -ENXIO   the device, or another one of its group, is not bound to vfio-pci: the sentence says
 *            which and how to bind it
 *   -EACCES  no permission on the group's file
 *   -EBUSY   another process, or another part of this one, uses the group
 *   -EALREADY  this device is open here already
 *   -EPROTONOSUPPORT  this kernel has no VFIO SPAPR TCE v2: module or architecture
 *   -ENOSPC  no window serves: the sentence names what would
 *   -ENOMEM  memlock too small for the tables: the sentence has the number
 *   -EIO     the kernel refused what it should take: the sentence names the call and the values
 */
int tce_space_open(const char *device, const struct tce_space_options *opts,
		   struct tce_space **space);

/**
 * Make a space of a group and a container that somebody else opened. The group must not have been
 * put into a container yet: windows and TCEs that others made cannot be known.
 *
 * Units: file descriptors of a VFIO group and of a VFIO container with nothing attached.
 * Owner: the library works on duplicates of its own; the caller's remain the caller's. Both are
 *   marked close-on-exec and are closed in a child after fork. The device comes to rest only when
 *   duplicates and originals are closed.
 * Threads: a control call.
 * Errors: as tce_space_open(), and
 *   -EBADF   not a VFIO group, or not a VFIO container
 *   -EBUSY   the group is in a container already, or has a space here; the container has a group
 *   -EPERM   the container is another process's, which passed its descriptor on
 */
int tce_space_adopt(int group_fd, int container_fd, const struct tce_space_options *opts,
		    struct tce_space **space);

/**
 * End a device's use of a space. The device is stopped if it was borrowed (bus mastering cleared,
 * and the function reset where there is a way to; one of the two has to work) and its descriptor
 * closed. The last use then ends the space:
 * every borrowed device is stopped, every TCE cleared, the registrations of this space are given
 * back, the windows that were made are removed, and group and container closed.
 *
 * Units: @device as it was opened; NULL for a space that was adopted.
 * Owner: @space is gone with the last use on 0 and -EIO, and so are its file descriptors.
 * Threads: a control call. At the last use no thread may translate in the space any more, and the
 *   caller promises that no DMA is in flight from a device that was not borrowed from it.
 * Errors:
 *   -ENODEV  this device was not opened in this space
 *   -EDEADLK this thread is itself between tce_read_begin() and tce_read_end()
 *   -EIO     the kernel refused a step. All steps were taken all the same; memory that it did not
 *            let go of is in quarantine
 */
int tce_space_close(struct tce_space *space, const char *device);

/**
 * Borrow the file descriptor of a device of the space's group, to reach its BARs, configuration
 * space and interrupts. Opened at the first call for the device.
 *
 * Units: @device as for tce_space_open().
 * Owner: the space's: valid until the device's use of it, or the space, is closed. Not to be closed
 *   by the borrower. Mappings of BARs made with it are the borrower's; let a child not inherit them
 *   (MADV_DONTFORK), or it keeps the group busy for as long as it lives.
 * Threads: a control call.
 * Errors:
 *   -ENODEV  no such device in this group
 *   -EBUSY   somebody else has it open
 *   -EIO     the kernel refused: the sentence has the call and its errno
 */
int tce_space_device(struct tce_space *space, const char *device, int *fd);

/**
 * Find the IOMMU group of a device.
 *
 * Units: the group's number, as in its file's name.
 * Owner: nothing changes hands.
 * Threads: any; not a control call.
 * Errors:
 *   -ENODEV  no such device, or it has no IOMMU group
 */
int tce_device_group(const char *device, int *group);

TCE_END_DECLS

#endif
