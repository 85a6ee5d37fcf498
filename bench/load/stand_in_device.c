/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/stand_in_device.h"

/*
 * A drive in memory that the companion is.
 *
 * The companion, which does nothing but look, sees a request in a queue (stand_in_queue.c), copies its
 * data at once, and keeps it until it is due. Then it answers.
 *
 * Data is copied when the request is seen, not when it is answered, so that the time for it is part
 * of the service time unless that is shorter. Requests are served side by side, up to the device's
 * depth, and each by a time of its own; what is beyond that waits in the submission rings, whose
 * turns come round.
 *
 * The companion is never early. How late it was is counted for every answer: there are several
 * requests due at once, long copies, and an operating system that may take its CPU away. Nobody
 * writes down when a request was submitted, so it counts as if it had stood unseen since the look
 * before: that is its time at the most. A comparison on this device is as good as this lateness is
 * small.
 *
 * A queue that is closed is freed by the companion, which may be looking at it.
 */

#include <errno.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ebb/assert.h>
#include <ebb/clock.h>

#include "bench/load/companion.h"
#include "bench/load/jitter.h"
#include "core/event/timer.h"
#include "core/os/memory_available.h"

#define FETCH_MAX      8            /* requests of one queue before others, and what is due */
#define POPULATE_BYTES (512u << 10) /* in one call of the companion */

/* A request in service. */
struct stand_in_service {
	struct event_timer timer;
	struct bench_stand_in_queue *queue;
	struct bench_stand_in_answer answer;
	uint64_t unseen_ns; /* it stood in the ring for so long at most */
	struct stand_in_service *next_free;
};

struct stand_in_question {
	struct ebb_histogram *into;
	sem_t answered;
};

struct bench_stand_in_device {
	struct bench_stand_in_opts opts;
	char *memory;
	_Atomic(struct bench_stand_in_queue *) opened; /* that the companion does not know yet */
	_Atomic(struct stand_in_question *) question;
	_Atomic bool hurry;

	/* The companion's. */
	struct bench_companion_duty duty EBB_CACHE_ALIGNED;
	struct bench_stand_in_queue *queues;
	uint64_t looked_ns; /* before the last look into all of them */
	struct event_timer_heap due;
	struct stand_in_service *services;
	struct stand_in_service *free;
	uint64_t populated_bytes;
	struct bench_jitter_draw draw;
	struct ebb_histogram lateness;
	char name[];
};

/* ---- the companion ---- */

/* Takes in the queues that have been opened, and lets go of those that have been closed. */
static void device_update_queues(struct bench_stand_in_device *device)
{
	struct bench_stand_in_queue *opened = NULL;
	struct bench_stand_in_queue **link = &device->queues;

	if (ebb_unlikely(atomic_load_explicit(&device->opened, memory_order_relaxed) != NULL)) {
		opened = atomic_exchange(&device->opened, NULL);
	}
	while (opened != NULL) {
		struct bench_stand_in_queue *next = opened->next;

		opened->next = device->queues;
		device->queues = opened;
		opened = next;
	}
	while (*link != NULL) {
		struct bench_stand_in_queue *queue = *link;

		if (ebb_unlikely(bench_stand_in_queue_closed(queue))) {
			*link = queue->next;
			bench_stand_in_queue_destroy(queue);
		} else {
			link = &queue->next;
		}
	}
}

static void request_copy(char *memory, const struct bench_stand_in_request *request)
{
	for (int i = 0; i < request->iovcnt; i++) {
		const struct iovec *piece = &request->iov[i];

		if (request->op == BENCH_STAND_IN_READ) {
			memcpy(piece->iov_base, memory, piece->iov_len);
		} else {
			memcpy(memory, piece->iov_base, piece->iov_len);
		}
		memory += piece->iov_len;
	}
}

/* Begins @request, which has been seen at @now_ns. There is a free service. */
static void service_begin(struct bench_stand_in_device *device, struct bench_stand_in_queue *queue,
			  const struct bench_stand_in_request *request, uint64_t now_ns)
{
	struct stand_in_service *service = device->free;

	device->free = service->next_free;
	service->queue = queue;
	service->answer.cookie = request->cookie;
	service->answer.tag = request->tag;
	service->unseen_ns = now_ns - device->looked_ns;
	event_timer_add(&device->due, &service->timer,
			now_ns + bench_jitter_draw_next(&device->draw));
	if (request->op != BENCH_STAND_IN_FLUSH) {
		request_copy(device->memory + request->offset_bytes, request);
	}
}

/*
 * Begins what @queue asks for, and not all of it. The clock is read when it has been seen how many
 * there are: no request begins before it was submitted, though the companion may have been kept from
 * running since it read the clock before. Return: true if there was some.
 */
static bool device_fetch(struct bench_stand_in_device *device, struct bench_stand_in_queue *queue)
{
	uint32_t waiting = bench_stand_in_queue_waiting(queue);
	uint64_t now_ns;
	uint32_t count;

	if (waiting == 0 || device->free == NULL) {
		return false;
	}
	now_ns = ebb_clock_now_ns();
	for (count = 0; count < waiting && count < FETCH_MAX && device->free != NULL; count++) {
		service_begin(device, queue, bench_stand_in_queue_first(queue), now_ns);
		bench_stand_in_queue_pop(queue);
	}
	return true;
}

