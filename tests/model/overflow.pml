/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The order of messages when the ring is full.
 *
 * Messages go through a bounded ring, and while that is full through an unbounded list
 * (core/event/msg_queue.c). Two ways for one sender's messages, and yet each sender's messages must run
 * in the order they were sent. The rules, with the names of the code:
 *
 *	sender    overflow_count != 0: overflow. Ring full: overflow. Else ring. In the overflow's case
 *	          overflow_count++, and only then push
 *	receiver  event_msg_queue_open_batch(): take the whole overflow list, and only then note the ring's
 *	          tail (the mark). event_msg_queue_pop(): run the ring up to the mark, then what was taken,
 *	          each one discounted when it is about to run. event_msg_queue_close_batch(): give the
 *	          ring's slots back
 *
 * Why it works. A sender that used the ring first and the list afterwards had reserved and
 * published its slot before its push; the mark is read after the push was taken, so the slot stands
 * below it. A sender that used the list first uses the ring again only when it has seen a count of
 * zero, and its own entry is part of the count until it runs. List after list: what is taken runs
 * before anything is taken again.
 *
 * The trap is the hole: a slot below the mark that another sender has reserved but not published.
 * To the receiver the ring looks empty there, yet behind the hole lie slots that are older than
 * what was taken. The receiver must keep what it took (and the mark) until the hole is filled. It
 * need not wait: it may go on with other work, and even sleep, as sleep.pml shows.
 *
 * A turn may also end early because its batch is full; that is the same as a slow receiver.
 *
 * Weakenings:
 *
 *	no_count_check     the ring is used as soon as it has room: overtakes the list
 *	count_after_push   counted when already taken: the count runs below zero, and hides the entry
 *	                   of another sender (this needs three)
 *	count_at_take      discounted too early: the sender goes to the ring, below the mark
 *	mark_before_take   the older slot stands above the mark
 *	overflow_first     the list before the ring
 *	pass_hole          a hole is taken for the end of the ring
 */

#ifndef SENDERS
#define SENDERS 3
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#define SLOTS 2
#define TOTAL (SENDERS * MESSAGES)
#define RECEIVER SENDERS
#define PROCESSES (SENDERS + 1)
#define BUFFER_SIZE 3

/* A slot holds the lap it was filled in last; the consumer says up to where slots are free. */
#define RING_LAP(pos) ((pos) % SLOTS)
#define RELEASED SLOTS
#define ADDRESSES (SLOTS + 1)

#define LAP(pos) ((pos) / SLOTS + 1)

#include "store_buffer.pml"

/* These change by locked instructions only; a message belongs to the slot its sender reserved. */
byte ring_tail;
byte ring_message[SLOTS];
byte overflow[TOTAL];
byte overflow_len;
short overflow_count;

byte next[SENDERS];
byte run_count;

inline message_run(message)
{
	d_step {
		assert((message) % MESSAGES == next[(message) / MESSAGES]);
		next[(message) / MESSAGES]++;
		run_count++
	}
}

proctype sender(byte me)
{
	byte k, pos, released, b;

	do
	:: k == MESSAGES -> break
	:: k < MESSAGES ->
#ifndef WEAKEN_no_count_check
		if
		:: overflow_count != 0 -> goto to_overflow
		:: else
		fi;
#endif
again:
		pos = ring_tail;
		load(me, RELEASED, released);
		if
		:: pos >= released + SLOTS -> goto to_overflow
		:: else
		fi;
		atomic {
			drained(me);
			if
			:: ring_tail == pos ->
				ring_tail++;
				ring_message[pos % SLOTS] = me * MESSAGES + k
			:: else -> goto again
			fi
		};
		store_release(me, RING_LAP(pos), LAP(pos));
		goto sent;
to_overflow:
#ifdef WEAKEN_count_after_push
		atomic {
			drained(me);
			overflow[overflow_len] = me * MESSAGES + k;
			overflow_len++
		};
		overflow_count++;
#else
		atomic {
			drained(me);
			overflow_count++
		};
		atomic {
			drained(me);
			overflow[overflow_len] = me * MESSAGES + k;
			overflow_len++
		};
#endif
sent:
		atomic {
			pos = 0;
			released = 0;
			k++
		}
	od
}

active proctype receiver()
{
	byte head, released, mark, i;
	byte taken[TOTAL];
	byte taken_len;

	do
	:: run_count == TOTAL -> break
	:: run_count < TOTAL ->
#ifdef WEAKEN_mark_before_take
		mark = ring_tail;
#endif
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
#ifdef WEAKEN_count_at_take
			; overflow_count = overflow_count - taken_len
#endif
		};
#ifndef WEAKEN_mark_before_take
		mark = ring_tail;
#endif
#ifdef WEAKEN_overflow_first
		goto overflow_run;
ring_run:
#endif
		do
		:: head == mark -> break
		:: head != mark ->
			if
			:: mem[RING_LAP(head)] == LAP(head) ->
				message_run(ring_message[head % SLOTS]);
				head++
#ifdef WEAKEN_pass_hole
			:: else -> break
#else
			:: else -> mem[RING_LAP(head)] == LAP(head)
#endif
			fi
		od;
#ifdef WEAKEN_overflow_first
		goto turn_end;
overflow_run:
#endif
		i = 0;
		do
		:: i == taken_len -> break
		:: i < taken_len ->
#ifndef WEAKEN_count_at_take
			atomic {
				drained(RECEIVER);
				overflow_count--
			};
#endif
			message_run(taken[i]);
			taken[i] = 0;
			i++
		od;
		taken_len = 0;
		i = 0;
#ifdef WEAKEN_overflow_first
		goto ring_run;
turn_end:
#endif
		mark = 0;
		if
		:: released != head ->
			store_release(RECEIVER, RELEASED, head);
			released = head
		:: else
		fi;
		/* To turn round and round is the same as to wait until something is there. */
		(run_count == TOTAL || overflow_len > 0 || mem[RING_LAP(head)] == LAP(head))
	od;
	timeout;
	assert(overflow_count == 0 && overflow_len == 0)
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
		:: i < SENDERS -> run sender(i); i++
		:: else -> break
		od;
		i = 0
	}
}
