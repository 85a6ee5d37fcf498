/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_CONTROL_H
#define RPC_CONTROL_H

/*
 * The server's insides. Two threads take part, and each thing belongs to one of them:
 *
 *   the control thread owns the sockets, the connections and the framing. It turns bytes into
 *   requests and answers into bytes, asleep in libevent when there is neither;
 *
 *   the app thread calls the methods. A request goes there as an ebb message and comes back through
 *   the mailbox to_control; while it is there, the control thread does not touch it.
 *
 * A request outlives its connection: if the client vanishes, the request loses its pointer to it,
 * runs to its end and is dropped. It outlives the control thread too: then the app thread frees it.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <ebb/clock.h>
#include <ebb/list.h>
#include <ebb/method.h>
#include <ebb/thread.h>

#include "core/os/socket_watch.h"
#include "core/os/unix_socket.h"
#include "rpc/envelope.h"
#include "rpc/framing.h"
#include "rpc/mailbox.h"
#include "rpc/text.h"

struct event;
struct event_base;

/* Places for clients: of anybody; and beyond these, of root and the daemon's own user. */
#define RPC_PLACES_ANY  64
#define RPC_PLACES_OWN  16
#define RPC_PROCESS_FEW 2 /* who has so many connections gets none of the last places */
#define RPC_FDS_FEW     4 /* nor of the last descriptors that clients may have */
/* Who has not moved for so long is cut off when another cannot be served else. */
#define RPC_STALLED_NS ((uint64_t)30 * EBB_NS_PER_S)
/* Beyond these a client's further requests wait in its socket. */
#define RPC_CLIENT_IN_HIGH  ((size_t)2 * 1024 * 1024) /* bytes of its requests under way */
#define RPC_CLIENT_OUT_HIGH ((size_t)1024 * 1024)
/* With so many bytes of answers unread by all clients, only who has none may ask. */
#define RPC_ANSWERS_MAX ((size_t)16 * 1024 * 1024)
/* A client that lets more answers than this pile up is cut off. */
#define RPC_CLIENT_OUT_MAX ((size_t)16 * 1024 * 1024)
#define RPC_BATCH_MAX      4096
/*
 * With so many under way for all clients, each may have a few: their results take memory. A client
 * that is alone may have all of them.
 */
#define RPC_REQUESTS_MAX 64
#define RPC_CLIENT_FEW   2
/* Beyond this the rest of a batch is not called; of one RPC_CLIENT_OUT_HIGH in a shortage. */
#define RPC_BATCH_OUT_MAX ((size_t)4 * 1024 * 1024)
/* What the values of all requests under way may take in memory; each may have the floor. */
#define RPC_REQUESTS_MEMORY_MAX  ((size_t)64 * 1024 * 1024)
#define RPC_REQUEST_MEMORY_FLOOR ((size_t)1024 * 1024)
/* The form of a request whose values take more is checked before the app thread has it. */
#define RPC_PARAMS_LONG ((size_t)32 * 1024)
/* With so many long results made that are no text yet, no more are begun. */
#define RPC_RESULTS_MAX 2
/* How long the app thread makes calls in one turn. One that has begun is not interrupted. */
#define RPC_TURN_NS    ((uint64_t)50 * 1000)
#define RPC_READ_BYTES 65536

struct rpc_server {
	/* The control thread's. */
	struct event_base *base;
	struct event *accept_event;
	struct event *wake_event;
	struct event *accept_retry_event; /* armed only while no client can be accepted */
	struct event *deadline_event;     /* armed only to stop */
	struct event *room_event; /* active when a request has ended that was one too many */
	struct event *trim_event; /* armed only after many requests */
	struct os_unix_socket socket;
	struct os_socket_watch watch; /* of its file */
	struct event *watch_event;
	struct event *renewal_event; /* armed only while that has gone */
	bool renewal_failed;         /* at the last try, which was told of */
	struct ebb_list connections;
	struct ebb_list advancing; /* those whose requests have just come back */
	unsigned num_connections;
	unsigned num_requests; /* of all clients, those that have gone too */
	size_t request_memory; /* that their values take, roughly */
	size_t answer_bytes;   /* that no client has taken yet */
	size_t churn_bytes;    /* that requests and answers took since the heap was trimmed */
	uint64_t refused_ns;   /* when a client was refused last; 0: never */
	bool stopping;
	bool calls_abandoned; /* stopping: those that had not ended have been answered */
	char read_buffer[RPC_READ_BYTES];

	/* Both threads'. */
	struct rpc_mailbox to_control;
	pthread_t pthread;
	struct ebb_thread *app_thread;
	/* Long results on their way to become text; the control thread counts down. */
	_Atomic unsigned num_results;
	/* left_msg is under way, and will find what has been marked meanwhile. */
	_Atomic bool left_sent;
	struct ebb_msg left_msg;
	/* The app thread begins none until num_results has fallen. Whoever clears it has to say so. */
	_Atomic bool results_full;

