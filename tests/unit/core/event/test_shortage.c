/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The heap is exhausted, or no OS thread is to be had. This program's malloc() and pthread_create()
 * stand before the C library's and fail when told to; a sanitizer brings its own, which must not be
 * replaced.
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/io_channel.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define RING_SIZE 4096
#define RESERVE   256

static bool exhausted;
static bool no_threads;

#ifndef UNIT_HEAP_IS_TAKEN

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size)
{
	return exhausted ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return exhausted ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return exhausted ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return exhausted ? NULL : __libc_memalign(align, size);
}

#endif

int pthread_create(pthread_t *pthread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (no_threads) {
		return EAGAIN;
	}
	*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	return create(pthread, attr, run, arg);
}

/* The value of @call, which finds the heap exhausted; Check's own calls must not. */
#define WITHOUT_HEAP(call)                       \
	({                                       \
		exhausted = true;                \
		__typeof__(call) value = (call); \
		exhausted = false;               \
		value;                           \
	})

static struct ebb_thread *thread;
static struct ebb_poller *poller;
static unsigned count;

static void setup(void)
{
	need_heap();
	stepper_start();
	thread = stepper_thread("worker", 0);
}

static uintptr_t next_number;

static void in_order(void *number)
{
	ck_assert_uint_eq((uintptr_t)number, next_number);
	next_number++;
}

/* The overflow list lives from a reserve: nothing is lost, and nothing out of order. */
START_TEST(test_reserve)
{
	for (uintptr_t i = 0; i < RING_SIZE + RESERVE; i++) {
		int rc = WITHOUT_HEAP(ebb_thread_send_msg(thread, in_order, (void *)i));

		ck_assert_int_eq(rc, 0);
	}
	for (uintptr_t i = RING_SIZE + RESERVE; i < RING_SIZE + RESERVE + 500; i++) {
		ck_assert_int_eq(ebb_thread_send_msg(thread, in_order, (void *)i), 0);
	}
	stepper_settle();
	ck_assert_uint_eq(next_number, RING_SIZE + RESERVE + 500);
}
END_TEST

static void note_abort(int number)
{
	(void)number;
	_exit(log_count("'worker', which does not keep up: its reactor is in") == 1 ? 7 : 1);
}

/* When that is gone too: an end that names who does not keep up. */
START_TEST(test_reserve_gone)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, note_abort);
		exhausted = true;
		for (unsigned i = 0; i <= RING_SIZE + RESERVE; i++) {
			ebb_thread_send_msg(thread, stepper_count, &count);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

/* Messages that their senders own need no memory, ring full or not. */
START_TEST(test_owned_messages)
{
	static struct ebb_msg msgs[1000];

	for (unsigned i = 0; i < RING_SIZE; i++) {
		ck_assert_int_eq(ebb_thread_send_msg(thread, stepper_count, &count), 0);
	}
	for (unsigned i = 0; i < 1000; i++) {
		int rc;

		ebb_msg_init(&msgs[i], stepper_count, &count);
		rc = WITHOUT_HEAP(ebb_thread_send(thread, &msgs[i]));
		ck_assert_int_eq(rc, 0);
	}
	stepper_settle();
	ck_assert_uint_eq(count, RING_SIZE + 1000);
}
END_TEST

START_TEST(test_thread)
{
	struct ebb_thread *made = NULL;
	int rc = WITHOUT_HEAP(ebb_thread_create("unlucky", 0, &made));

	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_ptr_null(made);
	ck_assert_uint_eq(event_threads.num_threads, 2);
}
END_TEST

START_TEST(test_poller)
{
	stepper_enter(thread);
	for (uint64_t period_us = 0; period_us < 2; period_us++) {
		poller = WITHOUT_HEAP(ebb_poller_register(stepper_poll_count, &count, period_us));
		ck_assert_ptr_null(poller);
	}
	ck_assert_uint_eq(thread->num_timed, 0);
	poller = ebb_poller_register(stepper_poll_count, &count, 1000);
	ck_assert_ptr_nonnull(poller);
	ebb_poller_unregister(&poller);
	stepper_leave();
}
END_TEST

START_TEST(test_channel)
{
	static const struct ebb_io_device_ops ops = {.name = "disk0"};
	static char device;
	struct ebb_io_channel *channel;
	int rc;

	stepper_enter(thread);
	rc = WITHOUT_HEAP(ebb_io_device_register(&device, &ops));
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_int_eq(ebb_io_device_register(&device, &ops), 0);
	channel = WITHOUT_HEAP(ebb_io_channel_get(&device));
	ck_assert_ptr_null(channel);
	ck_assert_uint_eq(log_count("out of memory"), 1);
	ck_assert_int_eq(ebb_io_device_unregister(&device, NULL), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(thread->pending_unregisters, 0);
}
END_TEST

START_TEST(test_for_each)
{
	int rc;

	stepper_enter(thread);
	rc = WITHOUT_HEAP(ebb_for_each_thread(stepper_count, &count, stepper_count));
	ck_assert_int_eq(rc, -ENOMEM);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(thread->answers_due, 0);
}
END_TEST

static void stop(void *arg)
{
	(void)arg;
	event_framework_stop();
}

/*
 * The helper, or a reactor, cannot be started: an error, nothing left behind, and the next try
 * finds all well.
 */
START_TEST(test_no_os_thread)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_INTERRUPT, .roam = true};

	stepper_stop();
	CPU_SET(0, &opts.cpus);
	CPU_SET(1, &opts.cpus);
	no_threads = true;
	ck_assert_int_eq(event_framework_init(&opts), 0);
	ck_assert_int_eq(event_framework_run(), -EAGAIN);
	ck_assert_uint_eq(log_count("the watch cannot be started"), 1);
	event_framework_fini();
	no_threads = false;
	ck_assert_int_eq(event_framework_init(&opts), 0);
	ck_assert_uint_eq(event_threads.num_threads, 1);
	ebb_thread_send_msg(ebb_thread_app(), stop, NULL);
	ck_assert_int_eq(event_framework_run(), 0);
	event_framework_fini();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop),
		UNIT_TEST(test_no_os_thread),
		UNIT_TEST(test_reserve),
		UNIT_TEST(test_reserve_gone),
		UNIT_TEST(test_owned_messages),
		UNIT_TEST(test_thread),
		UNIT_TEST(test_poller),
		UNIT_TEST(test_channel),
		UNIT_TEST(test_for_each),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
