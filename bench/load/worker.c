/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/io_channel.h>
#include <ebb/memory.h>
#include <ebb/poller.h>

#include "bench/load/job.h"

#define BUFFER_FILL_SEED 0x6562622d62656e63ull
#define OPEN_TURN_BYTES  (512u << 10)
#define STAMP_TRIAL      256

/* What is written must not be all zero: devices and file systems may make nothing of that. */
static void buffer_fill(void *buf, size_t len_bytes, struct bench_random *random)
{
	uint64_t *words = buf;

	for (size_t i = 0; i < len_bytes / sizeof(*words); i++) {
		words[i] = bench_random_next(random);
	}
}

/* The next request of the line comes now, and there is nobody to tell. */
static int arrival_timer_fired(void *arg)
{
	struct bench_worker *worker = arg;

	ebb_poller_pause(worker->arrival_timer);
	if (worker->ending) {
		return 0;
	}
	bench_job_take_arrivals(worker);
	return 1;
}

static void arrivals_told(void *arg)
{
	struct bench_worker *worker = arg;

	atomic_store(&worker->told, false); /* who comes from here on tells again */
	if (!worker->ending) {
		bench_job_take_arrivals(worker);
	}
}

void bench_worker_tell(struct bench_worker *worker)
{
	if (!atomic_exchange(&worker->told, true)) {
		ebb_msg_init(&worker->arrival, arrivals_told, worker);
		/* It fails if the framework ends, and has made the thread exit: nobody is served then. */
		(void)ebb_thread_send(worker->thread, &worker->arrival);
	}
}

static int worker_open(struct bench_worker *worker)
{
	size_t size = worker->max_jobs * sizeof(*worker->jobs);

	worker->arrival_timer = ebb_poller_register(arrival_timer_fired, worker, EBB_NS_PER_MS);
	if (worker->arrival_timer == NULL) {
		return -ENOMEM;
	}
	ebb_poller_pause(worker->arrival_timer);

	worker->channel = ebb_bdev_channel_get(worker->desc);
	if (worker->channel == NULL) {
		return -EIO; /* logged where it failed */
	}
	worker->jobs = aligned_alloc(EBB_CACHE_LINE, size);
	if (worker->jobs == NULL) {
		return -ENOMEM;
	}
	memset(worker->jobs, 0, size);
	return 0;
}

/* The next few buffers: all of them at once might hold up the reactor (rule 5). */
static int worker_open_more(struct bench_worker *worker)
{
	struct bench_random fill = {BUFFER_FILL_SEED + worker->num_bufs};
	uint64_t done_bytes = 0;

	while (worker->num_bufs < worker->max_jobs && done_bytes < OPEN_TURN_BYTES) {
		struct bench_job *job = &worker->jobs[worker->num_bufs];

		job->buf = ebb_mem_alloc(worker->max_bytes);
		if (job->buf == NULL) {
			return -ENOMEM;
		}
		job->worker = worker;
		ebb_list_init(&job->wait.link);
		buffer_fill(job->buf, worker->max_bytes, &fill);
		worker->num_bufs++;
		done_bytes += worker->max_bytes;
	}
	return 0;
}

/* Return: true if it is done with, or has failed. */
static bool worker_open_turn(struct bench_worker *worker)
{
	int rc;

	worker->rc = worker->jobs == NULL ? worker_open(worker) : worker_open_more(worker);
	if (worker->rc < 0 || worker->num_bufs == worker->max_jobs) {
		return true;
	}
	rc = ebb_thread_send(worker->thread, &worker->request);
	ebb_assert(rc == 0);
	return false;
}

static void worker_close(struct bench_worker *worker)
{
	for (uint32_t i = 0; i < worker->num_bufs; i++) {
		ebb_mem_free(worker->jobs[i].buf, worker->max_bytes);
	}
	worker->num_bufs = 0;
	free(worker->jobs);
	worker->jobs = NULL;
	ebb_poller_unregister(&worker->arrival_timer);
	if (worker->channel != NULL) {
		ebb_io_channel_put(worker->channel);
		worker->channel = NULL;
	}
}

