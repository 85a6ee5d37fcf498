/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_CONNECTION_H
#define DRIVERS_NBD_CONNECTION_H

/* One client's connection. See the essay in connection.c. */

#include <stdbool.h>

#include <ebb/thread.h>

#include "core/exporter/client.h"
#include "drivers/nbd/lookup.h"
#include "core/exporter/poll_group.h"
#include "drivers/nbd/receive.h"
#include "drivers/nbd/request.h"
#include "drivers/nbd/send.h"

#define NBD_HANDSHAKE_MS 30000u /* a handshake may take that long */
/* A draining client's last replies are looked at so often. A stop waits for it: within a second. */
#define NBD_DRAIN_MS    200u
#define NBD_DRAIN_STILL 4u   /* so often in a row it may have taken nothing of them */
#define NBD_DRAIN_MAX   150u /* and so often in all they may be under way */

enum nbd_conn_state {
	NBD_CONN_HAGGLING,
	NBD_CONN_LOOKUP,
	NBD_CONN_TRANSMISSION,
	NBD_CONN_DRAINING,
	NBD_CONN_CLOSING,
	NBD_CONN_GONE,
	NBD_CONN_STATE_COUNT,
};

struct nbd_conn {
	enum nbd_conn_state state;
	int fd;
	struct exporter_poll_group *group;
	struct exporter_member member;
	struct ebb_poller *timer; /* of the handshake, or of draining; none between */
	unsigned drain_periods;   /* of that timer */
	unsigned drain_still;     /* of these, the last ones in which nothing was taken */
	bool yields;              /* the send under way is cancelled to give back buffers */
	bool hang_up_when_sent;   /* the last option was the client's last */
	struct nbd_rx rx;
	struct nbd_tx tx;
	struct nbd_requests requests;

	struct ebb_msg later; /* to itself: look again next turn */
	bool later_sent;

	/* To the app thread and back; whose turn it is owns @lookup. */
	struct ebb_msg lookup_msg;
	struct nbd_lookup lookup;

	struct ebb_msg life; /* begin, then (back) gone, then (there) free */

	struct exporter_client client; /* the app thread's */
};

/* The one way to change conn->state. Asserts that the change is a legal one. */
void nbd_conn_set_state(struct nbd_conn *conn, enum nbd_conn_state state);

/**
 * nbd_conn_start() - serve the client at @fd on @thread
 * It goes on by itself until its client hangs up, or is stopped by exporter_client_stop().
 * Thread: app. Owns: @fd, if this succeeds.
 * Return: false: out of memory.
 */
bool nbd_conn_start(struct exporter_listener *listener, int fd, const char *peer,
		    struct ebb_thread *thread);

#endif
