/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/overrun.h"

#include <string.h>

#include <ebb/violation.h>

#include "core/event/callback.h"
#include "core/event/doing.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
}

static void teardown(void)
{
	event_callback_set_limit_ms(EVENT_CALLBACK_LIMIT_MS_DEFAULT);
	stepper_stop();
}

static void take_long(void *arg)
{
	stepper_advance_us(*(const uint64_t *)arg);
}

/* Asleep in the kernel, or in what @arg tells by itself. */
static void wait_long(void *arg)
{
	take_long(arg);
	stepper_times.cpu_ns -= *(const uint64_t *)arg * EBB_NS_PER_US;
	stepper_times.switches++;
}

static void queue_long(void *arg)
{
	take_long(arg);
	stepper_times.cpu_ns -= *(const uint64_t *)arg * EBB_NS_PER_US;
	stepper_times.queue_ns += *(const uint64_t *)arg * EBB_NS_PER_US;
	stepper_times.switches++; /* for a moment, which does not count */
}

static void run(ebb_msg_fn fn, uint64_t us)
{
	static uint64_t kept_us;

	kept_us = us;
	ebb_thread_send_named(thread, fn, &kept_us, "the callback");
	stepper_settle();
}

static uint64_t slow(void)
{
	struct ebb_reactor_stats stats;

	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	return stats.slow_callbacks;
}

static uint64_t delayed(void)
{
	struct ebb_reactor_stats stats;

	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	return stats.delayed_callbacks;
}

static const char *counted_object;
static uint64_t num_counted;

static void count_object(const struct ebb_violation_record *record, void *arg)
{
	(void)arg;
	if (strcmp(record->object, counted_object) == 0) {
		ck_assert_int_eq(record->rule, 5);
		ck_assert_str_eq(record->function, "slow callback");
		num_counted += record->count;
	}
}

static uint64_t counted(const char *object)
{
	counted_object = object;
	num_counted = 0;
	ebb_violation_for_each(count_object, NULL);
	return num_counted;
}

/* Counted always, by name; logged the first time, and then now and then. */
START_TEST(test_spun)
{
	run(take_long, 9900);
	ck_assert_uint_eq(slow(), 0);
	ck_assert_uint_eq(log_count("the callback"), 0);
	for (unsigned i = 0; i < 3; i++) {
		run(take_long, 12300);
	}
	ck_assert_uint_eq(log_count("reactor 0: callback the callback of thread 'worker' ran 12.3 "
				    "ms (limit 10 ms), 12.3 ms of it on the CPU, 0.0 ms waiting "
				    "in the kernel: nothing else ran on this core meanwhile"),
			  1);
	ck_assert_uint_eq(slow(), 3);
	ck_assert_uint_eq(delayed(), 0);
	ck_assert_uint_eq(counted("the callback"), 3);
	stepper_advance_us(1000000);
	run(take_long, 12300);
	ck_assert_uint_eq(log_count("the callback"), 2);
}
END_TEST

START_TEST(test_waited)
{
	run(wait_long, 14200);
	ck_assert_uint_eq(log_count("0.0 ms of it on the CPU, 14.2 ms waiting in the kernel"), 1);
	ck_assert_uint_eq(slow(), 1);
}
END_TEST

/* Only counted; and the next one that is to blame is not excused by it. */
START_TEST(test_queued)
{
	run(queue_long, 50000);
	ck_assert_uint_eq(slow(), 0);
	ck_assert_uint_eq(delayed(), 1);
	ck_assert_uint_eq(log_count("rule 5"), 0);
	ck_assert_uint_eq(counted("the callback"), 0);
	run(take_long, 12000);
	ck_assert_uint_eq(slow(), 1);
}
END_TEST

START_TEST(test_stopped)
{
	stepper_evidence.stopped = true;
	run(wait_long, 2000000);
	ck_assert_uint_eq(slow(), 0);
	ck_assert_uint_eq(delayed(), 1);
	run(take_long, 12000);
	ck_assert_uint_eq(slow(), 1);
}
END_TEST

START_TEST(test_stolen)
{
	stepper_evidence.steal_ns = 100 * EBB_NS_PER_MS;
	run(take_long, 80000);
	ck_assert_uint_eq(slow(), 0);
	ck_assert_uint_eq(delayed(), 1);
	run(take_long, 120000);
	ck_assert_uint_eq(slow(), 1);
	ck_assert_uint_eq(log_count("ran 120.0 ms (limit 10 ms), 20.0 ms of it on the CPU"), 1);
}
END_TEST

START_TEST(test_limit)
{
	event_callback_set_limit_ms(30);
	run(take_long, 29000);
	ck_assert_uint_eq(slow(), 0);
	run(take_long, 31000);
	ck_assert_uint_eq(log_count("(limit 30 ms)"), 1);
	event_callback_set_limit_ms(0);
	run(take_long, 900000);
	ck_assert_uint_eq(slow(), 1);
	ck_assert_uint_eq(delayed(), 0);
	event_callback_set_limit_ms(1);
	run(take_long, 1100);
	ck_assert_uint_eq(slow(), 2);
}
END_TEST

static unsigned num_readings;

