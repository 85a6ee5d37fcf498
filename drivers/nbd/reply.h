/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_REPLY_H
#define DRIVERS_NBD_REPLY_H

/*
 * Replies as bytes: a simple reply, or one chunk of a structured one. What is sent is a head, made
 * here, and then data that stays where it is.
 */

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/nbd/wire.h"

struct nbd_reply {
	uint32_t head_len;
	uint32_t data_len; /* bytes that follow the head, from the request's buffers */
	union {
		struct nbd_wire_reply simple;
		struct nbd_wire_chunk chunk;
		struct nbd_wire_chunk_data data;
		struct nbd_wire_chunk_status status;
		struct nbd_wire_chunk_error error;
	} head;
};

/**
 * nbd_reply_simple() - a simple reply
 * @cookie: as the client sent it, here and in all that follow
 * @error: an NBD error; 0: none
 * @data_len: bytes of data that follow
 */
static inline void nbd_reply_simple(struct nbd_reply *reply, uint64_t cookie, uint32_t error,
				    uint32_t data_len)
{
	reply->head_len = sizeof(reply->head.simple);
	reply->data_len = data_len;
	reply->head.simple = (struct nbd_wire_reply){
		.magic = htobe32(NBD_SIMPLE_REPLY_MAGIC),
		.error = htobe32(error),
		.cookie = cookie,
	};
}

/* The metadata context ID of NBD_META_ALLOCATION. */
#define NBD_META_ALLOCATION_ID 1u

/* NBD_REPLY_TYPE_NONE: the reply ends, and all chunks before this have told what there was. */
void nbd_reply_none(struct nbd_reply *reply, uint64_t cookie);

/* NBD_REPLY_TYPE_OFFSET_DATA, of @data_len bytes at @offset_bytes of the export. @done: the last. */
void nbd_reply_data(struct nbd_reply *reply, uint64_t cookie, uint64_t offset_bytes,
		    uint32_t data_len, bool done);

/* NBD_REPLY_TYPE_BLOCK_STATUS of NBD_META_ALLOCATION, of @data_len bytes of extents: all of a reply. */
void nbd_reply_status(struct nbd_reply *reply, uint64_t cookie, uint32_t data_len);

/* NBD_REPLY_TYPE_ERROR: the request has failed as a whole, and the reply ends. */
void nbd_reply_error(struct nbd_reply *reply, uint64_t cookie, uint32_t error);

/* NBD_REPLY_TYPE_ERROR_OFFSET: it has failed at @offset_bytes of the export; more chunks follow. */
void nbd_reply_error_at(struct nbd_reply *reply, uint64_t cookie, uint32_t error,
			uint64_t offset_bytes);

/* Bytes of all of it. */
static inline uint32_t nbd_reply_len(const struct nbd_reply *reply)
{
	return reply->head_len + reply->data_len;
}

#endif
