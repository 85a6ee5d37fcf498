/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_WIRE_H
#define DRIVERS_NBD_WIRE_H

/*
 * What goes over the wire, all of it big-endian. The names are those of the NBD protocol document
 * (doc/proto.md of the NBD project), fixed newstyle negotiation, simple and structured replies.
 */

#include <assert.h>
#include <stdint.h>

#define NBD_MAGIC              0x4e42444d41474943ull /* "NBDMAGIC" */
#define NBD_OPTION_MAGIC       0x49484156454f5054ull /* "IHAVEOPT" */
#define NBD_OPTION_REPLY_MAGIC 0x0003e889045565a9ull
#define NBD_REQUEST_MAGIC      0x25609513u
#define NBD_SIMPLE_REPLY_MAGIC 0x67446698u
#define NBD_CHUNK_MAGIC        0x668e33efu /* of each chunk of a structured reply */

/* Handshake flags, and the client's answer to them. */
#define NBD_FLAG_FIXED_NEWSTYLE   0x0001u
#define NBD_FLAG_NO_ZEROES        0x0002u
#define NBD_FLAG_C_FIXED_NEWSTYLE 0x00000001u
#define NBD_FLAG_C_NO_ZEROES      0x00000002u

#define NBD_OPT_EXPORT_NAME       1u
#define NBD_OPT_ABORT             2u
#define NBD_OPT_LIST              3u
#define NBD_OPT_STARTTLS          5u
#define NBD_OPT_INFO              6u
#define NBD_OPT_GO                7u
#define NBD_OPT_STRUCTURED_REPLY  8u
#define NBD_OPT_LIST_META_CONTEXT 9u
#define NBD_OPT_SET_META_CONTEXT  10u

#define NBD_REP_ACK          1u
#define NBD_REP_SERVER       2u
#define NBD_REP_INFO         3u
#define NBD_REP_META_CONTEXT 4u
#define NBD_REP_ERR_UNSUP    0x80000001u
#define NBD_REP_ERR_INVALID  0x80000003u
#define NBD_REP_ERR_UNKNOWN  0x80000006u
#define NBD_REP_ERR_TOO_BIG  0x80000009u

#define NBD_INFO_EXPORT      0u
#define NBD_INFO_NAME        1u
#define NBD_INFO_DESCRIPTION 2u
#define NBD_INFO_BLOCK_SIZE  3u

/* Transmission flags. */
#define NBD_FLAG_HAS_FLAGS         0x0001u
#define NBD_FLAG_READ_ONLY         0x0002u
#define NBD_FLAG_SEND_FLUSH        0x0004u
#define NBD_FLAG_SEND_FUA          0x0008u
#define NBD_FLAG_SEND_TRIM         0x0020u
#define NBD_FLAG_SEND_WRITE_ZEROES 0x0040u
#define NBD_FLAG_SEND_DF           0x0080u
#define NBD_FLAG_CAN_MULTI_CONN    0x0100u
#define NBD_FLAG_SEND_CACHE        0x0400u
#define NBD_FLAG_SEND_FAST_ZERO    0x0800u

#define NBD_CMD_READ         0u
#define NBD_CMD_WRITE        1u
#define NBD_CMD_DISC         2u
#define NBD_CMD_FLUSH        3u
#define NBD_CMD_TRIM         4u
#define NBD_CMD_CACHE        5u
#define NBD_CMD_WRITE_ZEROES 6u
#define NBD_CMD_BLOCK_STATUS 7u

#define NBD_CMD_FLAG_FUA       0x0001u
#define NBD_CMD_FLAG_NO_HOLE   0x0002u
#define NBD_CMD_FLAG_DF        0x0004u
#define NBD_CMD_FLAG_REQ_ONE   0x0008u
#define NBD_CMD_FLAG_FAST_ZERO 0x0010u

#define NBD_REPLY_FLAG_DONE 0x0001u

