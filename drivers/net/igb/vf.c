/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtual function. It has a queue pair, interrupts, counters and a reset; all else belongs to
 * the physical function, and is asked of its driver by the mailbox [4.6.11, 7.10.2.9].
 */
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define ANSWER_MS 500 /* the other driver takes some of its own for a reset, else much less */
#define TRIES	  8
#define WORDS	  16

/* The buffer is ours, unless the other side has it. */
static int take_buffer(struct tce_igb *nic)
{
	for (unsigned ms = 0; ms <= ANSWER_MS; ms++) {
		igb_write(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_VFU);
		if (igb_read(nic, IGB_VF_MAILBOX) & IGB_VF_MAILBOX_VFU)
			return 0;
		igb_sleep_ms(1);
	}
	return igb_fail(-ETIMEDOUT, "%s: the mailbox stays with the physical function", nic->name);
}

static int send(struct tce_igb *nic, const uint32_t *message, unsigned n)
{
	int err = take_buffer(nic);

	if (err)
		return err;
	for (unsigned i = 0; i < n; i++)
		igb_write(nic, IGB_VF_MESSAGE(i), message[i]);
	/* The request lets go of the buffer, too. */
	igb_write(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_REQ);
	return 0;
}

/* The next message within @ms, of which is taken off what was waited. */
static int take_message(struct tce_igb *nic, uint32_t *message, unsigned n, unsigned *ms)
{
	int err;

	while (!(igb_read(nic, IGB_VF_MAILBOX) & IGB_VF_MAILBOX_PFSTS)) {
		if (!*ms)
			return igb_fail(-ETIMEDOUT,
					"%s: the physical function's driver does not answer: load "
					"it, and set its interface up",
					nic->name);
		--*ms;
		igb_sleep_ms(1);
	}
	err = take_buffer(nic);
	for (unsigned i = 0; !err && i < n; i++)
		message[i] = igb_read(nic, IGB_VF_MESSAGE(i));
	igb_write(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_ACK);
	return err;
}

/*
 * Send @n words, and take as many back: the first names what it answers. Others may come before it:
 * the other driver tells of its link unasked, by which it may have overwritten what it was to read.
 * So what is not answered is sent again.
 */
static int ask(struct tce_igb *nic, uint32_t *message, unsigned n)
{
	const uint32_t sort = message[0] & IGB_VF_SORT;
	uint32_t answer[WORDS];
	int err = -ETIMEDOUT;

	for (unsigned i = 0; err == -ETIMEDOUT && i < TRIES; i++) {
		unsigned ms = ANSWER_MS;

		err = send(nic, message, n);
		do
			err = err ? err : take_message(nic, answer, n, &ms);
		while (!err && (answer[0] & IGB_VF_SORT) != sort);
	}
	if (!err)
		memcpy(message, answer, n * sizeof(*message));
	return err;
}

static int ask_for(struct tce_igb *nic, uint32_t *message, unsigned n, const char *what)
{
	int err = ask(nic, message, n);

	if (!err && message[0] & IGB_VF_NACK)
		err = igb_fail(-EPERM, "%s: the physical function's driver refuses %s", nic->name,
			       what);
	return err;
}

/* An address of our own making: not a group's, and locally administered. */
static int make_mac(struct tce_igb *nic)
{
	uint8_t mac[6];
	int err;

	if (getrandom(mac, sizeof(mac), 0) != (ssize_t)sizeof(mac))
		return igb_fail(-EIO, "%s: no random number for an address", nic->name);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 2);
	err = igb_vf_mac(nic, mac);
	if (!err)
		memcpy(nic->mac, mac, sizeof(mac));
	return err;
}

/*
 * The reset turns the queues off; the other driver then makes room for this one, tells its address
 * if it has given it one, and lets its frames through.
 */
int igb_vf_reset(struct tce_igb *nic)
{
	uint32_t message[3] = {IGB_VF_RESET};
	int err;

	igb_write(nic, IGB_CTRL, IGB_CTRL_RST);
	if (igb_wait(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_RSTI | IGB_VF_MAILBOX_RSTD, 0))
		return igb_fail(-EIO, "%s: the physical function does not come out of its reset",
				nic->name);
	err = ask(nic, message, 3);
	if (err)
		return err;
	if (!(message[0] & IGB_VF_ACK) || !(message[1] | (message[2] & 0xffff)))
		return make_mac(nic);
	memcpy(nic->mac, &message[1], sizeof(nic->mac));
	return 0;
}

int igb_vf_mac(struct tce_igb *nic, const uint8_t mac[6])
{
	uint32_t message[3] = {IGB_VF_SET_MAC};

	memcpy(&message[1], mac, 6);
	return ask_for(nic, message, 3, "another address");
}

int igb_vf_multicast(struct tce_igb *nic, const uint16_t *hash, size_t n)
{
	uint32_t message[WORDS] = {IGB_VF_SET_MULTICAST | IGB_VF_COUNT(n)};

	static_assert(IGB_VF_HASHES * sizeof(*hash) == (WORDS - 1) * sizeof(*message), "room");
	if (n > IGB_VF_HASHES)
		return igb_vf_all_multicast(nic, true);
	memcpy(&message[1], hash, n * sizeof(*hash));
	return ask_for(nic, message, WORDS, "multicast addresses");
}

int igb_vf_all_multicast(struct tce_igb *nic, bool on)
{
	uint32_t message[1] = {IGB_VF_SET_ALL | (on ? IGB_VF_ALL_MULTICAST : 0)};

	return ask_for(nic, message, 1, "all multicast");
}

int igb_vf_vlan(struct tce_igb *nic, unsigned id, bool passes)
{
	uint32_t message[2] = {IGB_VF_SET_VLAN | IGB_VF_COUNT(passes), id};

	return ask_for(nic, message, 2, "that VLAN");
}

int igb_vf_frame_max(struct tce_igb *nic, unsigned bytes)
{
	uint32_t message[2] = {IGB_VF_SET_FRAME_MAX, bytes};

	return ask_for(nic, message, 2, "frames of that size");
}

/* The mailbox's vector is 0, the receive queue's 1. */
void igb_vf_irq_route(struct tce_igb *nic, unsigned queues)
{
	igb_write(nic, IGB_EIMC, UINT32_MAX);
	igb_write(nic, IGB_EIAC, (2u << queues) - 1);
	igb_write(nic, IGB_VF_IVAR_MISC, IGB_VF_IVAR_VALID | 0u);
	if (queues) {
		igb_write(nic, IGB_VF_IVAR, IGB_VF_IVAR_VALID | 1u);
		igb_write(nic, IGB_EITR(1), IGB_EITR_USEC(50u));
	}
}

void igb_vf_stats(struct tce_igb *nic)
{
	static const struct {
		uint32_t at;
		const char *name;
	} counters[] = {
		{IGB_VF_RX_PACKETS, "rx_good_frames"},
		{IGB_VF_TX_PACKETS, "tx_good_frames"},
		{IGB_VF_RX_BYTES, "rx_good_octets"},
		{IGB_VF_TX_BYTES, "tx_good_octets"},
		{IGB_VF_RX_MULTICAST, "rx_multicast_packets"},
	};

	static_assert(sizeof(counters) / sizeof(counters[0]) ==
			      sizeof(nic->vf_stat) / sizeof(nic->vf_stat[0]),
		      "one each");
	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint32_t value = igb_read(nic, counters[i].at);
		unsigned number = 0;

		while (strcmp(tce_igb_stat_name(number), counters[i].name))
			number++;
		nic->stat[number] += value - nic->vf_stat[i];
		nic->vf_stat[i] = value;
	}
}
