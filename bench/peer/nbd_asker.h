/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NBD_ASKER_H
#define BENCH_NBD_ASKER_H

/*
 * Who makes the requests of a run over NBD, as an OS thread: it keeps so many in flight, or follows
 * the arrivals of an open loop.
 *
 * Another thread says when the counted time begins and when it ends, by two moments, so what both
 * read of the clocks fits together: a reply counts if it came between them. After the end nothing new
 * is asked; who does not answer what is in flight within the patience has stopped answering.
 */

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/histogram.h>

#include "bench/load/arrivals.h"
#include "bench/load/random.h"
#include "bench/load/workload.h"
#include "bench/peer/nbd_connection.h"

#define BENCH_NBD_ASKER_PATIENCE_NS (3 * EBB_NS_PER_S)

struct bench_nbd_asker;

struct bench_nbd_job {
	struct bench_nbd_request request; /* the first field */
	struct bench_nbd_asker *asker;
	struct bench_nbd_job *next_free;
	uint64_t begin_ns; /* when it was made, or was to be made */
};

struct bench_nbd_asker {
	struct bench_nbd_connection *connection;
	struct bench_workload load;
	struct bench_random random;
	uint64_t cursor;

	struct bench_nbd_job *jobs;
	struct bench_nbd_job *free;
	char *bufs;
	uint64_t in_flight;

	/* Of an open loop. */
	bool open;
	bool spins;      /* it has a CPU to itself */
	bool held;       /* all jobs are taken, and requests wait in line */
	bool next_taken; /* the next arrival is known */
	struct bench_arrivals arrivals;
	uint64_t start_ns;
	uint64_t next_ns;

	int wake_fd;   /* the end has been set */
	int done_fd;   /* the thread has ended */
	sem_t started; /* the thread runs, and has asked for what is due at its beginning */
	_Atomic uint64_t begin_ns;
	_Atomic uint64_t end_ns;

	/* Counted by the thread, read after it was joined. */
	struct ebb_histogram latency;
	struct ebb_histogram late; /* arrivals, behind their time */
	uint64_t offered;
	uint64_t backlog; /* at the end */
	uint64_t errors;
	int first_error;
	int rc;
};

/**
 * bench_nbd_asker_init() - get the buffers
 * @asker: the caller's; zeroed, and to be given to bench_nbd_asker_fini() in any case
 * @own_cpu: it has a CPU to itself
 * Return: 0; -ENOMEM.
 */
int bench_nbd_asker_init(struct bench_nbd_asker *asker, struct bench_nbd_connection *connection,
			 const struct bench_workload *workload, const struct bench_load *load,
			 bool own_cpu);

/* The thread's function. @asker->rc: 0; -ETIMEDOUT: no answers; -EIO: the connection is lost. */
void *bench_nbd_asker_run(void *asker);

/* What comes from @now_ns on is counted. Thread: any. */
void bench_nbd_asker_begin(struct bench_nbd_asker *asker, uint64_t now_ns);

/* What comes from @now_ns on is not, and the thread ends. Thread: any. */
void bench_nbd_asker_end(struct bench_nbd_asker *asker, uint64_t now_ns);

/* The connection holds none of its requests any more: all are answered, or it is closed. */
void bench_nbd_asker_fini(struct bench_nbd_asker *asker);

#endif
