/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listening. One accept is outstanding on the app thread, so a listener that nobody comes to costs
 * nothing, asleep or polling.
 *
 * A client for whom there is no place, or only a descriptor that is kept for others, is accepted
 * and hung up on at once. So those that have come and gone meanwhile do not stand in the queue
 * before one that could be served. Only when accept() itself finds no descriptor there is a pause.
 * It ends when a client of ours has gone; the timer is for descriptors that others give back. A
 * thread needs a descriptor for its first timer, but the app thread has had one since the start-up,
 * whose steps have time limits.
 */

#include "core/exporter/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/poller.h>

#include "core/exporter/address.h"
#include "core/exporter/client.h"
#include "core/exporter/threads.h"
#include "core/os/fd_reserve.h"
#include "core/os/remedy.h"

#define ACCEPT_PAUSE_US 1000000u

struct ebb_list exporter_listeners = EBB_LIST_INIT(exporter_listeners);

static const char *const state_names[EXPORTER_LISTENER_STATE_COUNT] = {
	[EXPORTER_LISTENER_OPENING] = "opening", [EXPORTER_LISTENER_ACCEPTING] = "accepting",
	[EXPORTER_LISTENER_PAUSED] = "paused",   [EXPORTER_LISTENER_CLOSING] = "closing",
	[EXPORTER_LISTENER_CLOSED] = "closed",
};

static const uint32_t state_next[EXPORTER_LISTENER_STATE_COUNT] = {
	[EXPORTER_LISTENER_OPENING] = EBB_BIT(EXPORTER_LISTENER_ACCEPTING),
	[EXPORTER_LISTENER_ACCEPTING] = EBB_BIT(EXPORTER_LISTENER_PAUSED) |
					EBB_BIT(EXPORTER_LISTENER_CLOSING) |
					EBB_BIT(EXPORTER_LISTENER_CLOSED),
	[EXPORTER_LISTENER_PAUSED] =
		EBB_BIT(EXPORTER_LISTENER_ACCEPTING) | EBB_BIT(EXPORTER_LISTENER_CLOSED),
	[EXPORTER_LISTENER_CLOSING] = EBB_BIT(EXPORTER_LISTENER_CLOSED),
};

static const char *listener_name(const struct exporter_listener *listener)
{
	return listener->path != NULL ? listener->path : listener->address;
}

void exporter_listener_set_state(struct exporter_listener *listener,
				 enum exporter_listener_state state)
{
	ebb_assert((state_next[listener->state] & EBB_BIT(state)) != 0);
	ebb_debug("exporter", "%s: %s -> %s", listener_name(listener), state_names[listener->state],
		  state_names[state]);
	listener->state = state;
}

static void listener_accept(struct exporter_listener *listener)
{
	if (listener->state == EXPORTER_LISTENER_ACCEPTING &&
	    exporter_poll_group_may_begin(listener->group, &listener->accept_op)) {
		exporter_op_accept(&listener->group->ops, &listener->accept_op, listener->fd);
	}
}

static void listener_end_pause(struct exporter_listener *listener)
{
	ebb_poller_unregister(&listener->pause);
	exporter_listener_set_state(listener, EXPORTER_LISTENER_ACCEPTING);
	listener_accept(listener);
}

static int listener_pause_expired(void *arg)
{
	listener_end_pause(arg);
	return 1;
}

void exporter_listeners_end_pauses(void)
{
	struct ebb_list *node;

	ebb_assert(ebb_thread_is_app());
	ebb_list_for_each(node, &exporter_listeners) {
		struct exporter_listener *listener =
			ebb_list_entry(node, struct exporter_listener, link);

		if (listener->state == EXPORTER_LISTENER_PAUSED) {
			listener_end_pause(listener);
		}
	}
}

/* Return: EXPORTER_REFUSAL_COUNT: it is served. */
static enum exporter_refusal listener_admit(struct exporter_listener *listener, int fd,
					    const char *peer)
{
	struct ebb_thread *thread = exporter_threads_pick();

	if (!exporter_places_are_free(&listener->places)) {
		return EXPORTER_REFUSAL_PLACES;
	}
	if (!os_fd_reserve_admits(fd, OS_FD_CLIENT)) {
		return EXPORTER_REFUSAL_DESCRIPTORS;
	}
	exporter_address_tune(fd, listener->path == NULL);
	if (thread == NULL || !listener->exporter->admit(listener, fd, peer, thread)) {
		return EXPORTER_REFUSAL_MEMORY;
	}
	return EXPORTER_REFUSAL_COUNT;
}

static void listener_accept_one(struct exporter_listener *listener, int fd)
{
	enum exporter_refusal refusal;
	char peer[96];

	exporter_address_peer(fd, peer, sizeof(peer));
	refusal = listener_admit(listener, fd, peer);
	if (refusal != EXPORTER_REFUSAL_COUNT) {
		close(fd);
		exporter_refusal_tell(&listener->refusals, refusal, listener_name(listener), peer);
	}
}

