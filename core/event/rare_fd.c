/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/rare_fd.h"

/*
 * The poller runs every turn while its reactor is awake, and a look into the descriptor is a system
 * call; so it looks only every so often then. A reactor that is about to sleep is told of what there
 * is, and then it looks at once; what else has woken it is no reason to.
 */

#include <errno.h>

#include <ebb/assert.h>
#include <ebb/poller.h>
#include <ebb/reactor.h>

#define MESSAGES_MAX 64 /* in one turn */
#define LOOK_NS      (10 * EBB_NS_PER_MS)

static int rare_fd_poll(void *arg)
{
	struct event_rare_fd *rare = arg;
	uint64_t wakes = ebb_poller_wakes(rare->poller);
	int count = 0;

	if (wakes == rare->wakes && ebb_reactor_now_ns() < rare->look_ns) {
		return 0;
	}
	rare->wakes = wakes;
	rare->look_ns = ebb_reactor_now_ns() + LOOK_NS;
	while (count < MESSAGES_MAX && rare->poller != NULL && rare->read(rare->arg)) {
		count++;
	}
	if (count == MESSAGES_MAX) {
		rare->look_ns = 0;
	}
	return count;
}

int event_rare_fd_start(struct event_rare_fd *rare, int fd, bool (*read)(void *arg), void *arg,
			const char *name)
{
	const struct ebb_poller_wake wake = {.fd = fd};

	ebb_assert(rare->poller == NULL);
	rare->read = read;
	rare->arg = arg;
	rare->look_ns = 0;
	rare->wakes = 0;
	rare->poller = ebb_poller_register_named(rare_fd_poll, rare, 0, &wake, name);
	return rare->poller != NULL ? 0 : -ENOMEM;
}

void event_rare_fd_stop(struct event_rare_fd *rare)
{
	ebb_poller_unregister(&rare->poller);
}
