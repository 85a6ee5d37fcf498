/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/uevent.h"

/*
 * The kernel says what becomes of its objects on a netlink socket. So nobody has to look
 * periodically, and an idle reactor sleeps until there is news. A message may get lost when the
 * socket is full; the socket says so, and then everybody looks.
 */

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/thread.h>

#include "core/event/rare_fd.h"

#define MESSAGE_MAX   8192
#define KERNEL_GROUP  1
#define RECEIVE_BYTES (256 << 10)

static struct {
	struct ebb_list subscribers;
	struct event_rare_fd rare;
	int fd;
} uevents = {.subscribers = EBB_LIST_INIT(uevents.subscribers), .fd = -1};

void event_uevent_tell(const struct os_uevent *uevent)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &uevents.subscribers) {
		struct event_uevent_subscriber *subscriber =
			ebb_list_entry(node, struct event_uevent_subscriber, link);

		subscriber->fn(subscriber->arg, uevent);
	}
}

/* Return: false: there is no more. */
static bool uevents_receive(void *arg)
{
	char message[MESSAGE_MAX];
	struct sockaddr_nl from = {.nl_family = AF_UNSPEC};
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(message)};
	struct msghdr header = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t len = recvmsg(uevents.fd, &header, MSG_DONTWAIT);
	struct os_uevent uevent;

	(void)arg;
	if (len < 0 && errno == ENOBUFS) {
		event_uevent_tell(NULL);
		return true;
	}
	if (len < 0) {
		return errno == EINTR;
	}
	/* Programs may send here too, with the right privilege: only the kernel's word counts. */
	if (from.nl_family == AF_NETLINK && from.nl_pid == 0 &&
	    (header.msg_flags & MSG_TRUNC) == 0 && os_uevent_parse(message, (size_t)len, &uevent)) {
		event_uevent_tell(&uevent);
	}
	return true;
}

static int uevents_open(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP};
	int size = RECEIVE_BYTES;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);
	int rc;

	if (fd < 0) {
		return -errno;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static void uevents_stop(void)
{
	event_rare_fd_stop(&uevents.rare);
	if (uevents.fd >= 0) {
		close(uevents.fd);
		uevents.fd = -1;
	}
}

static void uevents_start(void)
{
	int rc = uevents_open();

	if (rc >= 0) {
		uevents.fd = rc;
		rc = event_rare_fd_start(&uevents.rare, uevents.fd, uevents_receive, NULL,
					 "uevents_receive");
	}
	if (rc < 0) {
		ebb_warn("uevent",
			 "the kernel's messages about devices are not to be had (%s): a disk that "
			 "comes, goes or grows is not noticed, one that fails is",
			 strerror(-rc));
		uevents_stop();
	}
}

void event_uevent_add(struct event_uevent_subscriber *subscriber, event_uevent_fn fn, void *arg)
{
	ebb_assert(ebb_thread_is_app() && !subscriber->added);
	subscriber->fn = fn;
	subscriber->arg = arg;
	subscriber->added = true;
	if (ebb_list_empty(&uevents.subscribers)) {
		uevents_start();
	}
	ebb_list_push_back(&uevents.subscribers, &subscriber->link);
}

void event_uevent_remove(struct event_uevent_subscriber *subscriber)
{
	if (!subscriber->added) {
		return;
	}
	subscriber->added = false;
	ebb_list_remove(&subscriber->link);
	if (ebb_list_empty(&uevents.subscribers)) {
		uevents_stop();
	}
}
