/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_CLIENT_H
#define DRIVERS_NBD_CLIENT_H

/*
 * A client as the app thread knows it, whatever it speaks: where it came from, what it is served,
 * and by which thread. It lives inside the connection, which belongs to that thread.
 */

#include <stdbool.h>

#include <ebb/list.h>
#include <ebb/thread.h>

#define NBD_CLIENTS_MAX 256u /* of all listeners together */

struct nbd_export;
struct nbd_listener;

struct nbd_client {
	char peer[96];             /* never changes */
	struct ebb_thread *thread; /* the one that serves it; never changes */
	struct nbd_listener *listener;
	struct nbd_export *export; /* NULL: it has agreed on none */
	struct ebb_list link;      /* of the listener's clients */
	struct ebb_msg stop;
	bool stop_sent;
};

/* True if as many are connected as may be. Thread: app. */
bool nbd_clients_are_full(void);

/**
 * nbd_client_register() - a client has come
 * @clients: of @listener
 * @stop: runs once on @thread with @arg, if nbd_client_stop() is called
 * Thread: app. Owns: @client must live until nbd_client_unregister(), and its @stop have run.
 */
void nbd_client_register(struct nbd_client *client, struct nbd_listener *listener,
			 struct ebb_list *clients, const char *peer, struct ebb_thread *thread,
			 void (*stop)(void *arg), void *arg);

/* It has gone. No stop is sent from here on. Thread: app. */
void nbd_client_unregister(struct nbd_client *client);

/* Asks its thread to refuse what is new, end what is in flight, and hang up. Thread: app. */
void nbd_client_stop(struct nbd_client *client);

#endif
