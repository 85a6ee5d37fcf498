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
 *	receiver          event_reactor_step(), core/event/reactor.c. The turn runs the inbox, critical
 *	                  calls, the ring with its overflow, pollers, and what the io_uring has
 *	                  completed; "Sleep" below is reactor_sleep() and reactor_wait() by line,
 *	                  the second look being reactor_has_work(), and the arming reactor_arm()
 *	ring_sender       ebb_thread_send() and ebb_thread_send_named(): event_msg_queue_push_msg() and
 *	                  event_msg_queue_push_call() in core/event/msg_queue.c on base_msg_ring_push() in
 *	                  core/base/msg_ring.c, or with the ring full on base_mpsc_push() in
 *	                  core/base/mpsc.h; then thread_tell_reactor(), the thread staying where it
 *	                  is (see move.pml for the rest)
 *	list_sender       event_reactor_send(): base_mpsc_push() alone, into the inbox. Its messages
 *	                  are mode changes (reactor_mode.c): each takes the reactor from poll to
 *	                  interrupt or back
 *	critical_sender   ebb_thread_send_critical(), from a signal handler or anywhere
 *	completion_source what completes I/O without being a thread of ours: a device that posts
 *	                  into memory. It publishes, then looks whether its event is wanted
 *	kernel            the other side of the io_uring
 *	notify()          reactor_notify(), core/event/send.c, and reactor_wake() in it
 *	source_run()      a poller with an arm()
 *	uring_reap()      event_uring_reap(), core/event/ring/uring.c
 *	uring_poll()      event_uring_sleep(), its first half
 *	uring_drain()     ebb_uring_open() of a big ring, core/event/ring/uring_set.c, with requests
 *	                  outstanding; what is "draining" below was the reactor's main ring before
 *
 * An eventfd watched edge-triggered is one bit: a write sets it, epoll_wait() returns and clears
 * it. Adaptive mode is the free choice between going on and going to sleep. A reactor that spins
 * with nothing to do waits here until there is something, which is the same for everybody who could
 * see it. A stack that is taken whole and reversed is a list with an atomic append. The producers'
 * copy of the ring's released position is left out: it is never ahead of the original, which they
 * look at before they call the ring full. The reactor sleeps even while it keeps overflow entries
 * that wait for a slot of the ring whose sender has not published yet: that sender exchanges asleep
 * after it has published.
 *
 * The first URING messages each make a request. The kernel completes it some time, or never (a read
 * from a socket): so what is lost in a sleep in the ring is not found by chance. The wait in the
 * ring and the posting of completions are guarded by the kernel and atomic here. The poll request
 * on the epoll set fires once: when it is made and the set is ready, or at the next edge.
 *
 * With DRAIN the main ring changes once, at any time at which requests are outstanding. They complete
 * in the draining ring: the kernel raises its flag by a locked instruction and then looks whether
 * the ring's event is wanted.
 *
 * A sleep may have a bound, which ends it up to BOUND times, whenever it likes or never: how long it is
 * is nothing that the protocol may depend on. A bounded sleep is a sleep as any other.
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
 *	no_second_look        a message that came between the turn and asleep = 1
 *	look_before_asleep    the same, between the look and asleep = 1
 *	asleep_loaded         the sender loads asleep, and exchanges it only if that gave 1: the
 *	                      message still stands in the sender's store buffer, the load overtakes
 *	                      it. The exchange is what pushes the message out
 *	exchange_before_publish  the reactor falls asleep between the two
 *	wrong_sense           the eventfd is written when the exchange gave 0: not to the sleeper
 *	clear_by_store        a full barrier, a load, and a store of 0 in place of the exchange: the
 *	                      store lands when the reactor has already gone to sleep the next time,
 *	                      and the next sender takes it for awake
 *	write_before_clear    a full barrier, a load, the eventfd, and the exchange last: the same,
 *	                      without any help of a store buffer
 *	edge_cleared_late     the edge is consumed between asleep = 1 and epoll_wait(): what it
 *	                      stood for sleeps (so the eventfd is not read there, nor at all)
 *	arm_buffered          arm() allows the event by a plain store and looks too early
 *	arm_without_look      arm() does not look: what completed before it is never announced
 *	source_buffered       the source has no barrier between publishing and its look at the flag.
 *	                      That is not ours to write: it is what ebb relies on from a source
 *	poll_not_renewed      the poll request is taken for standing after it has fired: the sleep
 *	                      in the ring hears of completions only
 *	poll_without_look     the poll request does not look at the epoll set when it is made: an
 *	                      edge after the second look is older than it. What ebb relies on from
 *	                      the kernel
 *	draining_arm_buffered  the draining ring's event is allowed by a plain store, and the look is
 *	                      taken too early
 *	draining_arm_without_look  what completed there before it was allowed is never announced
 *	draining_poll_kept     the poll request on the epoll set is taken for standing in the new main ring
 *	                      because it stood in the old one
 *
 *	bound_trusted          a sleep that will end anyway leaves out asleep, the look and the arming: a
 *	                      message waits for the end of the bound
 *	bound_ends_poll        the bound of a sleep in the ring ends the poll request with it. What ebb
 *	                      relies on from the kernel
 *
 * Not weakened here, because x86 has no such weakening: a compare-and-swap, like an exchange, is
 * always a full barrier.
 *
 * Options: RING senders of RING_MESSAGES each, LIST messages of one sender, CRITICAL senders of one
 * each, SOURCE completions, URING requests, DRAIN, BOUND, START mode. tests/model/run knows which combinations to
 * search.
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
#ifndef URING
#define URING 0
#endif

