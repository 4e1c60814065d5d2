/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration space. */
#include <endian.h>
#include <linux/pci_regs.h>

#include "internal.h"

#define K tce_process.kernel

/* Bits that read 0 (PCI Local Bus 3.0, 6.2.2), but of a device that is gone; VFIO makes up bit 10.
 */
#define COMMAND_RESERVED 0xf800u

static int check_place(const struct tce_pci *pci, unsigned at, unsigned size)
{
	if ((size == 1 || size == 2 || size == 4) && at % size == 0 && at < pci->config.size)
		return 0;
	return tce_fail(-EINVAL,
			"device %s: configuration space has %llu bytes, read and written 1, 2 or 4 "
			"at a multiple of as many; not %u at %#x",
			pci->name, (unsigned long long)pci->config.size, size, at);
}

int tce_pci_config_read(struct tce_pci *pci, unsigned at, unsigned size, uint32_t *value)
{
	uint32_t raw = 0; /* the bytes as they are on the bus: the first is the lowest */
	int ret = check_place(pci, at, size);

	if (ret)
		return ret;
	ret = K->device_read(pci->fd, pci->config.offset + at, &raw, size);
	if (ret != (int)size)
		return tce_fail(-EIO, "device %s: reading configuration space at %#x: %s",
				pci->name, at, ret < 0 ? tce_errno_text(ret) : "cut short");
	*value = le32toh(raw);
	return 0;
}

int tce_pci_config_write(struct tce_pci *pci, unsigned at, unsigned size, uint32_t value)
{
	uint32_t raw = htole32(value);
	int ret = check_place(pci, at, size);

	if (!ret && size < 4 && value >> (8 * size))
		ret = tce_fail(-EINVAL, "device %s: %#x does not fit into %u bytes", pci->name,
			       value, size);
	if (ret)
		return ret;
	ret = K->device_write(pci->fd, pci->config.offset + at, &raw, size);
	if (ret == (int)size)
		return 0;
	return tce_fail(-EIO, "device %s: writing configuration space at %#x: %s", pci->name, at,
			ret < 0 ? tce_errno_text(ret) : "cut short");
}

int tce_pci_command(struct tce_pci *pci, uint16_t clear, uint16_t set)
{
	uint32_t was = 0, is = 0;
	int ret = tce_pci_config_read(pci, PCI_COMMAND, 2, &was);

	if (!ret)
		ret = tce_pci_config_write(pci, PCI_COMMAND, 2, (was & ~(uint32_t)clear) | set);
	if (!ret)
		ret = tce_pci_config_read(pci, PCI_COMMAND, 2, &is);
	if (ret ||
	    ((is & set) == set && !(is & clear) && (is & COMMAND_RESERVED) != COMMAND_RESERVED))
		return ret;
	return tce_fail(-EIO,
			"device %s: its command register reads %#x after bits %#x were cleared and "
			"%#x set: it does not take them, or is gone",
			pci->name, is, clear, set);
}

int tce_pci_read(struct tce_pci *pci, unsigned at, unsigned size, uint32_t *value)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(tce_pci_config_read(pci, at, size, value));
}

int tce_pci_write(struct tce_pci *pci, unsigned at, unsigned size, uint32_t value)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(tce_pci_config_write(pci, at, size, value));
}

int tce_pci_bus_master(struct tce_pci *pci, bool on)
{
	int ret = tce_enter();

	if (ret)
		return ret;
	return tce_leave(
		tce_pci_command(pci, on ? 0 : PCI_COMMAND_MASTER, on ? PCI_COMMAND_MASTER : 0));
}

static int none(const struct tce_pci *pci, uint32_t id)
{
	return tce_fail(-ENOENT, "device %s has no capability %#x", pci->name, id);
}

static int endless(const struct tce_pci *pci, unsigned at)
{
	return tce_fail(-EIO, "device %s: its list of capabilities does not end, or leads to %#x",
			pci->name, at);
}

/* The list that starts at 0x34: one byte of number, one of the next one's place. */
static int find_low(struct tce_pci *pci, uint32_t id, unsigned *found)
{
	uint32_t status, at, head;
	int ret = tce_pci_config_read(pci, PCI_STATUS, 2, &status);

	if (!ret && !(status & PCI_STATUS_CAP_LIST))
		return none(pci, id);
	if (!ret)
		ret = tce_pci_config_read(pci, PCI_CAPABILITY_LIST, 1, &at);
	for (unsigned left = 48; !ret && (at &= 0xfc); left--) {
		if (at < PCI_STD_HEADER_SIZEOF || !left)
			return endless(pci, at);
		ret = tce_pci_config_read(pci, at, 2, &head);
		if (!ret && (head & 0xff) == id) {
			*found = at;
			return 0;
		}
		at = head >> 8;
	}
	return ret ? ret : none(pci, id);
}

/* The list that starts at 0x100: 16 bits of number, 12 of the next one's place. */
static int find_extended(struct tce_pci *pci, uint32_t id, unsigned *found)
{
	unsigned at = PCI_CFG_SPACE_SIZE;
	uint32_t head = 0;
	int ret;

	if (pci->config.size <= PCI_CFG_SPACE_SIZE)
		return none(pci, id);
	for (unsigned left = (PCI_CFG_SPACE_EXP_SIZE - PCI_CFG_SPACE_SIZE) / 8; at; left--) {
		if (at < PCI_CFG_SPACE_SIZE || !left)
			return endless(pci, at);
		ret = tce_pci_config_read(pci, at, 4, &head);
		if (ret)
			return ret;
		if (!head || head == UINT32_MAX)
			break;
		if (PCI_EXT_CAP_ID(head) == (id & 0xffff)) {
			*found = at;
			return 0;
		}
		at = PCI_EXT_CAP_NEXT(head);
	}
	return none(pci, id);
}

static int find(struct tce_pci *pci, uint32_t id, unsigned *at)
{
	if (!id || (id > 0xff && id < 0x10000) || id > 0x1ffff)
		return tce_fail(-EINVAL,
				"device %s: %#x is no capability: 1 to 0xff, or 0x10000 plus the "
				"number of an extended one",
				pci->name, id);
	return id < 0x10000 ? find_low(pci, id, at) : find_extended(pci, id, at);
}

int tce_pci_capability(struct tce_pci *pci, uint32_t id, unsigned *at)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(find(pci, id, at));
}
