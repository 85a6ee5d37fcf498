/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_LISTENER_H
#define DRIVERS_NBD_LISTENER_H

/*
 * Addresses where clients come, whatever they speak, and the exports found there. All of it is the
 * app thread's.
 */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/list.h>

#include "core/os/unix_socket.h"
#include "drivers/nbd/address.h"
#include "drivers/nbd/poll_group.h"

struct ebb_thread;
struct nbd_client;
struct nbd_listener;

/*
 * A client has come: begin to serve it on @thread, and register it as one of @listener's.
 * Thread: app. Owns: @fd, if it returns true. Return: false: out of memory.
 */
typedef bool (*nbd_admit_fn)(struct nbd_listener *listener, int fd, const char *peer,
			     struct ebb_thread *thread);

enum nbd_listener_state {
	NBD_LISTENER_OPENING,
	NBD_LISTENER_ACCEPTING,
	NBD_LISTENER_PAUSED,  /* the process is short of what accept() needs */
	NBD_LISTENER_CLOSING, /* the accept under way ends first */
	NBD_LISTENER_CLOSED,  /* its address is free again; its clients may take longer */
	NBD_LISTENER_STATE_COUNT,
};

struct nbd_listener {
	enum nbd_listener_state state;
	struct ebb_list link; /* of nbd_listeners */
	char *path;           /* of a Unix socket; NULL: @address and @port */
	char address[64];     /* numeric */
	uint16_t port;
	int fd;                            /* -1: closed */
	struct os_unix_socket unix_socket; /* its file and lock, if there is a path */
	struct nbd_poll_group *group;
	struct nbd_member member;
	struct nbd_op accept_op;
	struct ebb_poller *pause; /* the timer of a pause */
	int spare_fd;  /* given up then, so that there is one for that timer; -1: it was */
	bool is_short; /* of descriptors or memory, when the last client came */
	nbd_admit_fn admit;
	void (*closed)(struct nbd_listener *listener);
	struct ebb_list exports;
	struct ebb_list clients;
};

/* In order of opening. */
extern struct ebb_list nbd_listeners;

/* The one way to change listener->state. Asserts that the change is a legal one. */
void nbd_listener_set_state(struct nbd_listener *listener, enum nbd_listener_state state);

/* The listener there, that is not closing, or NULL. Of @path and @address one is NULL. */
struct nbd_listener *nbd_listener_find(const char *path, const char *address, uint16_t port);

/**
 * nbd_listener_open() - listen
 * @path: of a Unix socket: what a dead server left there is replaced, a living one's is not
 * @address: an IPv4 or IPv6 address in digits, or "localhost" (127.0.0.1)
 * @admit: called with each client that comes
 * @ret_error: on failure, a text for people, NBD_ERROR_TEXT bytes
 * Thread: app.
 * Return: 0; -EINVAL no such form of an address; -EADDRINUSE; -EBUSY as os_unix_socket_open();
 *	-ENOSYS no io_uring; the error of making the threads; or the errno of the socket call.
 */
int nbd_listener_open(const char *path, const char *address, uint16_t port, nbd_admit_fn admit,
		      struct nbd_listener **ret_listener, char *ret_error);

/**
 * nbd_listener_renew() - be found again where somebody has removed or replaced the socket's file
 * @listener: not closing; one that is found is left as it is
 * @ret_error: as nbd_listener_open()
 * Thread: app.
 * Return: 0; or an error of nbd_listener_open(): it serves the clients it has, and nobody finds it.
 */
int nbd_listener_renew(struct nbd_listener *listener, char *ret_error);

/**
 * nbd_listener_close() - no more clients
 * The socket's file goes at once, the listener when nbd_listener_put() finds it idle.
 * @closed: later, if NBD_LISTENER_CLOSING is its state when this returns
 * Thread: app. Once is enough, more do no harm.
 */
void nbd_listener_close(struct nbd_listener *listener,
			void (*closed)(struct nbd_listener *listener));

/* True once nbd_listener_close() has been called. */
static inline bool nbd_listener_is_closing(const struct nbd_listener *listener)
{
	return listener->state >= NBD_LISTENER_CLOSING;
}

/* Frees the listener if it has been closed and nobody is left. Return: true: freed. */
bool nbd_listener_put(struct nbd_listener *listener);

#endif
