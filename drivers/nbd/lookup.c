/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/lookup.h"

#include <stdio.h>

#include <ebb/assert.h>
#include <ebb/bdev_module.h>
#include <ebb/thread.h>

#include "core/exporter/client.h"
#include "core/exporter/export.h"
#include "drivers/nbd/reply.h"

#define DESCRIPTION_SIZE 256u

static struct nbd_geometry lookup_geometry(const struct exporter_export *export,
					   const struct nbd_agreed *agreed)
{
	const struct ebb_bdev *bdev = ebb_bdev_desc_bdev(export->desc);
	uint32_t block_size = ebb_bdev_block_size(bdev);
	uint32_t flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_CAN_MULTI_CONN | NBD_FLAG_SEND_CACHE;

	if (ebb_bdev_io_type_supported(bdev, EBB_BDEV_FLUSH)) {
		flags |= NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA;
	}
	if (agreed->structured) {
		flags |= NBD_FLAG_SEND_DF;
	}
	if (export->read_only) {
		flags |= NBD_FLAG_READ_ONLY;
	} else {
		if (ebb_bdev_io_type_supported(bdev, EBB_BDEV_UNMAP)) {
			flags |= NBD_FLAG_SEND_TRIM;
		}
		if (ebb_bdev_io_type_supported(bdev, EBB_BDEV_WRITE_ZEROES)) {
			flags |= NBD_FLAG_SEND_WRITE_ZEROES;
			if (ebb_bdev_fast_zero_supported(bdev, 0) ||
			    ebb_bdev_fast_zero_supported(bdev, EBB_BDEV_NO_HOLE)) {
				flags |= NBD_FLAG_SEND_FAST_ZERO;
			}
		}
	}
	return (struct nbd_geometry){
		.size_bytes = ebb_bdev_num_blocks(bdev) * block_size,
		.block_size = block_size,
		.flags = (uint16_t)flags,
		.allocation = agreed->allocation == export,
	};
}

/* For people: what is behind it. */
static void lookup_describe(const struct exporter_export *export, char *ret_text)
{
	const struct ebb_bdev *bdev = ebb_bdev_desc_bdev(export->desc);

	snprintf(ret_text, DESCRIPTION_SIZE, "bdev %s of ebb (%s)", ebb_bdev_name(bdev),
		 bdev->product_name);
}

static void lookup_list(struct nbd_out *out, const struct exporter_client *client)
{
	struct exporter_export *export = NULL;
	char description[DESCRIPTION_SIZE];

	while ((export = exporter_export_next_at(client->listener, export)) != NULL) {
		lookup_describe(export, description);
		nbd_out_server(out, export->name, description);
	}
	nbd_out_option_reply(out, NBD_OPT_LIST, NBD_REP_ACK, NULL, 0);
}

static void lookup_bind(struct nbd_lookup *lookup, struct exporter_client *client,
			struct exporter_export *export)
{
	exporter_export_bind(export, client);
	lookup->desc = export->desc;
	lookup->result = NBD_LOOKUP_BOUND;
}

static void lookup_meta(struct nbd_lookup *lookup, const struct exporter_export *export)
{
	bool set = lookup->option == NBD_OPT_SET_META_CONTEXT;

	if (lookup->wants_allocation) {
		nbd_out_meta_context(&lookup->out, lookup->option, set ? NBD_META_ALLOCATION_ID : 0,
				     NBD_META_ALLOCATION);
	}
	if (set && lookup->wants_allocation) {
		lookup->agreed.allocation = export;
	}
	nbd_out_option_reply(&lookup->out, lookup->option, NBD_REP_ACK, NULL, 0);
}

void nbd_lookup_run(struct nbd_lookup *lookup, struct exporter_client *client)
{
	struct nbd_out *out = &lookup->out;
	char description[DESCRIPTION_SIZE];
	struct exporter_export *export;

	ebb_assert(ebb_thread_is_app());
	lookup->result = NBD_LOOKUP_REPLIED;
	if (lookup->option == NBD_OPT_LIST) {
		lookup_list(out, client);
		return;
	}
	export = exporter_export_find(client->listener, lookup->name, lookup->name_len);
	if (export == NULL && lookup->option == NBD_OPT_EXPORT_NAME) {
		lookup->result = NBD_LOOKUP_FAILED;
		return;
	}
	if (export == NULL) {
		nbd_out_option_error(out, lookup->option, NBD_REP_ERR_UNKNOWN,
				     "there is no export of that name");
		return;
	}
	if (lookup->option == NBD_OPT_LIST_META_CONTEXT ||
	    lookup->option == NBD_OPT_SET_META_CONTEXT) {
		lookup_meta(lookup, export);
		return;
	}
	lookup->geometry = lookup_geometry(export, &lookup->agreed);
	if (lookup->option == NBD_OPT_EXPORT_NAME) {
		nbd_out_export_name(out, &lookup->geometry, lookup->agreed.no_zeroes);
		lookup_bind(lookup, client, export);
		return;
	}
	lookup_describe(export, description);
	nbd_out_info(out, lookup->option, &lookup->geometry,
		     lookup->wants_name ? export->name : NULL,
		     lookup->wants_description ? description : NULL);
	if (lookup->option == NBD_OPT_GO) {
		lookup_bind(lookup, client, export);
	}
}
