/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_IO_CHANNEL_H
#define EBB_IO_CHANNEL_H

/*
 * An io_device is anything that threads use in parallel; an io_channel is one thread's private way
 * into it. There is one channel per (thread, device), with counted references and a context of the
 * device's making. A channel belongs to the thread that got it (rule 2): use from elsewhere is
 * reported and refused.
 */

#include <stdbool.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_io_channel;
struct ebb_channel_iter;

struct ebb_io_device_ops {
	const char *name; /* of the device, for people; copied; NULL: its address */
	size_t ctx_size;  /* bytes of context behind each channel, zeroed */

	/*
	 * A thread's first get, on that thread. < 0: the get returns NULL, nothing is left. A get
	 * of the same device inside it returns the channel that is being created; one that is not
	 * put before create() fails is reported, and good for nothing but to be put.
	 */
	int (*create)(void *device, void *ctx);

	/* A thread's last put, on that thread, on a later turn. */
	void (*destroy)(void *device, void *ctx);

	/*
	 * Optional. Before the thread moves to another reactor: hold new work back in the channel,
	 * let what is in flight end, then call ebb_io_channel_quiesced(@channel), once, now or
	 * later. resume() undoes it, on the reactor that has the thread then.
	 */
	void (*quiesce)(void *ctx, struct ebb_io_channel *channel);
	void (*resume)(void *ctx, struct ebb_io_channel *channel);
	/*
	 * Optional. Has the channel work under way that would come back to nothing? Then its last
	 * reference is not put: that is reported, and refused.
	 */
	bool (*busy)(void *ctx);
};

/**
 * ebb_io_device_register() - make @device known; its address is its identity
 * @ops: copied
 * Thread: an ebb thread.
 * Return: 0; -EEXIST registered already; -ENOMEM; -EPERM not on an ebb thread.
 */
int ebb_io_device_register(void *device, const struct ebb_io_device_ops *ops);

/**
 * ebb_io_device_unregister() - take @device away
 * New channels are refused at once (NULL and a log line). When the last channel has gone, and no
 * ebb_for_each_channel() runs on it, @done(@device) is called on the calling thread, never inside
 * this call. @done may be NULL.
 * Thread: an ebb thread.
 * Return: 0; -ENODEV not registered, or being unregistered already: @done will not run.
 */
int ebb_io_device_unregister(void *device, void (*done)(void *device));

/**
 * ebb_io_channel_get() - the calling thread's channel to @device, made if it has none
 * Thread: an ebb thread, which owns the channel; each get needs one ebb_io_channel_put().
 * Return: the channel; NULL: no such device, being unregistered, or create() failed (logged).
 */
struct ebb_io_channel *ebb_io_channel_get(void *device);

/* One more reference. Thread: the owner. Return: @channel, or NULL from elsewhere (reported). */
struct ebb_io_channel *ebb_io_channel_ref(struct ebb_io_channel *channel);

/*
 * At the last reference the channel is destroyed on a later turn, unless a get takes it back. One put
 * too many, and the last one while work is under way (ops->busy), are reported and refused: the
 * reference stays the caller's. Thread: the owner.
 */
void ebb_io_channel_put(struct ebb_io_channel *channel);

/* A channel's context, of the device's ctx_size; the channel of a context. Thread: any. */
void *ebb_io_channel_ctx(struct ebb_io_channel *channel);
struct ebb_io_channel *ebb_io_channel_from_ctx(void *ctx);
/* The thread that got @channel, and alone may use it. Thread: any. */
struct ebb_thread *ebb_io_channel_thread(const struct ebb_io_channel *channel);
const char *ebb_io_channel_name(const struct ebb_io_channel *channel); /* of its device */

/* The answer to ops->quiesce(). Thread: the owner. */
void ebb_io_channel_quiesced(struct ebb_io_channel *channel);

/**
 * ebb_for_each_channel() - call @fn for every channel of @device, each on its thread, in order
 * @fn: ends its part by ebb_for_each_channel_next(iter, rc), once, on the same thread, now or later;
 *	rc != 0 ends the round. A second or a foreign call is reported and refused.
 *	A thread that exits, or a channel that goes, is passed over.
 * @done: exactly once, on the calling thread, never inside this call: 0, the rc of the @fn that
 *	ended the round, or -ENODEV if @device is not registered.
 * Thread: an ebb thread.
 */
typedef void (*ebb_channel_fn)(struct ebb_channel_iter *iter, struct ebb_io_channel *channel,
			       void *arg);
typedef void (*ebb_channel_done)(void *arg, int rc);
void ebb_for_each_channel(void *device, ebb_channel_fn fn, void *arg, ebb_channel_done done);
void ebb_for_each_channel_next(struct ebb_channel_iter *iter, int rc);

/* Calls @fn for each channel of the calling thread. */
void ebb_io_channel_for_each(void (*fn)(const char *device_name, unsigned ref, void *arg),
			     void *arg);

#ifdef __cplusplus
}
#endif

#endif
