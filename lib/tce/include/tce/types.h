/* SPDX-License-Identifier: BSD-3-Clause */
/* The types that every other header uses. */
#ifndef TCE_TYPES_H
#define TCE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands between these two is the library's interface; all else is hidden. */
#ifdef __cplusplus
#define TCE_BEGIN_DECLS                                                                            \
	_Pragma("GCC visibility push(default)") extern "C"                                         \
	{
#define TCE_END_DECLS                                                                              \
	}                                                                                          \
	_Pragma("GCC visibility pop")
#else
#define TCE_BEGIN_DECLS _Pragma("GCC visibility push(default)")
#define TCE_END_DECLS	_Pragma("GCC visibility pop")
#endif

/** An address as the device puts it on the bus. */
typedef uint64_t tce_iova_t;

/** "Any IOVA will do." Never a valid IOVA of a mapping: the last byte of the address space. */
#define TCE_IOVA_ANY UINT64_MAX

/** What the device may do with mapped memory. */
enum tce_access {
	TCE_READ = 1,  /**< the device reads memory */
	TCE_WRITE = 2, /**< the device writes memory */
	TCE_RW = 3,
};

/** One VFIO container with one IOMMU group, its windows and its mappings: what a device sees. */
struct tce_space;

#endif
