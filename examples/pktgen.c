/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet generator without DPDK: UDP frames with numbers leave one Intel 82576; a second one, if
 * it is named, takes what comes and looks whether each number comes once and in turn.
 *
 *   cc pktgen.c -o pktgen $(pkg-config --cflags --libs tce-igb tce-hugemem)
 *   ./pktgen 1000000 64 0001:00:01.0 [0002:00:01.0]    frames, bytes of each with CRC, devices
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tce/hugemem.h>
#include <tce/igb.h>
#include <tce/tce.h>

enum { RING = 1024, BUFFER = 2048, BURST = 32, NUMBER_AT = 42, ROOM = 16 << 20, PATIENCE = 10 };

struct nic {
	struct tce_space *space;
	struct tce_igb *igb;
	struct tce_igb_queue *queue;
	struct tce_arena *arena;
	struct tce_span span;
	char *buffers; /* as many as a ring holds, and behind them the ring */
};

static void check(int ret, const char *what, const char *(*why)(void))
{
	if (ret)
		errx(1, "%s: %s", what, why());
}

static tce_iova_t iova_of(const struct nic *n, const void *va, size_t len)
{
	tce_iova_t iova;

	if (tce_span_iova(&n->span, va, len, &iova))
		errx(1, "%zu bytes at %p are not in the arena", len, va);
	return iova;
}

static char *buffer(const struct nic *n, unsigned at)
{
	return n->buffers + (size_t)(at % (RING - 1)) * BUFFER;
}

static void open_nic(struct nic *n, const char *device, bool receives)
{
	const size_t buffers = RING * BUFFER, descriptors = RING * TCE_IGB_DESCRIPTOR;
	struct tce_space_options opts = {.mem = ROOM};
	struct tce_igb_receiver how = {.frame_max = 1518};
	struct tce_igb_ring ring = {.n = RING};
	void *va;

	check(tce_space_open(device, &opts, &n->space), device, tce_error);
	check(tce_arena_open(ROOM, 0, TCE_NODE_ANY, &n->arena), "hugepages", tce_error);
	check(tce_arena_map(n->arena, n->space, NULL, &n->span), "map", tce_error);
	check(tce_arena_alloc(n->arena, buffers + descriptors, 4096, &va), "buffers", tce_error);
	n->buffers = va;
	ring.va = n->buffers + buffers;
	ring.iova = iova_of(n, ring.va, descriptors);
	check(tce_igb_open(n->space, device, &n->igb), device, tce_igb_error);
	if (receives) {
		check(tce_igb_accept(n->igb, TCE_IGB_ALL_UNICAST | TCE_IGB_ALL_MULTICAST),
		      "receiver", tce_igb_error);
		check(tce_igb_receiver(n->igb, &how), "receiver", tce_igb_error);
		check(tce_igb_rx_open(n->igb, 0, &ring, BUFFER, &n->queue), "ring", tce_igb_error);
	} else {
		tce_igb_transmitter(n->igb, true);
		check(tce_igb_tx_open(n->igb, 0, &ring, &n->queue), "ring", tce_igb_error);
	}
}

static void close_nic(struct nic *n, const char *device)
{
	check(tce_igb_queue_close(n->queue), "queue", tce_igb_error);
	check(tce_igb_close(n->igb), "close", tce_igb_error);
	check(tce_arena_free(n->arena, n->buffers), "buffers", tce_error);
	check(tce_arena_unmap(n->arena, &n->span), "unmap", tce_error);
	check(tce_arena_close(n->arena), "arena", tce_error);
	check(tce_space_close(n->space, device), "space", tce_error);
}

static void put16(char *at, unsigned value)
{
	at[0] = (char)(value >> 8);
	at[1] = (char)value;
}