#ifndef BOUND
#define BOUND 0
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
#define RELEASED 3
#define RING_LAP(pos) (4 + (pos) % SLOTS)
#define CRITICAL_LAP(pos) (6 + (pos) % SLOTS)
#define RETIRED_FLAG 8
#define ADDRESSES 9

#define LAP(pos) ((pos) / SLOTS + 1)

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
bit draining_edge;

/* The kernel's side of the io_uring. */
byte submitted;
byte completions;
bit poll_stands;
bit poll_completion;
byte draining_submitted;
byte draining_completions;

mtype = { POLL, INTERRUPT };
#ifndef START
#define START POLL
#endif
mtype mode = START;

byte ring_next[RING + 1];
byte run_count;

/* An edge in the epoll set; the poll request that watches the set completes with it. */
inline edge_set(edge)
{
	d_step {
		edge = 1;
		if
		:: poll_stands -> poll_stands = 0; poll_completion = 1
		:: else
		fi
	}
}

/* ---- senders ---- */

#ifdef WEAKEN_wrong_sense
#define TO_BE_WOKEN !asleep
#else
#define TO_BE_WOKEN asleep
#endif

inline notify(who)
{
#if defined(WEAKEN_clear_by_store)
	drained(who);
	load(who, ASLEEP, asleep);
	if
	:: asleep -> store_release(who, ASLEEP, 0)
	:: else
	fi;
#elif defined(WEAKEN_write_before_clear)
	drained(who);
	load(who, ASLEEP, asleep);
	if
	:: asleep ->
		edge_set(reactor_edge);
		exchange(who, ASLEEP, 0, asleep);
		asleep = 0
	:: else
	fi;
#elif defined(WEAKEN_asleep_loaded)
	load(who, ASLEEP, asleep);
	if
	:: asleep -> exchange(who, ASLEEP, 0, asleep)
	:: else
	fi;
#else
	exchange(who, ASLEEP, 0, asleep);
#endif
	if
	:: TO_BE_WOKEN -> edge_set(reactor_edge)
	:: else
	fi;
	asleep = 0
}

#ifdef WEAKEN_exchange_before_publish
#define EARLY_NOTIFY(who) notify(who)
#define NOTIFY(who)
#else
#define EARLY_NOTIFY(who)
#define NOTIFY(who) notify(who)
#endif

