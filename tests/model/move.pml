/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A thread moves from one reactor to the other and back while it is sent to, and both reactors
 * sleep whenever they can.
 *
 * A sender publishes into the thread's queue, which travels with the thread, and then wakes the
 * reactor that thread->reactor names (thread_notify() in core/event/thread.c). It may read the old
 * one, and wake it for nothing. The old reactor lets go of the thread, stores the new reactor, and
 * only then sends the thread over, in the new one's inbox (ebb_move_check() in core/event/move.c).
 * The new reactor looks at the queue after it has taken the thread from its inbox. So a sender that
 * still read the old reactor had published before the store, and the new reactor's look, which
 * comes after it, finds the message.
 *
 * Held: when nobody can take a step, both reactors sleep and every message has run, in order.
 *
 * Weakenings:
 *
 *	store_after_send    the thread is sent first: the new reactor looks and falls asleep, and a
 *	                    sender still wakes the old one
 *	owner_before_publish  the sender reads thread->reactor first, and publishes when the thread
 *	                    has gone
 *	publish_buffered    the message is published by a release store: the look at thread->reactor,
 *	                    or at asleep, overtakes it
 *	asleep_buffered     as in sleep.pml
 *	inbox_not_looked_at the second look forgets the inbox: the thread itself is lost
 *
 * The store of thread->reactor may stand in a store buffer without harm here, because the push that
 * follows it is a locked instruction. The C code asks for sequential consistency all the same.
 */

#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef MOVES
#define MOVES 2
#endif

#define REACTORS 2
#define SENDER REACTORS
#define PROCESSES (REACTORS + 1)
#define BUFFER_SIZE 3

#define ASLEEP(reactor) (reactor)
#define OWNER 2
#define PUBLISHED 3
#define ADDRESSES 4

#include "store_buffer.pml"

/* These change by locked instructions only. */
bit inbox[REACTORS];
bit edge[REACTORS];

/* The thread's, and so its reactor's. */
byte head;
byte moves;

inline reactor_wake(who, reactor)
{
	load(who, ASLEEP(reactor), asleep);
	if
	:: asleep ->
		exchange(who, ASLEEP(reactor), 0, asleep);
		if
		:: asleep -> edge[reactor] = 1
		:: else
		fi
	:: else
	fi;
	asleep = 0
}

proctype sender()
{
	byte k, owner, asleep, b;

	do
	:: k == MESSAGES -> break
	:: k < MESSAGES ->
#ifdef WEAKEN_owner_before_publish
		load(SENDER, OWNER, owner);
#endif
#ifdef WEAKEN_publish_buffered
		store_release(SENDER, PUBLISHED, k + 1);
#else
		store_seq_cst(SENDER, PUBLISHED, k + 1);
#endif
#ifndef WEAKEN_owner_before_publish
		load(SENDER, OWNER, owner);
#endif
		reactor_wake(SENDER, owner);
		owner = 0;
		k++
	od
}

#define queue_ready (has && mem[PUBLISHED] != head)

inline send_thread(me)
{
	atomic {
		drained(me);
		inbox[1 - me] = 1
	};
	reactor_wake(me, 1 - me)
}

proctype reactor(byte me)
{
	byte asleep, b;
	bit has;

	has = (me == 0);
turn:
	if
	:: atomic { inbox[me] && drained(me) -> inbox[me] = 0; has = 1 }
	:: !inbox[me]
	fi;
	do
	:: atomic { queue_ready -> head++ }
	:: atomic { !queue_ready -> break }
	od;
	if
	:: has && moves < MOVES ->
		moves++;
		has = 0;
#ifdef WEAKEN_store_after_send
		send_thread(me);
		store_seq_cst(me, OWNER, 1 - me)
#else
		store_seq_cst(me, OWNER, 1 - me);
		send_thread(me)
#endif
	:: true
	fi;

#ifdef WEAKEN_asleep_buffered
	store_release(me, ASLEEP(me), 1);
#else
	store_seq_cst(me, ASLEEP(me), 1);
#endif
#ifndef WEAKEN_inbox_not_looked_at
	if
	:: inbox[me] -> goto awake
	:: else
	fi;
#endif
	if
	:: queue_ready -> goto awake
	:: else
	fi;
	if
	:: atomic { edge[me] -> edge[me] = 0 }
	:: timeout -> goto quiet
	fi;
awake:
	exchange(me, ASLEEP(me), 0, asleep);
	asleep = 0;
	goto turn;
quiet:
	assert(head == MESSAGES && !inbox[0] && !inbox[1])
}

init {
	byte i;

	atomic {
		do
		:: i < PROCESSES -> run memory(i); i++
		:: else -> break
		od;
		i = 0;
		run reactor(0);
		run reactor(1);
		run sender()
	}
}
