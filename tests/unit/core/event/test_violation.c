/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/violation.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/io_channel.h>

#include "core/event/violation.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
/* So often; not known to the compiler, which would make several call sites of one in a loop. */
static volatile unsigned times = 3;
static unsigned num_records;
static uint64_t num_violations;

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
}

static void count_record(const struct ebb_violation_record *record, void *object)
{
	if (strcmp(record->object, object) == 0) {
		num_records++;
		num_violations += record->count;
	}
}

static void check_records(const char *object, unsigned records, uint64_t violations)
{
	num_records = 0;
	num_violations = 0;
	ebb_violation_for_each(count_record, (void *)object);
	ck_assert_uint_eq(num_records, records);
	ck_assert_uint_eq(num_violations, violations);
}

/* Each call of this is a call site of its own: what is above it counts. */
static EBB_REPORTS void break_rule(const char *object)
{
	ebb_violation(2, "unit_function", object, thread, ebb_thread_app());
}

START_TEST(test_once_per_site)
{
	for (unsigned i = 0; i < times; i++) {
		break_rule("disk1");
	}
	ck_assert_uint_eq(log_count("disk1"), 1);
	check_records("disk1", 1, 3);
}
END_TEST

static void check_fields(const struct ebb_violation_record *record, void *arg)
{
	if (strcmp(record->object, "disk2") != 0) {
		return;
	}
	ck_assert_int_eq(record->rule, 2);
	ck_assert_str_eq(record->function, "unit_function");
	ck_assert_str_eq(record->owner, "worker");
	ck_assert_str_eq(record->runner, "app_thread");
	(*(unsigned *)arg)++;
}

START_TEST(test_fields)
{
	unsigned seen = 0;

	break_rule("disk2");
	ebb_violation_for_each(check_fields, &seen);
	ck_assert_uint_eq(seen, 1);
	ck_assert_uint_eq(log_count("rule 2"), 1);
	ck_assert_uint_eq(log_count("unit_function() on 'disk2', which belongs to thread "
				    "'worker', by thread 'app_thread'"),
			  1);
}
END_TEST

START_TEST(test_site_differs)
{
	char here, there;

	for (unsigned i = 0; i < 2; i++) {
		ebb_violation_at(3, "f", "disk3", NULL, NULL, &here);
		ebb_violation_at(3, "f", "disk3", NULL, NULL, &there);
		ebb_violation_at(2, "f", "disk3", NULL, NULL, &here);
		ebb_violation_at(3, "g", "disk3", NULL, NULL, &here);
		ebb_violation_at(3, "f", "disk4", NULL, NULL, &here);
	}
	check_records("disk3", 4, 8);
	check_records("disk4", 1, 2);
	ck_assert_uint_eq(log_count("disk3"), 4);
}
END_TEST

/* Two places in one function of a caller that misuse the framework are two call sites. */
START_TEST(test_callers_differ)
{
	static char device;

	for (unsigned i = 0; i < times; i++) {
		ck_assert_ptr_null(ebb_io_channel_get(&device));
	}
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	check_records("io_channel", 2, 4);
}
END_TEST

/*
 * Callbacks whose last deed it is, which compilers make a jump: with optimization all of them are
 * left by then, and what they were called from is the same place.
 */
static void put_first(void *channel)
{
	ebb_io_channel_put(channel);
}

static void put_second(void *channel)
{
	ebb_io_channel_put(channel);
}

static void put_twice(void *channel)
{
	ebb_io_channel_put(channel);
	ebb_io_channel_put(channel);
}

static int poll_put(void *channel)
{
	ebb_io_channel_put(channel);
	return 0;
}

static int poll_get(void *device)
{
	return ebb_io_channel_get(device) != NULL;
}

static void count_puts(const struct ebb_violation_record *record, void *arg)
{
	(void)arg;
	if (strcmp(record->function, "ebb_io_channel_put") == 0) {
		ck_assert_uint_eq(record->count, 3);
		num_records++;
	}
}

START_TEST(test_callbacks_differ)
{
	static const struct ebb_io_device_ops ops = {.name = "sites"};
	static char device;
	struct ebb_thread *owner = stepper_thread("owner", 0);
	struct ebb_poller *pollers[2];
	struct ebb_io_channel *channel;

	stepper_enter(owner);
	ck_assert_int_eq(ebb_io_device_register(&device, &ops), 0);
	channel = ebb_io_channel_get(&device);
	stepper_leave();
	for (unsigned i = 0; i < times; i++) {
		ebb_thread_send_msg(thread, put_first, channel);
		ebb_thread_send_msg(thread, put_second, channel);
		ebb_thread_send_msg(thread, put_twice, channel);
	}
	stepper_enter(thread);
	pollers[0] = ebb_poller_register(poll_put, channel, 0);
	pollers[1] = ebb_poller_register(poll_get, NULL, 0);
	stepper_leave();
	for (unsigned i = 0; i < times; i++) {
		stepper_turn();
	}
	num_records = 0;
	ebb_violation_for_each(count_puts, NULL);
	ck_assert_uint_eq(num_records, 5);
	stepper_enter(thread);
	ebb_poller_unregister(&pollers[0]);
	ebb_poller_unregister(&pollers[1]);
	stepper_enter(owner);
	ebb_io_channel_put(channel);
	ck_assert_int_eq(ebb_io_device_unregister(&device, NULL), 0);
	stepper_leave();
}
END_TEST

START_TEST(test_counted_in_silence)
{
	event_violation_count(5, "took long", "disk5", thread, thread);
	event_violation_count(5, "took long", "disk5", thread, thread);
	ck_assert_uint_eq(log_count("disk5"), 0);
	check_records("disk5", 1, 2);
}
END_TEST

/* A long name is cut, and is still the same object the next time. */
START_TEST(test_long_object)
{
	char name[200], cut[64];

	memset(name, 'o', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	break_rule(name);
	snprintf(cut, sizeof(cut), "%.63s", name);
	check_records(cut, 1, 1);
	for (unsigned i = 0; i < 2; i++) {
		ebb_violation_at(2, "f", name, NULL, NULL, NULL);
	}
	check_records(cut, 2, 3);
}
END_TEST

/* More sites than are remembered: still logged and refused, and nothing is overwritten. */
START_TEST(test_many_sites)
{
	static char sites[400];

	for (unsigned i = 0; i < sizeof(sites); i++) {
		ebb_violation_at(1, "f", "disk6", NULL, NULL, &sites[i]);
	}
	check_records("disk6", 256, 256);
	for (unsigned i = 0; i < sizeof(sites); i++) {
		ebb_violation_at(1, "f", "disk6", NULL, NULL, &sites[i]);
	}
	check_records("disk6", 256, 512);
}
END_TEST

static void note_abort(int number)
{
	(void)number;
	_exit(log_count("disk7") == 1 ? 7 : 1);
}

/* As debug builds do by default: said first, then aborted. */
START_TEST(test_abort)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, note_abort);
		ebb_violation_set_action(EBB_VIOLATION_ABORT);
		break_rule("disk7");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop),
		UNIT_TEST(test_once_per_site),
		UNIT_TEST(test_fields),
		UNIT_TEST(test_site_differs),
		UNIT_TEST(test_callers_differ),
		UNIT_TEST(test_callbacks_differ),
		UNIT_TEST(test_counted_in_silence),
		UNIT_TEST(test_long_object),
		UNIT_TEST(test_many_sites),
		UNIT_TEST(test_abort),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