	/* The app thread's. */
	bool paused;
	bool refusing;
	bool closed;                /* the control thread has ended */
	struct ebb_list ready;      /* requests to be called, one of each client */
	struct ebb_list waiting;    /* requests, until resumed */
	struct ebb_list running;    /* requests whose method has not ended */
	bool turn_sent;             /* turn_msg is under way */
	bool held;                  /* results_full was set, and go_msg has not come */
	struct rpc_request *called; /* just now, and its method has neither ended nor returned */
	struct ebb_msg turn_msg;
	struct ebb_msg go_msg;
	struct ebb_msg stop_msg;
	struct ebb_msg ended_msg;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* One client. The control thread's. */
struct rpc_connection {
	struct rpc_server *server;
	struct ebb_list link;
	struct ebb_list advance_link;
	int fd;
	struct ucred peer;
	struct event *read_event;
	struct event *write_event;
	bool reading; /* read_event is added */
	bool writing;
	struct rpc_framing framing;
	size_t value_bytes; /* that have gone to framing since its last value */
	/* Read, but not looked at while the client is held back. */
	char *in;
	size_t in_offset;
	size_t in_len;
	bool ended; /* nothing more is read: it has ended its side, or was broken */
	bool dead;  /* nothing more is sent either */
	struct rpc_text out;
	uint64_t moved_ns; /* when bytes of it came or went last, or it began to have an answer */
	struct ebb_list requests;
	unsigned num_requests;
	size_t request_bytes; /* of all of them */
	/* The one whose method is about to be called, of which there is one at a time; or NULL. */
	struct rpc_request *calling;
	struct ebb_list ready; /* those whose next call waits for its turn */
};

/* One JSON value from a client: a request, or a batch of them that run one after the other. */
struct rpc_request {
	struct rpc_server *server;
	struct rpc_connection *connection; /* NULL: the client has gone */
	struct ebb_list link;              /* on its connection */
	struct json_object *document;
	size_t bytes;  /* that it came in */
	size_t memory; /* that its values take, roughly */
	bool batch;
	size_t next;            /* index of the batch's next one */
	struct rpc_text answer; /* what will be sent: an object, or the batch's array so far */
	bool answer_lost;       /* there was no memory for it */
	struct ebb_list ready_link;
	struct rpc_envelope envelope;    /* of the call under way; borrows from document */
	const struct ebb_method *method; /* its; NULL: there is none of that name */
	struct ebb_msg msg;              /* to the app thread */
	struct ebb_msg called;           /* back: its method has been called, or waits to be */
	struct ebb_msg back;             /* its call has ended */
	_Atomic bool left; /* both threads': the client has gone, and the app thread has it */
	/* Of the call under way; the app thread's as long as it has the request. */
	struct ebb_call *call;    /* NULL: its method has not returned yet */
	bool lasts;               /* the control thread has been told that the call does */
	bool building;            /* its answer is, or was, made in parts */
	struct ebb_list app_link; /* ready, waiting or running on the app thread */
	/* How the call has ended. */
	struct json_object *result;
	bool failed;
	struct ebb_method_error error;
};

/**
 * rpc_control_main() - the control thread: serve until rpc_control_stop()
 * @arg: the server
 * Thread: control. It sends ended_msg to the app thread as its last act.
 * Return: NULL.
 */
void *rpc_control_main(void *arg);

/**
 * rpc_control_stop() - take no more clients or requests, and end when all is answered
 * @arg: the server
 * Thread: control; as a message of the app thread's. Calls and clients have a bounded time.
 */
void rpc_control_stop(void *arg);

/**
 * rpc_control_init() - make what the control thread needs
 * Thread: app, before the control thread is there.
 * Return: 0; -ENOMEM or an errno: then too rpc_control_fini() frees what there is.
 */
int rpc_control_init(struct rpc_server *server);

/**
 * rpc_control_fini() - free what rpc_control_init() has made, or a part of it
 * Thread: app, when the control thread is no more.
 */
void rpc_control_fini(struct rpc_server *server);

/**
 * rpc_connection_open() - serve the client at @fd
 * @peer: who it is
 * Thread: control. Owns: @fd is taken over, also on failure.
 * Return: 0; -ENOMEM.
 */
int rpc_connection_open(struct rpc_server *server, int fd, const struct ucred *peer);

/**
 * rpc_connection_advance() - parse, send and close what can be
 * Thread: control. The connection may be gone then.
 */
void rpc_connection_advance(struct rpc_connection *connection);

/**
 * rpc_connection_destroy() - close it; its requests go on without it
 * Thread: control.
 */
void rpc_connection_destroy(struct rpc_connection *connection);

/**
 * rpc_request_create() - one of @connection's, which counts it
 * @bytes: that it came in
 * @memory: that its values take
 * Thread: control. Owns: @document is the request's, if there is one.
 * Return: NULL: out of memory.
 */
struct rpc_request *rpc_request_create(struct rpc_connection *connection,
				       struct json_object *document, size_t bytes, size_t memory);

/* Its connection need not wait for it any more. Thread: control. */
void rpc_request_unlink(struct rpc_request *request);

/* Wraps how the call has ended, as text. @result is taken over. Thread: control. */
void rpc_request_add_answer(struct rpc_request *request, struct json_object *result,
			    const struct ebb_method_error *error);

/*
 * Completes what was answered, if anything was. Return: false: there was no memory for it, and the
 * client would miss it. Thread: control.
 */
bool rpc_request_end_answer(struct rpc_request *request);

/* The request has ended for all clients' account. Thread: control, before it is freed. */
void rpc_request_uncount(struct rpc_request *request);

/**
 * rpc_request_free() - free it
 * Thread: control; app when there is no control thread any more.
 */
void rpc_request_free(struct rpc_request *request);

#endif
