/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_PARTS_H
#define CORE_BDEV_PARTS_H

/*
 * Requests that are done in parts. How such a request ends is its caller's business: each of these
 * functions says what has become of it. Thread: the channel's.
 */

#include "core/bdev/channel.h"

enum bdev_parts_next {
	BDEV_PARTS_UNDER_WAY, /* the end of a part, which is under way, takes it further */
	BDEV_PARTS_WAIT,      /* for a free request, which only others have; then go on */
	BDEV_PARTS_ENDED,     /* its status is final */
};

/* Must @req be done in parts? */
bool bdev_parts_needed(const struct bdev_channel *ch, const struct bdev_req *req);

/* Begins to do @req in parts. */
enum bdev_parts_next bdev_parts_begin(const struct bdev_channel *ch, struct bdev_req *req);

/* Begins as many further parts as there may be. */
enum bdev_parts_next bdev_parts_go_on(struct bdev_req *parent);

/* A part has its status, and is put. Return: the request it is a part of, to go on with. */
struct bdev_req *bdev_parts_end_child(struct bdev_req *child);

#endif
