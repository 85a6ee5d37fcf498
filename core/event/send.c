/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/send.h"

/*
 * Sending: a message is put where its receiver looks, and then the reactor that the receiver is on
 * is woken if it sleeps. What both sides exchange so that none is missed is told in reactor.c; what
 * happens while the receiver moves, in move.c.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

/* Writes the eventfd. */
static void reactor_wake(struct event_reactor *reactor)
{
	static const uint64_t one = 1;

	while (write(reactor->event_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

/*
 * The second half of every send, after the message has been published. Pairs with the exchange
 * before the reactor's second look. Async-signal-safe.
 */
static void reactor_notify(struct event_reactor *reactor)
{
	if (ebb_unlikely(atomic_exchange_explicit(&reactor->asleep, 0, memory_order_seq_cst) !=
			 0)) {
		reactor_wake(reactor);
	}
}

void event_reactor_send(struct event_reactor *reactor, struct ebb_msg *msg)
{
	int rc = base_mpsc_push(&reactor->inbox, msg);

	ebb_assert(rc == 0);
	reactor_notify(reactor);
}

/*
 * After a push: tells the reactor, wherever the thread is by then, for it may be moving. Pairs with
 * the exchange in event_move_check(). Async-signal-safe.
 */
static void thread_tell_reactor(struct ebb_thread *thread)
{
	struct event_reactor *reactor =
		atomic_load_explicit(&thread->reactor, memory_order_seq_cst);
	struct event_reactor *told;

	do {
		told = reactor;
		reactor_notify(told);
		reactor = atomic_load_explicit(&thread->reactor, memory_order_seq_cst);
	} while (ebb_unlikely(reactor != told));
}

static void thread_notify(struct ebb_thread *thread)
{
	if (ebb_unlikely(thread == event_turn.thread)) {
		struct event_reactor *reactor = event_turn.reactor;

		/*
		 * It is awake, and will look. What waits for this within the turn waits for ever
		 * (rule 1): the watchdog tells by the turn.
		 */
		atomic_store_explicit(&reactor->self_send_turn,
				      atomic_load_explicit(&reactor->turns, memory_order_relaxed),
				      memory_order_relaxed);
	} else {
		thread_tell_reactor(thread);
	}
}

int ebb_thread_send(struct ebb_thread *thread, struct ebb_msg *msg)
{
	int rc = event_msg_queue_push_msg(&thread->queue, msg);

	if (ebb_likely(rc == 0)) {
		thread_notify(thread);
	}
	return rc;
}

int ebb_thread_send_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg, const char *name)
{
	struct base_msg_ring_entry entry = {fn, arg, name};
	int rc = event_msg_queue_push_call(&thread->queue, &entry);

	if (ebb_likely(rc == 0)) {
		thread_notify(thread);
	} else if (rc == -ENOMEM) {
		const char *running = event_reactor_running(atomic_load(&thread->reactor));

		ebb_error("thread",
			  "out of memory for the messages of thread '%s', which does not keep up: "
			  "its reactor is in %s",
			  thread->name, running != NULL ? running : "no callback");
		abort();
	}
	return rc;
}

int ebb_thread_exec_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg, const char *name)
{
	if (thread == event_turn.thread) {
		fn(arg);
		return 0;
	}
	return ebb_thread_send_named(thread, fn, arg, name);
}

int ebb_thread_send_critical_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg,
				   const char *name)
{
	struct base_msg_ring_entry entry = {fn, arg, name};
	int rc = event_msg_queue_push_critical(&thread->queue, &entry);
	int saved_errno = errno;

	if (rc == 0) {
		thread_tell_reactor(thread);
	}
	errno = saved_errno; /* a signal handler's caller may be about to read it */
	return rc;
}