static void read_counting(int fd, struct os_thread_times *ret_times)
{
	(void)fd;
	memset(ret_times, 0, sizeof(*ret_times));
	num_readings++;
}

/* The times are not read for each callback, but once in ten milliseconds. */
START_TEST(test_readings)
{
	static const struct event_reading_source counting = {.read = read_counting};

	event_reading_set_source(&counting);
	num_readings = 0;
	for (unsigned i = 0; i < 100; i++) {
		run(take_long, 1000);
	}
	ck_assert_uint_ge(num_readings, 9);
	ck_assert_uint_le(num_readings, 10);
}
END_TEST

/* --- names --- */

static void do_inner(const char *name, uint64_t us)
{
	struct event_doing doing;

	event_doing_begin(&doing, "method", name);
	stepper_advance_us(us);
	event_doing_end(&doing);
}

static void run_methods(void *arg)
{
	(void)arg;
	do_inner("quick", 300);
	do_inner("sluggish", 15000);
	do_inner("quick", 200);
}

/* Not by the framework's own function that called it, and not by what ran after it. */
START_TEST(test_method)
{
	run(run_methods, 0);
	ck_assert_uint_eq(log_count("reactor 0: method \"sluggish\" ran 15.5 ms"), 1);
	ck_assert_uint_eq(counted("method \"sluggish\""), 1);
	/* What was remembered is of that callback. */
	run(take_long, 20000);
	ck_assert_uint_eq(log_count("sluggish"), 1);
	ck_assert_uint_eq(counted("the callback"), 1);
}
END_TEST

static void run_many(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 20; i++) {
		do_inner("quick", 1000);
	}
}

/* Many short ones are the fault of whoever runs so many. */
START_TEST(test_none_is_most)
{
	run(run_many, 0);
	ck_assert_uint_eq(log_count("callback the callback of thread 'worker' ran 20.0 ms"), 1);
}
END_TEST

static void run_nested(void *arg)
{
	const uint64_t *inner_us = arg;
	struct event_doing doing;

	event_doing_begin(&doing, "step", "disks/init");
	do_inner("bdev_make", *inner_us);
	stepper_advance_us(20000 - *inner_us);
	event_doing_end(&doing);
}

/* The inner one if it is most of it, with what it is within; else the outer one. */
START_TEST(test_nested)
{
	run(run_nested, 18000);
	ck_assert_uint_eq(log_count("step \"disks/init\": method \"bdev_make\" ran 20.0 ms"), 1);
	run(run_nested, 3000);
	ck_assert_uint_eq(log_count("reactor 0: step \"disks/init\" ran 20.0 ms"), 1);
}
END_TEST

static void run_long_names(void *arg)
{
	char name[200];
	struct event_doing doing;

	(void)arg;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	event_doing_begin(&doing, "step", name);
	do_inner(name, 15000);
	event_doing_end(&doing);
}

START_TEST(test_long_names)
{
	run(run_long_names, 0);
	ck_assert_uint_eq(log_count("reactor 0: step \"nnnn"), 1);
	ck_assert_uint_eq(log_count("nnn...: method \"nnn"), 1);
	ck_assert_uint_eq(slow(), 1);
}
END_TEST

static void run_entry(void *arg)
{
	struct event_doing doing;

	(void)arg;
	event_doing_begin(&doing, "configuration entry",
			  "/etc/ebb/ebbd.json: subsystems[0] \"bdev\", config[12] "
			  "bdev_nvme_attach_controller");
	do_inner("bdev_nvme_attach_controller", 15000);
	event_doing_end(&doing);
}

/* There is room for what there is at the start of a daemon. */
START_TEST(test_an_entrys_place_fits)
{
	run(run_entry, 0);
	ck_assert_uint_eq(log_count("config[12] bdev_nvme_attach_controller\": method "
				    "\"bdev_nvme_attach_controller\" ran 15.0 ms"),
			  1);
}
END_TEST

/* Where no reactor runs it says nothing, and does no harm. */
START_TEST(test_no_reactor)
{
	struct event_reactor *reactor = event_turn.reactor;
	struct event_doing doing;
	char text[EVENT_DOING_TEXT_MAX];

	event_turn.reactor = NULL;
	event_doing_begin(&doing, "method", "early");
	ck_assert(!event_doing_now(reactor, text, sizeof(text)));
	event_doing_end(&doing);
	event_turn.reactor = reactor;
	event_doing_begin(&doing, "method", "now");
	ck_assert(event_doing_now(reactor, text, sizeof(text)));
	ck_assert_str_eq(text, "method \"now\"");
	event_doing_end(&doing);
	ck_assert(!event_doing_now(reactor, text, sizeof(text)));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_spun),
		UNIT_TEST(test_waited),
		UNIT_TEST(test_queued),
		UNIT_TEST(test_stopped),
		UNIT_TEST(test_stolen),
		UNIT_TEST(test_limit),
		UNIT_TEST(test_readings),
		UNIT_TEST(test_method),
		UNIT_TEST(test_none_is_most),
		UNIT_TEST(test_nested),
		UNIT_TEST(test_long_names),
		UNIT_TEST(test_an_entrys_place_fits),
		UNIT_TEST(test_no_reactor),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
