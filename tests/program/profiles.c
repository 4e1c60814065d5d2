/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "profiles.h"

/* Every platform, with the kernel that most of them have, and some with older and newer ones. */
static const struct profile profiles[] = {
	{"p8", &model_p8, {0}},
	{"p9", &model_p9, {0}},
	{"p9-64k", &model_p9_64k, {0}},
	{"p9-hash", &model_p9_hash, {0}},
	{"p10", &model_p10, {0}},
	{"lpar", &model_lpar, {0}},
	{"lpar-64k", &model_lpar_64k, {0}},
	{"lpar-4g", &model_lpar_4g, {0}},
	{"lpar-one-window", &model_one_window, {0}},
	{"lpar-vf", &model_vf, {0}},
	{"lpar-no-ddw", &model_no_ddw, {0}},
	{"lpar-default-only", &model_default_only, {0}},
	{"p8-busy", &model_p8, {.busy_unenroll = true}},
	{"lpar-64k-busy", &model_lpar_64k, {.busy_unenroll = true}},
	{"p9-64k-end", &model_p9_64k, {.unmap_checks_end = true}},
	{"lpar-64k-end", &model_lpar_64k, {.unmap_checks_end = true}},
};

const struct profile *profile_at(unsigned n)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		/* A range of the model's pages has to be one of the system's, too. */
		if (profiles[i].platform->system_page >= page && !n--)
			return &profiles[i];
	return NULL;
}

void profile_start(const struct profile *profile)
{
	model_start(profile->platform);
	model_set_quirks(profile->quirks);
}
