/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/job.h"

#include <errno.h>
#include <string.h>

#include <ebb/clock.h>
#include <ebb/poller.h>

#include "bench/load/trace.h"

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

static void job_retire(struct bench_job *job)
{
	struct bench_worker *worker = job->worker;

	worker->in_flight--;
	if (worker->line != NULL) {
		ebb_list_push_front(&worker->idle, &job->wait.link);
	}
	if (!worker->draining) {
		bench_worker_look_finished(worker);
		return;
	}
	atomic_store_explicit(&worker->left, worker->in_flight, memory_order_relaxed);
	if (worker->in_flight == 0) {
		bench_worker_answer(worker);
	}
}

/* The place and length of a request: of a trace, a job's slot is its index there. */
static inline uint64_t job_place(const struct bench_job *job, uint64_t *ret_num_blocks)
{
	const struct bench_worker *worker = job->worker;
	const struct bench_trace_io *io;

	if (ebb_likely(worker->trace == NULL)) {
		*ret_num_blocks = worker->load.io_blocks;
		return job->slot * worker->load.io_blocks;
	}
	io = &worker->trace->ios[job->slot];
	*ret_num_blocks = io->len_bytes >> worker->block_shift;
	return io->offset_bytes >> worker->block_shift;
}

static void job_failed(struct bench_job *job, int status)
{
	struct bench_worker *worker = job->worker;
	uint64_t num_blocks;

	if (worker->errors++ == 0) {
		worker->first_error = status;
		worker->first_error_write = job->write != 0;
		worker->first_error_block = job_place(job, &num_blocks);
	}
}

/*
 * Submits @job as it stands. One that is refused is not tried again, or every turn would do that.
 * Return: false: it was refused, and is idle.
 */
static inline bool job_issue(struct bench_job *job)
{
	struct bench_worker *worker = job->worker;
	uint64_t num_blocks;
	uint64_t offset_blocks = job_place(job, &num_blocks);
	int rc;

	if (job->write) {
		rc = ebb_bdev_write(worker->desc, worker->channel, job->buf, offset_blocks,
				    num_blocks, 0, job_done, job);
	} else {
		rc = ebb_bdev_read(worker->desc, worker->channel, job->buf, offset_blocks,
				   num_blocks, job_done, job);
	}
	if (ebb_likely(rc == 0)) {
		return true;
	}
	if (rc == -ENOMEM) {
		job->wait.fn = job_again;
		job->wait.arg = job;
		ebb_bdev_queue_io_wait(worker->channel, &job->wait);
		return true;
	}
	if (worker->verify != NULL) {
		bench_verify_end(worker->verify, job->slot, job->write != 0, job->buf, rc, NULL);
	}
	job_failed(job, rc);
	job_retire(job);
	return false;
}

static void job_again(void *arg)
{
	struct bench_job *job = arg;

	if (job->worker->ending) {
		job_retire(job);
		return;
	}
	if (!job_issue(job) && job->worker->line != NULL) {
		bench_job_take_arrivals(job->worker);
	}
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

static inline bool stamp_is_due(struct bench_worker *worker)
{
	if (ebb_likely(--worker->stamp_left != 0)) {
		return false;
	}
	worker->stamp_left = stamp_distance(worker);
	return true;
}

static void __attribute__((noinline)) job_verify_begin(struct bench_job *job)
{
	struct bench_verify *verify = job->worker->verify;
	bool write = job->write != 0;

	job->slot = bench_verify_begin(verify, verify->first_slot + job->slot, &write, job->buf) &
		    INT64_MAX;
	job->write = write;
}

/* The next one of the worker's part, which comes in the order of the line. */
static void __attribute__((noinline)) job_draw_trace(struct bench_job *job)
{
	struct bench_worker *worker = job->worker;

	job->slot = worker->trace_next & INT64_MAX;
	job->write = worker->trace->ios[worker->trace_next].write;
	worker->trace_next += worker->trace_stride;
}

/* What the next request is. */
static inline void job_draw(struct bench_job *job)
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
	if (ebb_unlikely(worker->verify != NULL)) {
		job_verify_begin(job);
	}
}

