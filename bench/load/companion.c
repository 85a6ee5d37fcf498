/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/companion.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/reactor.h>

#include "core/base/cpu_relax.h"
#include "core/base/timespec.h"
#include "core/event/os_thread.h"
#include "core/event/reactor_mode.h"

/*
 * Whoever kicks sets the duty's flag, then takes "asleep" away; the companion sets "asleep", then
 * looks at all flags again, then sleeps on that word. One of the two sees the other's, as all of
 * this is sequentially consistent. Duties come by a list that anyone may push to and only the
 * companion takes from, and go by their state.
 */

#define SPIN_BEFORE_NS (60 * EBB_NS_PER_US)
#define USAGE_EVERY_NS EBB_NS_PER_MS

enum duty_state { DUTY_OUT, DUTY_IN, DUTY_LEAVING };

static struct {
	pthread_t thread;
	bool started;
	unsigned num_duties; /* added, and not asked to leave */
	_Atomic(struct bench_companion_duty *) incoming;
	atomic_uint asleep; /* a futex */

	/* The companion's own. */
	struct bench_companion_duty *duties;
	uint64_t usage_ns; /* when it was last published */

	/* What it has used, published by itself. */
	atomic_uint_least64_t user_ns;
	atomic_uint_least64_t system_ns;
	atomic_uint_least64_t voluntary;
	atomic_uint_least64_t involuntary;
} companion;

static uint64_t timeval_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * EBB_NS_PER_S + (uint64_t)time->tv_usec * EBB_NS_PER_US;
}

static void usage_publish(uint64_t now_ns)
{
	struct rusage usage;
	int rc = getrusage(RUSAGE_THREAD, &usage);

	ebb_assert(rc == 0);
	companion.usage_ns = now_ns;
	atomic_store_explicit(&companion.user_ns, timeval_ns(&usage.ru_utime),
			      memory_order_relaxed);
	atomic_store_explicit(&companion.system_ns, timeval_ns(&usage.ru_stime),
			      memory_order_relaxed);
	atomic_store_explicit(&companion.voluntary, (uint64_t)usage.ru_nvcsw, memory_order_relaxed);
	atomic_store_explicit(&companion.involuntary, (uint64_t)usage.ru_nivcsw,
			      memory_order_relaxed);
}

static void duties_admit(void)
{
	struct bench_companion_duty *duty;

	if (atomic_load_explicit(&companion.incoming, memory_order_relaxed) == NULL) {
		return;
	}
	duty = atomic_exchange(&companion.incoming, NULL);
	while (duty != NULL) {
		struct bench_companion_duty *next = duty->next;

		duty->next = companion.duties;
		companion.duties = duty;
		duty = next;
	}
}

/* Calls what is due. Return: when the next one is. */
static uint64_t duties_run(uint64_t now_ns)
{
	struct bench_companion_duty **link = &companion.duties;
	uint64_t due_ns = UINT64_MAX;
	struct bench_companion_duty *duty;

	while ((duty = *link) != NULL) {
		if (atomic_load(&duty->state) == DUTY_LEAVING) {
			*link = duty->next;
			atomic_store(&duty->state, DUTY_OUT); /* the owner may free it now */
			continue;
		}
		if (atomic_load(&duty->kicked)) {
			atomic_store(&duty->kicked, false);
			duty->due_ns = 0;
		}
		if (duty->due_ns <= now_ns) {
			duty->due_ns = duty->fn(duty, now_ns);
		}
		due_ns = duty->due_ns < due_ns ? duty->due_ns : due_ns;
		link = &duty->next;
	}
	return due_ns;
}

static bool duties_changed(void)
{
	if (atomic_load(&companion.incoming) != NULL) {
		return true;
	}
	for (struct bench_companion_duty *duty = companion.duties; duty != NULL;
	     duty = duty->next) {
		if (atomic_load(&duty->kicked) || atomic_load(&duty->state) == DUTY_LEAVING) {
			return true;
		}
	}
	return false;
}

