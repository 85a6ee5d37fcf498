/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sleep and wake, and why no wakeup is lost.
 *
 * A reactor that has nothing to do sleeps in epoll_wait(); whoever gives it something to do must
 * wake it, and must not make a system call while it is awake. This model holds that protocol with
 * its memory accesses one by one, on memory with explicit store buffers (store_buffer.pml), and
 * spin visits every interleaving of them.
 *
 * What stands for what:
 *
 *	receiver          ebb_reactor_turn() and reactor_sleep(), core/event/reactor.c. The turn runs
 *	                  the reactor's inbox, critical calls, the ring with its overflow, pollers;
 *	                  "Sleep" below is reactor_sleep() line by line, the second look being
 *	                  reactor_has_work(), and the arming reactor_arm()
 *	ring_sender       ebb_thread_send() and ebb_thread_send_msg(): ebb_queue_push_msg() and
 *	                  ebb_queue_push_call() in core/event/queue.c on ebb_ring_push() in
 *	                  core/base/ring.c, or with the ring full on ebb_mpsc_push() in
 *	                  core/base/mpsc.h; then ebb_reactor_notify()
 *	list_sender       ebb_reactor_send(): ebb_mpsc_push() alone, into the inbox. Its messages are
 *	                  mode changes (reactor_mode.c): each takes the reactor from poll to interrupt
 *	                  or back
 *	critical_sender   ebb_thread_send_critical(), from a signal handler or anywhere
 *	completion_source what completes I/O without being a thread of ours: the kernel posting to an
 *	                  io_uring, a device. It publishes, then looks whether its event is wanted
 *	wake()            ebb_reactor_wake()
 *	source_run()      a poller with an arm(), or the io_uring's reaping
 *
 * An eventfd watched edge-triggered is one bit: a write sets it, epoll_wait() returns and clears
 * it. Adaptive mode is the free choice between going on and going to sleep when there is no work. A
 * reactor that spins with nothing to do waits here until there is something, which is the same for
 * everybody who could see it. A stack that is taken whole and reversed is a list with an atomic
 * append. The reactor sleeps even while it keeps overflow entries that wait for a slot of the ring
 * whose sender has not published yet: that sender looks at asleep after it has published.
 *
 * What is held: when nobody can take a step any more (senders at their end, store buffers empty, no
 * edge pending) the reactor is asleep, or spins with nothing visible to it. Then every message must
 * have run and every completion must have been reaped: the assertion at "quiet". Each message runs
 * once and each sender's in order: the assertion in ring_message_run(). Searched again for cycles,
 * the model has none, so every run does come to that end: nothing waits for ever, and that without
 * any assumption of fairness. (Not searched for cycles: a ring that overflows. The reactor turns
 * without sleep while something is in the overflow, also in the moment in which a slot before it
 * has not been published.)
 *
 * What must not be weakened, and what then goes wrong:
 *
 *	asleep_buffered       asleep is set by a plain or release store: it may stand in the store
 *	                      buffer while the second look is taken. Look and send miss each other
 *	publish_buffered      the same on the other side: the message is published by a release
 *	                      store, and the sender's look at asleep overtakes it
 *	no_second_look        a message that came between the turn and asleep = 1
 *	look_before_publish   the sender looks at asleep first: the reactor falls asleep between
 *	clear_by_store        the sender clears asleep by a store instead of the exchange: it lands
 *	                      when the reactor has already gone to sleep the next time, and the next
 *	                      sender takes it for awake
 *	write_before_clear    eventfd first, exchange second: the same, without any store buffer
 *	edge_cleared_late     the edge is consumed between asleep = 1 and epoll_wait(): what it stood
 *	                      for sleeps (so the eventfd is not read there; it is not read at all)
 *	arm_buffered          arm() allows the event by a plain store and looks too early
 *	arm_without_look      arm() does not look: what completed before it is never announced
 *	source_buffered       the source has no barrier between publishing and its look at the flag.
 *	                      That is not ours to write: it is what ebb relies on from a source
 *
 * Not weakened here, because x86 has no such weakening: a compare-and-swap is always a full
 * barrier. The C code asks for sequential consistency on it all the same.
 *
 * Options: RING senders of RING_MESSAGES each, LIST messages of one sender, CRITICAL senders of one
 * each, SOURCE completions, START mode. tests/model/run knows which combinations to search.
 */

