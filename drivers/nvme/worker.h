/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_WORKER_H
#define DRIVERS_NVME_WORKER_H

/*
 * A path's management commands: which jobs are to be done, and how far the one under way is. What
 * the jobs do is in jobs.c, scan.c and async_event.c. Thread: app, but for nvme_worker_look().
 */

#include <stdatomic.h>

#include <ebb/thread.h>

struct nvme_path;

/* What the worker has still to do; the lowest bit is done first. See jobs.c. */
enum nvme_job {
	NVME_JOB_IDENTIFY,
	NVME_JOB_COMMAND_SET,
	NVME_JOB_EVENTS, /* tell which events are wanted */
	NVME_JOB_POWER,  /* power saving */
	NVME_JOB_HEALTH, /* a warning has come: which one? */
	NVME_JOB_ERRORS, /* an error event has come: the log is read to have the next one */
	NVME_JOB_FIRMWARE,
	NVME_JOB_CHANGED, /* the list of changed namespaces, likewise */
	NVME_JOB_SCAN,    /* the namespaces there are */
	NVME_JOB_COUNT,
};

enum nvme_worker_state {
	NVME_WORKER_IDLE,     /* no job is under way */
	NVME_WORKER_STEP,     /* a step of one is being done */
	NVME_WORKER_WAITING,  /* for an answer, with which the next step begins */
	NVME_WORKER_ANSWERED, /* it has come */
	NVME_WORKER_STATE_COUNT,
};

/* The next step of a job, when what it waited for has ended. */
typedef void (*nvme_worker_step_fn)(struct nvme_path *path, int rc);

struct nvme_worker {
	enum nvme_worker_state state;
	bool running;  /* inside nvme_jobs_run() */
	uint32_t jobs; /* bits, to be begun */
	nvme_worker_step_fn step;
	int rc; /* the answer, ANSWERED only */

	/* A channel's thread wants the namespaces to be scanned. See nvme_worker_look(). */
	struct {
		_Atomic bool sent; /* @msg is under way: nothing is freed meanwhile */
		_Atomic uint64_t next_ns;
		struct ebb_msg msg; /* its receiver adds the scan, and clears @sent first */
	} look;
};

bool nvme_worker_state_may_follow(enum nvme_worker_state from, enum nvme_worker_state to);

void nvme_worker_add(struct nvme_worker *worker, uint32_t jobs);

/* For jobs: waits for an admin command, or something else, and goes on with @step. */
void nvme_worker_wait(struct nvme_worker *worker, nvme_worker_step_fn step);

/* What is waited for has ended: nvme_jobs_run() will take the step. */
void nvme_worker_wake(struct nvme_worker *worker, int rc);

/* For jobs: this one has ended. < 0: if an attach waits for it, that has failed. */
void nvme_worker_job_end(struct nvme_path *path, int rc);

/* For nvme_jobs_run(): a job begins; the step that was waited for does. Return: that step. */
void nvme_worker_begin(struct nvme_worker *worker, enum nvme_job job);
nvme_worker_step_fn nvme_worker_resume(struct nvme_worker *worker);

/* True if no job is under way, and none about to be begun. */
bool nvme_worker_quiet(const struct nvme_worker *worker);

/*
 * By an answer to I/O a namespace may not be what it was identified as: scan them all again, at
 * most once a second. Thread: any that has a channel of a bdev of the path's drive.
 */
void nvme_worker_look(struct nvme_path *path);

#endif
