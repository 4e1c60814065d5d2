/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel's log tells of a device's slot. On pseries the kernel keeps a list of slots that
 * get no DMA window again before the machine reboots (failed_ddw_pdn_list of
 * arch/powerpc/platforms/pseries/iommu.c). It shows the list to nobody, but logs each addition and
 * each later refusal, with the slot's path in the device tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define LOG_FILE "/dev/kmsg"
#define TREE	 "/firmware/devicetree/base"
/* CONSOLE_EXT_LOG_MAX of kernel/printk: no record is longer. */
#define RECORD_MAX 8192

/* The device's path in the device tree: "/pci@800000020000002/ethernet@0"; "" where it has none. */
static void node_path(const char *device, char *path, size_t room)
{
	char link[256];
	char *whole, *at;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/of_node", device);
	whole = realpath(link, NULL);
	at = whole ? strstr(whole, TREE) : NULL;
	snprintf(path, room, "%s", at ? at + strlen(TREE) : "");
	free(whole);
}

/* Is the path that ends at a blank or the text's end the node or one above it? */
static bool is_above(const char *text, const char *node)
{
	size_t n = strcspn(text, " \n");

	return n > 1 && !strncmp(text, node, n) && (node[n] == '/' || !node[n]);
}

static bool tells_of_loss(const char *record, const char *node)
{
	static const char made[] = "Create ddw failed ", listed[] = " in failed DDW device list";
	const char *at = strstr(record, made);

	if (at)
		return is_above(at + strlen(made), node);
	if (!strstr(record, listed))
		return false;
	at = strstr(record, ": /");
	return at && is_above(at + 2, node);
}

int host_slot_lost(const char *device)
{
	char record[RECORD_MAX + 1], node[512];
	bool lost = false;
	ssize_t n;
	int fd;

	node_path(device, node, sizeof(node));
	if (!*node)
		return 0;
	fd = open(LOG_FILE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Each read is one record; EPIPE: the oldest ones were overwritten meanwhile. */
	while (!lost && ((n = read(fd, record, RECORD_MAX)) > 0 || (n < 0 && errno == EPIPE))) {
		record[n > 0 ? n : 0] = '\0';
		lost = tells_of_loss(record, node);
	}
	close(fd);
	return lost;
}
