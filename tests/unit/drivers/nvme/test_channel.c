/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's channel to a controller: how it sleeps, and how it goes to another reactor. */
#include "drivers/nvme/channel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/bdev.h>
#include <ebb/memory.h>
#include <ebb/reactor.h>

#include "drivers/nvme/attach.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/drivers/nvme/mock.h"
#include "tests/unit/unit.h"

static const struct nvme_attach_opts opts = {.retry_count = 4};

static struct nvme_drive *drive;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *channel;
static int (*mock_poll)(void *queue);
static void *buf;
static bool detached;

static void setup(void)
{
	stepper_start_two();
	mock_begin();
	mock_poll = mock_transport.poll;
	buf = ebb_mem_alloc(4096);
}

static void teardown(void)
{
	mock_end();
	ebb_mem_free(buf, 4096);
	stepper_stop();
}

static void note_attached(void *arg, struct nvme_drive *attached, int rc)
{
	ck_assert_ptr_null(arg);
	ck_assert_int_eq(rc, 0);
	drive = attached;
}

static void attach(void)
{
	drive = NULL;
	ck_assert_int_eq(nvme_attach_drive(&mock_transport, "n", "here", &opts, note_attached,
					   NULL),
			 0);
	ck_assert_ptr_nonnull(drive);
}

static void note_detached(void *arg)
{
	(void)arg;
	detached = true;
}

static void bdev_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	(void)bdev;
	(void)event;
	(void)arg;
}

static void client_open(void)
{
	ck_assert_int_eq(ebb_bdev_open("nn1", true, bdev_event, NULL, &desc), 0);
	channel = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(channel);
}

static void client_close(void)
{
	ebb_io_channel_put(channel);
	ebb_bdev_close(desc);
}

/* ---- sleep ---- */

static _Atomic bool ready;     /* the device has an answer */
static _Atomic unsigned arms;  /* the reactor has been about to sleep */
static _Atomic bool interrupt; /* as it was set last */

static int poll_when_ready(void *queue)
{
	return atomic_load(&ready) ? mock_poll(queue) : 0;
}

static int note_interrupt(void *arg, bool on)
{
	const struct nvme_queue *queue = arg;

	ck_assert_ptr_eq(queue->path->drive, drive);
	atomic_store(&interrupt, on);
	return 0;
}

static int note_arm(void *arg)
{
	const struct nvme_queue *queue = arg;

	ck_assert_ptr_eq(queue->path->drive, drive);
	atomic_fetch_add(&arms, 1);
	return 0;
}

/* The device: answers when nobody looks any more, and says so. */
static void *device_main(void *arg)
{
	static const uint64_t one = 1;

	(void)arg;
	while (atomic_load(&arms) == 0) {
		sched_yield();
	}
	atomic_store(&ready, true);
	ck_assert_int_eq(write(mock.wake_fd, &one, sizeof(one)), sizeof(one));
	return NULL;
}

static void note_end(void *arg)
{
	note_detached(arg);
	event_framework_stop();
}

static void read_done(void *arg, int status)
{
	(void)arg;
	ck_assert_int_eq(status, 0);
	ck_assert(atomic_load(&ready));
	client_close();
	ck_assert_int_eq(nvme_drive_detach(drive, note_end, NULL), 0);
}

/* The poller of a queue that has a wake fd lets its reactor sleep, and runs when that fires. */
START_TEST(a_sleeping_reactor_is_woken_by_the_queue)
{
	pthread_t device;

	mock.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	mock_transport.poll = poll_when_ready;
	mock_transport.set_interrupt = note_interrupt;
	mock_transport.arm = note_arm;
	stepper_enter(ebb_thread_app());
	attach();
	client_open();
	ck_assert(atomic_load(&interrupt));
	ck_assert_int_eq(ebb_bdev_read(desc, channel, buf, 0, 8, read_done, NULL), 0);
	stepper_leave();
	atomic_store(&arms, 0);
	ck_assert_int_eq(pthread_create(&device, NULL, device_main, NULL), 0);
	stepper_run();
	pthread_join(device, NULL);
	ck_assert(detached);
	ck_assert_uint_eq(mock.num_queues, 0);
	close(mock.wake_fd);
}
END_TEST

/* ---- to another reactor ---- */

static unsigned leaves, arrives;
static int left_core = -1, arrived_core = -1;

static void note_leave(struct nvme_queue *queue)
{
	ck_assert_ptr_eq(queue->path->drive, drive);
	ck_assert_uint_eq(leaves, arrives);
	leaves++;
	left_core = ebb_reactor_current_core();
}

static void note_arrive(struct nvme_queue *queue)
{
	ck_assert_ptr_eq(queue->path->drive, drive);
	ck_assert_uint_eq(leaves, arrives + 1);
	arrives++;
	arrived_core = ebb_reactor_current_core();
}

static void note_status(void *arg, int status)
{
	*(int *)arg = status;
}

static void note_moved(void *arg, int rc)
{
	*(int *)arg = rc;
}

static void move(struct ebb_thread *thread, unsigned index)
{
	int rc = 1;

	stepper_enter(ebb_thread_app());
	ebb_thread_move(thread, event_reactors[index].core, note_moved, &rc);
	stepper_leave();
	stepper_settle();
	ck_assert_int_eq(rc, 0);
}

static void read_one(struct ebb_thread *thread)
{
	int status = 1;

	stepper_enter(thread);
	ck_assert_int_eq(ebb_bdev_read(desc, channel, buf, 0, 8, note_status, &status), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_int_eq(status, 0);
}

START_TEST(a_queue_goes_with_its_thread)
{
	struct ebb_thread *thread = stepper_thread("mover", 0);

	mock_transport.leave = note_leave;
	mock_transport.arrive = note_arrive;
	stepper_enter(ebb_thread_app());
	attach();
	stepper_leave();
	stepper_enter(thread);
	client_open();
	stepper_leave();
	read_one(thread);
	move(thread, 1);
	ck_assert_uint_eq(leaves, 1);
	ck_assert_uint_eq(arrives, 1);
	ck_assert_int_eq(left_core, event_reactors[0].core);
	ck_assert_int_eq(arrived_core, event_reactors[1].core);
	read_one(thread);
	move(thread, 0);
	ck_assert_uint_eq(leaves, 2);
	ck_assert_int_eq(arrived_core, event_reactors[0].core);
	read_one(thread);
	stepper_enter(thread);
	client_close();
	stepper_leave();
	stepper_settle();
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(nvme_drive_detach(drive, note_detached, NULL), 0);
	stepper_leave();
	stepper_settle();
	ck_assert(detached);
	ck_assert_uint_eq(leaves, 2);
	stepper_exit(thread);
	stepper_settle();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_sleeping_reactor_is_woken_by_the_queue),
		UNIT_TEST(a_queue_goes_with_its_thread),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
