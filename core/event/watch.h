/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_WATCH_H
#define EBB_EVENT_WATCH_H

#include <ebb/base.h>

struct ebb_reactor;
struct ebb_thread;

/* Return: 0; -errno. */
int ebb_watch_init(void);
void ebb_watch_fini(void);

/* The timerfd that the helper watches, edge-triggered. */
int ebb_watch_fd(void);

/* A reactor has woken, or begins. Costs one load if the watch is on already. */
void ebb_watch_awake(void);

/* The watch's second is over. Thread: the helper. */
void ebb_watch_expired(void);

/* A callback has taken @passed_ns, which is over the limit: count it, and log it now and then. */
void ebb_watch_overrun(struct ebb_reactor *reactor, const struct ebb_thread *thread,
		       const char *name, uint64_t passed_ns);

#endif
