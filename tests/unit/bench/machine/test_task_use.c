/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/task_use.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/os/steal.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static void process(int pid, const char *stat)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(line, sizeof(line), "%d %s\n", pid, stat);
	scratch_text(path, line);
}

static void task(int pid, int tid, unsigned voluntary, unsigned involuntary, const char *children)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "proc/%d/task/%d/status", pid, tid);
	snprintf(text, sizeof(text),
		 "Name:\tx\nvoluntary_ctxt_switches:\t%u\nnonvoluntary_ctxt_switches:\t%u\n",
		 voluntary, involuntary);
	scratch_text(path, text);
	snprintf(path, sizeof(path), "proc/%d/task/%d/schedstat", pid, tid);
	scratch_text(path, "5000 70 3\n");
	snprintf(path, sizeof(path), "proc/%d/task/%d/children", pid, tid);
	scratch_text(path, children);
}

/* Two threads, of which one has a child, that has a child; and names that look like fields, or two lines. */
START_TEST(test_family)
{
	struct bench_task_use use;
	uint64_t tick_ns = os_steal_tick_ns();

	process(100, "(a) S 1 (b) R 1 2 3 4 5 6 7 8 9 10 30 10 4 2 20 0");
	task(100, 100, 11, 1, "");
	task(100, 101, 20, 2, "200 201 ");
	process(200, "(chi\nld) S 100 2 3 4 5 6 7 8 0 0 1 0 0 0 20 0");
	task(200, 200, 300, 3, "300");
	scratch_text("proc/100/io", "rchar: 9\nread_bytes: 4096\nwrite_bytes: 512\n");
	scratch_text("proc/200/io", "read_bytes: 10000\nwrite_bytes: 0\n");
	scratch_text("proc/300/io", "");
	process(300, "(grandchild) S 200 2 3 4 5 6 7 8 0 0 0 5 0 0 20 0");
	task(300, 300, 4000, 4, "");
	ck_assert_int_eq(bench_task_use_process(scratch_dir(), 100, &use), 0); /* 201 has ended */
	ck_assert_uint_eq(use.cpu_ns, (30 + 10 + 4 + 2 + 1 + 5) * tick_ns);
	ck_assert_uint_eq(use.user_ns, (30 + 4 + 1) * tick_ns);
	ck_assert_uint_eq(use.system_ns, (10 + 2 + 5) * tick_ns);
	ck_assert_uint_eq(use.voluntary, 4331);
	ck_assert_uint_eq(use.involuntary, 10);
	ck_assert_uint_eq(use.queue_ns, 4 * 70);
	ck_assert_uint_eq(use.major_faults, 19);
	ck_assert_uint_eq(use.disk_bytes, 14608);
}
END_TEST

START_TEST(test_none)
{
	struct bench_task_use use = {.cpu_ns = 7};

	ck_assert_int_eq(bench_task_use_process(scratch_dir(), 100, &use), -ESRCH);
	process(100, "(half) S 1 2 3");
	ck_assert_int_eq(bench_task_use_process(scratch_dir(), 100, &use), -ESRCH);
	scratch_text("proc/100/stat", "");
	ck_assert_int_eq(bench_task_use_process(scratch_dir(), 100, &use), -ESRCH);
	ck_assert_uint_eq(use.cpu_ns, 7);
}
END_TEST

static void burn(uint64_t cpu_ns)
{
	struct timespec now;

	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while ((uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec < cpu_ns);
}

/* What a child of this process has used is told exactly, while it lives. */
START_TEST(test_real_child)
{
	struct bench_task_use use, whole;
	int fds[2];
	char done;
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		burn(30 * EBB_NS_PER_MS);
		_exit(write(fds[1], "x", 1) == 1 && pause() == 0);
	}
	ck_assert_int_eq(read(fds[0], &done, 1), 1);
	ck_assert_int_eq(bench_task_use_process("", child, &use), 0);
	ck_assert_uint_ge(use.cpu_ns, 30 * EBB_NS_PER_MS);
	ck_assert_uint_eq(use.user_ns + use.system_ns, use.cpu_ns);
	ck_assert_int_eq(bench_task_use_process("", getpid(), &whole), 0);
	ck_assert_uint_ge(whole.cpu_ns, use.cpu_ns);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ck_assert_int_eq(bench_task_use_process("", child, &use), -ESRCH);
}
END_TEST

static pid_t burner_tid;
static pthread_barrier_t burned;

static void *burner(void *arg)
{
	struct timespec moment = {.tv_nsec = 1};

	burner_tid = gettid();
	burn(30 * EBB_NS_PER_MS);
	for (unsigned i = 0; i < 5; i++) {
		nanosleep(&moment, NULL);
	}
	pthread_barrier_wait(&burned);
	pthread_barrier_wait(&burned);
	return arg;
}

/* Of some threads of this process, and of no others. */
START_TEST(test_real_threads)
{
	struct bench_task_use use, own;
	pid_t tids[2];
	pthread_t thread;

	pthread_barrier_init(&burned, NULL, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, burner, NULL), 0);
	pthread_barrier_wait(&burned);
	tids[0] = burner_tid;
	tids[1] = getpid();
	ck_assert_int_eq(bench_task_use_threads(tids, 1, &use), 0);
	ck_assert_int_eq(bench_task_use_threads(tids + 1, 1, &own), 0);
	ck_assert_uint_ge(use.cpu_ns, 30 * EBB_NS_PER_MS);
	ck_assert_uint_ge(use.voluntary, 5);
	ck_assert_uint_eq(use.user_ns + use.system_ns, use.cpu_ns);
	ck_assert_uint_lt(own.cpu_ns, use.cpu_ns);
	ck_assert_int_eq(bench_task_use_threads(tids, 2, &own), 0);
	ck_assert_uint_ge(own.cpu_ns, use.cpu_ns);
	ck_assert_uint_ge(own.voluntary, use.voluntary);
	pthread_barrier_wait(&burned);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&burned);
	tids[0] = 0x7ffffff0;
	ck_assert_int_eq(bench_task_use_threads(tids, 1, &use), -ESRCH);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_family),
		UNIT_TEST(test_none),
		UNIT_TEST(test_real_child),
		UNIT_TEST(test_real_threads),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