/* Short of descriptors or memory: at once again would be for ever again. */
static void listener_pause(struct exporter_listener *listener, int error)
{
	char why[160];

	snprintf(why, sizeof(why), "%s%s", strerror(error), os_remedy(error));
	exporter_refusal_tell(&listener->refusals, EXPORTER_REFUSAL_ACCEPT, listener_name(listener),
			      why);
	listener->pause = ebb_poller_register(listener_pause_expired, listener, ACCEPT_PAUSE_US);
	if (listener->pause != NULL) {
		exporter_listener_set_state(listener, EXPORTER_LISTENER_PAUSED);
	}
}

static void listener_close_fd(struct exporter_listener *listener)
{
	close(listener->fd);
	listener->fd = -1;
	listener->unix_socket.fd = -1;
	exporter_listener_set_state(listener, EXPORTER_LISTENER_CLOSED);
}

static void listener_take(struct exporter_listener *listener, int32_t res)
{
	if (listener->state == EXPORTER_LISTENER_CLOSING) {
		if (res >= 0) {
			close(res);
		}
		listener_close_fd(listener);
		listener->closed(listener);
		return;
	}
	if (res >= 0) {
		listener_accept_one(listener, res);
	} else if (res != -ECANCELED && res != -EINTR && res != -ECONNABORTED) {
		listener_pause(listener, -res);
	}
	listener_accept(listener);
}

static void listener_accepted(struct exporter_op *op, int32_t res)
{
	struct exporter_listener *listener =
		ebb_container_of(op, struct exporter_listener, accept_op);
	struct exporter_poll_group *group = listener->group;

	listener_take(listener, res);
	exporter_poll_group_end_callback(group);
}

static void listener_resume(struct exporter_member *member)
{
	listener_accept(ebb_container_of(member, struct exporter_listener, member));
}

/* But for what means nothing in them: slashes that are repeated, and "/.". */
static bool paths_are_same(const char *a, const char *b)
{
	while (true) {
		while (a[0] == '/' && (a[1] == '/' || (a[1] == '.' && a[2] == '/'))) {
			a += a[1] == '/' ? 1 : 2;
		}
		while (b[0] == '/' && (b[1] == '/' || (b[1] == '.' && b[2] == '/'))) {
			b += b[1] == '/' ? 1 : 2;
		}
		if (*a != *b) {
			return false;
		}
		if (*a == '\0') {
			return true;
		}
		a++;
		b++;
	}
}

bool exporter_listener_is_at(const struct exporter_listener *listener, const char *path)
{
	struct stat file;

	if (listener->path == NULL) {
		return false;
	}
	/* The socket is open, so no other file can have its number. */
	return paths_are_same(path, listener->path) ||
	       (stat(path, &file) == 0 && file.st_dev == listener->unix_socket.dev &&
		file.st_ino == listener->unix_socket.ino);
}

int exporter_listener_agrees(const struct exporter_listener *listener,
			     const struct exporter *exporter,
			     const struct exporter_listener_opts *opts, char *ret_error)
{
	const struct os_unix_socket *unix_socket = &listener->unix_socket;

	if (listener->exporter != exporter) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "%.120s is served by %s already: choose another", listener_name(listener),
			 listener->exporter->name);
		return -EEXIST;
	}
	if (opts->mode_given && opts->mode != unix_socket->mode) {
		snprintf(
			ret_error, EXPORTER_ERROR_TEXT,
			"mode: the exports at %.120s have %04o already: give that, or another path",
			listener->path, unix_socket->mode);
		return -EEXIST;
	}
	if (opts->gid != OS_UNIX_SOCKET_ANY_GROUP && opts->gid != unix_socket->gid) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "group: the exports at %.120s have %s already: give that, or another path",
			 listener->path,
			 listener->group_name[0] != '\0' ? listener->group_name : "none");
		return -EEXIST;
	}
	return 0;
}

struct exporter_listener *exporter_listener_find(const char *path, const char *address,
						 uint16_t port)
{
	struct ebb_list *node;

	ebb_assert(ebb_thread_is_app());
	ebb_list_for_each(node, &exporter_listeners) {
		struct exporter_listener *listener =
			ebb_list_entry(node, struct exporter_listener, link);

		if (exporter_listener_is_closing(listener) ||
		    (path == NULL) != (listener->path == NULL)) {
			continue;
		}
		if (path != NULL ? exporter_listener_is_at(listener, path)
				 : port == listener->port &&
					   exporter_address_same(address, listener->address)) {
			return listener;
		}
	}
	return NULL;
}

static struct exporter_listener *listener_create(const char *path)
{
	struct exporter_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		return NULL;
	}
	if (path != NULL) {
		listener->path = strdup(path);
		if (listener->path == NULL) {
			free(listener);
			return NULL;
		}
	}
	listener->fd = -1;
	listener->unix_socket = (struct os_unix_socket){.fd = -1, .lock_fd = -1};
	listener->member.resume = listener_resume;
	listener->accept_op.complete = listener_accepted;
	ebb_list_init(&listener->exports);
	ebb_list_init(&listener->clients);
	return listener;
}

