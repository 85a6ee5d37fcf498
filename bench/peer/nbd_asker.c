/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_asker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ebb/clock.h>

/* So long before an arrival one that has a CPU to itself wakes up: a timer is not more exact. */
#define SPIN_NS (100 * EBB_NS_PER_US)

#define BACKLOG_UNKNOWN UINT64_MAX

static void job_done(struct bench_nbd_request *request, int error)
{
	struct bench_nbd_job *job = (struct bench_nbd_job *)request;
	struct bench_nbd_asker *asker = job->asker;
	uint64_t now_ns = ebb_clock_now_ns();

	asker->in_flight--;
	job->next_free = asker->free;
	asker->free = job;
	if (now_ns < atomic_load(&asker->begin_ns) || now_ns >= atomic_load(&asker->end_ns)) {
		return;
	}
	if (error == 0) {
		ebb_histogram_add(&asker->latency, now_ns - job->begin_ns);
	} else if (asker->errors++ == 0) {
		asker->first_error = error;
	}
}

static bool next_is_write(struct bench_nbd_asker *asker)
{
	const struct bench_workload *load = &asker->load;

	if (load->read_below == 0 || load->read_below > UINT32_MAX) {
		return load->read_below == 0;
	}
	return (uint32_t)bench_random_next(&asker->random) >= load->read_below;
}

static int job_submit(struct bench_nbd_asker *asker, uint64_t begin_ns)
{
	const struct bench_workload *load = &asker->load;
	struct bench_nbd_job *job = asker->free;
	uint64_t slot;
	int rc;

	if (load->random) {
		slot = bench_random_below(&asker->random, load->slots);
	} else {
		slot = asker->cursor;
		asker->cursor = asker->cursor + 1 == load->slots ? 0 : asker->cursor + 1;
	}
	asker->free = job->next_free;
	asker->in_flight++;
	job->begin_ns = begin_ns;
	job->request.offset = slot * load->io_bytes;
	job->request.write = next_is_write(asker);
	rc = bench_nbd_connection_submit(asker->connection, &job->request);
	if (rc < 0) {
		job->next_free = asker->free;
		asker->free = job;
		asker->in_flight--;
	}
	return rc;
}

static uint64_t arrival_next(struct bench_nbd_asker *asker)
{
	if (!asker->next_taken) {
		asker->next_ns = asker->start_ns + bench_arrivals_next(&asker->arrivals);
		asker->next_taken = true;
	}
	return asker->next_ns;
}

/* The next arrival has come, @now_ns. One that had to wait for others is not late by itself. */
static void arrival_take(struct bench_nbd_asker *asker, uint64_t now_ns)
{
	asker->next_taken = false;
	if (asker->next_ns < atomic_load(&asker->begin_ns)) {
		return;
	}
	asker->offered++;
	if (!asker->held) {
		ebb_histogram_add(&asker->late, now_ns - asker->next_ns);
	}
}

/* Requests that had come before @end_ns and were not answered. */
static void arrivals_end(struct bench_nbd_asker *asker, uint64_t end_ns)
{
	asker->backlog = asker->in_flight;
	while (arrival_next(asker) < end_ns) {
		asker->held = true;
		arrival_take(asker, end_ns);
		asker->backlog++;
	}
}

/*
 * Asks for all that is due. Return: when there is more to do without a reply; UINT64_MAX: not before
 * one comes.
 */
static uint64_t requests_make(struct bench_nbd_asker *asker, int *ret_rc)
{
	while (asker->free != NULL && *ret_rc == 0) {
		uint64_t now_ns = ebb_clock_now_ns();
		uint64_t begin_ns = now_ns;

		if (asker->open) {
			begin_ns = arrival_next(asker);
			if (begin_ns > now_ns) {
				asker->held = false;
				return begin_ns;
			}
			arrival_take(asker, now_ns);
		}
		*ret_rc = job_submit(asker, begin_ns);
	}
	asker->held = true;
	return UINT64_MAX;
}

static uint64_t time_until(const struct bench_nbd_asker *asker, uint64_t due_ns, uint64_t now_ns)
{
	if (due_ns == UINT64_MAX) {
		return UINT64_MAX;
	}
	if (asker->spins) {
		due_ns -= SPIN_NS;
	}
	return due_ns > now_ns ? due_ns - now_ns : 0;
}