proctype ring_sender(byte me)
{
	byte k, pos, released, b;
	byte asleep;

	do
	:: k == RING_MESSAGES -> break
	:: k < RING_MESSAGES ->
		EARLY_NOTIFY(RING_SENDER(me));
		if
		:: overflow_count != 0 -> goto to_overflow
		:: else
		fi;
again:
		pos = ring_tail;
		load(RING_SENDER(me), RELEASED, released);
		if
		:: pos >= released + SLOTS -> goto to_overflow
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
		store_release(RING_SENDER(me), RING_LAP(pos), LAP(pos));
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
		NOTIFY(RING_SENDER(me));
		d_step {
			pos = 0;
			released = 0;
			k++
		}
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
		EARLY_NOTIFY(LIST_SENDER);
		atomic {
			drained(LIST_SENDER);
			list_len++
		};
		NOTIFY(LIST_SENDER);
		k++
	od
}

proctype critical_sender(byte me)
{
	byte pos, b;
	byte asleep;

	EARLY_NOTIFY(CRITICAL_SENDER(me));
	atomic {
		drained(CRITICAL_SENDER(me));
		pos = critical_tail;
		critical_tail++
	};
	store_release(CRITICAL_SENDER(me), CRITICAL_LAP(pos), LAP(pos));
	NOTIFY(CRITICAL_SENDER(me))
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
		:: flag -> edge_set(source_edge)
		:: else
		fi;
		flag = 0;
		k++
	od
}

/* ---- receiver ---- */

/* The receiver stores into none of these: they need not be looked for in its own store buffer. */
#define ring_ready (mem[RING_LAP(head)] == LAP(head))
#define critical_ready (mem[CRITICAL_LAP(critical_head)] == LAP(critical_head))
#define taken_ready (taken_len > 0 && head == mark)
#define source_ready (mem[SOURCE_TAIL] != source_head)
#define uring_ready (outstanding > 0 && (completions > 0 || poll_completion))
#define any_edge (reactor_edge || source_edge || draining_edge)
#define anything_ready                                                                             \
	(critical_ready || list_len > 0 || overflow_len > 0 || ring_ready || source_ready ||       \
	 uring_ready || draining_completions > 0)

inline ring_message_run(message)
{
	d_step {
		assert((message) % RING_MESSAGES == ring_next[(message) / RING_MESSAGES]);
		ring_next[(message) / RING_MESSAGES]++;
		run_count++;
		if
		:: requested < URING -> requested++; outstanding++; submitted++
		:: else
		fi
	}
}

inline critical_run()
{
	do
	:: atomic {
		critical_ready ->
		critical_head++;
		run_count++
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
				ring_message_run(ring_message[head % SLOTS]);
			head++
		:: else -> break
		fi
	od
}

inline ring_release()
{
	if
	:: released != head ->
		store_release(RECEIVER, RELEASED, head);
		released = head
	:: else
	fi
}

inline overflow_run()
{
	if
	:: head == mark ->
		i = 0;
		do
		:: i < taken_len ->
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
		source_head++
	}
	:: atomic { else -> break }
	od;
	source_woke = 0
}

inline uring_reap()
{
	if
	:: outstanding > 0 ->
		do
		:: d_step {
			poll_completion ->
			poll_completion = 0;
#ifndef WEAKEN_poll_not_renewed
			epoll_polled = 0;
#endif
			epoll_pending = 1
		}
		:: d_step {
			completions > 0 ->
			completions--;
			outstanding--
		}
		:: atomic { else -> break }
		od
	:: else
	fi;
#ifdef DRAIN
	draining_completions = 0
#endif
}

/* The main ring changes. Nobody looks into the old one's queue for a poll request again. */
inline uring_drain()
{
	if
	:: d_step {
		!draining && outstanding > 0 ->
		draining = 1;
		draining_submitted = submitted;
		submitted = 0;
		draining_completions = completions;
		completions = 0;
		outstanding = 0;
		poll_stands = 0;
		poll_completion = 0;
		epoll_pending = 0;
#ifndef WEAKEN_draining_poll_kept
		epoll_polled = 0;
#endif
	}
	:: true
	fi
}

/* Makes the poll request. That the ring is waited in is for the caller to write. */
inline uring_poll()
{
	if
	:: !epoll_polled ->
		d_step {
			epoll_polled = 1;
			poll_stands = 1;
#ifndef WEAKEN_poll_without_look
			if
			:: any_edge -> poll_stands = 0; poll_completion = 1
			:: else
			fi
#endif
		}
	:: else
	fi
}

