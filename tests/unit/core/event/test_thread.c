/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/io_channel.h>
#include <ebb/reactor.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

/* What has run, in order: one letter each. */
static char story[8192];
static size_t story_len;

static void tell(void *letter)
{
	ck_assert_uint_lt(story_len, sizeof(story) - 1);
	story[story_len++] = (char)(uintptr_t)letter;
	story[story_len] = '\0';
}

static void send(struct ebb_thread *thread, char letter)
{
	ck_assert_int_eq(ebb_thread_send_msg(thread, tell, (void *)(uintptr_t)letter), 0);
}

static void check_story(const char *wanted)
{
	ck_assert_str_eq(story, wanted);
	story_len = 0;
	story[0] = '\0';
}

START_TEST(test_create)
{
	struct ebb_thread *first = NULL, *second = NULL, *kept = (void *)0x1;

	ck_assert_int_eq(ebb_thread_create("first", EBB_CORE_ANY, &first), 0);
	ck_assert_int_eq(ebb_thread_create("second", 0, &second), 0);
	ck_assert_int_eq(ebb_thread_create("third", 9, &kept), -EINVAL);
	ck_assert_ptr_eq(kept, (void *)0x1);
	ck_assert_str_eq(ebb_thread_name(first), "first");
	ck_assert_uint_eq(ebb_thread_id(ebb_thread_app()), 1);
	ck_assert_uint_eq(ebb_thread_id(first), 2);
	ck_assert_uint_eq(ebb_thread_id(second), 3);
	/* Messages may be sent before the reactor has heard of it. */
	send(first, 'a');
	check_story("");
	stepper_settle();
	check_story("a");
}
END_TEST

START_TEST(test_long_name)
{
	char name[100];
	struct ebb_thread *thread;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	thread = stepper_thread(name, 0);
	ck_assert_uint_eq(strlen(ebb_thread_name(thread)), 63);
}
END_TEST

static void check_poller_name(const struct ebb_poller_stats *stats, void *arg)
{
	(void)arg;
	ck_assert_str_eq(stats->name, "unnamed");
}

/* As with SPDK, who gives no name gets one. */
START_TEST(test_no_name)
{
	struct ebb_io_device_ops ops = {.ctx_size = 8};
	struct ebb_thread *first = stepper_thread(NULL, 0), *second = stepper_thread(NULL, 0);
	struct ebb_io_channel *channel;
	struct ebb_poller *poller;
	unsigned polls = 0;
	char address[32];

	ck_assert_str_eq(ebb_thread_name(first), "thread_2");
	ck_assert_str_eq(ebb_thread_name(second), "thread_3");
	stepper_enter(first);
	poller = ebb_poller_register_named(stepper_poll_count, &polls, 0, NULL, NULL);
	ck_assert_ptr_nonnull(poller);
	ebb_poller_for_each(check_poller_name, NULL);
	ebb_poller_unregister(&poller);
	ck_assert_int_eq(ebb_io_device_register(&polls, &ops), 0);
	channel = ebb_io_channel_get(&polls);
	snprintf(address, sizeof(address), "%p", (void *)&polls);
	ck_assert_str_eq(ebb_io_channel_name(channel), address);
	ebb_io_channel_put(channel);
	ck_assert_int_eq(ebb_io_device_unregister(&polls, NULL), 0);
	stepper_leave();
	ck_assert_int_eq(ebb_io_device_register(&polls, &ops), -EPERM);
	ck_assert_ptr_null(ebb_poller_register_named(stepper_poll_count, NULL, 0, NULL, NULL));
	ck_assert_uint_eq(log_count("rule 4"), 2);
	ck_assert_uint_eq(log_count("(null)"), 0);
}
END_TEST

static void check_current(void *thread)
{
	ck_assert_ptr_eq(ebb_thread_current(), thread);
	ck_assert_int_eq(ebb_reactor_current_core(), 0);
	ck_assert_uint_eq(ebb_reactor_now_ns(), stepper_now_ns());
	ck_assert(ebb_thread_is_app() == (thread == ebb_thread_app()));
	tell((void *)'c');
}

START_TEST(test_current)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	ck_assert_ptr_null(ebb_thread_current());
	ck_assert(!ebb_thread_is_app());
	ebb_thread_send_msg(thread, check_current, thread);
	ebb_thread_send_msg(ebb_thread_app(), check_current, ebb_thread_app());
	stepper_turn();
	check_story("cc");
	ck_assert_ptr_null(ebb_thread_current());
}
END_TEST

