/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/lookup.h"

#include <ebb/assert.h>
#include <ebb/bdev.h>
#include <ebb/thread.h>

#include "core/exporter/client.h"
#include "core/exporter/export.h"

static struct nbd_geometry lookup_geometry(const struct exporter_export *export,
					   const struct nbd_agreed *agreed)
{
	const struct ebb_bdev *bdev = ebb_bdev_desc_bdev(export->desc);
	uint32_t flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_CAN_MULTI_CONN;

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
		}
	}
	return (struct nbd_geometry){
		.size_bytes = export->size_bytes,
		.block_size = export->block_size,
		.flags = (uint16_t)flags,
	};
}

static void lookup_list(struct nbd_out *out, const struct exporter_client *client)
{
	struct exporter_export *export = NULL;

	while ((export = exporter_export_next_at(client->listener, export)) != NULL) {
		nbd_out_server(out, export->name);
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

void nbd_lookup_run(struct nbd_lookup *lookup, struct exporter_client *client)
{
	struct nbd_out *out = &lookup->out;
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
	lookup->geometry = lookup_geometry(export, &lookup->agreed);
	if (lookup->option == NBD_OPT_EXPORT_NAME) {
		nbd_out_export_name(out, &lookup->geometry, lookup->agreed.no_zeroes);
		lookup_bind(lookup, client, export);
		return;
	}
	nbd_out_info(out, lookup->option, &lookup->geometry, export->name, lookup->wants_name);
	if (lookup->option == NBD_OPT_GO) {
		lookup_bind(lookup, client, export);
	}
}
