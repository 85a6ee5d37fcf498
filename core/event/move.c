/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/move.h"

/*
 * A thread changes its reactor.
 *
 *	on the thread       its channels are asked to be quiet: new I/O waits in them
 *	on the old reactor  after each turn: all quiet, nothing in the io_uring, nothing deferred?
 *	                    Then its sources leave the epoll set (their generation goes up, so an
 *	                    event already read is dropped), the thread leaves the list,
 *	                    thread->reactor changes, and the thread is handed over by a message
 *	on the new reactor  the sources join, the channels go on, then its queue is looked at
 *
 * Senders never notice. One that has told the old reactor looks again where the thread is. Both
 * exchange that reactor's asleep word: the sender after its push, the mover after it has stored
 * where the thread goes. If the sender's exchange is first, the push is seen by the mover, and so
 * by the new reactor's first look at the queue. If it is second, the sender sees the new reactor,
 * and tells that. A spare wakeup of the old reactor is all it costs.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/channel.h"
#include "core/event/reactor.h"
#include "core/event/reactor_list.h"
#include "core/event/send.h"
#include "core/event/thread.h"
#include "core/event/turn.h"
#include "core/os/cpumask.h"

struct event_move {
	struct ebb_msg msg;
	struct ebb_thread *thread;
	struct ebb_thread *requester;
	struct event_reactor *target; /* NULL until it is chosen */
	cpu_set_t cpus;     /* that the thread shall have, all with a reactor; none: those it has */
	bool interruptible; /* set_interrupt(true) was called last for the thread's pollers */
	ebb_thread_move_cb done;
	void *arg;
	int rc;
};

static void move_answer(void *arg)
{
	struct event_move *move = arg;

	move->requester->answers_due--;
	if (move->done != NULL) {
		move->done(move->arg, move->rc);
	}
	free(move);
}

static void move_end(struct event_move *move, int rc)
{
	move->rc = rc;
	ebb_msg_init(&move->msg, move_answer, move);
	if (ebb_thread_send(move->requester, &move->msg) != 0) {
		free(move);
	}
}

static bool cpus_have(const cpu_set_t *cpus, const struct event_reactor *reactor)
{
	return CPU_ISSET((size_t)reactor->core, cpus);
}

/* One of the reactors on @cpus, which has at least one: each in its turn. */
static struct event_reactor *cpus_choose(const cpu_set_t *cpus)
{
	static atomic_uint next;
	unsigned num_cpus = (unsigned)CPU_COUNT(cpus);
	unsigned skip = atomic_fetch_add(&next, 1) % num_cpus;
	struct event_reactor *reactor = event_reactors;

	while (!cpus_have(cpus, reactor) || skip-- > 0) {
		reactor++;
	}
	return reactor;
}

/* Gives the thread its mask, and the move a target that is in it. Return: 0; -EPERM. */
static int move_choose(struct event_move *move)
{
	struct ebb_thread *thread = move->thread;
	struct event_reactor *reactor = atomic_load(&thread->reactor);

	if (CPU_COUNT(&move->cpus) != 0) {
		thread->cpus = move->cpus;
		move->target =
			cpus_have(&thread->cpus, reactor) ? reactor : cpus_choose(&thread->cpus);
	} else if (CPU_COUNT(&thread->cpus) != 0 && !cpus_have(&thread->cpus, move->target)) {
		return -EPERM;
	}
	return 0;
}

static void move_begin(void *arg)
{
	struct event_move *move = arg;
	struct ebb_thread *thread = move->thread;
	int rc;

	if (atomic_load(&thread->state) != EVENT_THREAD_RUNNING) {
		move_end(move, -ESRCH);
	} else if (thread->move != NULL) {
		move_end(move, -EBUSY);
	} else if ((rc = move_choose(move)) != 0) {
		move_end(move, rc);
	} else if (atomic_load(&thread->reactor) == move->target) {
		move_end(move, 0);
	} else {
		thread->move = move;
		event_turn.reactor->num_leaving++;
		event_channels_quiesce(thread);
	}
}

/* On the new reactor, in its inbox: the turn goes on to run the thread. */
static void move_arrive(void *arg)
{
	struct event_move *move = arg;
	struct ebb_thread *thread = move->thread;

	event_thread_attach(thread, move->interruptible);
	thread->move = NULL;
	event_turn.thread = thread;
	event_channels_resume(thread);
	event_turn.thread = NULL;
	move_end(move, 0);
}

void event_move_cancel(struct ebb_thread *thread)
{
	struct event_move *move = thread->move;

	if (move == NULL) {
		return;
	}
	thread->move = NULL;
	event_turn.reactor->num_leaving--;
	event_turn.thread = thread;
	event_channels_resume(thread);
	event_turn.thread = NULL;
	move_end(move, -ESRCH);
}

void event_move_check(struct ebb_thread *thread)
{
	struct event_reactor *reactor = event_turn.reactor;
	struct event_move *move = thread->move;

	if (!event_channels_quiet(thread) || thread->uring_ops != 0 ||
	    event_turn_has_deferred(thread)) {
		return;
	}
	move->interruptible = reactor->interruptible;
	reactor->num_leaving--;
	event_thread_detach(thread);
	/* Pairs with the exchange and the second load in thread_tell_reactor(), in send.c. */
	atomic_store_explicit(&thread->reactor, move->target, memory_order_seq_cst);
	atomic_exchange_explicit(&reactor->asleep, 0, memory_order_seq_cst);
	ebb_msg_init(&move->msg, move_arrive, move);
	event_reactor_send(move->target, &move->msg);
}

/* @thread shall have the mask @cpus; or, if that is empty, go to @target. */
static void move_ask(struct ebb_thread *thread, const cpu_set_t *cpus, struct event_reactor *target,
		     ebb_thread_move_cb done, void *arg)
{
	struct event_move *move = malloc(sizeof(*move));

	if (move == NULL) {
		ebb_error("thread", "out of memory to move thread '%s'", thread->name);
		abort(); /* a promise to answer that cannot be kept */
	}
	*move = (struct event_move){
		.thread = thread,
		.requester = event_turn.thread,
		.target = target,
		.cpus = *cpus,
		.done = done,
		.arg = arg,
	};
	move->requester->answers_due++;
	if (target == NULL && CPU_COUNT(cpus) == 0) {
		move_end(move, -EINVAL);
		return;
	}
	ebb_msg_init(&move->msg, move_begin, move);
	if (ebb_thread_send(thread, &move->msg) != 0) {
		move_end(move, -ESRCH);
	}
}

EBB_REPORTS void ebb_thread_move(struct ebb_thread *thread, int core, ebb_thread_move_cb done,
				 void *arg)
{
	cpu_set_t none;

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, thread->name, thread, NULL);
		return;
	}
	CPU_ZERO(&none);
	move_ask(thread, &none, event_reactor_by_core(core), done, arg);
}

EBB_REPORTS void ebb_thread_set_cpumask(struct ebb_thread *thread, const char *cpumask,
					ebb_thread_move_cb done, void *arg)
{
	cpu_set_t cpus, reactors;

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, thread->name, thread, NULL);
		return;
	}
	CPU_ZERO(&reactors);
	for (unsigned i = 0; i < event_num_reactors; i++) {
		CPU_SET((size_t)event_reactors[i].core, &reactors);
	}
	if (os_cpumask_parse(cpumask, &cpus) == 0) {
		CPU_AND(&cpus, &cpus, &reactors);
	} else {
		CPU_ZERO(&cpus);
	}
	move_ask(thread, &cpus, NULL, done, arg);
}