#ifndef RING
#define RING 1
#endif
#ifndef RING_MESSAGES
#define RING_MESSAGES 2
#endif
#ifndef LIST
#define LIST 2
#endif
#ifndef CRITICAL
#define CRITICAL 1
#endif
#ifndef SOURCE
#define SOURCE 1
#endif

#define SLOTS 2
#define TOTAL (RING * RING_MESSAGES + LIST + CRITICAL)

/* Who has a store buffer. */
#define RECEIVER 0
#define RING_SENDER(i) (1 + (i))
#define LIST_SENDER (1 + RING)
#define CRITICAL_SENDER(i) (2 + RING + (i))
#define COMPLETION_SOURCE (2 + RING + CRITICAL)
#define PROCESSES (3 + RING + CRITICAL)
#define BUFFER_SIZE 3

/* What is stored through one. */
#define ASLEEP 0
#define SOURCE_FLAG 1
#define SOURCE_TAIL 2
#define RING_SEQ(pos) (3 + (pos) % SLOTS)
#define CRITICAL_SEQ(pos) (5 + (pos) % SLOTS)
#define ADDRESSES 7

#include "store_buffer.pml"

/* The rest changes by locked instructions only, or belongs to the slot its owner has reserved. */
byte ring_tail;
byte ring_message[SLOTS];
byte overflow[RING * RING_MESSAGES + 1];
byte overflow_len;
byte overflow_count;
byte critical_tail;
byte list_len;

/* Edges that epoll_wait() has not reported yet. */
bit reactor_edge;
bit source_edge;

mtype = { POLL, INTERRUPT };
#ifndef START
#define START POLL
#endif
mtype mode = START;

byte ring_next[RING + 1];
byte run_count;

/* ---- senders ---- */

inline wake_look(who)
{
	load(who, ASLEEP, asleep)
}

inline wake(who)
{
	if
	:: asleep ->
#ifdef WEAKEN_clear_by_store
		store_release(who, ASLEEP, 0);
		reactor_edge = 1
#elif defined(WEAKEN_write_before_clear)
		atomic {
			drained(who);
			reactor_edge = 1
		};
		exchange(who, ASLEEP, 0, asleep)
#else
		exchange(who, ASLEEP, 0, asleep);
		if
		:: asleep -> reactor_edge = 1
		:: else
		fi
#endif
	:: else
	fi;
	asleep = 0
}

#ifdef WEAKEN_look_before_publish
#define EARLY_LOOK(who) wake_look(who)
#define LATE_LOOK(who)
#else
#define EARLY_LOOK(who)
#define LATE_LOOK(who) wake_look(who)
#endif

#ifdef WEAKEN_publish_buffered
#define PUBLISH store_release
#else
#define PUBLISH store_seq_cst
#endif

proctype ring_sender(byte me)
{
	byte k, pos, seq, b;
	byte asleep;

	do
	:: k == RING_MESSAGES -> break
	:: k < RING_MESSAGES ->
		EARLY_LOOK(RING_SENDER(me));
		if
		:: overflow_count != 0 -> goto to_overflow
		:: else
		fi;
again:
		pos = ring_tail;
		load(RING_SENDER(me), RING_SEQ(pos), seq);
		if
		:: seq < pos -> goto to_overflow
		:: seq > pos -> goto again
		:: else
		fi;
		atomic {
			drained(RING_SENDER(me));
			if
			:: ring_tail == pos ->
				ring_tail++;
				ring_message[pos % SLOTS] = me * RING_MESSAGES + k
			:: else -> goto again
			fi
		};
		PUBLISH(RING_SENDER(me), RING_SEQ(pos), pos + 1);
		goto published;
to_overflow:
		atomic {
			drained(RING_SENDER(me));
			overflow_count++
		};
		atomic {
			drained(RING_SENDER(me));
			overflow[overflow_len] = me * RING_MESSAGES + k;
			overflow_len++
		};
published:
		LATE_LOOK(RING_SENDER(me));
		wake(RING_SENDER(me));
		k++
	od
}

