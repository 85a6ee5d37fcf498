/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NBD_HANDSHAKE_H
#define NBD_HANDSHAKE_H

/* What the server says while options are haggled over. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/nbd/protocol.h"

struct nbd_conn;
struct nbd_parsed;

/* Bytes to be sent, growing. A failure to grow sticks; look at the end. */
struct nbd_out {
	uint8_t *bytes;
	size_t len;
	size_t capacity;
	bool failed;
};

/**
 * nbd_out_append() - add bytes; out->failed if there is no memory for them
 * Thread: the owner of @out, as for all that follow.
 */
void nbd_out_append(struct nbd_out *out, const void *bytes, size_t len);

/* Frees the bytes; @out is empty and may be used again. */
void nbd_out_reset(struct nbd_out *out);

void nbd_out_greeting(struct nbd_out *out);
void nbd_out_option_reply(struct nbd_out *out, uint32_t option, uint32_t reply, const void *data,
			  size_t len);
/* NBD_REP_ERR_…, with a text for people. */
void nbd_out_option_error(struct nbd_out *out, uint32_t option, uint32_t error, const char *text);
/* One entry of the answer to NBD_OPT_LIST. */
void nbd_out_server(struct nbd_out *out, const char *name);
/* All of the answer to NBD_OPT_INFO and NBD_OPT_GO. */
void nbd_out_info(struct nbd_out *out, uint32_t option, const struct nbd_geometry *geometry,
		  const char *name, bool wants_name);
void nbd_out_export_name(struct nbd_out *out, const struct nbd_geometry *geometry, bool no_zeroes);

/* What a connection asks the app thread, which knows the exports. */
struct nbd_lookup {
	uint32_t option;  /* LIST, INFO, GO or EXPORT_NAME */
	const char *name; /* in the connection's receive buffer, which stands still meanwhile */
	size_t name_len;
	bool wants_name;
	struct nbd_out out; /* the answer's bytes, which are the app thread's to write meanwhile */
};

/* What to do after the bytes of the answer have been sent. */
enum nbd_lookup_result {
	NBD_LOOKUP_REPLIED, /* haggle on */
	NBD_LOOKUP_BOUND,   /* the export is bound: requests follow */
	NBD_LOOKUP_FAILED,
};

/* What a connection does with an option. */
enum nbd_option_result {
	NBD_OPTION_REPLIED, /* the answer is in @out */
	NBD_OPTION_LOOK_UP, /* @lookup is for the app thread */
	NBD_OPTION_ABORTED, /* the answer is in @out; hang up after it */
	NBD_OPTION_HANG_UP,
};

/**
 * nbd_handshake_option() - answer an option, or see whom to ask
 * @parsed: NBD_PARSED_OPTION or NBD_PARSED_OPTION_TOO_LONG
 * @out: the answer, if there is one to give here
 * @lookup: set if it is for the app thread; its name is in @parsed's bytes
 * Thread: the connection's.
 * Return: what the connection does.
 */
enum nbd_option_result nbd_handshake_option(const struct nbd_parsed *parsed, struct nbd_out *out,
					    struct nbd_lookup *lookup);

#endif
