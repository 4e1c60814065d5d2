/* SPDX-License-Identifier: BSD-3-Clause */
/* The 82576 on registers that are memory. What is refused leaves others as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "device.h"

static struct tce_igb nic = {.name = "0000:00:00.0"};
static struct igb_rx_desc descriptors[16] __attribute__((aligned(IGB_RING_ALIGN)));
static const struct tce_igb_ring ring = {descriptors, 0x10000, 16};

static int begin(void **state)
{
	nic.bar = calloc(1, IGB_BAR_SIZE);
	return nic.bar ? 0 : -1;
}

static int end(void **state)
{
	free((void *)nic.bar);
	return 0;
}

static void a_queue_that_is_on_keeps_its_buffers(void **state)
{
	struct tce_igb_queue *q, *again = NULL;
	uint32_t before;

	assert_int_equal(tce_igb_rx_open(&nic, 3, &ring, 2048, &q), 0);
	before = igb_read(&nic, IGB_SRRCTL(3));
	assert_int_equal(before & IGB_SRRCTL_BSIZE(UINT32_MAX), 2);
	assert_int_equal(tce_igb_rx_open(&nic, 3, &ring, 127 * 1024, &again), -EBUSY);
	assert_int_equal(igb_read(&nic, IGB_SRRCTL(3)), before);
	assert_null(again);
	assert_int_equal(tce_igb_queue_close(q), 0);
}

static void small_buffers_are_of_one_size_at_a_time(void **state)
{
	struct tce_igb_queue *large, *small, *other = NULL;

	assert_int_equal(tce_igb_rx_open(&nic, 0, &ring, 1024, &large), 0);
	assert_int_equal(tce_igb_rx_open(&nic, 1, &ring, 256, &small), 0);
	assert_int_equal(tce_igb_rx_open(&nic, 2, &ring, 512, &other), -EINVAL);
	assert_int_equal(igb_read(&nic, IGB_RCTL) & IGB_RCTL_BSIZE_MASK, IGB_RCTL_BSIZE_256);
	assert_int_equal(tce_igb_queue_close(small), 0);
	assert_int_equal(tce_igb_rx_open(&nic, 2, &ring, 512, &other), 0);
	assert_int_equal(igb_read(&nic, IGB_RCTL) & IGB_RCTL_BSIZE_MASK, IGB_RCTL_BSIZE_512);
	assert_int_equal(tce_igb_queue_close(other), 0);
	assert_int_equal(tce_igb_queue_close(large), 0);
}

/* Firmware has the PHY, and gives it back as soon as it gets the semaphore; the PHY answers. */
static void tick(int signal)
{
	uint32_t semaphore = IGB_SWSM_SMBI | IGB_SWSM_SWESMBI;

	if (!(igb_read(&nic, IGB_SWSM) & semaphore))
		igb_change(&nic, IGB_SW_FW_SYNC, IGB_SYNC_FIRMWARE(IGB_SYNC_PHY(0)), 0);
	if (igb_read(&nic, IGB_MDIC))
		igb_change(&nic, IGB_MDIC, 0, IGB_MDIC_READY);
}

static void the_phy_is_waited_for(void **state)
{
	const struct itimerval often = {.it_interval = {.tv_usec = 500},
					.it_value = {.tv_usec = 500}};
	const struct itimerval never = {0};

	igb_write(&nic, IGB_SW_FW_SYNC, IGB_SYNC_FIRMWARE(IGB_SYNC_PHY(0)));
	signal(SIGALRM, tick);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	tce_igb_link_set(&nic, true);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(igb_read(&nic, IGB_MDIC) & 0xffff,
			 IGB_PHY_AUTO_ENABLE | IGB_PHY_AUTO_RESTART);
	assert_int_equal(igb_read(&nic, IGB_SW_FW_SYNC), 0);
	assert_int_equal(igb_read(&nic, IGB_SWSM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_is_on_keeps_its_buffers),
		cmocka_unit_test(small_buffers_are_of_one_size_at_a_time),
		cmocka_unit_test(the_phy_is_waited_for),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
