/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

/*
 * A worker keeps a number of requests in flight on one thread. Its owner, on the app thread, gives
 * it one command at a time.
 */

#include "bench/load/worker_state.h"

/**
 * bench_worker_run_command() - have @worker do something on its thread
 * worker->answered(@worker) is called when that is done; no other command before then.
 * Thread: app.
 */
void bench_worker_run_command(struct bench_worker *worker, enum bench_worker_command command);

/*
 * Has @worker look into its line, at once or when its reactor wakes. Thread: any, between the answers to
 * BEGIN and to END.
 */
void bench_worker_tell(struct bench_worker *worker);

#endif
