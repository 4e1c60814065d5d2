/* SPDX-License-Identifier: BSD-3-Clause */
/* Is this machine ready, is this device? Every answer at once, nothing changed. */
#ifndef TCE_CHECK_H
#define TCE_CHECK_H

#include <tce/space.h>
#include <tce/types.h>

TCE_BEGIN_DECLS

/** How a check ended. */
enum tce_verdict {
	TCE_OK,
	TCE_WRONG,
	TCE_UNKNOWN, /**< could not be looked at, because of something above that is wrong */
};

/** One thing looked at. The strings are valid during the call only. */
struct tce_finding {
	const char *item; /**< a few words: "vfio-pci driver" */
	enum tce_verdict verdict;
	int err;	    /**< -errno that opening the space, or mapping mem=, would answer;
				 0 when ok, and for hugepages, which only later are of account */
	const char *found;  /**< what is so */
	const char *remedy; /**< what to do; "" when nothing */
};

/** Receives each finding: the machine's first, then the device's. */
typedef void tce_finding_fn(const struct tce_finding *finding, void *arg);

/**
 * Look at everything that opening a space needs: kernel, module, device, driver, the rest of its
 * group, permission, whether it is in use, what windows its platform offers, memlock, hugepages.
 * The group is opened and closed again; no window is made and no memory registered.
 *
 * Units: @device as for tce_space_open(), or NULL to look at the machine only; @opts as there.
 * Owner: the findings are the library's.
 * Threads: any thread, not a signal handler; not a control call.
 * Errors:
 *   the -errno of the first finding that is wrong; 0 when all are ok
 */
int tce_check(const char *device, const struct tce_space_options *opts, tce_finding_fn *fn,
	      void *arg);

TCE_END_DECLS

#endif
