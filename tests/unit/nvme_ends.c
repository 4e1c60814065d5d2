/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVMe driver when the controller does not do as it should: every command ends once. */
#include <unistd.h>

#include "nvme_fixture.h"

/* One command of three is not answered: it is aborted, and the others are not touched. */
static void aborted(void)
{
	struct tce_nvme_info info;
	struct told t[3];

	start_for(true, 1000);
	nvme_wrong.hold = 1;
	for (unsigned i = 0; i < 3; i++)
		read_one(&t[i]);
	ends(&t[0], -ETIMEDOUT);
	ends(&t[1], 0);
	ends(&t[2], 0);
	tce_nvme_info(nvme, &info);
	assert_int_equal(info.aborts, 1);
	assert_int_equal(info.resets, 0);
	assert_int_equal(nvme_shapes.aborts, 1);
	works();
	finish();
}

/* The abort does not help: a reset does. */
static void reset_after_an_abort(void)
{
	struct tce_nvme_info info;
	struct told t[3];

	start_for(true, 1000);
	nvme_wrong.silent = nvme_wrong.deaf_to_aborts = true;
	for (unsigned i = 0; i < 3; i++)
		read_one(&t[i]);
	drain();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(t[i].times, 1);
		assert_true(t[i].err == -ETIMEDOUT || t[i].err == -ECANCELED);
	}
	assert_int_equal(t[0].err, -ETIMEDOUT);
	tce_nvme_info(nvme, &info);
	assert_int_equal(info.resets, 1);
	nvme_wrong.deaf_to_aborts = false;
	works();
	finish();
}

/* Two queues, one reset: each ends its own as it is polled, and goes on. */
static void reset_by_hand(void)
{
	struct tce_nvme_queue *other;
	struct told mine = {0}, theirs = {0}, more = {0};

	start(true);
	assert_ok(tce_nvme_queue_open(nvme, &other));
	nvme_wrong.silent = true;
	read_one(&mine);
	assert_ok(tce_nvme_read(other, &ns, 0, 1, buf + 4096, note, &theirs));
	tce_nvme_ring(queue);
	tce_nvme_ring(other);
	assert_ok(tce_nvme_reset(nvme));
	/* Until it is polled, a queue takes nothing. */
	assert_int_equal(tce_nvme_read(queue, &ns, 0, 1, buf, note, &more), -EAGAIN);
	assert_int_equal(theirs.times + mine.times + more.times, 0);
	ends(&mine, -ECANCELED);
	works();
	while (tce_nvme_outstanding(other))
		tce_nvme_poll(other, 0);
	assert_int_equal(theirs.times, 1);
	assert_int_equal(theirs.err, -ECANCELED);
	assert_ok(tce_nvme_queue_close(other));
	finish();
}

/* No more functions are called at once than the caller has room for, after a reset too. */
static void reset_by_and_by(void)
{
	struct told t[5];

	start(true);
	nvme_wrong.hold = 4;
	for (unsigned i = 0; i < 5; i++)
		read_one(&t[i]);
	tce_nvme_ring(queue);
	usleep(100000); /* the fifth is answered */
	assert_ok(tce_nvme_reset(nvme));
	for (unsigned left = 5; left; left--) {
		assert_int_equal(tce_nvme_outstanding(queue), left);
		assert_int_equal(tce_nvme_poll(queue, 1), 1);
	}
	for (unsigned i = 0; i < 5; i++)
		ends(&t[i], i < 4 ? -ECANCELED : 0);
	works();
	finish();
}

static void fatal_state(void)
{
	struct told t;

	start(true);
	nvme_device_fail();
	read_one(&t);
	ends(&t, -ECANCELED);
	works();
	finish();
}

static void does_not_come_back(void)
{
	struct told t, u = {0};

	start(true);
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	nvme_wrong.never_ready = true;
	refused(tce_nvme_reset(nvme), -ETIMEDOUT, "does not become");
	ends(&t, -EIO);
	refused(tce_nvme_read(queue, &ns, 0, 1, buf, note, &u), -EIO, "did not come back");
	nvme_wrong.never_ready = false;
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	works();
	finish();
}

/* Neither it nor the platform takes it back to its beginning: it must not have the bus again. */
static void neither_off_nor_reset(void)
{
	struct told t;

	start(true);
	nvme_wrong.silent = nvme_wrong.stays_ready = true;
	read_one(&t);
	tce_nvme_ring(queue);
	model_fail(MODEL_DEVICE_RESET, 1, -EIO);
	refused(tce_nvme_reset(nvme), -ETIMEDOUT, "does not become 0");
	assert_false(model_device_runs(DEV_A));
	ends(&t, -EIO);
	nvme_wrong.stays_ready = false;
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	works();
	finish();
}