static void counts_reset(struct bench_worker *worker)
{
	worker->ios = 0;
	worker->trace_bytes = 0;
	ebb_histogram_reset(&worker->latency);
}

static void worker_begin_open(struct bench_worker *worker)
{
	worker->from_ns = UINT64_MAX;
	if (worker->trace != NULL) { /* all of it counts, however late this began */
		worker->from_ns = worker->begun_ns < worker->line->base_ns ? worker->begun_ns
									   : worker->line->base_ns;
	}
	worker->finish_sent = false;
	worker->offered = 0;
	worker->in_flight = 0;
	ebb_list_init(&worker->idle);
	for (uint32_t i = 0; i < worker->load.queue_depth; i++) {
		ebb_list_push_back(&worker->idle, &worker->jobs[i].wait.link);
	}
	bench_job_take_arrivals(worker);
}

/* All of the first ones are stamped: a slow device will have no more of them. */
static void worker_begin(struct bench_worker *worker)
{
	ebb_assert(worker->load.queue_depth <= worker->max_jobs &&
		   worker->load.io_bytes <= worker->max_bytes);
	counts_reset(worker);
	worker->errors = 0;
	worker->stamp_every = 1;
	worker->stamp_left = 1;
	worker->stamp_trial = STAMP_TRIAL + worker->load.queue_depth;
	worker->ending = false;
	worker->draining = false;
	worker->alarm_error[0] = '\0';
	worker->begun_ns = ebb_clock_now_ns();
	if (worker->line != NULL) {
		worker_begin_open(worker);
		return;
	}
	worker->in_flight = worker->load.queue_depth;
	for (uint32_t i = 0; i < worker->load.queue_depth; i++) {
		bench_job_start(&worker->jobs[i]);
	}
}

static void worker_measure(struct bench_worker *worker)
{
	if (worker->trace != NULL) {
		return; /* what came before this was told counts, too */
	}
	if (worker->ios > 0) {
		bench_worker_decide_stamps(worker);
	}
	counts_reset(worker);
	worker->begun_ns = ebb_clock_now_ns();
	worker->from_ns = worker->begun_ns;
	worker->offered = 0;
}

static void worker_end(struct bench_worker *worker)
{
	worker->ending = true;
	worker->until_ns = ebb_clock_now_ns();
	worker->unanswered = worker->in_flight;
}

/* Return: true if nothing is in flight. */
static bool worker_drain(struct bench_worker *worker)
{
	worker->draining = true;
	atomic_store_explicit(&worker->left, worker->in_flight, memory_order_relaxed);
	return worker->in_flight == 0;
}

static void worker_run_command(void *arg)
{
	struct bench_worker *worker = arg;
	enum bench_worker_command command = worker->command;

	switch (command) {
	case BENCH_WORKER_OPEN:
		if (!worker_open_turn(worker)) {
			return; /* goes on by another message */
		}
		break;
	case BENCH_WORKER_BEGIN:
		worker_begin(worker);
		break;
	case BENCH_WORKER_MEASURE:
		worker_measure(worker);
		break;
	case BENCH_WORKER_END:
		worker_end(worker);
		break;
	case BENCH_WORKER_DRAIN:
		if (!worker_drain(worker)) {
			return; /* the last one answers */
		}
		break;
	case BENCH_WORKER_CLOSE:
		worker_close(worker);
		break;
	}
	bench_worker_answer(worker);
	if (command == BENCH_WORKER_CLOSE && !ebb_thread_is_app()) {
		ebb_thread_exit();
	}
}

static void worker_answered(void *arg)
{
	struct bench_worker *worker = arg;

	worker->answered(worker);
}

void bench_worker_run_command(struct bench_worker *worker, enum bench_worker_command command)
{
	int rc;

	ebb_assert(ebb_thread_is_app());
	worker->command = command;
	ebb_msg_init(&worker->request, worker_run_command, worker);
	ebb_msg_init(&worker->answer, worker_answered, worker);
	rc = ebb_thread_send(worker->thread, &worker->request);
	ebb_assert(rc == 0); /* a worker's thread exits by command only */
}
