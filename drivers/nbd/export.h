/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NBD_EXPORT_H
#define NBD_EXPORT_H

/* The registry of exports and of the addresses they are served at. All is the app thread's. */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/list.h>

#include "drivers/nbd/protocol.h"

struct ebb_bdev_desc;
struct nbd_conn;
struct nbd_listener;

struct nbd_export {
	char *name;
	char *bdev_name;
	struct ebb_bdev_desc *desc;
	struct nbd_geometry geometry;
	struct nbd_listener *listener;
	struct ebb_list link; /* the listener's exports, in order of their start */
	unsigned clients;
	bool stopping; /* no new clients; freed when the last one has gone */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* What nbd_start_export was asked for. */
struct nbd_export_opts {
	const char *bdev_name;
	const char *name;    /* NULL: the bdev's */
	const char *path;    /* a Unix socket; NULL: @address */
	const char *address; /* a host; NULL: @path */
	uint16_t port;       /* 0: the kernel's choice */
	bool read_only;
	bool writable; /* refuse a bdev that cannot be written to */
};

/**
 * nbd_export_start() - serve a bdev
 * @ret_error: on failure, a text for people, at least 256 bytes
 * Thread: app.
 * Return: 0; -ENODEV no such bdev; -EEXIST the name is taken at that address; -EBUSY somebody
 *	listens at the path, perhaps an ebbd that was killed: try again for a while; or the error of
 *	the bdev or of the socket.
 */
int nbd_export_start(const struct nbd_export_opts *opts, struct nbd_export **ret_export,
		     char *ret_error);

/**
 * nbd_export_stop() - end serving it: in-flight requests end, clients are hung up on
 * @stopped: when the last client has gone and the bdev has been closed; perhaps inside this call;
 *	may be NULL
 * Return: 0; -EALREADY it is stopping: @stopped will not run.
 */
int nbd_export_stop(struct nbd_export *export, void (*stopped)(void *arg), void *arg);

/* The next export, in order of listeners; NULL gives the first, and ends. */
struct nbd_export *nbd_export_next(struct nbd_export *previous);

/* Ends everything; @done: once, perhaps inside this call. Nothing can be started from here on. */
void nbd_export_stop_all(void (*done)(void));

/* A connection asks about exports (conn->lookup): answers it. */
void nbd_export_ask(void *conn);

/* The connection has ended on its thread: forgets it, and frees what waited for that. */
void nbd_export_conn_gone(struct nbd_conn *conn);

/* The listener's socket has been closed: see whether its last export waited for that. */
void nbd_export_listener_closed(struct nbd_listener *listener);

#endif
