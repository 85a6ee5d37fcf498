/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_LOOKUP_H
#define DRIVERS_NBD_LOOKUP_H

/* What a connection asks the app thread, which knows the exports. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/nbd/out.h"
#include "drivers/nbd/protocol.h"

struct ebb_bdev_desc;
struct exporter_client;
struct exporter_export;

/* What to do after the bytes of the answer have been sent. */
enum nbd_lookup_result {
	NBD_LOOKUP_REPLIED, /* haggle on */
	NBD_LOOKUP_BOUND,   /* the client has an export: transmission follows */
	NBD_LOOKUP_FAILED,  /* hang up: there is no such export, and no way to say so */
};

/* What has been agreed on so far. */
struct nbd_agreed {
	bool no_zeroes;
	bool structured; /* replies */
	/* That NBD_META_ALLOCATION has been set for; NULL: none. It may have gone: compared only. */
	const struct exporter_export *allocation;
};

struct nbd_lookup {
	struct nbd_agreed agreed;

	/* The question; see nbd_lookup_ask(). */
	uint32_t option;  /* LIST, INFO, GO, EXPORT_NAME or …_META_CONTEXT */
	const char *name; /* in the connection's receive buffer, which stands still meanwhile */
	size_t name_len;
	bool wants_name;
	bool wants_description;
	bool wants_allocation; /* to have it listed, or set */

	/* The answer, which is the app thread's to write meanwhile. */
	struct nbd_out out;
	enum nbd_lookup_result result;
	struct ebb_bdev_desc *desc; /* BOUND: the export's */
	struct nbd_geometry geometry;
};

/* A new question; what has been agreed on stays. Thread: the connection's. */
static inline void nbd_lookup_ask(struct nbd_lookup *lookup, uint32_t option, const char *name,
				  size_t name_len)
{
	*lookup = (struct nbd_lookup){
		.agreed = lookup->agreed,
		.option = option,
		.name = name,
		.name_len = name_len,
	};
}

/**
 * nbd_lookup_run() - answer @lookup
 * @client: who asks; it has the export from here on if that is the answer
 * Thread: app.
 */
void nbd_lookup_run(struct nbd_lookup *lookup, struct exporter_client *client);

#endif
