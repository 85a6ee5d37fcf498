/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SURROUNDINGS_H
#define BENCH_SURROUNDINGS_H

/* What is around the runs: the machine's facts, and warnings about what spoils the figures. */

#include "bench/results/results.h"

struct bench_disturbance;

/* Fills results->machine; warns of what shows without measuring. Thread: one that may block. */
void bench_surroundings_look(struct bench_results *results);

/* Says how late the stand-ins have answered, if there were any. */
void bench_surroundings_tell_lateness(struct bench_results *results,
				      const struct ebb_histogram *lateness);

/* Warns of what went on in the runs. @disturbance: NULL: nobody has looked. */
void bench_surroundings_warn(struct bench_results *results, struct bench_disturbance *disturbance);

#endif
