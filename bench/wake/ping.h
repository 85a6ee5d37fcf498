/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PING_H
#define BENCH_PING_H

/* A message that goes to and fro between two ebb threads. */

#include <ebb/thread.h>

/**
 * bench_ping() - pass a message between @a and @b for a while
 * @batch_trips: see batch.h
 * Thread: the harness, which sleeps meanwhile.
 * Return: nanoseconds one way.
 */
double bench_ping(struct ebb_thread *a, struct ebb_thread *b, unsigned batch_trips,
		  uint64_t time_ns);

#endif
