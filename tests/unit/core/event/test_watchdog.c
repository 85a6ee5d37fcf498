/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/send.h"
#include "core/event/watchdog.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ebb/log.h>
#include <ebb/memory.h>

#include "core/event/helper.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
}

/*
 * What the helper would do when the watchdog's second is over, from within a callback that hangs.
 */
static void hang(void *arg)
{
	uint64_t us = *(uint64_t *)arg;

	stepper_advance_us(us);
	event_watchdog_expired();
}

static void hang_longer(void *arg)
{
	hang(arg);
	hang(arg);
	hang(arg);
}

START_TEST(test_stuck)
{
	uint64_t us = 1200000;

	ebb_thread_send_msg(thread, hang, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("reactor 0 is stuck: in hang of thread 'worker' since "
				    "1200 ms"),
			  1);
}
END_TEST

/* Under a second is no news, however often it is looked at. */
START_TEST(test_not_yet)
{
	uint64_t us = 900000;

	ebb_thread_send_msg(thread, hang, &us);
	stepper_turn();
	ebb_thread_send_msg(thread, hang, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("is stuck"), 0);
}
END_TEST

START_TEST(test_once_per_turn)
{
	uint64_t us = 1100000;

	ebb_thread_send_msg(thread, hang_longer, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("is stuck"), 1);
	ebb_thread_send_msg(thread, hang_longer, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("is stuck"), 2);
}
END_TEST

static int poll_hang(void *arg)
{
	struct ebb_poller **poller = arg;
	uint64_t us = 1500000;

	hang(&us);
	ebb_poller_unregister(poller);
	return 0;
}

START_TEST(test_stuck_poller)
{
	struct ebb_poller *poller;

	stepper_enter(thread);
	poller = ebb_poller_register(poll_hang, &poller, 0);
	stepper_leave();
	stepper_turn();
	ck_assert_uint_eq(log_count("in poll_hang of thread 'worker'"), 1);
}
END_TEST

/* On the reactor itself, in no thread: not blamed on whoever ran before. */
START_TEST(test_stuck_inbox)
{
	uint64_t us = 1500000;
	struct ebb_msg msg;

	ebb_msg_init(&msg, hang, &us);
	event_reactor_send(&event_reactors[0], &msg);
	stepper_turn();
	ck_assert_uint_eq(log_count("in hang of thread 'none'"), 1);
}
END_TEST

static void wait_for_self(void *arg)
{
	static unsigned count;

	ebb_thread_send_msg(thread, stepper_count, &count);
	hang(arg);
}

/* Stuck in the turn in which it sent itself a message: it waits for that (rule 1). */
START_TEST(test_rule_1)
{
	uint64_t us = 1100000;

	ebb_thread_send_msg(thread, wait_for_self, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("rule 1"), 1);
	ck_assert_uint_eq(log_count("'wait_for_self'"), 1);
}
END_TEST

/* The same, and the whole time the CPU was somebody else's: it is not stuck, nor does it wait. */
static void wait_for_cpu(void *arg)
{
	stepper_times.cpu_ns -= *(uint64_t *)arg * EBB_NS_PER_US;
	stepper_times.queue_ns += *(uint64_t *)arg * EBB_NS_PER_US;
	wait_for_self(arg);
}

START_TEST(test_starved)
{
	uint64_t us = 5000000;

	ebb_thread_send_msg(thread, wait_for_cpu, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("is stuck"), 0);
	ck_assert_uint_eq(log_count("rule 1"), 0);
}
END_TEST

/* Or the process was stopped. */
static void wait_stopped(void *arg)
{
	stepper_times.cpu_ns -= *(uint64_t *)arg * EBB_NS_PER_US;
	stepper_times.switches++;
	stepper_evidence.stopped = true;
	wait_for_self(arg);
	stepper_evidence.stopped = false;
}

START_TEST(test_stopped)
{
	uint64_t us = 5000000;

	ebb_thread_send_msg(thread, wait_stopped, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("is stuck"), 0);
	ck_assert_uint_eq(log_count("rule 1"), 0);
}
END_TEST

/* It really waits: by sleeping in the kernel. */
static void wait_in_kernel(void *arg)
{
	stepper_times.cpu_ns -= *(uint64_t *)arg * EBB_NS_PER_US;
	stepper_times.switches++;
	wait_for_self(arg);
}

START_TEST(test_rule_1_sleeps)
{
	uint64_t us = 1500000;

	ebb_thread_send_msg(thread, wait_in_kernel, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("since 1500 ms, 0 ms of it on the CPU, 1500 ms waiting in the "
				    "kernel"),
			  1);
	ck_assert_uint_eq(log_count("rule 1"), 1);
}
END_TEST

/* What the callback does, where that has a name. */
static void hang_in_method(void *arg)
{
	struct event_doing doing;

	event_doing_begin(&doing, "method", "bdev_make");
	hang(arg);
	event_doing_end(&doing);
}

START_TEST(test_stuck_method)
{
	uint64_t us = 1200000;

	ebb_thread_send_msg(thread, hang_in_method, &us);
	stepper_turn();
	ck_assert_uint_eq(log_count("reactor 0 is stuck: in method \"bdev_make\" since 1200 ms"),
			  1);
}
END_TEST

