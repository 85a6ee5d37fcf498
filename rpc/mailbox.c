/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/mailbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/log.h>

int rpc_mailbox_init(struct rpc_mailbox *mailbox)
{
	mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return mailbox->fd < 0 ? -errno : 0;
}

void rpc_mailbox_fini(struct rpc_mailbox *mailbox)
{
	if (mailbox->fd >= 0) {
		close(mailbox->fd);
		mailbox->fd = -1;
	}
}

void rpc_mailbox_send(struct rpc_mailbox *mailbox, struct ebb_msg *msg)
{
	uint64_t one = 1;

	base_mpsc_push(&mailbox->queue, msg);
	if (write(mailbox->fd, &one, sizeof(one)) < 0) {
		ebb_debug("rpc", "the control thread has more wakeups to come than fit");
	}
}

bool rpc_mailbox_woken(struct rpc_mailbox *mailbox)
{
	uint64_t count;

	return read(mailbox->fd, &count, sizeof(count)) >= 0;
}

struct ebb_msg *rpc_mailbox_take(struct rpc_mailbox *mailbox)
{
	return base_mpsc_take(&mailbox->queue);
}