START_TEST(test_order)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	for (char letter = 'a'; letter <= 'z'; letter++) {
		send(thread, letter);
	}
	check_story("");
	ck_assert(stepper_turn());
	check_story("abcdefghijklmnopqrstuvwxyz");
	ck_assert(!stepper_turn());
}
END_TEST

/* A flood may not starve pollers: one turn runs a batch of it and then the pollers. */
START_TEST(test_batch_bound)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);
	struct ebb_poller *poller;
	unsigned messages = 0, polls = 0;

	stepper_enter(thread);
	poller = ebb_poller_register(stepper_poll_count, &polls, 0);
	stepper_leave();
	for (unsigned i = 0; i < 1000; i++) {
		ebb_thread_send_msg(thread, stepper_count, &messages);
	}
	stepper_turn();
	ck_assert_uint_eq(messages, EVENT_MSG_QUEUE_BATCH);
	ck_assert_uint_eq(polls, 1);
	stepper_settle();
	ck_assert_uint_eq(messages, 1000);
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	stepper_leave();
}
END_TEST

/* Far more than the ring holds: none is lost, and the order is that of sending. */
START_TEST(test_overflow)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	for (unsigned i = 0; i < 8000; i++) {
		send(thread, (char)('a' + i % 26));
	}
	stepper_settle();
	ck_assert_uint_eq(story_len, 8000);
	for (unsigned i = 0; i < 8000; i++) {
		ck_assert_int_eq(story[i], (char)('a' + i % 26));
	}
}
END_TEST

static void send_to_self(void *thread)
{
	tell((void *)'(');
	send(thread, 'm');
	ck_assert_ptr_eq(ebb_thread_current(), thread);
	tell((void *)')');
}

START_TEST(test_to_self)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	ebb_thread_send_msg(thread, send_to_self, thread);
	ck_assert(stepper_turn());
	check_story("()");
	ck_assert(stepper_turn());
	check_story("m");
	ck_assert(!stepper_turn());
}
END_TEST

static void send_again(void *arg)
{
	struct ebb_msg *msg = arg;

	tell((void *)'x');
	ck_assert_int_eq(ebb_thread_send(ebb_thread_current(), msg), 0);
}

/* A message may be sent again from its own function; it then runs once a turn. */
START_TEST(test_msg_again)
{
	static struct ebb_msg msg;
	struct ebb_thread *thread = stepper_thread("unit", 0);

	ebb_msg_init(&msg, send_again, &msg);
	ck_assert_int_eq(ebb_thread_send(thread, &msg), 0);
	stepper_turn();
	check_story("x");
	stepper_turn();
	check_story("x");
	msg.fn = tell; /* ends it */
	stepper_turn();
	stepper_settle();
	stepper_exit(thread);
}
END_TEST

/* One sender's order holds across both forms, in the ring and past it. */
START_TEST(test_order_of_both_forms)
{
	static struct ebb_msg msgs[6000];
	struct ebb_thread *thread = stepper_thread("unit", 0);

	for (unsigned i = 0; i < 6000; i++) {
		char letter = (char)('a' + i % 26);

		if (i % 3 == 0) {
			send(thread, letter);
		} else {
			ebb_msg_init(&msgs[i], tell, (void *)(uintptr_t)letter);
			ck_assert_int_eq(ebb_thread_send(thread, &msgs[i]), 0);
		}
	}
	stepper_settle();
	ck_assert_uint_eq(story_len, 6000);
	for (unsigned i = 0; i < 6000; i++) {
		ck_assert_int_eq(story[i], (char)('a' + i % 26));
	}
}
END_TEST

struct boxed {
	struct ebb_msg msg;
	char letter;
};

static void unbox(void *arg)
{
	struct boxed *boxed = arg;
	char letter = boxed->letter;

	free(boxed);
	tell((void *)(uintptr_t)letter);
}

/* The message is its owner's again when its function is entered: it may be freed there. */
START_TEST(test_msg_freed)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	for (char letter = 'a'; letter <= 'e'; letter++) {
		struct boxed *boxed = malloc(sizeof(*boxed));

		boxed->letter = letter;
		ebb_msg_init(&boxed->msg, unbox, boxed);
		ck_assert_str_eq(boxed->msg.name, "unbox");
		ck_assert_int_eq(ebb_thread_send(thread, &boxed->msg), 0);
	}
	stepper_turn();
	check_story("abcde");
}
END_TEST