#define NBD_REPLY_TYPE_NONE         0u
#define NBD_REPLY_TYPE_OFFSET_DATA  1u
#define NBD_REPLY_TYPE_BLOCK_STATUS 5u
#define NBD_REPLY_TYPE_ERROR        0x8001u
#define NBD_REPLY_TYPE_ERROR_OFFSET 0x8002u

/* The only metadata context there is, and what it tells. */
#define NBD_META_ALLOCATION "base:allocation"
#define NBD_STATE_HOLE      0x1u
#define NBD_STATE_ZERO      0x2u

#define NBD_EPERM     1u
#define NBD_EIO       5u
#define NBD_ENOMEM    12u
#define NBD_EINVAL    22u
#define NBD_ENOSPC    28u
#define NBD_EOVERFLOW 75u
#define NBD_ENOTSUP   95u
#define NBD_ESHUTDOWN 108u

#define NBD_NAME_MAX 4096u /* bytes of an export's name */

struct nbd_wire_greeting {
	uint64_t magic;
	uint64_t option_magic;
	uint16_t flags;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_greeting) == 18, "greeting");

struct nbd_wire_option {
	uint64_t magic;
	uint32_t option;
	uint32_t len_bytes;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_option) == 16, "option header");

struct nbd_wire_option_reply {
	uint64_t magic;
	uint32_t option;
	uint32_t reply;
	uint32_t len_bytes;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_option_reply) == 20, "option reply header");

struct nbd_wire_info_export {
	uint16_t info;
	uint64_t size_bytes;
	uint16_t flags;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_info_export) == 12, "NBD_INFO_EXPORT");

struct nbd_wire_info_block_size {
	uint16_t info;
	uint32_t min_bytes;
	uint32_t preferred_bytes;
	uint32_t max_bytes;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_info_block_size) == 14, "NBD_INFO_BLOCK_SIZE");

/* The answer to NBD_OPT_EXPORT_NAME; @zeroes is left out if both sides said so. */
struct nbd_wire_export_name {
	uint64_t size_bytes;
	uint16_t flags;
	uint8_t zeroes[124];
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_export_name) == 134, "NBD_OPT_EXPORT_NAME reply");

struct nbd_wire_request {
	uint32_t magic;
	uint16_t flags;
	uint16_t type;
	uint64_t cookie;
	uint64_t offset_bytes;
	uint32_t len_bytes;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_request) == 28, "request header");

struct nbd_wire_reply {
	uint32_t magic;
	uint32_t error;
	uint64_t cookie; /* as the client sent it: never swapped */
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_reply) == 16, "simple reply");

/* One of the chunks that make a structured reply. */
struct nbd_wire_chunk {
	uint32_t magic;
	uint16_t flags;
	uint16_t type;
	uint64_t cookie;    /* as the client sent it: never swapped */
	uint32_t len_bytes; /* of what follows */
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_chunk) == 20, "structured reply chunk");

/* NBD_REPLY_TYPE_OFFSET_DATA: the data follows. */
struct nbd_wire_chunk_data {
	struct nbd_wire_chunk chunk;
	uint64_t offset_bytes;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_chunk_data) == 28, "NBD_REPLY_TYPE_OFFSET_DATA");

/* NBD_REPLY_TYPE_BLOCK_STATUS: extents follow. */
struct nbd_wire_chunk_status {
	struct nbd_wire_chunk chunk;
	uint32_t context_id;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_chunk_status) == 24, "NBD_REPLY_TYPE_BLOCK_STATUS");

struct nbd_wire_extent {
	uint32_t len_bytes;
	uint32_t flags; /* NBD_STATE_… */
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_extent) == 8, "extent");

/* NBD_REPLY_TYPE_ERROR and, with an offset, NBD_REPLY_TYPE_ERROR_OFFSET; without a text. */
struct nbd_wire_chunk_error {
	struct nbd_wire_chunk chunk;
	uint32_t error;
	uint16_t text_len;
	uint64_t offset_bytes;
} __attribute__((packed));
static_assert(sizeof(struct nbd_wire_chunk_error) == 34, "NBD_REPLY_TYPE_ERROR_OFFSET");

#endif