void bench_job_start(struct bench_job *job)
{
	job_draw(job);
	job->submitted_ns = stamp_is_due(job->worker) ? ebb_clock_now_ns() : 0;
	job_issue(job);
}

/* ---- open loop: a latency counts from the moment at which the request was to come ---- */

static bool arrival_take(struct bench_worker *worker, uint64_t *ret_moment_ns)
{
	bool found;

	if (worker->timed) {
		found = bench_line_take_due(worker->line, ebb_clock_now_ns(),
					    !ebb_list_empty(&worker->idle), ret_moment_ns);
	} else {
		found = bench_line_take(worker->line, ret_moment_ns);
	}
	worker->offered += found && *ret_moment_ns >= worker->from_ns;
	return found;
}

/* Return: as job_issue(). */
static bool job_start_arrival(struct bench_job *job, uint64_t moment_ns)
{
	if (job->worker->trace != NULL) {
		job_draw_trace(job);
	} else {
		job_draw(job);
	}
	job->submitted_ns = stamp_is_due(job->worker) ? moment_ns : 0;
	return job_issue(job);
}

static void arrival_wait(struct bench_worker *worker)
{
	if (worker->timed) {
		ebb_poller_run_at(worker->arrival_timer, bench_line_next_ns(worker->line));
	}
}

void bench_job_take_arrivals(struct bench_worker *worker)
{
	uint64_t moment_ns;

	while (!ebb_list_empty(&worker->idle) && arrival_take(worker, &moment_ns)) {
		struct ebb_list *node = ebb_list_pop_front(&worker->idle);

		worker->in_flight++;
		job_start_arrival(ebb_list_entry(node, struct bench_job, wait.link), moment_ns);
	}
	if (!ebb_list_empty(&worker->idle)) {
		arrival_wait(worker);
		bench_worker_look_finished(worker);
	}
}

static void __attribute__((noinline)) job_next_arrival(struct bench_job *job)
{
	struct bench_worker *worker = job->worker;
	uint64_t moment_ns;

	if (arrival_take(worker, &moment_ns)) {
		if (!job_start_arrival(job, moment_ns)) {
			bench_job_take_arrivals(worker); /* no answer will let in the next */
		}
		return;
	}
	worker->in_flight--;
	ebb_list_push_front(&worker->idle, &job->wait.link);
	arrival_wait(worker);
	bench_worker_look_finished(worker);
}

/* @end_ns: when it ended; 0: the clock is to be asked, if that matters. */
static inline void job_end(struct bench_job *job, int status, uint64_t end_ns)
{
	struct bench_worker *worker = job->worker;

	if (ebb_unlikely(worker->ending)) {
		job_retire(job);
		return;
	}
	if (ebb_likely(status == 0)) {
		worker->ios++;
		if (ebb_unlikely(worker->trace != NULL)) {
			worker->trace_bytes += worker->trace->ios[job->slot].len_bytes;
		}
		if (job->submitted_ns != 0) {
			end_ns = end_ns != 0 ? end_ns : ebb_clock_now_ns();
			ebb_histogram_add(&worker->latency, end_ns - job->submitted_ns);
		}
	} else {
		job_failed(job, status);
	}
	if (ebb_likely(worker->line == NULL)) {
		bench_job_start(job);
	} else {
		job_next_arrival(job);
	}
}

/* Also of those that end after the run: whatever was read is looked at, but until the first alarm. */
static void __attribute__((noinline)) job_verify_end(struct bench_job *job, int status)
{
	struct bench_worker *worker = job->worker;
	uint64_t end_ns = ebb_clock_now_ns();
	char error[BENCH_LOAD_ERROR_MAX];
	int rc = bench_verify_end(worker->verify, job->slot, job->write != 0, job->buf, status,
				  error);

	if (rc < 0 && worker->alarm_error[0] == '\0') {
		memcpy(worker->alarm_error, error, sizeof(error));
		bench_worker_alarm(worker);
	}
	job_end(job, status, end_ns);
}

static void job_done(void *arg, int status)
{
	struct bench_job *job = arg;

	if (ebb_unlikely(job->worker->verify != NULL)) {
		job_verify_end(job, status);
		return;
	}
	job_end(job, status, 0);
}
