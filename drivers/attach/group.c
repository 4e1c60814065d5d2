/* SPDX-License-Identifier: BSD-3-Clause */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_vfio.h>

#include "eal.h"

static struct group *groups;

static struct group *find(int number)
{
	struct group *g = groups;

	while (g && g->number != number)
		g = g->next;
	return g;
}

static void keep_first(const struct tce_finding *finding, void *arg)
{
	bool *found = arg;

	if (*found || finding->verdict != TCE_WRONG || !finding->err)
		return;
	*found = true;
	say(finding->err, "%s%s%s", finding->found, finding->remedy[0] ? ": " : "",
	    finding->remedy);
}

static int space_options(const struct attach_args *args, struct tce_space_options *opts)
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

/* Say what libtce said, and of what EAL could be told otherwise. */
static int say_space(int err, const struct tce_space_options *opts)
{
	const char *remedy = "";

	if (err == -ENOSPC && opts->identity)
		remedy = "; EAL's IOVA mode is VA: run it with --iova-mode=pa, or with a lower "
			 "--base-virtaddr";
	else if (err == -ENOSPC && opts->highest)
		remedy = "; it is a DMA mask set in EAL that limits it, as EAL does itself when it "
			 "fails with a device on vfio-pci that was given to it by -a";
	return say(err, "%s%s", tce_error(), remedy);
}

/* Everything that can be wrong is looked for before EAL opens anything. */
static int look_first(const char *device, const struct tce_space_options *opts)
{
	bool found = false;
	int err = tce_check(device, opts, keep_first, &found);

	if (found && err == -ENOSPC)
		return say_space(err, opts);
	if (found)
		return err;
	return err == -EPERM || err == -EEXIST ? say(err, "%s", tce_error()) : 0;
}

static int make_space(struct group *g, const struct tce_space_options *opts)
{
	int fd = rte_vfio_container_group_bind(g->container, g->number);
	int err;

	if (fd < 0)
		return say(-EIO, "EAL cannot open %s: it said why above", g->name);
	err = tce_space_adopt(fd, g->container, opts, &g->space);
	return err ? say_space(err, opts) : 0;
}

static int join(struct group *g)
{
	struct tce_eal_member member = {
		.space = g->space,
		.name = g->name,
		.stop = device_stop_group,
		.arg = g,
	};
	int err = tce_eal_join(&member);

	return err ? say(err, "%s", tce_eal_error()) : 0;
}

static int fill(struct group *g, const struct tce_space_options *opts)
{
	int err;

	g->container = rte_vfio_container_create();
	if (g->container < 0)
		return say(-ENOMEM, "EAL has no room for one more VFIO container: "
				    "it said why above");
	err = make_space(g, opts);
	if (!err) {
		err = join(g);
		if (err)
			tce_space_close(g->space, NULL);
	}
	if (err)
		rte_vfio_container_destroy(g->container);
	return err;
}

static int open_group(const struct attach_args *args, int number, struct group **group)
{
	struct tce_space_options opts;
	struct group *g;
	int err = space_options(args, &opts);

	if (!err)
		err = look_first(args->device, &opts);
	if (err)
		return err;
	g = calloc(1, sizeof(*g));
	if (!g)
		return say(-ENOMEM, "no memory to note IOMMU group %d", number);
	g->number = number;
	snprintf(g->name, sizeof(g->name), "IOMMU group %d", number);
	err = fill(g, &opts);
	if (err) {
		free(g);
		return err;
	}
	g->next = groups;
	groups = g;
	*group = g;
	return 0;
}

int group_get(const struct attach_args *args, struct group **group)
{
	int number;
	int err = tce_device_group(args->device, &number);
	struct group *g = err ? NULL : find(number);

	if (err)
		return say(err, "%s", tce_error());
	if (!g)
		err = open_group(args, number, &g);
	if (err)
		return err;
	g->users++;
	*group = g;
	return 0;
}

void group_put(struct group *group)
{
	if (--group->users)
		return;
	for (struct group **at = &groups; *at; at = &(*at)->next)
		if (*at == group) {
			*at = group->next;
			break;
		}
	tce_eal_leave(group->space);
	if (tce_space_close(group->space, NULL))
		say_now(RTE_LOG_ERR, "%s: %s", group->name, tce_error());
	rte_vfio_container_destroy(group->container);
	free(group);
}