START_TEST(test_exec)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	ck_assert_int_eq(ebb_thread_exec_msg(thread, tell, (void *)'1'), 0);
	check_story("");
	stepper_turn();
	check_story("1");
	stepper_enter(thread);
	ck_assert_int_eq(ebb_thread_exec_msg(thread, tell, (void *)'2'), 0);
	check_story("2");
	ck_assert_int_eq(ebb_thread_exec_msg(ebb_thread_app(), tell, (void *)'3'), 0);
	check_story("");
	stepper_leave();
	stepper_turn();
	stepper_turn();
	check_story("3");
}
END_TEST

START_TEST(test_critical_first)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	send(thread, 'm');
	ck_assert_int_eq(ebb_thread_send_critical(thread, tell, (void *)'C'), 0);
	send(thread, 'n');
	ck_assert_int_eq(ebb_thread_send_critical(thread, tell, (void *)'D'), 0);
	stepper_turn();
	check_story("CDmn");
}
END_TEST

START_TEST(test_critical_full)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);
	unsigned count = 0;

	for (unsigned i = 0; i < 64; i++) {
		ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &count), 0);
	}
	ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &count), -EAGAIN);
	stepper_turn();
	ck_assert_uint_eq(count, 64);
	ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &count), 0);
	stepper_turn();
	ck_assert_uint_eq(count, 65);
}
END_TEST

static void critical_again(void *thread)
{
	tell((void *)'x');
	ck_assert_int_eq(ebb_thread_send_critical(thread, tell, (void *)'y'), 0);
}

/* Like every message to the own thread, a critical one runs on a later turn. */
START_TEST(test_critical_to_self)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);

	ebb_thread_send_critical(thread, critical_again, thread);
	stepper_turn();
	check_story("x");
	stepper_turn();
	check_story("y");
}
END_TEST

static struct ebb_thread *signal_target;
static int signal_rc;

static void on_signal(int number)
{
	(void)number;
	errno = 77;
	signal_rc = ebb_thread_send_critical(signal_target, tell, (void *)'S');
	if (errno != 77) {
		signal_rc = -1;
	}
}

static void raise_signal(void *arg)
{
	(void)arg;
	tell((void *)'[');
	raise(SIGUSR1);
	tell((void *)']');
}

