/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_RING_URING_BUFFERS_H
#define CORE_EVENT_RING_URING_BUFFERS_H

/* The pool's memory as registered buffers of one io_uring. All of this is the reactor's own. */

#include <stdatomic.h>
#include <stdbool.h>

#include <liburing.h>

#include <ebb/memory.h>
#include <ebb/thread.h>

struct event_reactor;

enum event_uring_buffer_state {
	EVENT_URING_BUFFER_NONE,
	EVENT_URING_BUFFER_COMING,     /* not registered, yet or for want of locked memory */
	EVENT_URING_BUFFER_REGISTERED, /* set by the reactor, as NONE is; the others are the pool's */
	EVENT_URING_BUFFER_LEAVING,    /* registered or not: it has to be released */
};

struct event_uring_buffer {
	_Atomic(enum event_uring_buffer_state) state;
	bool registered; /* the kernel has it; the reactor's own */
	char *base;      /* set before COMING */
};

struct event_uring_buffers {
	struct io_uring *ring;
	struct event_reactor *reactor;
	unsigned num_pieces;  /* entries of the kernel's table for each region */
	unsigned num_regions; /* that the table has room for; 0: the kernel has none */
	bool full;            /* the limit has been hit, and no region has left since */
	bool ended;
	struct ebb_mem_subscriber subscriber;
	struct ebb_msg msg;
	_Atomic bool msg_sent;
	struct event_uring_buffer regions[EBB_MEM_REGIONS_MAX];
};

/* @num_pieces: 1, or EVENT_URING_PIECES for a ring that carries NVMe commands: each page is one. */
#define EVENT_URING_PIECES (EBB_MEM_REGION_SIZE / 4096u)

void event_uring_buffers_begin(struct event_uring_buffers *buffers, struct io_uring *ring,
			       unsigned num_pieces);

/*
 * The ring has let go of all buffers. A message of the pool's may still come, before any that is
 * sent to the reactor after this. A second call is ignored.
 */
void event_uring_buffers_end(struct event_uring_buffers *buffers);

/* The entry of the kernel's table that holds [@addr, @addr + @len_bytes); -1: none. */
int event_uring_buffers_find(const struct event_uring_buffers *buffers, const void *addr,
			     size_t len_bytes);

#endif