/* Every message of this sender changes the mode. */
proctype list_sender()
{
	byte k, b;
	byte asleep;

	do
	:: k == LIST -> break
	:: k < LIST ->
		EARLY_LOOK(LIST_SENDER);
		atomic {
			drained(LIST_SENDER);
			list_len++
		};
		LATE_LOOK(LIST_SENDER);
		wake(LIST_SENDER);
		k++
	od
}

proctype critical_sender(byte me)
{
	byte pos, b;
	byte asleep;

	EARLY_LOOK(CRITICAL_SENDER(me));
	atomic {
		drained(CRITICAL_SENDER(me));
		pos = critical_tail;
		critical_tail++
	};
	PUBLISH(CRITICAL_SENDER(me), CRITICAL_SEQ(pos), pos + 1);
	LATE_LOOK(CRITICAL_SENDER(me));
	wake(CRITICAL_SENDER(me))
}

proctype completion_source()
{
	byte k, flag, b;

	do
	:: k == SOURCE -> break
	:: k < SOURCE ->
#ifdef WEAKEN_source_buffered
		store_release(COMPLETION_SOURCE, SOURCE_TAIL, k + 1);
#else
		store_seq_cst(COMPLETION_SOURCE, SOURCE_TAIL, k + 1);
#endif
		load(COMPLETION_SOURCE, SOURCE_FLAG, flag);
		if
		:: flag -> source_edge = 1
		:: else
		fi;
		flag = 0;
		k++
	od
}

/* ---- receiver ---- */

/*
 * These read memory without the receiver's own store buffer: all it may hold of a slot is that the
 * slot is free, and memory says "not published" then, too.
 */
#define ring_ready (mem[RING_SEQ(head)] == head + 1)
#define critical_ready (mem[CRITICAL_SEQ(critical_head)] == critical_head + 1)
#define taken_ready (taken_len > 0 && head == mark)
#define source_ready (mem[SOURCE_TAIL] != source_head)
#define anything_ready                                                                             \
	(critical_ready || list_len > 0 || overflow_len > 0 || ring_ready || source_ready)

inline ring_message_run(message)
{
	d_step {
		assert((message) % RING_MESSAGES == ring_next[(message) / RING_MESSAGES]);
		ring_next[(message) / RING_MESSAGES]++;
		run_count++
	}
}

inline critical_run()
{
	do
	:: atomic {
		critical_ready ->
		critical_head++;
		run_count++;
		did = 1
	}
	:: atomic { else -> break }
	od
}

inline list_run()
{
	atomic {
		drained(RECEIVER);
		taken_list = list_len;
		list_len = 0
	};
	do
	:: atomic {
		taken_list > 0 ->
		taken_list--;
		run_count++;
		did = 1;
		if
		:: mode == POLL -> mode = INTERRUPT
		:: else -> mode = POLL
		fi
	}
	:: atomic { else -> break }
	od
}

inline overflow_take()
{
	if
	:: taken_len == 0 ->
		atomic {
			drained(RECEIVER);
			do
			:: taken_len < overflow_len ->
				taken[taken_len] = overflow[taken_len];
				overflow[taken_len] = 0;
				taken_len++
			:: else -> break
			od;
			overflow_len = 0
		};
		mark = ring_tail
	:: else
	fi
}

