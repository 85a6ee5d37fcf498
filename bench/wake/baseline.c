/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/baseline.h"

#include <stdatomic.h>

#include <ebb/clock.h>

#include "bench/wake/batch.h"
#include "bench/wake/eventfd_wait.h"
#include "bench/machine/pin.h"
#include "core/base/cpu_relax.h"

/* Thread A counts round trips and decides when it is enough; thread B only answers. */

struct hop {
	_Atomic uint64_t line EBB_CACHE_ALIGNED; /* odd: B's turn; even: A's; HOP_END: over */
	uint64_t time_ns EBB_CACHE_ALIGNED;
	struct bench_batches batches;
};

#define HOP_END UINT64_MAX

static void *hop_a(void *arg)
{
	struct hop *hop = arg;
	uint64_t begin_ns = ebb_clock_now_ns();
	uint64_t now_ns = begin_ns;
	uint64_t trips = 0;

	while (now_ns - begin_ns < hop->time_ns) {
		uint64_t batch_ns = now_ns;

		for (unsigned i = 0; i < hop->batches.trips; i++) {
			atomic_store_explicit(&hop->line, 2 * trips + 1, memory_order_release);
			trips++;
			while (atomic_load_explicit(&hop->line, memory_order_acquire) !=
			       2 * trips) {
				base_cpu_relax();
			}
		}
		now_ns = ebb_clock_now_ns();
		bench_batches_add(&hop->batches, now_ns - batch_ns);
	}
	atomic_store_explicit(&hop->line, HOP_END, memory_order_release);
	return NULL;
}

static void *hop_b(void *arg)
{
	struct hop *hop = arg;
	uint64_t value;

	for (;;) {
		value = atomic_load_explicit(&hop->line, memory_order_acquire);
		if (value == HOP_END) {
			return NULL;
		}
		if (value % 2 == 1) {
			atomic_store_explicit(&hop->line, value + 1, memory_order_release);
		} else {
			base_cpu_relax();
		}
	}
}

double bench_baseline_hop(int cpu_a, int cpu_b, uint64_t time_ns)
{
	struct hop hop = {.time_ns = time_ns};
	pthread_t a;
	pthread_t b;

	bench_batches_init(&hop.batches, BENCH_TRIPS_SPINNING);
	if (bench_pin_thread_create(&b, cpu_b, hop_b, &hop) < 0) {
		return NAN;
	}
	if (bench_pin_thread_create(&a, cpu_a, hop_a, &hop) < 0) {
		atomic_store(&hop.line, HOP_END);
	} else {
		pthread_join(a, NULL);
	}
	pthread_join(b, NULL);
	return bench_batches_trip_ns(&hop.batches) / 2;
}

struct wake {
	struct bench_eventfd_wait a;
	struct bench_eventfd_wait b;
	uint64_t time_ns;
	_Atomic bool end;
	struct bench_batches batches;
};

static void *wake_a(void *arg)
{
	struct wake *wake = arg;
	uint64_t begin_ns = ebb_clock_now_ns();
	uint64_t now_ns = begin_ns;

	while (now_ns - begin_ns < wake->time_ns) {
		uint64_t batch_ns = now_ns;

		for (unsigned i = 0; i < wake->batches.trips; i++) {
			bench_eventfd_wait_wake(&wake->b);
			bench_eventfd_wait_sleep(&wake->a);
		}
		now_ns = ebb_clock_now_ns();
		bench_batches_add(&wake->batches, now_ns - batch_ns);
	}
	atomic_store(&wake->end, true);
	bench_eventfd_wait_wake(&wake->b);
	return NULL;
}

static void *wake_b(void *arg)
{
	struct wake *wake = arg;

	for (;;) {
		bench_eventfd_wait_sleep(&wake->b);
		if (atomic_load_explicit(&wake->end, memory_order_relaxed)) {
			return NULL;
		}
		bench_eventfd_wait_wake(&wake->a);
	}
}

double bench_baseline_wake(int cpu_a, int cpu_b, uint64_t time_ns, bool edge)
{
	struct wake wake = {
		.a = BENCH_EVENTFD_WAIT_NONE,
		.b = BENCH_EVENTFD_WAIT_NONE,
		.time_ns = time_ns,
	};
	pthread_t a;
	pthread_t b;

	bench_batches_init(&wake.batches, BENCH_TRIPS_SLEEPING);
	if (bench_eventfd_wait_init(&wake.a, edge) == 0 &&
	    bench_eventfd_wait_init(&wake.b, edge) == 0 &&
	    bench_pin_thread_create(&b, cpu_b, wake_b, &wake) == 0) {
		if (bench_pin_thread_create(&a, cpu_a, wake_a, &wake) == 0) {
			pthread_join(a, NULL);
		} else {
			atomic_store(&wake.end, true);
			bench_eventfd_wait_wake(&wake.b);
		}
		pthread_join(b, NULL);
	}
	bench_eventfd_wait_fini(&wake.a);
	bench_eventfd_wait_fini(&wake.b);
	return bench_batches_trip_ns(&wake.batches) / 2;
}
