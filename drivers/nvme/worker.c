/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/worker.h"

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/log.h>

#include "drivers/nvme/path.h"

/* Between two looks that failing I/O asks for. */
#define LOOK_NS EBB_NS_PER_S

static const uint32_t state_next[NVME_WORKER_STATE_COUNT] = {
	[NVME_WORKER_IDLE] = EBB_BIT(NVME_WORKER_STEP),
	[NVME_WORKER_STEP] = EBB_BIT(NVME_WORKER_WAITING) | EBB_BIT(NVME_WORKER_IDLE),
	[NVME_WORKER_WAITING] = EBB_BIT(NVME_WORKER_ANSWERED),
	[NVME_WORKER_ANSWERED] = EBB_BIT(NVME_WORKER_STEP),
};

bool nvme_worker_state_may_follow(enum nvme_worker_state from, enum nvme_worker_state to)
{
	return (state_next[from] & EBB_BIT(to)) != 0;
}

static void state_set(struct nvme_worker *worker, enum nvme_worker_state state)
{
	ebb_assert(nvme_worker_state_may_follow(worker->state, state));
	worker->state = state;
}

void nvme_worker_add(struct nvme_worker *worker, uint32_t jobs)
{
	worker->jobs |= jobs;
}

void nvme_worker_begin(struct nvme_worker *worker, enum nvme_job job)
{
	state_set(worker, NVME_WORKER_STEP);
	worker->jobs &= ~EBB_BIT(job);
}

void nvme_worker_wait(struct nvme_worker *worker, nvme_worker_step_fn step)
{
	state_set(worker, NVME_WORKER_WAITING);
	worker->step = step;
}

void nvme_worker_wake(struct nvme_worker *worker, int rc)
{
	state_set(worker, NVME_WORKER_ANSWERED);
	worker->rc = rc;
}

nvme_worker_step_fn nvme_worker_resume(struct nvme_worker *worker)
{
	state_set(worker, NVME_WORKER_STEP);
	return worker->step;
}

void nvme_worker_job_end(struct nvme_path *path, int rc)
{
	state_set(&path->worker, NVME_WORKER_IDLE);
	if (rc < 0 && path->drive->attach.done != NULL) {
		path->worker.jobs = 0;
		path->drive->attach.rc = rc;
	}
}

bool nvme_worker_quiet(const struct nvme_worker *worker)
{
	return worker->state == NVME_WORKER_IDLE && !worker->running &&
	       !atomic_load(&worker->look.sent);
}

void nvme_worker_look(struct nvme_path *path)
{
	struct nvme_worker *worker = &path->worker;
	uint64_t now_ns = ebb_clock_now_ns();

	if (now_ns < atomic_load_explicit(&worker->look.next_ns, memory_order_relaxed) ||
	    atomic_exchange(&worker->look.sent, true)) {
		return;
	}
	atomic_store_explicit(&worker->look.next_ns, now_ns + LOOK_NS, memory_order_relaxed);
	ebb_info("nvme", "%s: an answer does not fit its namespaces: they are looked at again",
		 path->drive->name);
	ebb_thread_send(ebb_thread_app(), &worker->look.msg);
}
