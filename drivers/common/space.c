/* SPDX-License-Identifier: BSD-3-Clause */
/* The space of a device, as EAL's memory and the user want it. */
#include "common.h"

#include <errno.h>

#include "eal.h"

static void keep_first(const struct tce_finding *finding, void *arg)
{
	int *first = arg;

	if (*first || finding->verdict != TCE_WRONG || !finding->err)
		return;
	*first = say(finding->err, "%s%s%s", finding->found, finding->remedy[0] ? ": " : "",
		     finding->remedy);
}

int space_options(const struct plugin_args *args, struct tce_space_options *opts)
{
	struct tce_eal_need need;
	int err = tce_eal_need(&need);

	if (err)
		return say(err, "%s", tce_eal_error());
	if (args->page > need.page)
		return say(-EINVAL,
			   "page=%llu is more than EAL's hugepages of %zu bytes: no window can "
			   "take them by it; give page=%zu or less",
			   (unsigned long long)args->page, need.page, need.page);
	*opts = (struct tce_space_options){
		.mem = args->mem,
		.page = args->page ? args->page : need.page,
		.highest = need.highest == UINT64_MAX ? 0 : need.highest,
		.identity = need.identity,
	};
	return 0;
}

static int say_more(int err, const char *sentence, const struct tce_space_options *opts)
{
	const char *remedy = "";

	if (err == -ENOSPC && opts->identity)
		remedy = "; EAL's IOVA mode is VA: run it with --iova-mode=pa, or with a lower "
			 "--base-virtaddr";
	else if (err == -ENOSPC && opts->highest)
		remedy = "; it is a DMA mask set in EAL that limits it, as EAL does itself when it "
			 "fails with a device on vfio-pci that was given to it by -a";
	return say(err, "%s%s", sentence, remedy);
}

int space_say(int err, const struct tce_space_options *opts)
{
	return say_more(err, tce_error(), opts);
}

int space_look_first(const char *device, const struct tce_space_options *opts)
{
	char sentence[1024];
	int err = 0;

	tce_check(device, opts, keep_first, &err);
	snprintf(sentence, sizeof(sentence), "%s", said());
	return err ? say_more(err, sentence, opts) : 0;
}
