/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>
#include <ebb/memory.h>

#include "core/event/turn.h"

/*
 * What is measured here must be the device and the framework, so this loop must cost next to
 * nothing: a request's own memory is one cache line, the time is the turn's (a latency is therefore
 * from the start of the turn that submitted to the start of the turn that completed), an offset is
 * two multiplications, counting is one ebb_histogram_add().
 *
 * A request that finds no free request in the channel waits in line and keeps its offset and its
 * time of submission: the wait is part of its latency.
 */

#define BUFFER_FILL_SEED 0x6562622d62656e63ull
#define OPEN_TURN_BYTES  (512u << 10)

struct bench_job {
	struct bench_worker *worker;
	uint64_t submitted_ns;
	void *buf;
	uint64_t slot : 63;
	uint64_t write : 1;
	struct ebb_bdev_io_wait wait;
} __attribute__((aligned(EBB_CACHE_LINE)));

static_assert(sizeof(struct bench_job) == EBB_CACHE_LINE, "a request's job is one cache line");

static void job_done(void *arg, int status);
static void job_again(void *arg);

static void worker_answer(struct bench_worker *worker)
{
	int rc = ebb_thread_send(ebb_thread_app(), &worker->answer);

	ebb_assert(rc == 0); /* the app thread outlives every other */
}

static void job_retire(struct bench_worker *worker)
{
	worker->in_flight--;
	if (worker->in_flight == 0 && worker->ending) {
		worker_answer(worker);
	}
}

static void job_failed(struct bench_job *job, int status)
{
	struct bench_worker *worker = job->worker;

	if (worker->errors++ == 0) {
		worker->first_error = status;
		worker->first_error_write = job->write != 0;
		worker->first_error_block = job->slot * worker->load.io_blocks;
	}
}

/*
 * Submits @job as it stands. One that is refused is not tried again, or every turn would do that.
 */
static inline void job_issue(struct bench_job *job)
{
	struct bench_worker *worker = job->worker;
	const struct bench_workload *load = &worker->load;
	uint64_t offset_blocks = job->slot * load->io_blocks;
	int rc;

	if (job->write) {
		rc = ebb_bdev_write(worker->desc, worker->channel, job->buf, offset_blocks,
				    load->io_blocks, 0, job_done, job);
	} else {
		rc = ebb_bdev_read(worker->desc, worker->channel, job->buf, offset_blocks,
				   load->io_blocks, job_done, job);
	}
	if (ebb_likely(rc == 0)) {
		return;
	}
	if (rc == -ENOMEM) {
		job->wait.fn = job_again;
		job->wait.arg = job;
		ebb_bdev_queue_io_wait(worker->channel, &job->wait);
		return;
	}
	job_failed(job, rc);
	job_retire(worker);
}

static void job_again(void *arg)
{
	struct bench_job *job = arg;

	if (job->worker->ending) {
		job_retire(job->worker);
		return;
	}
	job_issue(job);
}

static inline void job_next(struct bench_job *job)
{
	struct bench_worker *worker = job->worker;
	const struct bench_workload *load = &worker->load;

	if (load->random) {
		job->slot = bench_random_below(&worker->random, load->slots) & INT64_MAX;
	} else {
		job->slot = worker->cursor & INT64_MAX;
		worker->cursor++;
		if (worker->cursor == load->slots) {
			worker->cursor = 0;
		}
	}
	if (load->read_below == 0) {
		job->write = 1;
	} else if (load->read_below > UINT32_MAX) {
		job->write = 0;
	} else {
		job->write = (uint32_t)bench_random_next(&worker->random) >= load->read_below;
	}
	job->submitted_ns = event_turn.now_ns;
	job_issue(job);
}

static void job_done(void *arg, int status)
{
	struct bench_job *job = arg;
	struct bench_worker *worker = job->worker;

	if (ebb_unlikely(worker->ending)) {
		job_retire(worker);
		return;
	}
	if (ebb_likely(status == 0)) {
		ebb_histogram_add(&worker->latency, event_turn.now_ns - job->submitted_ns);
	} else {
		job_failed(job, status);
	}
	job_next(job);
}

/* What is written must not be all zero: devices and file systems may make nothing of that. */
static void buffer_fill(void *buf, size_t len_bytes, struct bench_random *random)
{
	uint64_t *words = buf;

	for (size_t i = 0; i < len_bytes / sizeof(*words); i++) {
		words[i] = bench_random_next(random);
	}
}

static int worker_open(struct bench_worker *worker)
{
	const struct bench_workload *load = &worker->load;
	size_t size = load->queue_depth * sizeof(*worker->jobs);

	ebb_histogram_reset(&worker->latency);
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
	const struct bench_workload *load = &worker->load;
	struct bench_random fill = {BUFFER_FILL_SEED + worker->num_bufs};
	uint64_t done_bytes = 0;

	while (worker->num_bufs < load->queue_depth && done_bytes < OPEN_TURN_BYTES) {
		struct bench_job *job = &worker->jobs[worker->num_bufs];

		job->buf = ebb_mem_alloc(load->io_bytes);
		if (job->buf == NULL) {
			return -ENOMEM;
		}
		job->worker = worker;
		ebb_list_init(&job->wait.link);
		buffer_fill(job->buf, load->io_bytes, &fill);
		worker->num_bufs++;
		done_bytes += load->io_bytes;
	}
	return 0;
}

/* Return: true if it is done with, or has failed. */
static bool worker_open_turn(struct bench_worker *worker)
{
	int rc;

	worker->rc = worker->jobs == NULL ? worker_open(worker) : worker_open_more(worker);
	if (worker->rc < 0 || worker->num_bufs == worker->load.queue_depth) {
		return true;
	}
	rc = ebb_thread_send(worker->thread, &worker->request);
	ebb_assert(rc == 0);
	return false;
}

static void worker_close(struct bench_worker *worker)
{
	for (uint32_t i = 0; i < worker->num_bufs; i++) {
		ebb_mem_free(worker->jobs[i].buf, worker->load.io_bytes);
	}
	worker->num_bufs = 0;
	free(worker->jobs);
	worker->jobs = NULL;
	if (worker->channel != NULL) {
		ebb_io_channel_put(worker->channel);
		worker->channel = NULL;
	}
}

static void worker_begin(struct bench_worker *worker)
{
	worker->ending = false;
	worker->in_flight = worker->load.queue_depth;
	for (uint32_t i = 0; i < worker->load.queue_depth; i++) {
		job_next(&worker->jobs[i]);
	}
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
		ebb_histogram_reset(&worker->latency);
		break;
	case BENCH_WORKER_END:
		worker->ending = true;
		if (worker->in_flight > 0) {
			return; /* the last one answers */
		}
		break;
	case BENCH_WORKER_CLOSE:
		worker_close(worker);
		break;
	}
	worker_answer(worker);
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
