/* SPDX-License-Identifier: BSD-3-Clause */
/* Which known defects does this kernel have? Found out without harm to it. */
#ifndef TCE_PROBE_H
#define TCE_PROBE_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** Does the kernel have a defect? */
enum tce_answer {
	TCE_NO,
	TCE_YES,
	TCE_CANNOT_TELL, /**< to try it could do harm, or needs what this slot does not have */
};

/** One defect that was looked for. The strings are valid during the call only. */
struct tce_defect {
	const char *name; /**< a few words: "MAP over a TCE in use" */
	enum tce_answer answer;
	const char *sentence; /**< what was seen, or what is known of kernels; what libtce does */
};

/** Receives each defect. It must not make control calls. */
typedef void tce_defect_fn(const struct tce_defect *defect, void *arg);

/**
 * Look for the defects of VFIO SPAPR TCE v2 that are known, with the device's IOMMU group in a
 * container of the probe's own, a few pages of its own and the default window. What could orphan a
 * page, lose a slot's window or bring the kernel down is not tried: of those the answer is
 * TCE_CANNOT_TELL, and the sentence says which kernels are known. Nothing stays behind but for one
 * thing that is looked for: where the kernel keeps the memlock of a refused window, it has kept
 * some hundred kB of this process's until the process ends.
 *
 * Units: @device as for tce_space_open(); nobody may use its group meanwhile.
 * Owner: the defects are the library's.
 * Threads: a control call.
 * Errors:
 *   -ENODEV, -ENXIO, -EACCES, -EBUSY, -EPROTONOSUPPORT  as for tce_space_open()
 *   -ENOMEM  no memory, or the memlock is too small: the sentence has the number
 *   -EIO     the kernel refused what the probe needs, or to give back what it used
 */
int tce_probe(const char *device, tce_defect_fn *fn, void *arg);

TCE_END_DECLS

#endif
