/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BENCH_LOAD_ENGINE_STAGE_H
#define TESTS_UNIT_BENCH_LOAD_ENGINE_STAGE_H

/* An engine on a bdev of memory, on the stage; there is one CPU, so requests come by a timer. */

#include "bench/load/engine.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"

extern struct fake *engine_fake;
extern struct bench_engine *engine;
extern struct bench_engine_result engine_result; /* of the last run that has ended */
extern bool engine_done;                         /* it has */
extern bool engine_closed;
extern int engine_closed_rc;
extern char engine_error[BENCH_LOAD_ERROR_MAX];

/* Reads of 512 bytes, 2 at a time, for 10 ms after 1 ms, from the first 16 blocks. */
struct bench_load engine_load(enum bench_rw rw);

/* The stage with the bdev "fake", registered. */
void engine_stage_begin(void);
/* Ends it; the engine has been closed. @fake_gone: the bdev was unregistered by the test. */
void engine_stage_end(bool fake_gone);

/* Opens it for so many requests of so many bytes at most. */
void engine_open(bool write, uint64_t queue_depth, uint64_t block_bytes);

/* Begins a run, and goes on until its requests are in flight. */
void engine_start(const struct bench_load *load);

/* Completes all that is held at the end of a run whose end has come. */
void engine_finish(void);

void engine_close(void);

#endif