/* From a real signal handler, while the thread runs a message and while nothing runs. */
START_TEST(test_critical_from_signal)
{
	struct sigaction action = {.sa_handler = on_signal}, before;
	struct ebb_thread *thread = stepper_thread("unit", 0);
	int event_fd;

	signal_target = thread;
	signal_rc = 1;
	ck_assert_int_eq(sigaction(SIGUSR1, &action, &before), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(signal_rc, 0);
	ebb_thread_send_msg(thread, raise_signal, NULL);
	send(thread, 'm');
	stepper_turn();
	check_story("S[]m");
	stepper_turn();
	check_story("S");
	/* Asleep, it is woken by a write(), which may fail and yet leaves errno as it was. */
	event_fd = event_reactors[0].event_fd;
	event_reactors[0].event_fd = -1;
	atomic_store(&event_reactors[0].asleep, 1);
	raise(SIGUSR1);
	event_reactors[0].event_fd = event_fd;
	ck_assert_int_eq(signal_rc, 0);
	ck_assert_uint_eq(atomic_load(&event_reactors[0].asleep), 0);
	sigaction(SIGUSR1, &before, NULL);
	stepper_turn();
	check_story("S");
}
END_TEST

/* Outside ebb_app_start(): an error that says so (rule 4). */
START_TEST(test_outside)
{
	struct ebb_thread *thread = NULL;

	stepper_stop();
	ck_assert_int_eq(ebb_thread_create("early", EBB_CORE_ANY, &thread), -EPERM);
	ck_assert_ptr_null(thread);
	ck_assert_uint_eq(log_count("rule 4"), 1);
	ck_assert_uint_eq(log_count("'early'"), 1);
	ck_assert_ptr_null(ebb_thread_app());
	ck_assert_ptr_null(ebb_thread_current());
	ck_assert_int_eq(ebb_reactor_current_core(), -1);
	ck_assert_int_eq(ebb_for_each_thread(tell, NULL, tell), -EPERM);
	ck_assert_uint_eq(log_count("rule 4"), 2);
	ebb_thread_exit(); /* of nobody */
}
END_TEST

START_TEST(test_stats)
{
	struct ebb_thread *thread = stepper_thread("unit", 0);
	struct ebb_poller *pollers[3];
	struct ebb_thread_stats stats;
	unsigned polls = 0;

	stepper_enter(thread);
	pollers[0] = ebb_poller_register(stepper_poll_count, &polls, 0);
	pollers[1] = ebb_poller_register(stepper_poll_count, &polls, 1000);
	pollers[2] = ebb_poller_register(stepper_poll_count, &polls, 0);
	ebb_poller_pause(pollers[2]);
	stepper_advance_us(50);
	stepper_leave();
	stepper_turn();
	stepper_enter(thread);
	ebb_thread_get_stats(thread, &stats);
	ck_assert_str_eq(stats.name, "unit");
	ck_assert_uint_eq(stats.id, ebb_thread_id(thread));
	ck_assert_int_eq(stats.core, 0);
	ck_assert(!stats.exiting);
	ck_assert_uint_eq(stats.active_pollers, 1);
	ck_assert_uint_eq(stats.timed_pollers, 1);
	ck_assert_uint_eq(stats.paused_pollers, 1);
	ck_assert_uint_eq(stats.busy_ns + stats.idle_ns, 50000);
	ebb_thread_exit();
	ebb_thread_get_stats(thread, &stats);
	ck_assert(stats.exiting);
	ck_assert_uint_eq(stats.timed_pollers, 1);
	for (unsigned i = 0; i < 3; i++) {
		ebb_poller_unregister(&pollers[i]);
	}
	stepper_leave();
}
END_TEST

static void never_at_turn_end(struct ebb_turn_end *end)
{
	(void)end;
	ck_abort_msg("it was refused");
}

static void *os_thread_main(void *arg)
{
	struct ebb_turn_end *end = arg;

	ebb_reactor_at_turn_end(end);
	ebb_thread_exit();
	return NULL;
}

/* What is of an ebb thread, on an OS thread that is no reactor. */
START_TEST(test_off_a_reactor)
{
	struct ebb_turn_end end = {.fn = never_at_turn_end};
	pthread_t pthread;

	ck_assert_int_eq(pthread_create(&pthread, NULL, os_thread_main, &end), 0);
	ck_assert_int_eq(pthread_join(pthread, NULL), 0);
	ck_assert_uint_eq(log_count("rule 4"), 2);
	ck_assert_uint_eq(log_count("ebb_reactor_at_turn_end()"), 1);
	ck_assert_uint_eq(log_count("ebb_thread_exit()"), 1);
	stepper_turn();
}
END_TEST

START_TEST(test_stats_of_another_thread)
{
	struct ebb_thread *thread = stepper_thread("worker", 0);
	struct ebb_thread_stats stats;

	memset(&stats, 0xff, sizeof(stats));
	stepper_enter(ebb_thread_app());
	ebb_thread_get_stats(thread, &stats);
	stepper_leave();
	ck_assert_uint_eq(log_count("ebb_thread_get_stats() on 'worker', which belongs to thread "
				    "'worker', by thread 'app_thread'"),
			  1);
	ck_assert_str_eq(stats.name, "worker");
	ck_assert_uint_eq(stats.id, ebb_thread_id(thread));
	ck_assert_uint_eq(stats.active_pollers, 0);
	ck_assert_uint_eq(stats.busy_ns, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stepper_start, stepper_stop),
		UNIT_TEST(test_create),
		UNIT_TEST(test_off_a_reactor),
		UNIT_TEST(test_stats_of_another_thread),
		UNIT_TEST(test_long_name),
		UNIT_TEST(test_no_name),
		UNIT_TEST(test_current),
		UNIT_TEST(test_order),
		UNIT_TEST(test_batch_bound),
		UNIT_TEST(test_overflow),
		UNIT_TEST(test_to_self),
		UNIT_TEST(test_order_of_both_forms),
		UNIT_TEST(test_msg_again),
		UNIT_TEST(test_msg_freed),
		UNIT_TEST(test_exec),
		UNIT_TEST(test_critical_first),
		UNIT_TEST(test_critical_full),
		UNIT_TEST(test_stats),
		UNIT_TEST(test_critical_to_self),
		UNIT_TEST(test_critical_from_signal),
		UNIT_TEST(test_outside),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