/* After a reset one queue is there again, and the other one is refused: that is the end of both. */
static void one_queue_does_not_come_back(void)
{
	struct tce_nvme_queue *other;
	struct told t, u = {0};

	start(true);
	assert_ok(tce_nvme_queue_open(nvme, &other));
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	works();
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	nvme_wrong.no_queues = true;
	tce_nvme_poll(other, 0);
	ends(&t, -EIO);
	refused(tce_nvme_read(queue, &ns, 0, 1, buf, note, &u), -EIO, "did not come back");
	refused(tce_nvme_read(other, &ns, 0, 1, buf, note, &u), -EIO, "did not come back");
	nvme_wrong.no_queues = false;
	assert_ok(tce_nvme_reset(nvme));
	tce_nvme_poll(queue, 0);
	tce_nvme_poll(other, 0);
	works();
	assert_ok(tce_nvme_queue_close(other));
	finish();
}

/* A reset is the first to notice that it was pulled. */
static void pulled_before_a_reset(void)
{
	struct told t;

	start(true);
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	nvme_device_pull();
	refused(tce_nvme_reset(nvme), -ENODEV, "is gone");
	ends(&t, -ENODEV);
	finish();
}

static void child(const void *arg)
{
	struct tce_nvme_namespace other;
	struct tce_nvme_queue *another;
	struct tce_nvme *none;

	assert_int_equal(tce_nvme_close(nvme), -EPERM);
	assert_int_equal(tce_nvme_open(DEV_A, NULL, &none), -EPERM);
	assert_int_equal(tce_nvme_reset(nvme), -EPERM);
	assert_int_equal(tce_nvme_namespace(nvme, 1, &other), -EPERM);
	assert_int_equal(tce_nvme_queue_open(nvme, &another), -EPERM);
	if (arg)
		assert_int_equal(tce_nvme_queue_close(queue), -EPERM);
}

/* It has neither registers nor rings. */
static void a_child_changes_nothing(void)
{
	start(true);
	in_child(child, queue);
	works();
	assert_ok(tce_nvme_queue_close(queue));
	assert_ok(tce_nvme_unmap(nvme, arena));
	in_child(child, NULL);
	assert_ok(tce_nvme_map(nvme, arena));
	assert_ok(tce_nvme_queue_open(nvme, &queue));
	works();
	finish();
}

/* Its registers read all ones from one moment to the next. */
static void pulled(void)
{
	struct told t[4], u = {0};

	start(true);
	nvme_wrong.silent = true;
	for (unsigned i = 0; i < 4; i++)
		read_one(&t[i]);
	tce_nvme_ring(queue);
	nvme_device_pull();
	for (unsigned i = 0; i < 4; i++)
		ends(&t[i], -ENODEV);
	refused(tce_nvme_read(queue, &ns, 0, 1, buf, note, &u), -ENODEV, "is gone");
	refused(tce_nvme_reset(nvme), -ENODEV, "is gone");
	refused(tce_nvme_namespace(nvme, 1, &ns), -ENODEV, "is gone");
	assert_int_equal(tce_nvme_poll(queue, 0), 0);
	finish();
}

/* The kernel asks for the device: it is off before the commands end. */
static void wanted_back(void)
{
	struct told t;

	start(true);
	nvme_wrong.silent = true;
	read_one(&t);
	tce_nvme_ring(queue);
	assert_true(model_raise(DEV_A, KERNEL_REMOVAL, 0));
	ends(&t, -ENODEV);
	assert_int_equal(nvme_shapes.enables, 1);
	finish();
}

static void what_is_no_controller(void)
{
	struct tce_nvme_options o = with_page();
	struct tce_nvme *none = NULL;

	machine(lpar_here());
	o.reserved[1] = 1;
	refused(tce_nvme_open(DEV_A, &o, &none), -EINVAL, "reserved");
	o = with_page();
	o.queues = 5000;
	refused(tce_nvme_open(DEV_A, &o, &none), -EINVAL, "5000 queue pairs");
	o = with_page();
	refused(tce_nvme_open("0009:00:01.0", &o, &none), -ENODEV, "no device");
	refused(tce_nvme_open(DEV_A, &o, &none), -ENOTSUP, "class 000000");
	nvme_device_start(true);
	model_set_pci(DEV_A, (struct model_pci){.node = 1000});
	o.any_node = false;
	refused(tce_nvme_open(DEV_A, &o, &none), -ENODEV, "no node 1000");
	assert_sentence("any_node");
	o.any_node = true;
	nvme_wrong.never_ready = true;
	refused(tce_nvme_open(DEV_A, &o, &none), -ETIMEDOUT, "after 1500 ms");
	assert_null(none);
	nvme_device_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(aborted),
		whole_test(reset_after_an_abort),
		whole_test(reset_by_hand),
		whole_test(reset_by_and_by),
		whole_test(fatal_state),
		whole_test(does_not_come_back),
		whole_test(neither_off_nor_reset),
		whole_test(one_queue_does_not_come_back),
		whole_test(pulled_before_a_reset),
		whole_test(a_child_changes_nothing),
		whole_test(pulled),
		whole_test(wanted_back),
		whole_test(what_is_no_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
