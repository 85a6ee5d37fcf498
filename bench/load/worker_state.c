/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/worker_state.h"

#include <ebb/assert.h>
#include <ebb/clock.h>

#include "bench/load/stamps.h"
#include "bench/load/trace.h"

void bench_worker_answer(struct bench_worker *worker)
{
	int rc = ebb_thread_send(ebb_thread_app(), &worker->answer);

	ebb_assert(rc == 0); /* the app thread outlives every other */
}

static void worker_alarmed(void *arg)
{
	struct bench_worker *worker = arg;

	worker->alarmed(worker);
}

void bench_worker_alarm(struct bench_worker *worker)
{
	int rc;

	worker->ending = true;
	ebb_msg_init(&worker->alarm, worker_alarmed, worker);
	rc = ebb_thread_send(ebb_thread_app(), &worker->alarm);
	ebb_assert(rc == 0);
}

static void worker_finished(void *arg)
{
	struct bench_worker *worker = arg;

	worker->finished(worker);
}

void bench_worker_look_finished(struct bench_worker *worker)
{
	int rc;

	if (worker->trace == NULL || worker->trace_next < worker->trace->num_ios ||
	    worker->in_flight > 0 || worker->ending || worker->finish_sent) {
		return;
	}
	worker->finish_sent = true;
	ebb_msg_init(&worker->finish, worker_finished, worker);
	rc = ebb_thread_send(ebb_thread_app(), &worker->finish);
	ebb_assert(rc == 0);
}

void bench_worker_decide_stamps(struct bench_worker *worker)
{
	uint64_t passed_ns = ebb_clock_now_ns() - worker->begun_ns;

	worker->stamp_trial = 0;
	worker->stamp_left = 1;
	worker->stamp_every =
		bench_stamps_every(worker->ios > 0 ? passed_ns / worker->ios : UINT64_MAX,
				   worker->clock_cost_ns);
	if (worker->stamp_every > 1) {
		/* All of those so far were stamped: in a sample they are too many. */
		ebb_histogram_reset(&worker->latency);
	}
}