/* Return: 0: all is answered, or there is more to do; -errno: it is over, badly. */
static int asker_turn(struct bench_nbd_asker *asker, bool *ret_over)
{
	uint64_t end_ns = atomic_load(&asker->end_ns);
	uint64_t now_ns = ebb_clock_now_ns();
	uint64_t due_ns;
	int rc = 0;

	if (now_ns >= end_ns) {
		due_ns = end_ns + BENCH_NBD_ASKER_PATIENCE_NS;
		if (asker->open && asker->backlog == BACKLOG_UNKNOWN) {
			arrivals_end(asker, end_ns);
		}
		if (asker->in_flight == 0) {
			*ret_over = true;
			return 0;
		}
		if (now_ns >= due_ns) {
			return -ETIMEDOUT;
		}
	} else {
		due_ns = requests_make(asker, &rc);
		if (rc < 0) {
			return rc;
		}
		now_ns = ebb_clock_now_ns();
	}
	return bench_nbd_connection_poll(asker->connection, now_ns < end_ns ? asker->wake_fd : -1,
					 time_until(asker, due_ns, now_ns));
}

void *bench_nbd_asker_run(void *arg)
{
	struct bench_nbd_asker *asker = arg;
	bool over = false;

	prctl(PR_SET_TIMERSLACK, 1);
	asker->start_ns = ebb_clock_now_ns();
	(void)requests_make(asker, &asker->rc);
	sem_post(&asker->started);
	while (!over && asker->rc == 0) {
		asker->rc = asker_turn(asker, &over);
	}
	eventfd_write(asker->done_fd, 1);
	return NULL;
}

int bench_nbd_asker_init(struct bench_nbd_asker *asker, struct bench_nbd_connection *connection,
			 const struct bench_workload *workload, const struct bench_load *load,
			 bool own_cpu)
{
	size_t count = workload->queue_depth;
	size_t bytes = count * workload->io_bytes;

	sem_init(&asker->started, 0, 0);
	asker->connection = connection;
	asker->load = *workload;
	atomic_store(&asker->begin_ns, UINT64_MAX);
	atomic_store(&asker->end_ns, UINT64_MAX);
	asker->open = load->shape != BENCH_SHAPE_CLOSED;
	asker->spins = asker->open && own_cpu;
	if (asker->open) {
		bench_arrivals_init(&asker->arrivals, load, 0, 1);
	}
	asker->jobs = calloc(count, sizeof(*asker->jobs));
	asker->bufs = malloc(bytes);
	asker->wake_fd = eventfd(0, EFD_CLOEXEC);
	asker->done_fd = eventfd(0, EFD_CLOEXEC);
	if (asker->jobs == NULL || asker->bufs == NULL || asker->wake_fd < 0 ||
	    asker->done_fd < 0) {
		return -ENOMEM;
	}
	asker->random.state = load->seed;
	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		uint64_t noise = bench_random_next(&asker->random);

		memcpy(asker->bufs + i, &noise, 8);
	}
	for (size_t i = 0; i < count; i++) {
		struct bench_nbd_job *job = &asker->jobs[i];

		job->asker = asker;
		job->request.done = job_done;
		job->request.buf = asker->bufs + i * asker->load.io_bytes;
		job->request.len = asker->load.io_bytes;
		job->next_free = asker->free;
		asker->free = job;
	}
	ebb_histogram_reset(&asker->latency);
	ebb_histogram_reset(&asker->late);
	asker->backlog = BACKLOG_UNKNOWN;
	return 0;
}

void bench_nbd_asker_begin(struct bench_nbd_asker *asker, uint64_t now_ns)
{
	atomic_store(&asker->begin_ns, now_ns);
}

void bench_nbd_asker_end(struct bench_nbd_asker *asker, uint64_t now_ns)
{
	atomic_store(&asker->end_ns, now_ns);
	eventfd_write(asker->wake_fd, 1);
}

void bench_nbd_asker_fini(struct bench_nbd_asker *asker)
{
	if (asker->wake_fd > 0) {
		close(asker->wake_fd);
	}
	if (asker->done_fd > 0) {
		close(asker->done_fd);
	}
	free(asker->jobs);
	free(asker->bufs);
}