/* Why nobody could serve its clients. */
static int listener_check_threads(const struct exporter_listener *listener, char *ret_error)
{
	int rc = exporter_threads_error();

	if (rc != 0) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "there is no thread to serve clients (%s): the log has the reason",
			 strerror(-rc));
	} else if (listener->group == NULL || exporter_threads_pick() == NULL) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "no thread can watch sockets: the log has the reason");
		rc = -ENOSYS;
	}
	return rc;
}

static int listener_listen(struct exporter_listener *listener,
			   const struct exporter_listener_opts *opts, char *ret_error)
{
	int rc;

	if (opts->path == NULL) {
		return exporter_address_listen_tcp(opts->address, opts->port, &listener->fd,
						   listener->address, sizeof(listener->address),
						   &listener->port, ret_error);
	}
	rc = os_unix_socket_open(&listener->unix_socket, opts->path,
				 opts->mode_given ? opts->mode : EXPORTER_MODE_DEFAULT, opts->gid,
				 "choose another path");
	listener->fd = listener->unix_socket.fd;
	if (rc != 0) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "%s", listener->unix_socket.error);
	}
	return rc;
}

int exporter_listener_open(struct exporter *exporter, const struct exporter_listener_opts *opts,
			   struct exporter_listener **ret_listener, char *ret_error)
{
	struct exporter_listener *listener;
	int rc;

	ebb_assert(ebb_thread_is_app());
	listener = listener_create(opts->path);
	if (listener == NULL) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "out of memory");
		return -ENOMEM;
	}
	listener->exporter = exporter;
	if (opts->group != NULL) {
		snprintf(listener->group_name, sizeof(listener->group_name), "%s", opts->group);
	}
	listener->group = exporter_poll_group_get();
	rc = listener_check_threads(listener, ret_error);
	if (rc == 0) {
		rc = listener_listen(listener, opts, ret_error);
	}
	if (rc != 0) {
		goto free_listener;
	}
	if (!exporter_places_open(&listener->places)) {
		ebb_notice("exporter",
			   "%s: there are more than %u addresses: its clients use the places that "
			   "are common to all",
			   listener_name(listener), EXPORTER_PLACES_OWNERS);
	}
	exporter_listener_set_state(listener, EXPORTER_LISTENER_ACCEPTING);
	ebb_list_push_back(&exporter_listeners, &listener->link);
	ebb_list_push_back(&listener->group->members, &listener->member.link);
	listener_accept(listener);
	*ret_listener = listener;
	return 0;

free_listener:
	if (listener->group != NULL) {
		exporter_poll_group_put(listener->group);
	}
	free(listener->path);
	free(listener);
	return rc;
}

int exporter_listener_renew(struct exporter_listener *listener, char *ret_error)
{
	int old_fd;
	int rc;

	ebb_assert(ebb_thread_is_app());
	if (listener->path == NULL || os_unix_socket_is_found(&listener->unix_socket)) {
		return 0;
	}
	rc = os_unix_socket_renew(&listener->unix_socket, "choose another path", &old_fd);
	if (rc != 0) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "%s", listener->unix_socket.error);
		return rc;
	}
	ebb_warn("exporter",
		 "%s: somebody has removed this socket, and no client found it; it has been made "
		 "again",
		 listener->path);
	listener->fd = listener->unix_socket.fd;
	/* Nobody comes by the old one any more: the accept that waits there ends, and asks anew. */
	close(old_fd);
	exporter_op_cancel(&listener->accept_op);
	listener_accept(listener);
	return 0;
}

void exporter_listener_close(struct exporter_listener *listener,
			     void (*closed)(struct exporter_listener *listener))
{
	ebb_assert(ebb_thread_is_app());
	if (exporter_listener_is_closing(listener)) {
		return;
	}
	listener->closed = closed;
	ebb_poller_unregister(&listener->pause);
	/* The path is anybody's at once; the accept may take a moment to end. */
	os_unix_socket_unlink(&listener->unix_socket);
	os_unix_socket_unlock(&listener->unix_socket);
	if (exporter_op_busy(&listener->accept_op)) {
		exporter_listener_set_state(listener, EXPORTER_LISTENER_CLOSING);
		exporter_op_cancel(&listener->accept_op);
		return;
	}
	listener_close_fd(listener);
}

bool exporter_listener_put(struct exporter_listener *listener)
{
	ebb_assert(ebb_thread_is_app());
	if (listener->state != EXPORTER_LISTENER_CLOSED || !ebb_list_empty(&listener->clients) ||
	    !ebb_list_empty(&listener->exports)) {
		return false;
	}
	ebb_list_remove(&listener->link);
	ebb_list_remove(&listener->member.link);
	exporter_places_close(&listener->places);
	exporter_poll_group_put(listener->group);
	os_unix_socket_close(&listener->unix_socket);
	free(listener->path);
	free(listener);
	return true;
}
