/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_URING_H
#define EBB_EVENT_URING_H

#include <ebb/uring.h>

struct ebb_reactor;
struct ebb_uring;

/* One submission for all that was prepared since the last: at the end of a turn, or in a sleep. */
void ebb_uring_submit(struct ebb_uring *uring);

/* Runs what has completed. Return: true if anything has. */
bool ebb_uring_reap(struct ebb_uring *uring);

/* True if requests are outstanding: then the reactor sleeps in the ring. */
bool ebb_uring_busy(const struct ebb_uring *uring);

/**
 * ebb_uring_sleep() - submit, and sleep until a request completes or the epoll set has an event
 * Return: true; or false without having slept: the epoll set has an event, look there.
 */
bool ebb_uring_sleep(struct ebb_uring *uring);

/* Cancels what is outstanding, and frees the ring. */
void ebb_uring_close(struct ebb_uring *uring);

#endif
