/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/job.h"

#include <errno.h>

#include <ebb/clock.h>

/*
 * What is measured here must be the device and the framework, so this loop must cost next to
 * nothing: a request's own memory is one cache line, an offset is two multiplications, and the
 * clock is read only for those requests that are stamped.
 *
 * A request that finds no free request in the channel waits in line and keeps its offset and its
 * time of submission: the wait is part of its latency.
 */

static void job_done(void *arg, int status);
static void job_again(void *arg);

static void job_retire(struct bench_worker *worker)
{
	worker->in_flight--;
	if (!worker->ending) {
		return;
	}
	atomic_store_explicit(&worker->left, worker->in_flight, memory_order_relaxed);
	if (worker->in_flight == 0) {
		bench_worker_answer(worker);
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

/* Return: the next one that will be stamped is so many requests away. */
static uint32_t __attribute__((noinline)) stamp_distance(struct bench_worker *worker)
{
	if (worker->stamp_trial > 0 && --worker->stamp_trial == 0) {
		bench_worker_decide_stamps(worker);
	}
	if (worker->stamp_every == 1) {
		return 1;
	}
	return 1 + (uint32_t)bench_random_below(&worker->stamp_random,
						2 * (uint64_t)worker->stamp_every - 1);
}

static inline uint64_t job_stamp(struct bench_worker *worker)
{
	if (ebb_likely(--worker->stamp_left != 0)) {
		return 0;
	}
	worker->stamp_left = stamp_distance(worker);
	return ebb_clock_now_ns();
}

void bench_job_start(struct bench_job *job)
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
	job->submitted_ns = job_stamp(worker);
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
		worker->ios++;
		if (job->submitted_ns != 0) {
			ebb_histogram_add(&worker->latency, ebb_clock_now_ns() - job->submitted_ns);
		}
	} else {
		job_failed(job, status);
	}
	bench_job_start(job);
}
