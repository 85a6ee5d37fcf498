/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Starts and stops the framework over and over: in every mode, with messages under way and threads
 * being made while it stops. Nothing may be left behind, no descriptor above all.
 */

#include <dirent.h>
#include <pthread.h>
#include <time.h>

#include <ebb/clock.h>

#include "core/event/framework.h"

#define THREADS  3
#define MESSAGES 100

static _Atomic unsigned accepted;
static _Atomic unsigned run;
static struct stress_random random_state;
static struct stress_flow restart_flow;
static _Atomic bool ended;

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	if (dir == NULL) {
		stress_fail("/proc/self/fd cannot be read");
	}
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

static void count_run(void *arg)
{
	(void)arg;
	atomic_fetch_add(&run, 1);
}

static void thread_make(void *arg)
{
	struct ebb_thread *thread;

	(void)arg;
	/* May be refused while the framework stops; if not, it must end with all the others. */
	if (ebb_thread_create("late", EBB_CORE_ANY, &thread) == 0 &&
	    ebb_thread_send_msg(thread, count_run, NULL) == 0) {
		atomic_fetch_add(&accepted, 1);
	}
}

static void thread_exit(void *arg)
{
	(void)arg;
	ebb_thread_exit();
}

static void app_stop(void *arg)
{
	(void)arg;
	event_framework_stop();
}

static void app_start(void *arg)
{
	struct ebb_thread *threads[THREADS];
	bool late = stress_random_below(&random_state, 2) == 0;

	(void)arg;
	for (unsigned i = 0; i < THREADS; i++) {
		if (ebb_thread_create("restart", EBB_CORE_ANY, &threads[i]) != 0) {
			stress_fail("a thread cannot be made");
		}
	}
	for (unsigned i = 0; i < MESSAGES; i++) {
		if (ebb_thread_send_msg(threads[i % THREADS], count_run, NULL) == 0) {
			atomic_fetch_add(&accepted, 1);
		}
	}
	if (late) {
		ebb_thread_send_msg(threads[0], thread_make, NULL);
	}
	/* Either they end by themselves, or they are told to. */
	for (unsigned i = 0; i < THREADS && stress_random_below(&random_state, 2) == 0; i++) {
		ebb_thread_send_msg(threads[i], thread_exit, NULL);
	}
	if (stress_random_below(&random_state, 2) == 0) {
		event_framework_stop();
	} else {
		ebb_thread_send_msg(ebb_thread_app(), app_stop, NULL);
	}
}

static void restart_once(const struct event_framework_opts *opts)
{
	atomic_store(&accepted, 0);
	atomic_store(&run, 0);
	if (event_framework_init(opts) != 0) {
		stress_fail("event_framework_init");
	}
	ebb_thread_send_msg(ebb_thread_app(), app_start, NULL);
	if (event_framework_run() != 0) {
		stress_fail("event_framework_run");
	}
	event_framework_fini();
	if (atomic_load(&accepted) != atomic_load(&run)) {
		stress_fail("%u messages accepted, %u run", atomic_load(&accepted),
			    atomic_load(&run));
	}
}

/* A stop that hangs is found by the clock. */
static void *checker_main(void *arg)
{
	static const struct timespec nap = {.tv_nsec = 50 * (long)EBB_NS_PER_MS};

	(void)arg;
	while (!atomic_load(&ended)) {
		stress_flows_check(ebb_clock_now_ns());
		nanosleep(&nap, NULL);
	}
	return NULL;
}

void stress_restart(unsigned rounds)
{
	struct event_framework_opts opts = {.spin_us_max = 50};
	pthread_t checker;
	unsigned fds = 0;

	stress_random_init(&random_state, 600);
	stress_flow_init(&restart_flow, "restart", 0);
	if (pthread_create(&checker, NULL, checker_main, NULL) != 0) {
		stress_fail("the checker cannot be started");
	}
	for (unsigned i = 0; i < rounds; i++) {
		stress_allowed_cpus(&opts.cpus);
		opts.mode = (enum ebb_reactor_mode)(i % EBB_REACTOR_MODE_COUNT);
		stress_flow_begin(&restart_flow);
		restart_once(&opts);
		stress_flow_end(&restart_flow);
		if (i == 0) {
			fds = count_fds(); /* the first may open what stays, such as a log */
		}
	}
	atomic_store(&ended, true);
	pthread_join(checker, NULL);
	if (count_fds() > fds) {
		stress_fail("%u file descriptors are left of %u restarts", count_fds() - fds,
			    rounds);
	}
}
