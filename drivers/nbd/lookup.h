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

/* What to do after the bytes of the answer have been sent. */
enum nbd_lookup_result {
	NBD_LOOKUP_REPLIED, /* haggle on */
	NBD_LOOKUP_BOUND,   /* the client has an export: transmission follows */
	NBD_LOOKUP_FAILED,  /* hang up: there is no such export, and no way to say so */
};

struct nbd_lookup {
	uint32_t option;  /* LIST, INFO, GO or EXPORT_NAME */
	const char *name; /* in the connection's receive buffer, which stands still meanwhile */
	size_t name_len;
	bool wants_name;
	bool no_zeroes;

	/* The answer, which is the app thread's to write meanwhile. */
	struct nbd_out out;
	enum nbd_lookup_result result;
	struct ebb_bdev_desc *desc; /* BOUND: the export's */
	struct nbd_geometry geometry;
};

/**
 * nbd_lookup_run() - answer @lookup
 * @client: who asks; it has the export from here on if that is the answer
 * Thread: app.
 */
void nbd_lookup_run(struct nbd_lookup *lookup, struct exporter_client *client);

#endif
