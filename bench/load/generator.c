/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/generator.h"

#include <string.h>

static uint64_t generator_run(struct bench_companion_duty *duty, uint64_t now_ns)
{
	struct bench_generator *generator = ebb_container_of(duty, struct bench_generator, duty);
	uint64_t next_ns = UINT64_MAX;

	(void)now_ns;
	for (unsigned i = 0; i < generator->num_workers; i++) {
		struct bench_worker *worker = &generator->workers[i];
		uint64_t line_ns;

		if (bench_line_let_in(worker->line) > 0) {
			bench_worker_tell(worker);
		}
		line_ns = bench_line_next_ns(worker->line);
		next_ns = line_ns < next_ns ? line_ns : next_ns;
	}
	return next_ns;
}

int bench_generator_start(struct bench_generator *generator, struct bench_worker *workers,
			  unsigned num_workers)
{
	memset(generator, 0, sizeof(*generator));
	generator->duty.fn = generator_run;
	generator->workers = workers;
	generator->num_workers = num_workers;
	return bench_companion_add(&generator->duty);
}

void bench_generator_stop(struct bench_generator *generator)
{
	bench_companion_leave(&generator->duty);
}
