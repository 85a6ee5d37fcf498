/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_CLIENT_H
#define CORE_EXPORTER_CLIENT_H

/*
 * A client as the app thread knows it, whatever it speaks: where it came from, what it is served,
 * and by which thread. It lives inside the connection, which belongs to that thread.
 */

#include <stdbool.h>

#include <ebb/list.h>
#include <ebb/thread.h>

#include "core/exporter/places.h"

struct exporter_export;
struct exporter_listener;

struct exporter_client {
	char peer[96];             /* never changes */
	struct ebb_thread *thread; /* the one that serves it; never changes */
	struct exporter_listener *listener;
	struct exporter_places *places; /* of the listener */
	struct exporter_export *export; /* NULL: it has agreed on none */
	struct ebb_list link;           /* of the listener's clients */
	struct ebb_msg stop;
	bool stop_sent;
};

/**
 * exporter_client_register() - a client has come
 * @clients, @places: of @listener; a place is free
 * @stop: runs once on @thread with @arg, if exporter_client_stop() is called
 * Thread: app. Owns: @client must live until exporter_client_unregister(), and its @stop have run.
 */
void exporter_client_register(struct exporter_client *client, struct exporter_listener *listener,
			      struct ebb_list *clients, struct exporter_places *places,
			      const char *peer, struct ebb_thread *thread, void (*stop)(void *arg),
			      void *arg);

/* It has gone. No stop is sent from here on. Thread: app. */
void exporter_client_unregister(struct exporter_client *client);

/* Asks its thread to refuse what is new, end what is in flight, and hang up. Thread: app. */
void exporter_client_stop(struct exporter_client *client);

#endif
