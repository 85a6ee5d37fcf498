/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/monitor.h"

/*
 * The kernel says what becomes of its objects on a netlink socket. So nobody has to look
 * periodically, and an idle reactor sleeps until there is news.
 *
 * A namespace is told of when its generic device comes or goes: that is the last step of its
 * making, after its block device. A message may get lost when the socket is full; the socket says
 * so, and then everybody looks.
 *
 * The poller runs every turn while its reactor is awake, and a look into the socket is a system
 * call; so it looks only every so often then, and at once after a sleep.
 */

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "drivers/nvme/uring/uevent.h"

#define MESSAGE_MAX   8192
#define MESSAGES_MAX  64 /* in one turn */
#define LOOK_NS       (10 * EBB_NS_PER_MS)
#define KERNEL_GROUP  1
#define RECEIVE_BYTES (256 << 10)

static struct {
	struct ebb_list subscribers;
	struct ebb_poller *poller;
	int fd;
	uint64_t look_ns; /* before this time an awake reactor does not look again */
} monitor = {.subscribers = EBB_LIST_INIT(monitor.subscribers), .fd = -1};

static bool uevent_judge(const struct uring_uevent *uevent,
			 const struct uring_subscriber *subscriber, enum nvme_event *ret_event)
{
	if (strcmp(uevent->subsystem, "nvme") == 0 &&
	    strcmp(uevent->device, subscriber->ctrlr) == 0) {
		*ret_event = uevent->has_aen ? NVME_EVENT_ASYNC : NVME_EVENT_GONE;
		return uevent->has_aen || uevent->action == URING_UEVENT_REMOVE;
	}
	*ret_event = NVME_EVENT_NS_CHANGED;
	if (strcmp(uevent->subsystem, "nvme-generic") == 0) {
		return uevent->action == URING_UEVENT_ADD || uevent->action == URING_UEVENT_REMOVE;
	}
	return strcmp(uevent->subsystem, "block") == 0 && uevent->resized;
}

void uring_monitor_tell(const struct uring_uevent *uevent)
{
	struct ebb_list *node, *next;
	enum nvme_event event;

	ebb_list_for_each_safe(node, next, &monitor.subscribers) {
		struct uring_subscriber *subscriber =
			ebb_list_entry(node, struct uring_subscriber, link);

		if (uring_uevent_is_of(uevent, subscriber->ctrlr, subscriber->subsystem) &&
		    uevent_judge(uevent, subscriber, &event)) {
			subscriber->fn(subscriber->arg, event, uevent->aen);
		}
	}
}

static void monitor_tell_all(void)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &monitor.subscribers) {
		struct uring_subscriber *subscriber =
			ebb_list_entry(node, struct uring_subscriber, link);

		subscriber->fn(subscriber->arg, NVME_EVENT_NS_CHANGED, 0);
	}
}

/* Return: false: there is no more. */
static bool monitor_receive(void)
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
	ssize_t len = recvmsg(monitor.fd, &header, MSG_DONTWAIT);
	struct uring_uevent uevent;

	if (len < 0 && errno == ENOBUFS) {
		monitor_tell_all();
		return true;
	}
	if (len < 0) {
		return errno == EINTR;
	}
	/* Programs may send here too, with the right privilege: only the kernel's word counts. */
	if (from.nl_family == AF_NETLINK && from.nl_pid == 0 &&
	    (header.msg_flags & MSG_TRUNC) == 0 &&
	    uring_uevent_parse(message, (size_t)len, &uevent)) {
		uring_monitor_tell(&uevent);
	}
	return true;
}

static int monitor_poll(void *arg)
{
	int count = 0;

	(void)arg;
	if (ebb_reactor_now_ns() < monitor.look_ns) {
		return 0;
	}
	monitor.look_ns = ebb_reactor_now_ns() + LOOK_NS;
	while (count < MESSAGES_MAX && monitor.fd >= 0 && monitor_receive()) {
		count++;
	}
	if (count == MESSAGES_MAX) {
		monitor.look_ns = 0;
	}
	return count;
}

static int monitor_arm(void *arg)
{
	(void)arg;
	monitor.look_ns = 0;
	return 0;
}

static int monitor_open_socket(void)
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

static void monitor_stop(void)
{
	ebb_poller_unregister(&monitor.poller);
	if (monitor.fd >= 0) {
		close(monitor.fd);
		monitor.fd = -1;
	}
}

static void monitor_start(void)
{
	struct ebb_poller_wake wake = {.arm = monitor_arm};

	monitor.look_ns = 0;
	monitor.fd = monitor_open_socket();
	wake.fd = monitor.fd;
	if (monitor.fd >= 0) {
		monitor.poller = ebb_poller_register_wake(monitor_poll, NULL, &wake);
	}
	if (monitor.poller == NULL) {
		ebb_warn("nvme",
			 "the kernel's messages about devices are not to be had (%s): a namespace "
			 "that comes or goes is not noticed, one that fails is",
			 monitor.fd < 0 ? strerror(-monitor.fd) : "out of memory");
		monitor_stop();
	}
}

void uring_monitor_add(struct uring_subscriber *subscriber, const char *ctrlr,
		       const char *subsystem, uring_monitor_fn fn, void *arg)
{
	ebb_assert(ebb_thread_is_app() && !subscriber->added);
	strncpy(subscriber->ctrlr, ctrlr, sizeof(subscriber->ctrlr) - 1);
	strncpy(subscriber->subsystem, subsystem, sizeof(subscriber->subsystem) - 1);
	subscriber->fn = fn;
	subscriber->arg = arg;
	subscriber->added = true;
	if (ebb_list_empty(&monitor.subscribers)) {
		monitor_start();
	}
	ebb_list_push_back(&monitor.subscribers, &subscriber->link);
}

void uring_monitor_remove(struct uring_subscriber *subscriber)
{
	if (!subscriber->added) {
		return;
	}
	subscriber->added = false;
	ebb_list_remove(&subscriber->link);
	if (ebb_list_empty(&monitor.subscribers)) {
		monitor_stop();
	}
}
