/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/range_channel.h"

#include <errno.h>
#include <stdlib.h>

#include "core/bdev/channel.h"
#include "core/bdev/claim.h"
#include "core/bdev/range_lock.h"
#include "core/bdev/submit.h"

/* Begins what waits; what is locked still comes back to where it waited, in its order. */
static void channel_let_go(struct bdev_channel *ch)
{
	struct ebb_list mine;
	struct ebb_list *node;

	ebb_list_init(&mine);
	ebb_list_splice_back(&mine, &ch->range.held);
	while ((node = ebb_list_pop_front(&mine)) != NULL) {
		bdev_submit_begin(ch, ebb_list_entry(node, struct bdev_req, link));
	}
}

static void channel_look(struct bdev_channel *ch)
{
	/* Of a claimed bdev, others wait to become quiet for what waits here to end. */
	bool may_go_on = !ch->holding || bdev_claim_is_held(ch->internal);
	struct bdev_range_lock *lock;

	while (bdev_range_forget_or_note(ch, may_go_on)) {
		channel_let_go(ch);
	}
	while ((lock = bdev_range_next_granted(ch)) != NULL) {
		lock->granted(lock);
	}
}

static void mailbox_msg(void *arg)
{
	struct bdev_range_mailbox *mailbox = arg;

	if (mailbox->ch == NULL) {
		free(mailbox);
		return;
	}
	ebb_msg_init(&mailbox->msg, mailbox_msg, mailbox);
	bdev_range_mailbox_empty(mailbox->ch);
	channel_look(mailbox->ch);
}

int bdev_range_channel_init(struct bdev_channel *ch)
{
	struct bdev_range_mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (mailbox == NULL) {
		return -ENOMEM;
	}
	mailbox->ch = ch;
	ebb_msg_init(&mailbox->msg, mailbox_msg, mailbox);
	ch->range.mailbox = mailbox;
	ebb_list_init(&ch->range.held);
	ebb_list_init(&ch->range.link);
	ebb_list_init(&ch->range.granted);
	ch->ranges_closed = true;
	return 0;
}

void bdev_range_channel_fini(struct bdev_channel *ch)
{
	if (bdev_range_leave(ch)) {
		ch->range.mailbox->ch = NULL;
	} else {
		free(ch->range.mailbox);
	}
}

void bdev_range_channel_resume(struct bdev_channel *ch)
{
	if (!ebb_list_empty(&ch->range.held)) {
		channel_look(ch);
	}
}