static void service_answer(struct bench_stand_in_device *device, struct stand_in_service *service)
{
	event_timer_remove(&device->due, &service->timer);
	service->next_free = device->free;
	device->free = service;
	bench_stand_in_queue_answer(service->queue, &service->answer);
}

/* Answers what is due. */
static void device_answer(struct bench_stand_in_device *device)
{
	bool hurry = atomic_load_explicit(&device->hurry, memory_order_relaxed);
	uint64_t now_ns = ebb_clock_now_ns();

	while (hurry ? device->due.count != 0 : event_timer_next_ns(&device->due) <= now_ns) {
		struct stand_in_service *service =
			ebb_container_of(device->due.timers[1], struct stand_in_service, timer);
		uint64_t late_ns = service->unseen_ns + now_ns - service->timer.deadline_ns;

		service_answer(device, service);
		if (!hurry) {
			ebb_histogram_add(&device->lateness, late_ns);
		}
		now_ns = ebb_clock_now_ns();
	}
}

static void device_answer_question(struct bench_stand_in_device *device)
{
	struct stand_in_question *question = atomic_exchange(&device->question, NULL);

	if (question != NULL) {
		*question->into = device->lateness;
		ebb_histogram_reset(&device->lateness);
		sem_post(&question->answered);
	}
}

/* The memory is taken bit by bit, before there is a request: taking it all would be no short duty. */
static bool device_populate(struct bench_stand_in_device *device)
{
	uint64_t left = device->opts.size_bytes - device->populated_bytes;
	uint64_t count = left < POPULATE_BYTES ? left : POPULATE_BYTES;

	if (count == 0) {
		return false;
	}
	/* A kernel that cannot takes it when it is touched, which makes the first answers late. */
	(void)madvise(device->memory + device->populated_bytes, count, MADV_POPULATE_WRITE);
	device->populated_bytes += count;
	return true;
}

static uint64_t device_run(struct bench_companion_duty *duty, uint64_t now_ns)
{
	struct bench_stand_in_device *device =
		ebb_container_of(duty, struct bench_stand_in_device, duty);
	struct bench_stand_in_queue *queue;

	if (ebb_unlikely(device->populated_bytes != device->opts.size_bytes) &&
	    device_populate(device)) {
		return 0;
	}
	if (ebb_unlikely(atomic_load_explicit(&device->question, memory_order_relaxed) != NULL)) {
		device_answer_question(device);
	}
	if (device->queues == NULL) {
		device->looked_ns = now_ns; /* there was nothing to be seen */
	}
	device_update_queues(device);
	for (queue = device->queues; queue != NULL; queue = queue->next) {
		if (device_fetch(device, queue) || device->due.count != 0) {
			device_answer(device);
		}
	}
	device->looked_ns = now_ns;
	return device->queues == NULL ? UINT64_MAX : 0;
}

/* ---- the device ---- */

static int EBB_PRINTF(4, 5)
	device_refuse(int rc, char *error, size_t error_size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, error_size, format, args);
	va_end(args);
	return rc;
}

/* Fills in what was not given. Return: 0; -errno (@error). */
static int opts_complete(struct bench_stand_in_opts *opts, char *error, size_t error_size)
{
	opts->size_bytes = opts->size_bytes != 0 ? opts->size_bytes : BENCH_STAND_IN_SIZE_DEFAULT;
	opts->block_size = opts->block_size != 0 ? opts->block_size : 512;
	opts->depth = opts->depth != 0 ? opts->depth : BENCH_STAND_IN_DEPTH_DEFAULT;
	if (opts->service_ns > BENCH_STAND_IN_SERVICE_MAX_NS) {
		return device_refuse(-EINVAL, error, error_size,
				     "stand-in: a request cannot take longer than 1 s");
	}
	if (opts->block_size < 512 || opts->block_size > 65536 ||
	    (opts->block_size & (opts->block_size - 1)) != 0) {
		return device_refuse(-EINVAL, error, error_size,
				     "stand-in: blocks of %u bytes: give a power of two from 512 "
				     "to 65536",
				     opts->block_size);
	}
	if (opts->size_bytes % opts->block_size != 0) {
		return device_refuse(-EINVAL, error, error_size,
				     "stand-in: %llu bytes are no whole blocks of %u",
				     (unsigned long long)opts->size_bytes, opts->block_size);
	}
	if (opts->depth > BENCH_STAND_IN_DEPTH_MAX) {
		return device_refuse(-EINVAL, error, error_size,
				     "stand-in: a depth of %u: give at most %u", opts->depth,
				     BENCH_STAND_IN_DEPTH_MAX);
	}
	return 0;
}

