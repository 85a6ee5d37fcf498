/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NBD_LISTENER_H
#define NBD_LISTENER_H

/* Addresses where clients knock, and the exports found there. All of it is the app thread's. */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/list.h>

#include "core/base/unix_socket.h"
#include "drivers/nbd/poll_group.h"

struct nbd_conn;

#define NBD_CLIENTS_MAX  256u /* of all listeners together */
#define NBD_PORT_DEFAULT 10809u
#define NBD_ERROR_TEXT   256u

struct nbd_listener {
	struct ebb_list link; /* of nbd_listeners */
	char *path;           /* of a Unix socket; NULL: @address and @port */
	char address[64];     /* numeric */
	uint16_t port;
	int fd;                             /* -1: closed */
	struct ebb_unix_socket unix_socket; /* its file and lock, if there is a path */
	struct nbd_poll_group *group;
	struct nbd_member member;
	struct nbd_op accept_op;
	struct ebb_poller *pause; /* while the process is short of what accept() needs */
	int spare_fd; /* given up then, so that there is one for the pause's timer; -1: it was */
	bool closing;
	bool is_short; /* of descriptors or memory, when the last client came */
	struct ebb_list exports;
	struct ebb_list conns;
};

/* In order of opening. */
extern struct ebb_list nbd_listeners;

/* The listener there, that is not closing, or NULL. Of @path and @address one is NULL. */
struct nbd_listener *nbd_listener_find(const char *path, const char *address, uint16_t port);

/**
 * nbd_listener_open() - listen
 * @path: of a Unix socket: what a dead server left there is replaced, a living one's is not
 * @address: an IPv4 or IPv6 address in digits, or "localhost" (127.0.0.1)
 * @ret_error: on failure, a text for people, NBD_ERROR_TEXT bytes
 * Thread: app.
 * Return: 0; -EINVAL no such form of an address; -EADDRINUSE; -EBUSY as ebb_unix_socket_open();
 *	-ENOSYS no io_uring; the error of making the threads; or the errno of the socket call.
 */
int nbd_listener_open(const char *path, const char *address, uint16_t port,
		      struct nbd_listener **ret_listener, char *ret_error);

/**
 * nbd_listener_renew() - be found again where somebody has removed or replaced the socket's file
 * @listener: not closing; one that is found is left as it is
 * @ret_error: as nbd_listener_open()
 * Thread: app.
 * Return: 0; or an error of nbd_listener_open(): it serves the clients it has, and nobody finds it.
 */
int nbd_listener_renew(struct nbd_listener *listener, char *ret_error);

/* No more clients; the socket file goes at once, the rest when nbd_listener_put() finds it idle. */
void nbd_listener_close(struct nbd_listener *listener);

/* Frees the listener if it has been closed and nobody is left. Return: true: freed. */
bool nbd_listener_put(struct nbd_listener *listener);

/* One client fewer. */
void nbd_listener_client_gone(struct nbd_conn *conn);

#endif
