/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/helper.h"

/*
 * The helper is an OS thread of its own, so these tests wait for it; they turn the reactor
 * meanwhile, and Check ends a test that waits for ever.
 */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define COUNT 50

struct job {
	struct ebb_work work;
	unsigned number;
	unsigned runs;
};

static struct ebb_thread *thread;
static struct job jobs[COUNT];
static unsigned next_run, num_done;
static pthread_t ran_on;
static _Atomic bool may_run, begun;
static bool keep_signals;
static bool out_of_patience;

/* The five seconds for which an end waits: over at once, if the test says so. */
int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
			   const struct timespec *until)
{
	int (*wait)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

	if (out_of_patience) {
		return ETIMEDOUT;
	}
	*(void **)&wait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
	return wait(cond, mutex, clock, until);
}

static void job_run(struct ebb_work *work)
{
	struct job *job = ebb_container_of(work, struct job, work);
	sigset_t blocked;
	char name[16];

	atomic_store(&begun, true);
	while (!atomic_load(&may_run)) {
		sched_yield();
	}
	/* One at a time, in the order submitted: no lock is needed for this. */
	if (job->number == next_run) {
		next_run++;
	}
	job->runs++;
	ran_on = pthread_self();
	pthread_getname_np(ran_on, name, sizeof(name));
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	keep_signals = strcmp(name, "ebb_helper") == 0 && sigismember(&blocked, SIGTERM) == 1 &&
		       sigismember(&blocked, SIGINT) == 1;
	ck_assert_ptr_null(ebb_thread_current());
}

static void job_done(struct ebb_work *work)
{
	struct job *job = ebb_container_of(work, struct job, work);

	ck_assert_ptr_eq(ebb_thread_current(), thread);
	ck_assert_uint_eq(job->number, num_done);
	ck_assert_uint_eq(job->runs, 1);
	num_done++;
}

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
	atomic_store(&may_run, true);
	for (unsigned i = 0; i < COUNT; i++) {
		jobs[i] = (struct job){.work = {.run = job_run, .done = job_done}, .number = i};
	}
}

static void submit(unsigned i)
{
	stepper_enter(thread);
	ck_assert_int_eq(ebb_helper_submit(&jobs[i].work), 0);
	stepper_leave();
}

static void wait_done(unsigned count)
{
	while (num_done < count) {
		stepper_turn();
		sched_yield();
	}
	ck_assert_uint_eq(num_done, count);
}

START_TEST(test_one)
{
	submit(0);
	ck_assert_uint_eq(thread->work_running, 1);
	ck_assert_uint_eq(num_done, 0);
	wait_done(1);
	ck_assert_uint_eq(thread->work_running, 0);
	ck_assert(!pthread_equal(ran_on, pthread_self()));
	ck_assert(keep_signals);
}
END_TEST

/* On an OS thread, or between callbacks, there is nobody to be told. */
START_TEST(test_no_thread)
{
	ck_assert_int_eq(ebb_helper_submit(&jobs[0].work), -EPERM);
	ck_assert_uint_eq(log_count("rule 4"), 1);
	ck_assert_uint_eq(log_count("ebb_helper_submit() on 'helper'"), 1);
	submit(0);
	wait_done(1);
	ck_assert_uint_eq(jobs[0].runs, 1);
}
END_TEST

START_TEST(test_order)
{
	for (unsigned i = 0; i < COUNT; i++) {
		submit(i);
	}
	wait_done(COUNT);
	ck_assert_uint_eq(next_run, COUNT);
}
END_TEST

/* While one blocks, the reactor goes on; what was submitted meanwhile waits. */
START_TEST(test_blocks_nobody)
{
	atomic_store(&may_run, false);
	submit(0);
	submit(1);
	for (unsigned i = 0; i < 20; i++) {
		stepper_turn();
	}
	ck_assert_uint_eq(num_done, 0);
	atomic_store(&may_run, true);
	wait_done(2);
}
END_TEST

/* A slow done() is reported by its own name, and not by that of who called it. */
static void slow_done(struct ebb_work *work)
{
	(void)work;
	stepper_advance_us(20000);
	num_done++;
}

START_TEST(test_slow_done_is_named)
{
	ebb_work_init(&jobs[0].work, job_run, slow_done);
	submit(0);
	wait_done(1);
	stepper_turn();
	ck_assert_uint_eq(log_count("callback slow_done of thread 'worker' ran 20.0 ms"), 1);
}
END_TEST

static struct job chained;

static void chain_done(struct ebb_work *work)
{
	chained.number++;
	if (chained.number < 5) {
		ebb_helper_submit(work);
	}
}

static void chain_run(struct ebb_work *work)
{
	(void)work;
}

/* The work is the submitter's again in done(): it may be submitted anew. */
START_TEST(test_again_in_done)
{
	ebb_work_init(&chained.work, chain_run, chain_done);
	stepper_enter(thread);
	ebb_helper_submit(&chained.work);
	stepper_leave();
	while (chained.number < 5) {
		stepper_turn();
		sched_yield();
	}
	ck_assert_uint_eq(thread->work_running, 0);
}
END_TEST

/* It may be stopped twice, and starts again when it is needed. */
START_TEST(test_stop)
{
	for (unsigned i = 0; i < 10; i++) {
		submit(i);
	}
	wait_done(10);
	event_helper_stop();
	event_helper_stop();
	submit(10);
	wait_done(11);
}
END_TEST

static unsigned count_os_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0;

	ck_assert_ptr_nonnull(tasks);
	for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
		count += entry->d_name[0] != '.';
	}
	closedir(tasks);
	return count;
}

/* It is left behind; when it comes back, nobody is told, and there is no helper in this process. */
START_TEST(test_hang)
{
	unsigned before = count_os_threads();

	atomic_store(&may_run, false);
	submit(0);
	while (!atomic_load(&begun)) {
		sched_yield();
	}
	out_of_patience = true;
	stepper_stop_forced();
	out_of_patience = false;
	ck_assert(logged("a job of the helper has hung for 5 s"));
	ck_assert(event_helper_hangs());
	atomic_store(&may_run, true);
	while (count_os_threads() > before) {
		sched_yield();
	}
	ck_assert(event_helper_hangs());
	ck_assert_uint_eq(jobs[0].runs, 1);
	ck_assert_uint_eq(num_done, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop),
		UNIT_TEST(test_one),
		UNIT_TEST(test_no_thread),
		UNIT_TEST(test_order),
		UNIT_TEST(test_blocks_nobody),
		UNIT_TEST(test_again_in_done),
		UNIT_TEST(test_slow_done_is_named),
		UNIT_TEST(test_stop),
		UNIT_FIXTURE(setup, stepper_stop_forced),
		UNIT_TEST(test_hang),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
