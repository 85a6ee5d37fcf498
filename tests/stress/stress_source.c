/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Two wake sources for each worker. The bell is an eventfd that another worker writes, and nothing
 * more. The queue is a completion source as a device has it: a foreign OS thread (here the test's
 * own) counts a completion in memory and writes the eventfd only if the poller's arm() has allowed
 * it; this is the part of completion_source() in tests/model/sleep.pml.
 */

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <ebb/poller.h>

#define UNDER_WAY_MAX 8

struct bell {
	int fd;
	struct ebb_poller *poller;
	struct stress_flow flow;
};

struct queue {
	int fd;
	struct ebb_poller *poller;
	struct stress_flow flow;
	_Atomic bool wanted; /* the eventfd is to be written; pairs with tail */
	_Atomic uint64_t tail;
	uint64_t head;
};

static struct bell bells[STRESS_WORKERS];
static struct queue queues[STRESS_WORKERS];
static pthread_t device;

static void ring(int fd)
{
	static const uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0) {
		if (errno != EINTR) {
			stress_fail("an eventfd cannot be written: error %d", errno);
		}
	}
}

static int bell_poll(void *arg)
{
	struct bell *bell = arg;
	uint64_t count = 0;

	if (read(bell->fd, &count, sizeof(count)) < 0) {
		return 0;
	}
	atomic_fetch_add(&bell->flow.ended, count);
	return 1;
}

static int queue_poll(void *arg)
{
	struct queue *queue = arg;
	uint64_t tail;

	atomic_store_explicit(&queue->wanted, false, memory_order_relaxed);
	tail = atomic_load_explicit(&queue->tail, memory_order_acquire);
	if (tail == queue->head) {
		return 0;
	}
	atomic_fetch_add(&queue->flow.ended, tail - queue->head);
	queue->head = tail;
	return 1;
}

/* Pairs with device_complete(): each side writes its own variable and then reads the other's. */
static int queue_arm(void *arg)
{
	struct queue *queue = arg;

	atomic_store_explicit(&queue->wanted, true, memory_order_seq_cst);
	return atomic_load_explicit(&queue->tail, memory_order_seq_cst) == queue->head ? 0
										       : -EAGAIN;
}

static void device_complete(struct queue *queue)
{
	stress_flow_begin(&queue->flow);
	atomic_fetch_add_explicit(&queue->tail, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&queue->wanted, memory_order_seq_cst)) {
		ring(queue->fd);
	}
}

/* One completion at a time, and the next when it has been seen. */
static void device_ping(struct stress_random *random)
{
	struct queue *queue = &queues[stress_random_below(random, STRESS_WORKERS)];

	stress_flow_end(&stress_pulse);
	device_complete(queue);
	while (stress_flow_under_way(&queue->flow) != 0) {
	}
	stress_random_delay(random);
}

static void device_step(struct stress_random *random)
{
	struct queue *queue = &queues[stress_random_below(random, STRESS_WORKERS)];
	struct timespec nap = {
		.tv_nsec = (long)stress_random_below(random, 200 * EBB_NS_PER_US),
	};

	if (stress_flow_under_way(&queue->flow) < UNDER_WAY_MAX) {
		device_complete(queue);
	}
	nanosleep(&nap, NULL);
}

static void *device_main(void *arg)
{
	static const struct timespec nap = {.tv_nsec = 2 * (long)EBB_NS_PER_MS};
	struct stress_random random;
	enum stress_phase phase;

	(void)arg;
	stress_random_init(&random, 400);
	while ((phase = stress_phase_now()) != STRESS_END) {
		if (phase == STRESS_DEVICE) {
			device_ping(&random);
		} else if (phase == STRESS_FLOOD || phase == STRESS_TRICKLE) {
			device_step(&random);
		} else {
			nanosleep(&nap, NULL);
		}
	}
	return NULL;
}

void stress_source_init(void)
{
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		stress_flow_init(&bells[i].flow, "bell", i);
		stress_flow_init(&queues[i].flow, "armed source", i);
	}
}

void stress_source_start(void)
{
	if (pthread_create(&device, NULL, device_main, NULL) != 0) {
		stress_fail("the device's OS thread cannot be started");
	}
}

void stress_source_join(void)
{
	pthread_join(device, NULL);
}

void stress_source_open(unsigned index)
{
	struct bell *bell = &bells[index];
	struct queue *queue = &queues[index];
	struct ebb_poller_wake wake = {.events = index % 2 == 0 ? EPOLLIN : EPOLLIN | EPOLLET};

	bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	wake.fd = bell->fd;
	bell->poller = ebb_poller_register_wake(bell_poll, bell, &wake);
	wake = (struct ebb_poller_wake){
		.fd = queue->fd,
		.events = EPOLLIN | EPOLLET,
		.arm = queue_arm,
	};
	queue->poller = ebb_poller_register_wake(queue_poll, queue, &wake);
	if (bell->poller == NULL || queue->poller == NULL) {
		stress_fail("worker %u gets no wake source", index);
	}
}

void stress_source_close(unsigned index)
{
	ebb_poller_unregister(&bells[index].poller);
	ebb_poller_unregister(&queues[index].poller);
	close(bells[index].fd);
	close(queues[index].fd);
}

void stress_source_step(unsigned index)
{
	unsigned target = (index + 1) % STRESS_WORKERS;

	if (stress_flow_under_way(&bells[target].flow) < UNDER_WAY_MAX) {
		stress_flow_begin(&bells[target].flow);
		ring(bells[target].fd);
	}
}
