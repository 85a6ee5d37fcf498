/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_VIRTUAL_H
#define CORE_BDEV_VIRTUAL_H

/*
 * Bdevs that stand on another one, their base, which they claim. One is wanted from its method of
 * creation to its method of deletion; it is there while its base is there. The driver begins its
 * own structs with those below, and does what it is for on the way of a request; coming, going and
 * waiting are done here.
 */

#include <stdatomic.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/method.h>

#include "core/bdev/registry.h"

struct bdev_virtual;
struct bdev_virtual_channel;
struct bdev_virtual_io;

/* What a driver is. */
struct bdev_virtual_kind {
	const char *kind;       /* for people */
	const char *method;     /* that creates such bdevs; its object is the bdev's name */
	const char *base_param; /* its parameter that names the base */
	const char *product_name;
	/* With submit() and dump_info() of the driver's, and the functions of this file. */
	const struct ebb_bdev_ops *ops;
	size_t size;         /* of the driver's struct, which begins with struct bdev_virtual */
	uint32_t io_size;    /* of the driver's struct for a request, which begins with ours */
	size_t channel_size; /* likewise for a channel */

	/* Optional. Return: 0, or negative errno. */
	int (*channel_begin)(struct bdev_virtual_channel *ch);
	void (*channel_end)(struct bdev_virtual_channel *ch);
	/*
	 * Ends the requests that are held back. @ch->draining is set if none may be held back any
	 * more; otherwise @ch->moving is, as the thread is about to move, and only those have to end
	 * that would not do so by themselves.
	 */
	void (*channel_drain)(struct bdev_virtual_channel *ch);

	/* Optional: it comes, or has gone, and the wish for it is the same as before. App thread. */
	void (*presence)(struct bdev_virtual *virtual, bool present);
};

enum bdev_virtual_state {
	BDEV_VIRTUAL_WAITING, /* for its base to be there, and free */
	BDEV_VIRTUAL_READY,   /* registered, its base open and claimed */
	BDEV_VIRTUAL_LEAVING, /* being unregistered */
	BDEV_VIRTUAL_STATE_COUNT,
};

struct bdev_virtual {
	struct ebb_bdev bdev;
	const struct bdev_virtual_kind *kind;
	char *name;
	char *base_name; /* or the uuid that was given, as long as it has not come */
	enum bdev_virtual_state state;
	_Atomic bool draining; /* pairs with itself, as channels are made on any thread */
	struct ebb_bdev_desc *base;
	struct bdev_registry_waiter waiter;
	struct ebb_call *deleting; /* it is not wanted any more; ended when it has gone */
	struct ebb_list link;
};

/* The driver's channel begins with it. Zeroed before channel_begin(). */
struct bdev_virtual_channel {
	struct bdev_virtual *virtual;
	struct ebb_io_channel *base;
	bool draining; /* nothing may be held back any more */
	bool moving;   /* nothing may until its thread has moved, which waits for that */
};

/* The driver's context of a request begins with it. */
struct bdev_virtual_io {
	/*
	 * In the request's own context, where it is good for once only because the base calls back
	 * once: the layer sees to that.
	 */
	struct ebb_bdev_io_handle handle;
	struct ebb_bdev_io *io;
	struct bdev_virtual_channel *ch;
	/* The memory that the base gets: the request's, or what the driver puts in its place. */
	const struct iovec *iov;
	int iovcnt;
	void (*passed)(struct bdev_virtual_io *vio, int status);
	struct ebb_bdev_io_wait wait;
};

struct bdev_virtual_opts {
	const struct bdev_virtual_kind *kind;
	const char *name;
	const char *base_name; /* or its uuid */
	const uint8_t *uuid;   /* all zero: made up */
	/* Optional: sets the driver's own fields, zeroed before, from @params. */
	void (*fill)(struct bdev_virtual *virtual, const void *params);
	const void *params;
};

/**
 * bdev_virtual_create() - do what the method of creation is called for, and end @call
 * @result: of @call, if all is well; taken over
 * If the base is not there, the bdev waits for it, and the call succeeds.
 * Thread: app.
 */
void bdev_virtual_create(struct ebb_call *call, const struct bdev_virtual_opts *opts,
			 struct json_object *result);

/*
 * Deletes @name, which must be of @kind, there or waiting, and ends @call. @force: though clients use
 * it. Thread: app.
 */
void bdev_virtual_delete(struct ebb_call *call, const char *name,
			 const struct bdev_virtual_kind *kind, bool force);

/* The bdev of that name or uuid and of @kind, there or waiting; or NULL. Thread: app. */
struct bdev_virtual *bdev_virtual_find(const char *name, const struct bdev_virtual_kind *kind);

/* The next that waits for its base; NULL: the first. Return: NULL: no more. Thread: app. */
struct bdev_virtual *bdev_virtual_next_waiting(struct bdev_virtual *previous);

/* For the driver's ops. */
void bdev_virtual_leaving(struct ebb_bdev *bdev);
void bdev_virtual_destruct(struct ebb_bdev *bdev);

/* The io_device behind the channels. */
int bdev_virtual_device_register(struct bdev_virtual *virtual);

/*
 * Begins to end all requests that channels hold back, and lets no new ones be held back: not by a
 * rate limit of the base either.
 */
void bdev_virtual_drain(struct bdev_virtual *virtual);

/* For submit(): begins the driver's context of a request. */
static inline struct bdev_virtual_io *bdev_virtual_io_begin(void *ctx,
							    struct ebb_bdev_io_handle handle)
{
	struct ebb_bdev_io *io = handle.io;
	struct bdev_virtual_io *vio = ebb_bdev_io_ctx(io);

	vio->handle = handle;
	vio->io = io;
	vio->ch = ctx;
	vio->iov = io->iov;
	vio->iovcnt = io->iovcnt;
	return vio;
}

/* Hands the request to the base; @passed is called once with its status, now or later. */
void bdev_virtual_pass(struct bdev_virtual_io *vio,
		       void (*passed)(struct bdev_virtual_io *vio, int status));

/* The one way in which a request of a virtual bdev ends. */
void bdev_virtual_complete(struct bdev_virtual_io *vio, int status);

#endif
