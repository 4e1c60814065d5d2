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

static int make_space(struct group *g, const struct tce_space_options *opts)
{
	int fd = rte_vfio_container_group_bind(g->container, g->number);
	int err;

	if (fd < 0)
		return say(-EIO, "EAL cannot open %s: it said why above", g->name);
	err = tce_space_adopt(fd, g->container, opts, &g->space);
	return err ? space_say(err, opts) : 0;
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

static int open_group(const struct plugin_args *args, int number, struct group **group)
{
	struct tce_space_options opts;
	struct group *g;
	int err = space_options(args, &opts);

	if (!err)
		err = space_look_first(args->device, &opts);
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

int group_get(const struct plugin_args *args, struct group **group)
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
