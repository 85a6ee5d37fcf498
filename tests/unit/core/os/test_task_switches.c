/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/task_switches.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static sem_t ask, answer;
static pid_t other_tid;

/* Waits each time it is asked. */
static void *other_main(void *arg)
{
	other_tid = gettid();
	sem_post(&answer);
	for (unsigned i = 0; i < 3; i++) {
		sem_wait(&ask);
		sem_post(&answer);
	}
	return arg;
}

/* Has the other one waited since? */
static void wait_for_a_switch(uint64_t before)
{
	struct os_task_switches now = {0};

	do {
		ck_assert_int_eq(os_task_switches_read(other_tid, &now), 0);
	} while (now.voluntary == before);
	ck_assert_uint_gt(now.voluntary, before);
}

/* Of another OS thread, each time that it waits; it is not woken for being looked at. */
START_TEST(test_voluntary)
{
	struct os_task_switches before = {0};
	pthread_t other;

	sem_init(&ask, 0, 0);
	sem_init(&answer, 0, 0);
	ck_assert_int_eq(pthread_create(&other, NULL, other_main, NULL), 0);
	sem_wait(&answer);
	wait_for_a_switch(0);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(os_task_switches_read(other_tid, &before), 0);
		sem_post(&ask);
		sem_wait(&answer);
		wait_for_a_switch(before.voluntary);
	}
	sem_post(&ask);
	pthread_join(other, NULL);
}
END_TEST

/* A debugger is told of: a child that traces this process, until it has been looked for. */
START_TEST(test_traced)
{
	struct os_task_switches now = {0};
	int ready[2], looked[2];
	char letter;
	pid_t child;

	ck_assert_int_eq(os_task_switches_read(gettid(), &now), 0);
	ck_assert(!now.traced);
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(looked), 0);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	child = fork();
	if (child == 0) {
		letter = ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0 ? 'y' : 'n';
		close(looked[1]);
		_exit(write(ready[1], &letter, 1) != 1 || read(looked[0], &letter, 1) < 0);
	}
	ck_assert_int_eq(read(ready[0], &letter, 1), 1);
	if (letter != 'y') {
		unit_skip("this process may not be traced");
	}
	ck_assert_int_eq(os_task_switches_read(gettid(), &now), 0);
	ck_assert(now.traced);
	close(looked[1]);
	waitpid(child, NULL, 0);
	ck_assert_int_eq(os_task_switches_read(gettid(), &now), 0);
	ck_assert(!now.traced);
}
END_TEST

START_TEST(test_no_such_thread)
{
	struct os_task_switches switches = {.voluntary = 7};

	ck_assert_int_lt(os_task_switches_read(0, &switches), 0);
	ck_assert_int_lt(os_task_switches_read(1 << 30, &switches), 0);
	ck_assert_uint_eq(switches.voluntary, 7);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_voluntary),
		UNIT_TEST(test_traced),
		UNIT_TEST(test_no_such_thread),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