static void companion_sleep(uint64_t until_ns)
{
	struct timespec until = base_timespec(until_ns);

	usage_publish(ebb_clock_now_ns());
	atomic_store(&companion.asleep, 1);
	if (!duties_changed()) {
		syscall(SYS_futex, &companion.asleep, FUTEX_WAIT_BITSET_PRIVATE, 1,
			until_ns == UINT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
	}
	atomic_store(&companion.asleep, 0);
}

static void companion_wake(void)
{
	if (atomic_exchange(&companion.asleep, 0) == 1) {
		syscall(SYS_futex, &companion.asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
}

/* The CPUs without a reactor. Return: false: there are none. */
static bool cpus_free(cpu_set_t *ret_cpus)
{
	int core;

	*ret_cpus = event_allowed_cpus;
	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		CPU_CLR((size_t)core, ret_cpus);
	}
	return CPU_COUNT(ret_cpus) > 0;
}

bool bench_companion_has_cpu(void)
{
	cpu_set_t cpus;

	return cpus_free(&cpus);
}

static void *__attribute__((noreturn)) companion_main(void *arg)
{
	cpu_set_t cpus;

	(void)arg;
	/* A reactor that polls has made this thread, and would keep it on its own CPU. */
	if (!cpus_free(&cpus)) {
		cpus = event_allowed_cpus;
	}
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	prctl(PR_SET_TIMERSLACK, 1);
	for (;;) {
		uint64_t now_ns = ebb_clock_now_ns();
		uint64_t due_ns;

		duties_admit();
		due_ns = duties_run(now_ns);
		if (now_ns - companion.usage_ns > USAGE_EVERY_NS) {
			usage_publish(now_ns);
		}
		if (due_ns > now_ns && due_ns - now_ns > SPIN_BEFORE_NS) {
			companion_sleep(due_ns == UINT64_MAX ? due_ns : due_ns - SPIN_BEFORE_NS);
		} else if (due_ns > now_ns) {
			base_cpu_relax(); /* a reactor may run on the other half of this core */
		}
	}
}

static uint64_t companion_cpu_ns(void)
{
	struct timespec time;
	clockid_t clock;

	if (pthread_getcpuclockid(companion.thread, &clock) != 0 ||
	    clock_gettime(clock, &time) != 0) {
		return 0;
	}
	return (uint64_t)time.tv_sec * EBB_NS_PER_S + (uint64_t)time.tv_nsec;
}

void bench_companion_get_usage(struct bench_companion_usage *ret_usage)
{
	*ret_usage = (struct bench_companion_usage){.running = companion.num_duties > 0};
	if (!companion.started) {
		return;
	}
	ret_usage->cpu_ns = companion_cpu_ns();
	ret_usage->user_ns = atomic_load(&companion.user_ns);
	ret_usage->system_ns = atomic_load(&companion.system_ns);
	ret_usage->voluntary = atomic_load(&companion.voluntary);
	ret_usage->involuntary = atomic_load(&companion.involuntary);
}

int bench_companion_add(struct bench_companion_duty *duty)
{
	if (!companion.started) {
		int rc =
			event_os_thread_start(&companion.thread, "companion", companion_main, NULL);

		if (rc < 0) {
			return rc;
		}
		pthread_detach(companion.thread);
		companion.started = true;
	}
	companion.num_duties++;
	duty->due_ns = 0;
	atomic_store(&duty->kicked, false);
	atomic_store(&duty->state, DUTY_IN);
	duty->next = atomic_load(&companion.incoming);
	while (!atomic_compare_exchange_weak(&companion.incoming, &duty->next, duty)) {
	}
	companion_wake();
	return 0;
}

void bench_companion_leave(struct bench_companion_duty *duty)
{
	ebb_assert(companion.num_duties > 0);
	companion.num_duties--;
	atomic_store(&duty->state, DUTY_LEAVING);
	companion_wake();
}

bool bench_companion_has_left(const struct bench_companion_duty *duty)
{
	return atomic_load(&duty->state) == DUTY_OUT;
}

void bench_companion_remove(struct bench_companion_duty *duty)
{
	bench_companion_leave(duty);
	while (!bench_companion_has_left(duty)) {
		sched_yield();
	}
}

void bench_companion_kick(struct bench_companion_duty *duty)
{
	atomic_store(&duty->kicked, true);
	companion_wake();
}