static int device_check_machine(const struct bench_stand_in_opts *opts, char *error,
				size_t error_size)
{
	uint64_t available = os_memory_available("");

	if (!bench_companion_has_cpu()) {
		return device_refuse(-EOPNOTSUPP, error, error_size,
				     "stand-in: it needs a CPU that no reactor has, to answer on: "
				     "use fewer by --core or --cpumask, or allow this process more "
				     "(taskset, cpuset)");
	}
	if (opts->size_bytes > available - available / 8) {
		return device_refuse(-ENOMEM, error, error_size,
				     "stand-in: %llu MiB do not fit into memory, where %llu MiB "
				     "are available: make it smaller",
				     (unsigned long long)(opts->size_bytes >> 20),
				     (unsigned long long)(available >> 20));
	}
	return 0;
}

/* Undoes what device_alloc() did, as far as it came. */
static void device_free(struct bench_stand_in_device *device)
{
	if (device->memory != NULL) {
		munmap(device->memory, device->opts.size_bytes);
	}
	event_timer_fini(&device->due);
	free(device->services);
	free(device);
}

static struct bench_stand_in_device *device_alloc(const struct bench_stand_in_opts *opts)
{
	size_t name_size = strlen(opts->name) + 1;
	size_t align = 2 * EBB_CACHE_LINE;
	struct bench_stand_in_device *device;
	void *memory;

	device = aligned_alloc(align, (sizeof(*device) + name_size + align - 1) / align * align);
	if (device == NULL) {
		return NULL;
	}
	memset(device, 0, sizeof(*device));
	device->opts = *opts;
	device->opts.name = memcpy(device->name, opts->name, name_size);
	device->duty.fn = device_run;
	event_timer_init(&device->due);
	ebb_histogram_reset(&device->lateness);
	memory = mmap(NULL, opts->size_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	device->memory = memory == MAP_FAILED ? NULL : memory;
	device->services = calloc(opts->depth, sizeof(*device->services));
	if (device->memory == NULL || device->services == NULL ||
	    event_timer_reserve(&device->due, opts->depth) != 0) {
		device_free(device);
		return NULL;
	}
	(void)madvise(device->memory, opts->size_bytes, MADV_DONTDUMP);
	for (uint32_t i = 0; i < opts->depth; i++) {
		device->services[i].next_free = device->free;
		device->free = &device->services[i];
	}
	return device;
}

int bench_stand_in_device_create(const struct bench_stand_in_opts *asked,
				 struct bench_stand_in_device **ret_device, char *error,
				 size_t error_size)
{
	struct bench_stand_in_opts opts = *asked;
	struct bench_stand_in_device *device;
	int rc = opts_complete(&opts, error, error_size);

	if (rc == 0) {
		rc = device_check_machine(&opts, error, error_size);
	}
	if (rc < 0) {
		return rc;
	}
	device = device_alloc(&opts);
	if (device == NULL) {
		return device_refuse(-ENOMEM, error, error_size, "stand-in: out of memory");
	}
	if (bench_jitter_draw_init(&device->draw, opts.distribution, opts.service_ns,
				   opts.jitter_ns, opts.seed) < 0) {
		device_free(device);
		return device_refuse(-EINVAL, error, error_size,
				     "stand-in: a jitter of %llu ns is too large for requests that "
				     "take %llu ns: give at most that (uniform), or ten times that",
				     (unsigned long long)opts.jitter_ns,
				     (unsigned long long)opts.service_ns);
	}
	rc = bench_companion_add(&device->duty);
	if (rc < 0) {
		device_free(device);
		return device_refuse(rc, error, error_size,
				     "stand-in: there is no OS thread to answer: %s",
				     strerror(-rc));
	}
	*ret_device = device;
	return 0;
}

void bench_stand_in_device_destroy(struct bench_stand_in_device *device)
{
	bench_companion_remove(&device->duty);
	device_update_queues(device);
	ebb_assert(device->queues == NULL && device->due.count == 0);
	device_free(device);
}

const struct bench_stand_in_opts *bench_stand_in_device_opts(
	const struct bench_stand_in_device *device)
{
	return &device->opts;
}

void bench_stand_in_device_hurry(struct bench_stand_in_device *device)
{
	atomic_store_explicit(&device->hurry, true, memory_order_relaxed);
}

void bench_stand_in_device_lateness(struct bench_stand_in_device *device,
				    struct ebb_histogram *ret_lateness)
{
	struct stand_in_question question = {.into = ret_lateness};
	int rc = sem_init(&question.answered, 0, 0);

	ebb_assert(rc == 0);
	atomic_store(&device->question, &question);
	bench_companion_kick(&device->duty);
	while (sem_wait(&question.answered) < 0) {
		ebb_assert(errno == EINTR);
	}
	sem_destroy(&question.answered);
}

int bench_stand_in_device_open_queue(struct bench_stand_in_device *device,
				     struct bench_stand_in_queue **ret_queue)
{
	struct bench_stand_in_queue *queue;
	int rc = bench_stand_in_queue_create(&queue);

	if (rc < 0) {
		return rc;
	}
	queue->next = atomic_load(&device->opened);
	while (!atomic_compare_exchange_weak(&device->opened, &queue->next, queue)) {
	}
	bench_companion_kick(&device->duty);
	*ret_queue = queue;
	return 0;
}
