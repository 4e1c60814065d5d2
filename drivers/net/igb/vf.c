/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtual function. It has a queue pair, interrupts, counters and a reset; all else belongs to
 * the physical function, and is asked of its driver by the mailbox [4.6.11, 7.10.2.9].
 */
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define PATIENCE_MS 500
#define TRIES	    4
#define WORDS	    16
#define CRC_LEN	    4

enum { RX_PACKETS, TX_PACKETS, RX_BYTES, TX_BYTES, RX_MULTICAST, COUNTERS };
static_assert(COUNTERS == IGB_VF_COUNTERS, "one each");

/* The function's counters, and those of packets whose CRCs they include. */
static const struct {
	uint32_t at;
	unsigned packets;
	const char *name;
} counters[COUNTERS] = {
	[RX_PACKETS] = {IGB_VF_RX_PACKETS, COUNTERS, "rx_good_frames"},
	[TX_PACKETS] = {IGB_VF_TX_PACKETS, COUNTERS, "tx_good_frames"},
	[RX_BYTES] = {IGB_VF_RX_BYTES, RX_PACKETS, "rx_good_octets"},
	[TX_BYTES] = {IGB_VF_TX_BYTES, TX_PACKETS, "tx_good_octets"},
	[RX_MULTICAST] = {IGB_VF_RX_MULTICAST, COUNTERS, "rx_multicast_packets"},
};

/* Neither a read nor a reset clears them. */
static void read_counters(struct tce_igb *nic, uint32_t value[COUNTERS])
{
	for (unsigned i = 0; i < COUNTERS; i++)
		value[i] = igb_read(nic, counters[i].at);
}

/*
 * What the mailbox says clears itself when it is read, and whoever looks for the link reads it,
 * too: what has come is kept until it is taken.
 */
static uint32_t look(struct tce_igb *nic)
{
	uint32_t now = igb_read(nic, IGB_VF_MAILBOX);

	if (now == UINT32_MAX)
		return 0;
	__atomic_fetch_or(&nic->mail,
			  now & (IGB_VF_MAILBOX_PFSTS | IGB_VF_MAILBOX_RSTI | IGB_VF_MAILBOX_RSTD),
			  __ATOMIC_RELAXED);
	return now;
}

static bool take_mail(struct tce_igb *nic, uint32_t what)
{
	return __atomic_fetch_and(&nic->mail, ~what, __ATOMIC_RELAXED) & what;
}

static int wait_message(struct tce_igb *nic)
{
	for (unsigned ms = 0; ms <= PATIENCE_MS; ms++) {
		look(nic);
		if (take_mail(nic, IGB_VF_MAILBOX_PFSTS))
			return 0;
		igb_sleep_ms(1);
	}
	return igb_fail(-ETIMEDOUT,
			"%s: the physical function's driver does not answer: load it, "
			"and set its interface up",
			nic->name);
}

/* The buffer is ours, unless the other side has it. */
static int take_buffer(struct tce_igb *nic)
{
	for (unsigned ms = 0; ms <= PATIENCE_MS; ms++) {
		igb_write(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_VFU);
		if (look(nic) & IGB_VF_MAILBOX_VFU)
			return 0;
		igb_sleep_ms(1);
	}
	return igb_fail(-ETIMEDOUT, "%s: the mailbox stays with the physical function", nic->name);
}

static int put_message(struct tce_igb *nic, const uint32_t *message, unsigned n)
{
	int err = take_buffer(nic);

	if (err)
		return err;
	/* News that came before the question answers nothing, and is overwritten. */
	take_mail(nic, IGB_VF_MAILBOX_PFSTS);
	for (unsigned i = 0; i < n; i++)
		igb_write(nic, IGB_VF_MESSAGE(i), message[i]);
	/* The request lets go of the buffer, too. */
	igb_write(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_REQ);
	return 0;
}

