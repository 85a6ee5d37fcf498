/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NBD_CONNECTION_H
#define NBD_CONNECTION_H

/* One client's connection. See the essay in connection.c. */

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <ebb/bdev.h>
#include <ebb/list.h>
#include <ebb/memory.h>
#include <ebb/thread.h>

#include "drivers/nbd/poll_group.h"
#include "drivers/nbd/handshake.h"
#include "drivers/nbd/protocol.h"

#define NBD_REQUESTS_MAX 256u /* in flight on one connection */
#define NBD_PARTS_MAX    8u   /* and beside them, parts of its long writes */
/*
 * Bytes that the requests of all connections of a thread hold. A connection that holds nothing is
 * served all the same, so that each of them goes on beside a stalled one while the pool lasts, and
 * a request that is larger than this is served alone.
 */
#define NBD_POLL_GROUP_BUFFERS_MAX (8u << 20)
#define NBD_CHUNK_SIZE             EBB_MEM_ALLOC_MAX
#define NBD_CHUNKS_MAX             (NBD_REQUEST_MAX / NBD_CHUNK_SIZE)
#define NBD_RX_SIZE                (16u << 10)
#define NBD_TX_IOV_MAX             256u
#define NBD_SERVE_MAX              (4u << 20) /* bytes begun in one callback, for others live here too */
#define NBD_HANDSHAKE_MS           30000u /* a handshake may take that long */
#define NBD_DRAIN_MS               1000u  /* and a client take nothing of its last replies */
#define NBD_DRAIN_MAX              30u    /* times that long for all of them */

static_assert(NBD_RX_SIZE >= 16u + NBD_OPTION_MAX, "an option fits in the buffer");

struct nbd_conn;
struct nbd_export;
struct nbd_listener;

/*
 * A request from its header's coming to its reply's going. It owns its buffers all that time. A
 * long write has no buffers, but parts that have; see request.c.
 */
struct nbd_req {
	struct ebb_list link; /* the connection's replies, or its free requests */
	struct nbd_conn *conn;
	struct nbd_request wire;
	struct nbd_wire_reply reply;
	struct ebb_bdev_io_wait wait;
	bool sends_data;       /* a read that succeeded */
	bool flush_next;       /* FUA, where the bdev's call has no such flag */
	struct nbd_req *whole; /* the long write that this is a part of; NULL: none */
	unsigned parts;      /* of a long write: under way, and one more while its payload comes */
	uint32_t error;      /* of a long write: the first of its parts' */
	uint32_t held_bytes; /* counted against NBD_POLL_GROUP_BUFFERS_MAX */
	int iovcnt;
	struct iovec iov[NBD_CHUNKS_MAX];
};

enum nbd_conn_state {
	NBD_CONN_HANDSHAKE,
	NBD_CONN_ASKING,
	NBD_CONN_SERVING,
	NBD_CONN_DRAINING,
	NBD_CONN_CLOSING,
	NBD_CONN_GONE,
	NBD_CONN_STATE_COUNT,
};

struct nbd_conn {
	enum nbd_conn_state state;
	int fd;
	char peer[96];
	struct ebb_thread *thread; /* the one that serves it */
	struct nbd_poll_group *group;
	struct nbd_member member;
	struct ebb_poller *timer; /* of the handshake, or of draining; none between */
	struct nbd_parser parser;

	/* Receiving: [rx_pos, rx_len) of rx has come and is not parsed. */
	struct nbd_op rx_op;
	size_t rx_pos;
	size_t rx_len;
	size_t rx_direct;        /* bytes of the receive under way that go to rx_req */
	struct nbd_req *rx_long; /* the long write whose payload comes, in parts */
	struct nbd_req
		*rx_req;  /* the write or part whose payload comes; NULL: none, or it is dropped */
	size_t rx_filled; /* bytes of it that have come */
	bool rx_header_only; /* after a long write: do not take much of the next one's payload */
	bool rx_drained;     /* the socket was empty after the last receive */
	bool has_pending;    /* @pending waits for a request or for memory */
	struct nbd_request pending;
	struct nbd_mem_waiter mem_waiter;
	struct msghdr rx_msg;
	struct iovec rx_iov[NBD_CHUNKS_MAX + 1];

	/* Sending: @out during the handshake, @replies from then on; never both. Its thread's. */
	struct nbd_op tx_op;
	struct nbd_out out;
	size_t out_sent;
	bool last_words; /* hang up when @out has been sent */
	struct ebb_list replies;
	size_t tx_skip;         /* bytes of the first reply that have been sent */
	bool tx_moved;          /* a send has ended since the draining timer was looked at */
	int drain_queued;       /* bytes that the kernel had to send then */
	unsigned drain_periods; /* of that timer */
	struct msghdr tx_msg;
	struct iovec tx_iov[NBD_TX_IOV_MAX];

