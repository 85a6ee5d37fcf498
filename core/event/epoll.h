/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_EPOLL_H
#define CORE_EVENT_EPOLL_H

#include <sys/epoll.h>

#include <ebb/reactor.h>

/**
 * event_epoll_wait() - as epoll_wait(), and for nanoseconds
 * @timeout_ns: sleep at most so long; 0: not at all; EBB_REACTOR_FOREVER: without an end
 * Return: how many of @events there are; 0: the time has passed; < 0: a signal.
 */
int event_epoll_wait(int epoll_fd, struct epoll_event *events, int max_events, uint64_t timeout_ns);

#endif