static int take_message(struct tce_igb *nic, uint32_t *message, unsigned n)
{
	int err = wait_message(nic);

	if (!err)
		err = take_buffer(nic);
	if (err)
		return err;
	for (unsigned i = 0; i < n; i++)
		message[i] = igb_read(nic, IGB_VF_MESSAGE(i));
	igb_write(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_ACK);
	return 0;
}

static bool answers(uint32_t message, uint32_t sort)
{
	return (message & IGB_VF_SORT) == sort && message & (IGB_VF_ACK | IGB_VF_NACK);
}

/*
 * Send @n words, and take as many back: the first names what it answers. Others may come before it,
 * for the other driver tells of its link unasked; and what it tells may overwrite the question. So
 * what is not answered is asked again.
 */
static int ask(struct tce_igb *nic, uint32_t *message, unsigned n)
{
	const uint32_t sort = message[0] & IGB_VF_SORT;
	uint32_t answer[WORDS];
	int err = -ETIMEDOUT;

	for (unsigned i = 0; i < TRIES && err == -ETIMEDOUT; i++) {
		err = put_message(nic, message, n);
		do
			err = err ? err : take_message(nic, answer, n);
		while (!err && !answers(answer[0], sort));
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
	if (getrandom(nic->mac, sizeof(nic->mac), 0) != (ssize_t)sizeof(nic->mac))
		return igb_fail(-EIO, "%s: no random number for an address", nic->name);
	nic->mac[0] = (uint8_t)((nic->mac[0] & 0xfc) | 2);
	return 0;
}

/* The address that the other driver has given; if none, the one that there was, or a new one. */
static int settle_mac(struct tce_igb *nic, const uint32_t message[3])
{
	static const uint8_t none[sizeof(nic->mac)];
	int err = 0;

	if (message[0] & IGB_VF_ACK && message[1] | (message[2] & 0xffff)) {
		memcpy(nic->mac, &message[1], sizeof(nic->mac));
		return 0;
	}
	if (!memcmp(nic->mac, none, sizeof(none)))
		err = make_mac(nic);
	return err ? err : igb_vf_mac(nic, nic->mac);
}

/*
 * The reset turns the queues off; the other driver then makes room for this one, tells its address
 * if it has given it one, and lets its frames through. The counters go on, from where they are.
 */
int igb_vf_reset(struct tce_igb *nic)
{
	uint32_t message[3] = {IGB_VF_RESET};
	int err;

	igb_write(nic, IGB_CTRL, IGB_CTRL_RST);
	if (igb_wait(nic, IGB_VF_MAILBOX, IGB_VF_MAILBOX_RSTI | IGB_VF_MAILBOX_RSTD, 0))
		return igb_fail(-EIO, "%s: the physical function does not come out of its reset",
				nic->name);
	take_mail(nic, UINT32_MAX);
	err = ask(nic, message, 3);
	if (!err)
		err = settle_mac(nic, message);
	read_counters(nic, nic->vf_stat);
	return err;
}

bool igb_vf_is_lost(struct tce_igb *nic)
{
	look(nic);
	return __atomic_load_n(&nic->mail, __ATOMIC_RELAXED) &
	       (IGB_VF_MAILBOX_RSTI | IGB_VF_MAILBOX_RSTD);
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
	uint32_t now[COUNTERS], more[COUNTERS];

	read_counters(nic, now);
	for (unsigned i = 0; i < COUNTERS; i++) {
		more[i] = now[i] - nic->vf_stat[i];
		nic->vf_stat[i] = now[i];
	}
	for (unsigned i = 0; i < COUNTERS; i++) {
		unsigned number = 0;

		while (strcmp(tce_igb_stat_name(number), counters[i].name))
			number++;
		nic->stat[number] += more[i];
		/* They count CRCs as bytes. */
		if (counters[i].packets < COUNTERS)
			nic->stat[number] -= (uint64_t)CRC_LEN * more[counters[i].packets];
	}
}