inline epoll_take()
{
	source_woke = source_edge;
	reactor_edge = 0;
	source_edge = 0;
	draining_edge = 0
}

inline second_look()
{
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
	fi
}

active proctype receiver()
{
	byte head, released, mark, taken_len, i, b;
	byte critical_head, source_head, taken_list;
	byte taken[RING * RING_MESSAGES + 1];
	byte asleep, requested, outstanding;
	bit source_woke, epoll_polled, epoll_pending, draining;
	byte bounds_left = BOUND;
	bit bound_comes;

turn:
	list_run();
	critical_run();
	overflow_take();
	ring_run();
	overflow_run();
	ring_release();
#ifdef DRAIN
	uring_drain();
#endif
	if
	:: mode == POLL || source_woke -> source_run()
	:: else
	fi;
	uring_reap();
	if
	:: mode == POLL ->
		if
		:: anything_ready -> goto turn
		:: timeout -> goto quiet
		fi
	:: mode == INTERRUPT ->
		if
		:: anything_ready -> source_woke = 1; goto turn
		:: true
		fi
	fi;

	/* Sleep: reactor_sleep(). Its bound comes, or not. */
#if BOUND > 0
	if
	:: d_step { bounds_left > 0 -> bounds_left--; bound_comes = 1 }
	:: true
	fi;
#endif
#ifdef WEAKEN_bound_trusted
	if
	:: goto wait
	:: true
	fi;
#endif
#ifdef WEAKEN_look_before_asleep
	second_look();
#endif
#ifdef WEAKEN_asleep_buffered
	store_release(RECEIVER, ASLEEP, 1);
#else
	exchange(RECEIVER, ASLEEP, 1, asleep);
	asleep = 0;
#endif
#if !defined(WEAKEN_no_second_look) && !defined(WEAKEN_look_before_asleep)
	second_look();
#endif
#ifdef DRAIN
#ifdef WEAKEN_draining_arm_buffered
	store_release(RECEIVER, RETIRED_FLAG, 1);
#else
	store_seq_cst(RECEIVER, RETIRED_FLAG, 1);
#endif
#ifndef WEAKEN_draining_arm_without_look
	if
	:: draining_completions > 0 -> goto awake
	:: else
	fi;
#endif
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
	/* reactor_wait() */
wait:
	if
	:: outstanding == 0 ->
		if
		:: atomic { any_edge -> epoll_take() }
		:: bound_comes
		:: timeout -> goto quiet
		fi
	:: outstanding > 0 && epoll_pending ->
		atomic {
			epoll_pending = 0;
			epoll_take()
		}
	:: outstanding > 0 && !epoll_pending ->
		uring_poll();
		if
		:: uring_ready
		:: atomic {
			bound_comes ->
#ifdef WEAKEN_bound_ends_poll
			poll_stands = 0
#else
			skip
#endif
		}
		:: timeout -> goto quiet
		fi
	fi;
awake:
	exchange(RECEIVER, ASLEEP, 0, asleep);
	asleep = 0;
	bound_comes = 0;
	store_release(RECEIVER, SOURCE_FLAG, 0);
#ifdef DRAIN
	store_release(RECEIVER, RETIRED_FLAG, 0);
#endif
	goto turn;

quiet:
	/* Nobody can take a step: senders have ended, buffers are empty, no edge is pending. */
	assert(run_count == TOTAL && source_head == SOURCE && overflow_count == 0 &&
	       completions == 0 && draining_completions == 0)
}

/* Completes each request, or never does. */
proctype kernel()
{
	byte flag;

end_kernel:
	do
	:: atomic {
		submitted > 0 ->
		submitted--;
		if
		:: completions++
		:: true
		fi
	}
#ifdef DRAIN
	:: atomic {
		draining_submitted > 0 ->
		draining_submitted--;
		if
		:: draining_completions++
		:: true
		fi
	};
		flag = mem[RETIRED_FLAG];
		if
		:: flag -> edge_set(draining_edge)
		:: else
		fi;
		flag = 0
#endif
	od
}

init {
	byte i;

	atomic {
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
		fi;
		if
		:: URING > 0 -> run kernel()
		:: else
		fi
	}
}
