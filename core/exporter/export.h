/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_EXPORT_H
#define CORE_EXPORTER_EXPORT_H

/*
 * The registry of exports: bdevs, under the names and at the addresses they are served at, whatever
 * is spoken there. All is the app thread's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ebb/list.h>

#include "core/exporter/listener.h"

struct ebb_bdev_desc;
struct exporter_client;

enum exporter_export_state {
	EXPORTER_EXPORT_STARTING,
	EXPORTER_EXPORT_SERVED,
	EXPORTER_EXPORT_STOPPING, /* no new clients: the last one, or the address, is waited for */
	EXPORTER_EXPORT_STOPPED,
	EXPORTER_EXPORT_STATE_COUNT,
};

struct exporter_export {
	enum exporter_export_state state;
	char *name;
	const char *method; /* that made it */
	char *bdev_name;    /* its own name, also if it was called by its uuid */
	struct ebb_bdev_desc *desc;
	bool read_only;
	struct exporter_listener *listener;
	struct ebb_list link; /* the listener's exports, in order of their start */
	unsigned num_clients;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* What is to be served. */
struct exporter_export_opts {
	const char *bdev_name; /* or its uuid */
	const char *name;      /* NULL: @bdev_name */
	struct exporter_listener_opts at;
	bool allow_remote; /* an @at.address that is not this machine's own */
	bool read_only;
	bool writable; /* refuse a bdev that cannot be written to */
	struct exporter *exporter;
	const char *method; /* that asked for it, and whose wanted entry it is; a literal */
};

/* The one way to change export->state. Asserts that the change is a legal one. */
void exporter_export_set_state(struct exporter_export *export, enum exporter_export_state state);

/**
 * exporter_export_start() - serve a bdev
 * @ret_error: on failure, a text for people, at least 256 bytes
 * Thread: app.
 * Return: 0; -EPERM other machines may come to the address, and that is not allowed; -ENODEV no such
 *	bdev; -EEXIST the name is taken at that address, or something else than is asked for is served
 *	there; -EBUSY somebody
 *	listens at the path, perhaps an ebbd that was killed: try again for a while; or the error of
 *	the bdev or of the socket.
 */
int exporter_export_start(const struct exporter_export_opts *opts,
			  struct exporter_export **ret_export, char *ret_error);

/**
 * exporter_export_stop() - end serving it: in-flight requests end, clients are hung up on
 * @stopped: when the last client has gone and the bdev has been closed; perhaps inside this call;
 *	may be NULL
 * Return: 0; -EALREADY it is stopping: @stopped will not run.
 */
int exporter_export_stop(struct exporter_export *export, void (*stopped)(void *arg), void *arg);

/* The next export of @exporter, in order of listeners; NULL gives the first, and ends. */
struct exporter_export *exporter_export_next(const struct exporter *exporter,
					     struct exporter_export *previous);

/**
 * exporter_export_stop_all() - end everything that @exporter serves
 * @done: once, perhaps inside this call. It can start nothing from here on until then.
 * Thread: app, one at a time.
 */
void exporter_export_stop_all(struct exporter *exporter, void (*done)(void));

/* The export of that name, not terminated, at that address; no name is the first; or NULL. */
struct exporter_export *exporter_export_find(struct exporter_listener *listener, const char *name,
					     size_t name_len);

/* The next that is served there, in order of their start; NULL gives the first, and ends. */
struct exporter_export *exporter_export_next_at(struct exporter_listener *listener,
						struct exporter_export *previous);

/* @client has @export, which lives from here on until exporter_export_client_gone(). */
void exporter_export_bind(struct exporter_export *export, struct exporter_client *client);

/**
 * exporter_export_client_gone() - a client has been unregistered: see what has waited for that
 * @export: that it was bound to; NULL: none
 */
void exporter_export_client_gone(struct exporter_listener *listener,
				 struct exporter_export *export);

#endif