/* Ethernet, IPv4, UDP; the number comes with each sending. 198.18/15: RFC 2544. */
static void make_frame(char *f, unsigned len)
{
	static const unsigned char head[NUMBER_AT] = {
		2, 0,  0,  0, 0, 1,   2,  0, 0, 0, 0,	2,  8, 0, 0x45, 0, 0, 0, 0, 0, 0,
		0, 64, 17, 0, 0, 198, 18, 0, 0, 1, 198, 19, 0, 0, 1,	4, 0, 0, 9, 0, 0};
	unsigned sum = 0;

	memcpy(f, head, sizeof(head));
	put16(f + 16, len - 14);
	put16(f + 38, len - 34);
	for (int i = 14; i < 34; i += 2)
		sum += (unsigned)(unsigned char)f[i] << 8 | (unsigned char)f[i + 1];
	put16(f + 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

/* Send up to a burst; how many frames went. */
static unsigned send_some(struct nic *n, unsigned next, unsigned busy, unsigned all, unsigned len)
{
	struct tce_igb_frame frame[BURST];
	unsigned want = RING - 1 - busy < BURST ? RING - 1 - busy : BURST;

	want = all - next < want ? all - next : want;
	for (unsigned i = 0; i < want; i++) {
		unsigned number = next + i;

		memcpy(buffer(n, number) + NUMBER_AT, &number, sizeof(number));
		frame[i] = (struct tce_igb_frame){iova_of(n, buffer(n, number), len), len};
	}
	return tce_igb_send(n->queue, frame, want);
}

/* Take what has come and give the buffers back; how many frames were as they should. */
static unsigned take_some(struct nic *n, unsigned *taken, unsigned *next, unsigned len)
{
	unsigned lens[BURST], got = tce_igb_received(n->queue, lens, BURST), good = 0, number;
	tce_iova_t again[BURST];

	for (unsigned i = 0; i < got; i++) {
		char *f = buffer(n, *taken + i);

		memcpy(&number, f + NUMBER_AT, sizeof(number));
		good += lens[i] == len && number == *next;
		*next = number + 1;
		again[i] = iova_of(n, f, BUFFER);
	}
	*taken += got;
	tce_igb_fill(n->queue, again, got);
	return good;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	unsigned all = argc > 2 ? (unsigned)atoi(argv[1]) : 0, sent = 0, done = 0, good = 0;
	unsigned len = argc > 2 ? (unsigned)atoi(argv[2]) - 4 : 0, taken = RING - 1, next = 0;
	struct nic out, in;
	double begin, last;

	if (argc < 4 || argc > 5 || !all || len < 60 || len > 1514)
		errx(1, "usage: pktgen <frames> <bytes, 64 to 1518> <PCI address> [<PCI address>]");
	open_nic(&out, argv[3], false);
	for (unsigned i = 0; i < RING; i++)
		make_frame(buffer(&out, i), len);
	if (argc > 4) {
		open_nic(&in, argv[4], true);
		for (taken = 0; taken < RING - 1; taken++) {
			tce_iova_t iova = iova_of(&in, buffer(&in, taken), BUFFER);

			tce_igb_fill(in.queue, &iova, 1);
		}
		check(tce_igb_link_wait(in.igb, 5000), argv[4], tce_igb_error);
		taken = 0;
	}
	check(tce_igb_link_wait(out.igb, 5000), argv[3], tce_igb_error);
	begin = last = now();
	while (done < all || (argc > 4 && good < all && now() < last + 1)) {
		unsigned before = good + done;

		sent += send_some(&out, sent, sent - done, all, len);
		done += tce_igb_sent(out.queue);
		if (argc > 4)
			good += take_some(&in, &taken, &next, len);
		if (good + done != before)
			last = now();
		else if (now() > last + PATIENCE)
			errx(1, "%s: no frame left for %d s: no link, or the device is gone",
			     argv[3], PATIENCE);
	}
	printf("sent %u frames of %u bytes in %.3f s: %.0f in a second\n", done, len + 4,
	       last - begin, done / (last - begin));
	if (argc > 4) {
		printf("%u came as they were sent\n", good);
		close_nic(&in, argv[4]);
	}
	close_nic(&out, argv[3]);
	return argc > 4 && good != all;
}