	struct ebb_msg later; /* to itself: look again next turn */
	bool later_sent;

	/* Serving. */
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *channel;
	struct nbd_geometry geometry;
	struct nbd_req *reqs;
	unsigned reqs_touched;
	unsigned num_reqs;  /* in use, of NBD_REQUESTS_MAX */
	unsigned num_parts; /* in use, of NBD_PARTS_MAX */
	struct ebb_list reqs_free;
	unsigned in_flight;  /* requests that the bdev has, or will have when it can */
	uint32_t held_bytes; /* of pool memory */
	bool stopping;       /* the export goes: refuse what is new */

	/* A lookup to the app thread, and its answer; whose turn it is owns these. */
	struct ebb_msg talk;
	struct nbd_lookup lookup;
	enum nbd_lookup_result answer;

	/* The app thread's. */
	struct ebb_msg life; /* start, then (back) gone, then (there) free */
	struct ebb_msg stop;
	bool stop_sent;
	struct nbd_listener *listener;
	struct nbd_export *export;
	struct ebb_list listener_link;

	uint8_t rx[NBD_RX_SIZE];
};

/**
 * nbd_conn_start() - serve the client at @fd on @thread
 * Thread: app. Owns: @fd, if this succeeds.
 * Return: the connection, which ends by nbd_export_conn_gone(); NULL: out of memory.
 */
struct nbd_conn *nbd_conn_start(int fd, const char *peer, struct ebb_thread *thread,
				struct nbd_listener *listener);

/**
 * nbd_conn_stop() - refuse what is new, end what is in flight, hang up
 * Thread: app. Once is enough, more do no harm.
 */
void nbd_conn_stop(struct nbd_conn *conn);

/**
 * nbd_conn_answered() - conn->lookup has been answered
 * Thread: app. Owns: lookup and answer are the connection's thread's again.
 */
void nbd_conn_answered(struct nbd_conn *conn);

/**
 * nbd_conn_release() - free it, after nbd_export_conn_gone()
 * Thread: app. Owns: @conn is nobody's any more.
 */
void nbd_conn_release(struct nbd_conn *conn);

/* The rest is between the parts of a connection, on its thread. */

/**
 * nbd_conn_run() - look what can be done now
 * Thread: its own. Safe in every state; the last thing a callback does with @conn.
 */
void nbd_conn_run(struct nbd_conn *conn);

/**
 * nbd_conn_fail() - hang up now, as it cannot go on; what is in flight ends first
 * @why: for the log; NULL: no news
 * Thread: its own. Again does no harm.
 */
void nbd_conn_fail(struct nbd_conn *conn, const char *why);

/**
 * nbd_conn_drain() - the client has said all it will: hang up when it has its replies
 * Thread: its own; in NBD_CONN_SERVING.
 */
void nbd_conn_drain(struct nbd_conn *conn);

/* Asks for bytes if nothing is asked for yet. */
void nbd_conn_receive(struct nbd_conn *conn);
void nbd_conn_receive_init(struct nbd_conn *conn);
/* Takes what has come of the requests, as far as there is room. */
void nbd_conn_serve(struct nbd_conn *conn);

/* Sends what is ready if nothing is being sent. */
void nbd_conn_send(struct nbd_conn *conn);
/* As above, a turn later, so that what is ready then goes with it. */
void nbd_conn_send_soon(struct nbd_conn *conn);

/* nbd_conn_send() and nbd_conn_run(), a turn later. */
void nbd_conn_later(struct nbd_conn *conn);
void nbd_conn_send_init(struct nbd_conn *conn);

/**
 * nbd_req_get() - a request for what @wire asks, without buffers
 * @whole: the long write of which it is a part; NULL: none
 * Return: NULL: as many as may be are in flight.
 */
struct nbd_req *nbd_req_get(struct nbd_conn *conn, const struct nbd_request *wire,
			    struct nbd_req *whole);
/* Gives it back, with its buffers. */
void nbd_req_put(struct nbd_req *req);

/**
 * nbd_req_alloc() - buffers for the request's data: all or none
 * Return: 0; -EBUSY the thread's connections hold as much as they may: one of this connection's own
 *	requests ends first; -ENOMEM the pool is empty.
 */
int nbd_req_alloc(struct nbd_req *req);

/* All of the long write's payload has come, or is dropped: it ends with its last part. */
void nbd_req_end_payload(struct nbd_req *whole);

/* The pieces of its buffers behind the first @skip bytes. Return: their number. */
int nbd_req_iov(const struct nbd_req *req, size_t skip, struct iovec *iov, int max);

/* Gives it to the bdev; it comes back to the connection as a reply. */
void nbd_req_submit(struct nbd_req *req);

/* Answers it, without having bothered the bdev. */
void nbd_req_refuse(struct nbd_req *req, uint32_t error);

#endif
