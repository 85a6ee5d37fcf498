/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_PROTOCOL_H
#define DRIVERS_NBD_PROTOCOL_H

/*
 * The client's side of the conversation, as a pure unit: bytes in, options and requests out. It
 * allocates nothing, copies nothing and knows of no socket, so that it can be cut at every byte and
 * fuzzed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/nbd/wire.h"

#define NBD_OPTION_MAX      8192u       /* bytes of data that an option may have */
#define NBD_OPTION_SKIP_MAX (1u << 20)  /* longer than that: the client is hung up on */
#define NBD_REQUEST_MAX     (32u << 20) /* bytes that one read or write may move */
#define NBD_DF_MAX          (1u << 20)  /* bytes of a read that shall come in one chunk */

enum nbd_parsed_type {
	NBD_PARSED_NONE,  /* more bytes are needed */
	NBD_PARSED_FLAGS, /* the client's handshake flags have come */
	NBD_PARSED_OPTION,
	NBD_PARSED_OPTION_TOO_LONG, /* its data will be skipped */
	NBD_PARSED_REQUEST,         /* a write's payload follows, as NBD_PARSED_PAYLOAD */
	NBD_PARSED_PAYLOAD,
	NBD_PARSED_BAD, /* not NBD: hang up */
};

struct nbd_request {
	uint16_t flags;
	uint16_t type;
	uint64_t cookie; /* as it came, in the client's byte order */
	uint64_t offset_bytes;
	uint32_t len_bytes;
};

struct nbd_parsed {
	enum nbd_parsed_type type;
	uint32_t option;            /* OPTION, OPTION_TOO_LONG */
	const uint8_t *data;        /* OPTION, PAYLOAD: inside the caller's bytes */
	size_t len_bytes;           /* of @data */
	struct nbd_request request; /* REQUEST */
	const char *error;          /* BAD: what was wrong, for people */
};

enum nbd_parser_state {
	NBD_PARSE_FLAGS,
	NBD_PARSE_OPTION,
	NBD_PARSE_SKIP_OPTION,
	NBD_PARSE_REQUEST,
	NBD_PARSE_PAYLOAD,
	NBD_PARSE_BAD,
};

struct nbd_parser {
	enum nbd_parser_state state;
	uint32_t left_bytes; /* of the payload, or of the option that is skipped */
	bool fixed;          /* the client knows more options than EXPORT_NAME */
	bool no_zeroes;      /* the client said so */
};

/* A parser at the beginning of a conversation. */
void nbd_parser_init(struct nbd_parser *parser);

/**
 * nbd_parse() - take the next thing from the front of @bytes
 * @len: what has come so far; at least sizeof(struct nbd_wire_option) + NBD_OPTION_MAX must fit in
 *	the caller's buffer, or an option might never be complete
 * Return: bytes consumed (with NBD_PARSED_NONE too: of an option that is skipped); the rest, with
 *	what comes later, is for the next call.
 */
size_t nbd_parse(struct nbd_parser *parser, const uint8_t *bytes, size_t len,
		 struct nbd_parsed *ret_parsed);

/* An option has been agreed on that ends the handshake: requests follow. */
void nbd_parser_begin_transmission(struct nbd_parser *parser);

/* Bytes of the running write's payload that have not come yet; 0: none is running. */
static inline uint32_t nbd_parser_payload_left(const struct nbd_parser *parser)
{
	return parser->state == NBD_PARSE_PAYLOAD ? parser->left_bytes : 0;
}

/* @len bytes of the payload went straight to their place, past nbd_parse(). */
void nbd_parser_take_payload(struct nbd_parser *parser, size_t len);

/* The data of NBD_OPT_INFO and NBD_OPT_GO. */
struct nbd_go {
	const char *name; /* not terminated */
	size_t name_len;
	bool wants_name;        /* asked for NBD_INFO_NAME */
	bool wants_description; /* for NBD_INFO_DESCRIPTION */
};

/* Return: 0; -EINVAL the lengths inside do not add up, or the name is too long. */
int nbd_go_decode(const uint8_t *data, size_t len, struct nbd_go *ret_go);

/* The data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. */
struct nbd_meta {
	const char *name; /* of the export; not terminated */
	size_t name_len;
	bool allocation; /* NBD_META_ALLOCATION is listed, or set, by the queries */
};

/**
 * nbd_meta_decode() - see what is asked for; queries of what there is not are no mistake
 * @option: which of the two: each has a way of its own to say "all" or "none"
 * Return: 0; -EINVAL the lengths inside do not add up, or the name or a query is too long.
 */
int nbd_meta_decode(uint32_t option, const uint8_t *data, size_t len, struct nbd_meta *ret_meta);

/* An export as the wire shows it. */
struct nbd_geometry {
	uint64_t size_bytes;
	uint32_t block_size; /* of the bdev, bytes, a power of two; clients need not care */
	uint16_t flags;      /* NBD_FLAG_HAS_FLAGS … */
	bool allocation;     /* NBD_META_ALLOCATION has been set for it */
};

/**
 * nbd_validate_request() - every check of a request that its bytes allow
 * Return: 0; or the NBD error to answer with.
 */
uint32_t nbd_validate_request(const struct nbd_geometry *geometry,
			      const struct nbd_request *request);

/* The NBD error for a status: 0 or negative errno. */
uint32_t nbd_error_from_status(int status);

#endif