/* Asleep, or just woken from a long sleep: nothing is stuck. */
START_TEST(test_asleep)
{
	atomic_store(&event_reactors[0].asleep, 1);
	stepper_advance_us(3600000000);
	event_watchdog_expired();
	ck_assert_uint_eq(log_count("is stuck"), 0);
	atomic_store(&event_reactors[0].asleep, 0);
}
END_TEST

static unsigned num_rings;

/* The watchdog, which has not been started, has no timerfd: what it sets is counted. */
int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *before)
{
	int (*settime)(int, int, const struct itimerspec *, struct itimerspec *);

	if (fd < 0) {
		num_rings++;
		return 0;
	}
	*(void **)&settime = dlsym(RTLD_NEXT, "timerfd_settime");
	return settime(fd, flags, value, before);
}

static size_t mapped_bytes(void)
{
	struct ebb_mem_stats stats;

	ebb_mem_get_stats(&stats);
	return stats.mapped_bytes;
}

/*
 * What a load has used is given back at the second ring that finds it unused, by a reactor that is
 * woken for that once, and by no other ring.
 */
START_TEST(test_memory_goes_back)
{
	void *bufs[8];

	stepper_enter(thread);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(bufs); i++) {
		bufs[i] = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
	}
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(bufs); i++) {
		ebb_mem_free(bufs[i], EBB_MEM_ALLOC_MAX);
	}
	stepper_leave();
	atomic_store(&event_reactors[0].asleep, 1);
	num_rings = 0;
	event_watchdog_expired();
	ck_assert_uint_eq(atomic_load(&event_reactors[0].asleep), 1);
	ck_assert_uint_eq(mapped_bytes(), 4 * EBB_MEM_REGION_SIZE);
	ck_assert_uint_eq(num_rings, 1); /* though all sleep */
	event_watchdog_expired();
	ck_assert_uint_eq(atomic_load(&event_reactors[0].asleep), 0);
	/* Asked again before it has looked: one message, not two. */
	event_watchdog_expired();
	stepper_turn();
	ck_assert_uint_eq(mapped_bytes(), EBB_MEM_REGION_SIZE);
	atomic_store(&event_reactors[0].asleep, 1);
	num_rings = 0;
	event_watchdog_expired();
	event_watchdog_expired();
	ck_assert_uint_eq(atomic_load(&event_reactors[0].asleep), 1);
	ck_assert_uint_eq(num_rings, 0);
	atomic_store(&event_reactors[0].asleep, 0);
}
END_TEST

static struct ebb_poller *sleeper;

static int run_sleeper(void *arg)
{
	static unsigned runs;

	(void)arg;
	if (++runs == 2) {
		ebb_poller_unregister(&sleeper);
		event_framework_stop();
	}
	return 0;
}

/* An hour passes; then a sender clears the word, and the helper looks before anything has run. */
static int arm_sleeper(void *arg)
{
	(void)arg;
	stepper_advance_us(3600000000);
	ck_assert_uint_eq(atomic_exchange(&event_reactors[0].asleep, 0), 1);
	event_watchdog_expired();
	return -EAGAIN;
}

/* Woken from a long sleep, it has not turned for long, and is not stuck. */
START_TEST(test_just_woken)
{
	struct ebb_poller_wake wake = {.fd = -1, .arm = arm_sleeper};

	stepper_enter(ebb_thread_app());
	sleeper = ebb_poller_register_wake(run_sleeper, NULL, &wake);
	stepper_leave();
	stepper_run();
	ck_assert_uint_eq(log_count("is stuck"), 0);
}
END_TEST

/* --- the one test that waits: a reactor really hangs, and the helper really sees it --- */

static _Atomic bool reported;
static char report[512];

static void note_report(enum ebb_log_level level, const char *component, const char *text)
{
	(void)level;
	(void)component;
	if (strstr(text, "is stuck") != NULL && !atomic_load(&reported)) {
		strncpy(report, text, sizeof(report) - 1);
		atomic_store(&reported, true);
	}
}

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void really_hang(void *arg)
{
	uint64_t end_ns = real_ns() + 20 * EBB_NS_PER_S;

	(void)arg;
	while (!atomic_load(&reported) && real_ns() < end_ns) {
		usleep(10000); /* in a callback: what the rule is against */
	}
	event_framework_stop();
}

START_TEST(test_really_stuck)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_INTERRUPT, .roam = true};

	stepper_stop();
	ebb_log_set_sink(note_report);
	CPU_SET(0, &opts.cpus);
	ck_assert_int_eq(event_framework_init(&opts), 0);
	ebb_thread_send_msg(ebb_thread_app(), really_hang, NULL);
	ck_assert_int_eq(event_framework_run(), 0);
	event_framework_fini();
	ebb_log_set_sink(NULL);
	ck_assert(atomic_load(&reported));
	ck_assert_msg(strstr(report, "in really_hang of thread 'app_thread'") != NULL, "%s",
		      report);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop),
		UNIT_TEST(test_stuck),
		UNIT_TEST(test_not_yet),
		UNIT_TEST(test_once_per_turn),
		UNIT_TEST(test_stuck_poller),
		UNIT_TEST(test_stuck_inbox),
		UNIT_TEST(test_rule_1),
		UNIT_TEST(test_starved),
		UNIT_TEST(test_stopped),
		UNIT_TEST(test_rule_1_sleeps),
		UNIT_TEST(test_stuck_method),
		UNIT_TEST(test_asleep),
		UNIT_TEST(test_really_stuck),
		UNIT_TEST(test_just_woken),
		UNIT_TEST(test_memory_goes_back),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
