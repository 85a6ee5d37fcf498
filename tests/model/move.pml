/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A thread moves from one reactor to the other and back while it is sent to, and both reactors
 * sleep whenever they can.
 *
 * A sender publishes into the thread's queue, which travels with the thread, by a store that may
 * stay in its store buffer; it exchanges the asleep word of the reactor that thread->reactor names,
 * and looks again which one that is, until it is the one it has told (thread_tell_reactor() in
 * core/event/send.c). The old reactor lets go of the thread, stores the new one in
 * thread->reactor, exchanges its own asleep word, and then sends the thread over, in the new
 * reactor's inbox (event_move_check() in core/event/move.c). The new one looks at the queue before it
 * sleeps. So a sender that finds the old reactor again on its second load had its message in memory
 * before the thread was sent, since the exchange between its publication and that load pushed it
 * there; and the new reactor's look finds it. A sender that finds the new one tells that.
 *
 * Held: when nobody can take a step, both reactors sleep and every message has run, in order.
 *
 * Weakenings:
 *
 *	no_second_load      the sender tells the reactor it has read first: that load may overtake
 *	                    the publication, and the thread has gone, and its queue has been looked
 *	                    at, when the message comes out
 *	asleep_loaded       the sender loads asleep, and exchanges it only if that gave 1: nothing
 *	                    pushes the message out, and all its loads overtake it
 *	exchange_before_publish  the sender tells before it publishes
 *	store_after_send    the thread is sent first: the new reactor looks and falls asleep, and a
 *	                    sender still finds the old one, twice
 *	asleep_buffered     as in sleep.pml
 *	no_second_look      as in sleep.pml: the queue of the thread that has arrived
 *	inbox_not_looked_at the second look forgets the inbox: the thread itself is lost
 *
 * Two things are more than x86 needs. The store of thread->reactor may stand in a store buffer, as
 * it does here; and the old reactor could leave out the exchange of its own word (WITHOUT_own_word,
 * which holds too), for the push that sends the thread is a locked instruction itself. Both are
 * there for the memory model of the language. There the message is ordered before the new reactor's
 * look only if the sender's exchange is followed by another one of the same word.
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

/* reactor_notify() */
inline notify(who, reactor)
{
#ifdef WEAKEN_asleep_loaded
	load(who, ASLEEP(reactor), asleep);
	if
	:: asleep -> exchange(who, ASLEEP(reactor), 0, asleep)
	:: else
	fi;
#else
	exchange(who, ASLEEP(reactor), 0, asleep);
#endif
	if
	:: asleep -> edge[reactor] = 1
	:: else
	fi;
	asleep = 0
}

proctype sender()
{
	byte k, told, owner, asleep, b;

	do
	:: k == MESSAGES -> break
	:: k < MESSAGES ->
#ifndef WEAKEN_exchange_before_publish
		store_release(SENDER, PUBLISHED, k + 1);
#endif
		load(SENDER, OWNER, owner);
tell:
		told = owner;
		notify(SENDER, told);
#ifndef WEAKEN_no_second_load
		load(SENDER, OWNER, owner);
		if
		:: owner != told -> goto tell
		:: else
		fi;
#endif
#ifdef WEAKEN_exchange_before_publish
		store_release(SENDER, PUBLISHED, k + 1);
#endif
		d_step {
			told = 0;
			owner = 0;
			k++
		}
	od
}

#define queue_ready (has && mem[PUBLISHED] != head)

inline send_thread(me)
{
	atomic {
		drained(me);
		inbox[1 - me] = 1
	};
	notify(me, 1 - me)
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
		store_release(me, OWNER, 1 - me)
#else
		store_release(me, OWNER, 1 - me);
#ifndef WITHOUT_own_word
		exchange(me, ASLEEP(me), 0, asleep);
		asleep = 0;
#endif
		send_thread(me)
#endif
	:: true
	fi;

#ifdef WEAKEN_asleep_buffered
	store_release(me, ASLEEP(me), 1);
#else
	exchange(me, ASLEEP(me), 1, asleep);
	asleep = 0;
#endif
#ifndef WEAKEN_inbox_not_looked_at
	if
	:: inbox[me] -> goto awake
	:: else
	fi;
#endif
#ifndef WEAKEN_no_second_look
	if
	:: queue_ready -> goto awake
	:: else
	fi;
#endif
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
