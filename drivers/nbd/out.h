/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_OUT_H
#define DRIVERS_NBD_OUT_H

/* What the server says during the handshake, as bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/nbd/protocol.h"

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
void nbd_out_server(struct nbd_out *out, const char *name, const char *description);
/* One entry of the answer to NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. */
void nbd_out_meta_context(struct nbd_out *out, uint32_t option, uint32_t id, const char *name);
/*
 * All of the answer to NBD_OPT_INFO and NBD_OPT_GO. @name, @description: for NBD_INFO_NAME and
 * NBD_INFO_DESCRIPTION; NULL: not asked for.
 */
void nbd_out_info(struct nbd_out *out, uint32_t option, const struct nbd_geometry *geometry,
		  const char *name, const char *description);
void nbd_out_export_name(struct nbd_out *out, const struct nbd_geometry *geometry, bool no_zeroes);

#endif
