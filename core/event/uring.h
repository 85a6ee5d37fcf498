/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_URING_H
#define EBB_EVENT_URING_H

#include <ebb/uring.h>

struct ebb_reactor;
struct ebb_uring;

/* One submission for all that was prepared since the last. At the end of a turn. */
void ebb_uring_submit(struct ebb_uring *uring);

/* Runs what has completed. Return: true if anything has. */
bool ebb_uring_reap(struct ebb_uring *uring);

/* Before a sleep. Return: 0 the eventfd fires from here on; -EAGAIN there is work. */
int ebb_uring_arm(struct ebb_uring *uring);

/* Cancels what is outstanding, and frees the ring. */
void ebb_uring_close(struct ebb_uring *uring);

#endif
