/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller.h"

/* The timerfd behind a thread's timed pollers, as it is and as the kernel shows it. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/event/poller_timer.h"
#include "core/event/reactor.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define CLOCK_AHEAD_US (365 * 86400 * 1000000ull)

static struct ebb_thread *thread;
static struct ebb_poller *poller, *other;
static unsigned runs, other_runs;

/* The clock stands a year ahead of the kernel's, so that what is armed has not yet expired. */
static void setup(void)
{
	stepper_start();
	stepper_advance_us(CLOCK_AHEAD_US);
	thread = stepper_thread("worker", 0);
	stepper_enter(thread);
}

static void teardown(void)
{
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	ebb_poller_unregister(&other);
	stepper_leave();
	stepper_stop();
}

static struct ebb_poller *join(unsigned *counter, uint64_t period_us)
{
	return ebb_poller_register(stepper_poll_count, counter, period_us);
}

static void arm(uint64_t wanted_ns)
{
	ck_assert_int_eq(event_pollers_arm_timer(thread), 0);
	ck_assert_uint_eq(thread->timer_armed_ns, wanted_ns);
}

/* What the kernel says is left until the timerfd's expiry; 0: it is not armed. */
static uint64_t kernel_left_ns(void)
{
	char path[64], line[128];
	uint64_t seconds = 0, ns = 0;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", thread->timer_source.fd);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		found |= sscanf(line, "it_value: (%" SCNu64 ", %" SCNu64 ")", &seconds, &ns) == 2;
	}
	fclose(file);
	ck_assert(found);
	return seconds * EBB_NS_PER_S + ns;
}

/* Checks that the kernel will fire the timerfd at @deadline_ns. */
static void check_kernel(uint64_t deadline_ns)
{
	struct timespec now;
	uint64_t expiry_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	expiry_ns = (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec + kernel_left_ns();
	/* The two readings are a moment apart. */
	ck_assert_uint_ge(expiry_ns + EBB_NS_PER_S, deadline_ns);
	ck_assert_uint_le(expiry_ns, deadline_ns + EBB_NS_PER_S);
}

START_TEST(test_none)
{
	arm(0);
	ck_assert_int_eq(thread->timer_source.fd, -1);
}
END_TEST

/* Registering opens the timerfd; polling past the deadline never arms it: only sleep does. */
START_TEST(test_not_while_polling)
{
	poller = join(&runs, 100);
	stepper_leave();
	for (unsigned i = 0; i < 10; i++) {
		stepper_advance_us(100);
		stepper_turn();
	}
	ck_assert_uint_eq(runs, 10);
	ck_assert_int_ge(thread->timer_source.fd, 0);
	ck_assert_uint_eq(thread->timer_armed_ns, 0);
}
END_TEST

START_TEST(test_arm)
{
	uint64_t deadline_ns = stepper_now_ns() + 60 * EBB_NS_PER_S;

	poller = join(&runs, 60000000);
	arm(deadline_ns);
	ck_assert_int_ge(thread->timer_source.fd, 0);
	ck_assert(event_source_added(&thread->timer_source));
	check_kernel(deadline_ns);
}
END_TEST

/* The same deadline: the kernel is not asked again. That shows, as it would undo this test's. */
START_TEST(test_not_rewritten)
{
	struct itimerspec mark = {.it_value.tv_sec = 7};

	poller = join(&runs, 60000000);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
	ck_assert_int_eq(timerfd_settime(thread->timer_source.fd, 0, &mark, NULL), 0);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
	other = join(&other_runs, 90000000);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
	ck_assert_uint_le(kernel_left_ns(), 7 * EBB_NS_PER_S);
}
END_TEST

START_TEST(test_rewritten)
{
	uint64_t base_ns = stepper_now_ns();

	poller = join(&runs, 60000000);
	arm(base_ns + 60 * EBB_NS_PER_S);
	other = join(&other_runs, 30000000);
	arm(base_ns + 30 * EBB_NS_PER_S);
	check_kernel(base_ns + 30 * EBB_NS_PER_S);
	ebb_poller_pause(other);
	arm(base_ns + 60 * EBB_NS_PER_S);
	check_kernel(base_ns + 60 * EBB_NS_PER_S);
	ebb_poller_resume(other);
	ebb_poller_unregister(&poller);
	arm(base_ns + 30 * EBB_NS_PER_S);
}
END_TEST

START_TEST(test_disarmed)
{
	poller = join(&runs, 60000000);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
	ebb_poller_unregister(&poller);
	arm(0);
	ck_assert_uint_eq(kernel_left_ns(), 0);
}
END_TEST

START_TEST(test_disarmed_by_pause)
{
	poller = join(&runs, 60000000);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
	ebb_poller_pause(poller);
	arm(0);
	ck_assert_uint_eq(kernel_left_ns(), 0);
	ebb_poller_resume(poller);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
	check_kernel(stepper_now_ns() + 60 * EBB_NS_PER_S);
}
END_TEST

/* A reactor that begins to poll needs none, and one that may sleep again arms it anew. */
START_TEST(test_poll_mode)
{
	uint64_t deadline_ns = stepper_now_ns() + 60 * EBB_NS_PER_S;

	poller = join(&runs, 60000000);
	arm(deadline_ns);
	event_pollers_disarm_timer(thread);
	ck_assert_uint_eq(thread->timer_armed_ns, 0);
	ck_assert_uint_eq(kernel_left_ns(), 0);
	event_pollers_disarm_timer(thread);
	arm(deadline_ns);
	check_kernel(deadline_ns);
}
END_TEST

/*
 * No timerfd to be had: the reactor is told that it must not sleep, and the next try may succeed.
 */
START_TEST(test_no_fd)
{
	struct rlimit limit, low;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	poller = join(&runs, 60000000);
	ck_assert_int_eq(event_pollers_arm_timer(thread), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(log_count("'worker' has no timerfd"), 1);
	ck_assert_uint_eq(thread->timer_armed_ns, 0);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
}
END_TEST

/* The end of a thread closes it. */
START_TEST(test_closed_at_exit)
{
	int fd;

	poller = join(&runs, 60000000);
	arm(stepper_now_ns() + 60 * EBB_NS_PER_S);
	fd = thread->timer_source.fd;
	ebb_poller_unregister(&poller);
	ebb_thread_exit();
	stepper_leave();
	stepper_settle();
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITED);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),     UNIT_TEST(test_none),
		UNIT_TEST(test_not_while_polling), UNIT_TEST(test_arm),
		UNIT_TEST(test_not_rewritten),     UNIT_TEST(test_rewritten),
		UNIT_TEST(test_disarmed),          UNIT_TEST(test_disarmed_by_pause),
		UNIT_TEST(test_poll_mode),         UNIT_TEST(test_no_fd),
		UNIT_TEST(test_closed_at_exit),    UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
