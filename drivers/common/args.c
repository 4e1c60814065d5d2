/* SPDX-License-Identifier: BSD-3-Clause */
#include "common.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_kvargs.h>
#include <rte_pci.h>

#define KEY_DEV	 "dev"
#define KEY_MEM	 "mem"
#define KEY_PAGE "page"

static const char *const keys[] = {KEY_DEV, KEY_MEM, KEY_PAGE, NULL};

int args_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	unsigned long long number;
	const char *unit;
	unsigned shift = 0;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno)
		return -EINVAL;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*end || number > UINT64_MAX >> shift)
		return -EINVAL;
	*bytes = (uint64_t)number << shift;
	return 0;
}

static int read_size(const char *key, const char *value, void *to)
{
	uint64_t bytes;

	if (!value || args_size(value, &bytes) || bytes == 0)
		return say(-EINVAL, "%s=%s is no size: digits, then K, M, G or T", key,
			   value ? value : "");
	*(uint64_t *)to = bytes;
	return 0;
}

static int read_device(const char *key, const char *value, void *to)
{
	struct rte_pci_addr address;

	if (!value || rte_pci_addr_parse(value, &address))
		return say(-EINVAL, "%s=%s is no PCI address such as 0001:00:00.0", key,
			   value ? value : "");
	rte_pci_device_name(&address, to, PLUGIN_DEVICE_MAX);
	return 0;
}

static int read_all(const struct rte_kvargs *list, struct plugin_args *args)
{
	if (rte_kvargs_count(list, KEY_DEV) != 1)
		return say(-EINVAL, "exactly one " KEY_DEV "=<PCI address> is wanted");
	if (rte_kvargs_process(list, KEY_DEV, read_device, args->device) ||
	    rte_kvargs_process(list, KEY_MEM, read_size, &args->mem) ||
	    rte_kvargs_process(list, KEY_PAGE, read_size, &args->page))
		return -EINVAL;
	if (args->page & (args->page - 1))
		return say(-EINVAL, KEY_PAGE "=%llu is no power of two",
			   (unsigned long long)args->page);
	return 0;
}

int args_read(const char *text, struct plugin_args *args)
{
	struct plugin_args read = {0};
	struct rte_kvargs *list = rte_kvargs_parse(text ? text : "", keys);
	int err;

	if (!list)
		return say(-EINVAL,
			   "the arguments '%s' cannot be read: " KEY_DEV "=<PCI address>, " KEY_MEM
			   "=<size> and " KEY_PAGE "=<size> are known",
			   text ? text : "");
	err = read_all(list, &read);
	rte_kvargs_free(list);
	if (!err)
		*args = read;
	return err;
}
