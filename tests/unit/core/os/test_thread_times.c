/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/thread_times.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "core/os/task_switches.h"
#include "tests/unit/unit.h"

static uint64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

START_TEST(test_own)
{
	int fd = os_thread_times_open();
	struct os_thread_times before, after;
	uint64_t end_ns;

	ck_assert_int_ge(fd, 0);
	os_thread_times_read(fd, &before);
	end_ns = cpu_now_ns() + 5000000;
	while (cpu_now_ns() < end_ns) {
	}
	os_thread_times_read(fd, &after);
	ck_assert_uint_ge(after.cpu_ns - before.cpu_ns, 5000000);
	ck_assert_uint_ge(after.queue_ns, before.queue_ns);
	ck_assert_int_eq(after.has_queue, before.has_queue);
	before = after;
	usleep(2000);
	os_thread_times_read(fd, &after);
	ck_assert_uint_gt(after.switches, before.switches);
	close(fd);
}
END_TEST

/* Without the file: what system calls say, and no queue. */
START_TEST(test_no_file)
{
	struct os_thread_times times = {.has_queue = true, .queue_ns = 5};

	os_thread_times_read(-1, &times);
	ck_assert(!times.has_queue);
	ck_assert_uint_eq(times.queue_ns, 0);
	ck_assert_uint_gt(times.cpu_ns, 0);
}
END_TEST

static _Atomic pid_t other_tid;
static _Atomic bool other_done;

static void *other_main(void *arg)
{
	(void)arg;
	usleep(100);
	atomic_store(&other_tid, gettid());
	while (!atomic_load(&other_done)) {
		usleep(100);
	}
	return NULL;
}

START_TEST(test_other)
{
	struct os_thread_times times = {.switches = 0};
	struct os_task_switches switches = {.voluntary = 0};
	pthread_t pthread;

	ck_assert_int_eq(pthread_create(&pthread, NULL, other_main, NULL), 0);
	while (atomic_load(&other_tid) == 0) {
		usleep(100);
	}
	ck_assert_int_eq(os_task_switches_read(atomic_load(&other_tid), &switches), 0);
	ck_assert_uint_ge(switches.voluntary, 1);
	ck_assert(os_thread_times_read_of(atomic_load(&other_tid), &times));
	ck_assert_uint_ge(times.switches, switches.voluntary);
	atomic_store(&other_done, true);
	pthread_join(pthread, NULL);
	times.switches = 77;
	ck_assert(!os_thread_times_read_of(atomic_load(&other_tid), &times));
	ck_assert_uint_eq(times.switches, 77);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_own),
		UNIT_TEST(test_no_file),
		UNIT_TEST(test_other),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
