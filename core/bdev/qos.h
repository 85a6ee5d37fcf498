/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_QOS_H
#define CORE_BDEV_QOS_H

/* Rate limits of a bdev, which its channels share. The idea: qos.c. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ebb/list.h>

struct bdev_channel;
struct bdev_req;
struct ebb_poller;

enum bdev_qos_type {
	BDEV_QOS_RW_IOS,   /* reads and writes a second */
	BDEV_QOS_RW_BYTES, /* their bytes a second */
	BDEV_QOS_R_BYTES,  /* of reads alone */
	BDEV_QOS_W_BYTES,  /* of writes alone */
	BDEV_QOS_TYPE_COUNT,
};

/* What a channel may do at once after it has done nothing; and how often it looks while it waits. */
#define BDEV_QOS_SLICE_US 1000u

struct bdev_qos_limit {
	_Atomic uint64_t rate; /* a second; 0: no limit */
	_Atomic uint64_t due;  /* when all that was let go will have had its time */
};

/* Shared by all threads; changed on the app thread. */
struct bdev_qos {
	struct bdev_qos_limit limits[BDEV_QOS_TYPE_COUNT];
	_Atomic uint32_t waiting; /* channels with requests that wait */
	_Atomic uint64_t waited;  /* when one last ceased to */
};

/* A channel's part. Thread: the channel's. */
struct bdev_qos_channel {
	bool active;               /* there is a limit: reads and writes go by bdev_qos_hold() */
	bool waiting;              /* counted in bdev_qos.waiting */
	uint8_t turn;              /* whose head is looked at first */
	struct ebb_list queued[2]; /* reads, writes */
	struct ebb_poller *poller; /* runs while the channel waits; NULL: there is no limit */
	uint64_t due[BDEV_QOS_TYPE_COUNT]; /* as in bdev_qos_limit, were its share a limit */
};

void bdev_qos_channel_init(struct bdev_qos_channel *qos);

static inline uint64_t bdev_qos_rate(const struct bdev_qos *qos, enum bdev_qos_type type)
{
	return atomic_load_explicit(&qos->limits[type].rate, memory_order_relaxed);
}

/* Is there any limit? Thread: any. */
bool bdev_qos_limited(const struct bdev_qos *qos);

/**
 * bdev_qos_set() - other limits from now on
 * What was let go under a limit that changes is forgotten. The channels have to be told.
 * @rates: in the units of enum bdev_qos_type; 0: none
 * Thread: app.
 */
void bdev_qos_set(struct bdev_qos *qos, const uint64_t rates[BDEV_QOS_TYPE_COUNT]);

/**
 * bdev_qos_hold() - has @req, which is all filled in, to wait?
 * Return: true: it does, and comes back by bdev_qos_next(). false: let it go. Thread: the channel's.
 */
bool bdev_qos_hold(struct bdev_channel *ch, struct bdev_req *req);

/* A request that waits no longer; without limits any that waits. NULL: none. Thread: the same. */
struct bdev_req *bdev_qos_next(struct bdev_channel *ch);

/* As bdev_qos_next(), but one that should still wait does so no longer; it counts all the same. */
struct bdev_req *bdev_qos_take(struct bdev_channel *ch);

#endif
