/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/stop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "core/os/task_switches.h"
#include "tests/unit/unit.h"

/*
 * A process of its own with a watcher that sleeps, which is really stopped. The test and it talk by
 * pipes, and each waits for the other: nothing here goes by time.
 */

static int to_child[2], from_child[2], to_watcher[2];
static _Atomic pid_t watcher_tid;
static _Atomic uint64_t watcher_switches =
	UINT64_MAX; /* before it sleeps; UINT64_MAX: it does not yet */

static void watcher_sleep(void)
{
	struct rusage usage;

	event_stop_sleep();
	getrusage(RUSAGE_THREAD, &usage);
	atomic_store(&watcher_switches, (uint64_t)usage.ru_nvcsw);
}

static void *watcher_main(void *arg)
{
	char letter;

	(void)arg;
	atomic_store(&watcher_tid, gettid());
	watcher_sleep();
	while (read(to_watcher[0], &letter, 1) == 1 && letter != 'e') {
		/* 'w' or 's': it woke, and was stopped or not. */
		letter = event_stop_woken(ebb_clock_now_ns()) ? 's' : 'w';
		atomic_store(&watcher_switches, UINT64_MAX);
		ck_assert_int_eq(write(from_child[1], &letter, 1), 1);
		watcher_sleep();
	}
	event_stop_woken(ebb_clock_now_ns());
	return NULL;
}

/* One that was stopped runs for a moment, before it sleeps again. */
static bool watcher_sleeps(void)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)atomic_load(&watcher_tid));
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
	fclose(file);
	return state == 'S';
}

/* Until the watcher sleeps: it has given up the CPU for that. */
static void wait_for_watcher(void)
{
	struct os_task_switches switches = {.voluntary = 0};

	do {
		usleep(100);
		if (atomic_load(&watcher_tid) != 0) {
			ck_assert_int_eq(os_task_switches_read(atomic_load(&watcher_tid),
							       &switches),
					 0);
		}
	} while (switches.voluntary <= atomic_load(&watcher_switches) || !watcher_sleeps());
}

static pthread_t watcher_begin(void)
{
	pthread_t watcher;

	if (pthread_create(&watcher, NULL, watcher_main, NULL) != 0) {
		_exit(1);
	}
	wait_for_watcher();
	return watcher;
}

/* As the framework does between two runs. */
static pthread_t watcher_replace(pthread_t watcher)
{
	if (write(to_watcher[1], "e", 1) != 1) {
		_exit(1);
	}
	pthread_join(watcher, NULL);
	atomic_store(&watcher_tid, 0);
	atomic_store(&watcher_switches, UINT64_MAX);
	return watcher_begin();
}

/*
 * Answers 'y' or 'n' to 'q': was there a stop since the last question? 'k' wakes the watcher; 'a'
 * puts another one in its place, which asks as 'q' does.
 */
static _Noreturn void child_main(void)
{
	uint64_t since_ns = ebb_clock_now_ns();
	pthread_t watcher;
	char letter;

	if (pipe(to_watcher) != 0) {
		_exit(1);
	}
	watcher = watcher_begin();
	letter = 'r';
	while (write(from_child[1], &letter, 1) == 1) {
		do {
			if (read(to_child[0], &letter, 1) != 1) {
				_exit(0);
			}
			if (letter == 'k' && write(to_watcher[1], &letter, 1) != 1) {
				_exit(1);
			}
		} while (letter == 'k');
		if (letter == 'a') {
			watcher = watcher_replace(watcher);
		}
		wait_for_watcher();
		letter = event_stop_seen(since_ns) ? 'y' : 'n';
		since_ns = ebb_clock_now_ns();
	}
	_exit(0);
}

static char hear(void)
{
	char letter = 0;

	ck_assert_int_eq(read(from_child[0], &letter, 1), 1);
	return letter;
}

static char ask(char question)
{
	ck_assert_int_eq(write(to_child[1], &question, 1), 1);
	return hear();
}

static pid_t child;

static void setup(void)
{
	ck_assert_int_eq(pipe(to_child), 0);
	ck_assert_int_eq(pipe(from_child), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		child_main();
	}
	ck_assert_int_eq(hear(), 'r');
}

static void teardown(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void stop_and_go(void)
{
	int status;

	ck_assert_int_eq(kill(child, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(kill(child, SIGCONT), 0);
}

START_TEST(test_not_stopped)
{
	ck_assert_int_eq(ask('q'), 'n');
	ck_assert_int_eq(ask('q'), 'n');
}
END_TEST

/* However short; and once it is found, what begins afterwards is not excused by it. */
START_TEST(test_stopped)
{
	stop_and_go();
	ck_assert_int_eq(ask('q'), 'y');
	ck_assert_int_eq(ask('q'), 'n');
	stop_and_go();
	stop_and_go();
	ck_assert_int_eq(ask('q'), 'y');
	ck_assert_int_eq(ask('q'), 'n');
}
END_TEST

/* A wakeup of the watcher's own is no stop; and where there was one, it knows. */
START_TEST(test_watcher_wakes)
{
	ck_assert_int_eq(ask('k'), 'w');
	ck_assert_int_eq(ask('q'), 'n');
	stop_and_go();
	ck_assert_int_eq(ask('k'), 's');
	ck_assert_int_eq(ask('q'), 'y');
	ck_assert_int_eq(ask('q'), 'n');
	ck_assert_int_eq(ask('k'), 'w');
}
END_TEST

/* A second run of the framework has another watcher, whose switches are counted from 0. */
START_TEST(test_another_watcher)
{
	for (unsigned i = 0; i < 30; i++) {
		ck_assert_int_eq(ask('k'), 'w');
		ck_assert_int_eq(ask('q'), 'n');
	}
	stop_and_go();
	ck_assert_int_eq(ask('q'), 'y');
	ask('a'); /* the old one finds it again when it wakes, to end */
	ck_assert_int_eq(ask('q'), 'n');
	stop_and_go();
	ck_assert_int_eq(ask('q'), 'y');
	ck_assert_int_eq(ask('q'), 'n');
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),   UNIT_TEST(test_not_stopped),
		UNIT_TEST(test_stopped),         UNIT_TEST(test_watcher_wakes),
		UNIT_TEST(test_another_watcher), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
