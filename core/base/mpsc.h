/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_MPSC_H
#define CORE_BASE_MPSC_H

/*
 * An unbounded list of messages with many producers and one consumer. Producers push onto a stack
 * with one compare-and-swap; the consumer takes the whole stack with one exchange and turns it
 * round, which gives each producer's messages back in the order it sent them. A closed list takes
 * nothing more: a producer learns for certain that its message will not run.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/base.h>
#include <ebb/msg.h>

struct base_mpsc {
	_Atomic(struct ebb_msg *) head;
};

/* What the head of a closed list points to; never a message. */
extern struct ebb_msg base_mpsc_closed;

/**
 * base_mpsc_push() - append @msg
 * Pairs with base_mpsc_waiting() and the takes.
 * Thread: any; async-signal-safe. Return: 0; -ESRCH closed.
 */
static inline int base_mpsc_push(struct base_mpsc *mpsc, struct ebb_msg *msg)
{
	struct ebb_msg *head = atomic_load_explicit(&mpsc->head, memory_order_relaxed);

	do {
		if (ebb_unlikely(head == &base_mpsc_closed)) {
			return -ESRCH;
		}
		msg->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&mpsc->head, &head, msg,
							memory_order_seq_cst,
							memory_order_relaxed));
	return 0;
}

/* True if a message waits. Pairs with base_mpsc_push(). */
static inline bool base_mpsc_waiting(struct base_mpsc *mpsc)
{
	struct ebb_msg *head = atomic_load_explicit(&mpsc->head, memory_order_seq_cst);

	return ebb_unlikely(head != NULL) && head != &base_mpsc_closed;
}

/* Cheaper, and also true of a closed list. */
static inline bool base_mpsc_pending(const struct base_mpsc *mpsc)
{
	return atomic_load_explicit(&mpsc->head, memory_order_relaxed) != NULL;
}

/* Puts what was taken from a stack in the order it was sent. */
static inline struct ebb_msg *base_mpsc_reverse(struct ebb_msg *stack)
{
	struct ebb_msg *first = NULL;

	while (stack != NULL && stack != &base_mpsc_closed) {
		struct ebb_msg *next = stack->next;

		stack->next = first;
		first = stack;
		stack = next;
	}
	return first;
}

/* Takes all messages, first sent first. Thread: the consumer. */
static inline struct ebb_msg *base_mpsc_take(struct base_mpsc *mpsc)
{
	struct ebb_msg *head = atomic_load_explicit(&mpsc->head, memory_order_relaxed);

	if (head == NULL || head == &base_mpsc_closed) {
		return NULL;
	}
	return base_mpsc_reverse(atomic_exchange_explicit(&mpsc->head, NULL, memory_order_seq_cst));
}

/* Closes the list for ever and takes what is left. Thread: the consumer. */
static inline struct ebb_msg *base_mpsc_close(struct base_mpsc *mpsc)
{
	return base_mpsc_reverse(
		atomic_exchange_explicit(&mpsc->head, &base_mpsc_closed, memory_order_seq_cst));
}

#endif
