/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_LISTENER_H
#define CORE_EXPORTER_LISTENER_H

/*
 * Addresses where clients come, whatever they speak, and the exports found there. All of it is the
 * app thread's.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ebb/list.h>

#include "core/os/unix_socket.h"
#include "core/exporter/access.h"
#include "core/exporter/address.h"
#include "core/exporter/places.h"
#include "core/exporter/poll_group.h"
#include "core/exporter/refusal.h"

struct ebb_thread;
struct exporter_client;
struct exporter_listener;

/* Who serves bdevs: what is spoken at an address. It is static. */
struct exporter {
	const char *name; /* for people */
	/*
	 * A client has come: begin to serve it on @thread, and register it as one of @listener's.
	 * Thread: app. Owns: @fd, if it returns true. Return: false: out of memory.
	 */
	bool (*admit)(struct exporter_listener *listener, int fd, const char *peer,
		      struct ebb_thread *thread);
	void (*all_stopped)(void); /* the registry's own; see exporter_export_stop_all() */
};

#define EXPORTER_MODE_DEFAULT 0600u /* of a socket's file */

/* Where to listen. */
struct exporter_listener_opts {
	const char *path;    /* a Unix socket: what a dead server left there is replaced, a living
			      * one's is not; NULL: @address */
	const char *address; /* a host, in digits, or "localhost" (127.0.0.1); NULL: @path */
	uint16_t port;       /* 0: the kernel's choice */
	bool mode_given;     /* false: EXPORTER_MODE_DEFAULT */
	mode_t mode;         /* of the socket's file */
	gid_t gid;           /* its group; OS_UNIX_SOCKET_ANY_GROUP: the daemon's */
	const char *group;   /* that group's name, or number, as it was given; NULL: it was not */
};

enum exporter_listener_state {
	EXPORTER_LISTENER_OPENING,
	EXPORTER_LISTENER_ACCEPTING,
	EXPORTER_LISTENER_PAUSED,  /* the process is short of what accept() needs */
	EXPORTER_LISTENER_CLOSING, /* the accept under way ends first */
	EXPORTER_LISTENER_CLOSED,  /* its address is free again; its clients may take longer */
	EXPORTER_LISTENER_STATE_COUNT,
};

struct exporter_listener {
	enum exporter_listener_state state;
	struct ebb_list link; /* of exporter_listeners */
	char *path;           /* of a Unix socket; NULL: @address and @port */
	char address[64];     /* numeric */
	uint16_t port;
	char group_name[EXPORTER_GROUP_MAX]; /* of the socket's file; "": the daemon's */
	int fd;                              /* -1: closed */
	struct os_unix_socket unix_socket;   /* its file and lock, if there is a path */
	struct exporter_poll_group *group;
	struct exporter_member member;
	struct exporter_op accept_op;
	struct ebb_poller *pause; /* the timer of a pause */
	struct exporter_refusals refusals;
	struct exporter_places places;
	struct exporter *exporter;
	void (*closed)(struct exporter_listener *listener);
	struct ebb_list exports;
	struct ebb_list clients;
};

/* In order of opening. */
extern struct ebb_list exporter_listeners;

/* The one way to change listener->state. Asserts that the change is a legal one. */
void exporter_listener_set_state(struct exporter_listener *listener,
				 enum exporter_listener_state state);

/*
 * Is it @path, by whatever name, at which @listener listens? An address never is.
 */
bool exporter_listener_is_at(const struct exporter_listener *listener, const char *path);

/* The listener there, that is not closing, or NULL. Of @path and @address one is NULL. */
struct exporter_listener *exporter_listener_find(const char *path, const char *address,
						 uint16_t port);

/**
 * exporter_listener_agrees() - may what is asked for be served at @listener, which is there already?
 * @ret_error: if not, a text for people
 * Return: 0; -EEXIST another exporter's, or another mode or group is asked for.
 */
int exporter_listener_agrees(const struct exporter_listener *listener,
			     const struct exporter *exporter,
			     const struct exporter_listener_opts *opts, char *ret_error);

/**
 * exporter_listener_open() - listen
 * @exporter: gets each client that comes
 * @ret_error: on failure, a text for people, EXPORTER_ERROR_TEXT bytes
 * Thread: app.
 * Return: 0; -EINVAL no such form of an address; -EADDRINUSE; -EBUSY as os_unix_socket_open();
 *	-ENOSYS no io_uring; the error of making the threads; or the errno of the socket call.
 */
int exporter_listener_open(struct exporter *exporter, const struct exporter_listener_opts *opts,
			   struct exporter_listener **ret_listener, char *ret_error);

/**
 * exporter_listener_renew() - be found again where somebody has removed or replaced the socket's file
 * @listener: not closing; one that is found is left as it is
 * @ret_error: as exporter_listener_open()
 * Thread: app.
 * Return: 0; or an error of exporter_listener_open(): it serves the clients it has, and nobody finds it.
 */
int exporter_listener_renew(struct exporter_listener *listener, char *ret_error);

/**
 * exporter_listener_close() - no more clients
 * The socket's file goes at once, the listener when exporter_listener_put() finds it idle.
 * @closed: later, if EXPORTER_LISTENER_CLOSING is its state when this returns
 * Thread: app. Once is enough, more do no harm.
 */
void exporter_listener_close(struct exporter_listener *listener,
			     void (*closed)(struct exporter_listener *listener));

/* True once exporter_listener_close() has been called. */
static inline bool exporter_listener_is_closing(const struct exporter_listener *listener)
{
	return listener->state >= EXPORTER_LISTENER_CLOSING;
}

/* A client has gone, and with it what accept() may have been short of: pauses end. Thread: app. */
void exporter_listeners_end_pauses(void);

/* Frees the listener if it has been closed and nobody is left. Return: true: freed. */
bool exporter_listener_put(struct exporter_listener *listener);

#endif