inline ring_run()
{
	do
	:: head == mark && taken_len > 0 -> break
	:: else ->
		if
		:: ring_ready ->
			did = 1;
			ring_message_run(ring_message[head % SLOTS]);
			head++
		:: else -> break
		fi
	od
}

inline ring_release()
{
	do
	:: released < head ->
		store_release(RECEIVER, RING_SEQ(released), released + SLOTS);
		released++
	:: else -> break
	od
}

inline overflow_run()
{
	if
	:: head == mark ->
		i = 0;
		do
		:: i < taken_len ->
			did = 1;
			atomic {
				drained(RECEIVER);
				overflow_count--
			};
			ring_message_run(taken[i]);
			taken[i] = 0;
			i++
		:: else -> break
		od;
		taken_len = 0;
		i = 0
	:: else
	fi
}

/* The poller of the completion source. */
inline source_run()
{
	do
	:: atomic {
		source_ready ->
		source_head++;
		did = 1
	}
	:: atomic { else -> break }
	od;
	source_woke = 0
}

active proctype receiver()
{
	byte head, released, mark, taken_len, i, b;
	byte critical_head, source_head, taken_list;
	byte taken[RING * RING_MESSAGES + 1];
	byte asleep;
	bit did, source_woke;

turn:
	did = 0;
	list_run();
	critical_run();
	overflow_take();
	ring_run();
	overflow_run();
	ring_release();
	if
	:: mode == POLL || source_woke -> source_run()
	:: else
	fi;
	if
	:: did -> goto turn
	:: mode == POLL && !did ->
		if
		:: anything_ready -> goto turn
		:: timeout -> goto quiet
		fi
	:: mode == INTERRUPT && !did ->
		if
		:: anything_ready -> source_woke = 1; goto turn
		:: true
		fi
	fi;

	/* Sleep: reactor_sleep(). */
#ifdef WEAKEN_asleep_buffered
	store_release(RECEIVER, ASLEEP, 1);
#else
	store_seq_cst(RECEIVER, ASLEEP, 1);
#endif
#ifndef WEAKEN_no_second_look
	if
	:: list_len > 0 -> goto awake
	:: else
	fi;
	if
	:: ring_ready -> goto awake
	:: else
	fi;
	if
	:: critical_ready -> goto awake
	:: else
	fi;
	if
	:: overflow_len > 0 || taken_ready -> goto awake
	:: else
	fi;
#endif
#ifdef WEAKEN_arm_buffered
	store_release(RECEIVER, SOURCE_FLAG, 1);
#else
	store_seq_cst(RECEIVER, SOURCE_FLAG, 1);
#endif
#ifndef WEAKEN_arm_without_look
	if
	:: source_ready -> source_woke = 1; goto awake
	:: else
	fi;
#endif
#ifdef WEAKEN_edge_cleared_late
	reactor_edge = 0;
	source_edge = 0;
#endif
	/* epoll_wait() */
	if
	:: atomic { (reactor_edge || source_edge) ->
		source_woke = source_edge;
		reactor_edge = 0;
		source_edge = 0
	}
	:: timeout -> goto quiet
	fi;
awake:
	exchange(RECEIVER, ASLEEP, 0, asleep);
	asleep = 0;
	store_release(RECEIVER, SOURCE_FLAG, 0);
	goto turn;

quiet:
	/* Nobody can take a step: all senders have ended, all buffers are empty, no edge is pending. */
	assert(run_count == TOTAL && source_head == SOURCE && overflow_count == 0)
}

init {
	byte i;

	atomic {
		do
		:: i < SLOTS -> mem[RING_SEQ(i)] = i; mem[CRITICAL_SEQ(i)] = i; i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < PROCESSES -> run memory(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < RING -> run ring_sender(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < CRITICAL -> run critical_sender(i); i++
		:: else -> break
		od;
		i = 0;
		if
		:: LIST > 0 -> run list_sender()
		:: else
		fi;
		if
		:: SOURCE > 0 -> run completion_source()
		:: else
		fi
	}
}
