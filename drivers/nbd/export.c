/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/bdev.h>
#include <ebb/log.h>
#include <ebb/thread.h>

#include "drivers/nbd/connection.h"
#include "drivers/nbd/listener.h"

static void (*all_stopped)(void);

static struct nbd_export *export_find(struct nbd_listener *listener, const char *name,
				      size_t name_len)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &listener->exports) {
		struct nbd_export *export = ebb_list_entry(node, struct nbd_export, link);

		if (export->stopping) {
			continue;
		}
		/* No name is the first export there is. */
		if (name_len == 0 || (strlen(export->name) == name_len &&
				      memcmp(export->name, name, name_len) == 0)) {
			return export;
		}
	}
	return NULL;
}

static bool listener_in_use(struct nbd_listener *listener)
{
	return export_find(listener, NULL, 0) != NULL;
}

static void export_free(struct nbd_export *export)
{
	free(export->name);
	free(export->bdev_name);
	free(export);
}

static void listener_finish(struct nbd_listener *listener)
{
	void (*done)(void) = all_stopped;

	if (nbd_listener_put(listener) && ebb_list_empty(&nbd_listeners) && done != NULL) {
		all_stopped = NULL;
		done();
	}
}

/* Its clients have gone, and the address can be used again if it was the last one there. */
static bool export_finish(struct nbd_export *export)
{
	if (!export->stopping || export->clients > 0 ||
	    (export->listener->closing && export->listener->fd >= 0)) {
		return false;
	}
	ebb_list_remove(&export->link);
	ebb_bdev_close(export->desc);
	if (export->stopped != NULL) {
		export->stopped(export->stopped_arg);
	}
	export_free(export);
	return true;
}

int nbd_export_stop(struct nbd_export *export, void (*stopped)(void *arg), void *arg)
{
	struct nbd_listener *listener = export->listener;
	struct ebb_list *node;
	bool last;

	ebb_assert(ebb_thread_is_app());
	if (export->stopping) {
		return -EALREADY;
	}
	export->stopping = true;
	export->stopped = stopped;
	export->stopped_arg = arg;
	last = !listener_in_use(listener);
	if (last) {
		nbd_listener_close(listener);
	}
	ebb_list_for_each(node, &listener->conns) {
		struct nbd_conn *conn = ebb_list_entry(node, struct nbd_conn, listener_link);

		if (last || conn->export == export) {
			nbd_conn_stop(conn);
		}
	}
	(void)export_finish(export);
	listener_finish(listener);
	return 0;
}

static void export_geometry(struct nbd_export *export, bool writes)
{
	const struct ebb_bdev *bdev = ebb_bdev_desc_bdev(export->desc);
	uint32_t flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_CAN_MULTI_CONN;

	if (ebb_bdev_io_type_supported(bdev, EBB_BDEV_FLUSH)) {
		flags |= NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA;
	}
	if (!writes) {
		flags |= NBD_FLAG_READ_ONLY;
	} else {
		if (ebb_bdev_io_type_supported(bdev, EBB_BDEV_UNMAP)) {
			flags |= NBD_FLAG_SEND_TRIM;
		}
		if (ebb_bdev_io_type_supported(bdev, EBB_BDEV_WRITE_ZEROES)) {
			flags |= NBD_FLAG_SEND_WRITE_ZEROES;
		}
	}
	export->geometry = (struct nbd_geometry){
		.size_bytes = ebb_bdev_num_blocks(bdev) * ebb_bdev_block_size(bdev),
		.block_size = ebb_bdev_block_size(bdev),
		.flags = (uint16_t)flags,
	};
}

static void export_bdev_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct nbd_export *export = arg;

	if (event == EBB_BDEV_EVENT_REMOVE) {
		ebb_notice("nbd", "export %s ends: its bdev %s is being removed", export->name,
			   ebb_bdev_name(bdev));
		(void)nbd_export_stop(export, NULL, NULL);
	} else {
		ebb_notice("nbd",
			   "export %s: bdev %s has another size now; clients are told the old one "
			   "until the export is started anew",
			   export->name, ebb_bdev_name(bdev));
	}
}

/* A bdev that cannot be written to is exported for reading, unless that is not wanted. */
static int export_open(struct nbd_export *export, const struct nbd_export_opts *opts,
		       char *ret_error)
{
	const char *name = export->bdev_name;
	bool writes = !opts->read_only;
	int rc = ebb_bdev_open(name, writes, export_bdev_event, export, &export->desc);

	if (rc == -EROFS && !opts->writable) {
		writes = false;
		rc = ebb_bdev_open(name, writes, export_bdev_event, export, &export->desc);
	}
	switch (rc) {
	case 0:
		export_geometry(export, writes);
		break;
	case -EROFS:
		snprintf(ret_error, NBD_ERROR_TEXT,
			 "read_only: bdev %.64s cannot be written to; leave read_only out, or give "
			 "read_only=true",
			 name);
		break;
	case -ENODEV:
		snprintf(ret_error, NBD_ERROR_TEXT,
			 "there is no bdev %.64s: bdev_get_bdevs lists those there are", name);
		break;
	default:
		snprintf(ret_error, NBD_ERROR_TEXT, "bdev %.64s cannot be opened: %s", name,
			 strerror(-rc));
		break;
	}
	return rc;
}

static struct nbd_export *export_create(const struct nbd_export_opts *opts)
{
	struct nbd_export *export = calloc(1, sizeof(*export));

	if (export == NULL) {
		return NULL;
	}
	ebb_list_init(&export->link);
	export->name = strdup(opts->name != NULL ? opts->name : opts->bdev_name);
	export->bdev_name = strdup(opts->bdev_name);
	if (export->name == NULL || export->bdev_name == NULL) {
		export_free(export);
		return NULL;
	}
	return export;
}

int nbd_export_start(const struct nbd_export_opts *opts, struct nbd_export **ret_export,
		     char *ret_error)
{
	struct nbd_listener *listener = NULL;
	struct nbd_export *export;
	int rc;

	ebb_assert(ebb_thread_is_app());
	export = export_create(opts);
	if (export == NULL) {
		snprintf(ret_error, NBD_ERROR_TEXT, "out of memory");
		return -ENOMEM;
	}
	if (opts->path != NULL || opts->port != 0) {
		listener = nbd_listener_find(opts->path, opts->address, opts->port);
	}
	if (listener != NULL) {
		rc = nbd_listener_renew(listener, ret_error);
		if (rc != 0) {
			goto free_export;
		}
	}
	if (listener != NULL && export_find(listener, export->name, strlen(export->name)) != NULL) {
		snprintf(ret_error, NBD_ERROR_TEXT,
			 "an export %.64s is served at that address already: give another "
			 "export_name",
			 export->name);
		rc = -EEXIST;
		goto free_export;
	}
	rc = export_open(export, opts, ret_error);
	if (rc != 0) {
		goto free_export;
	}
	if (listener == NULL) {
		rc = nbd_listener_open(opts->path, opts->address, opts->port, &listener, ret_error);
		if (rc != 0) {
			goto close_bdev;
		}
	}
	export->listener = listener;
	ebb_list_push_back(&listener->exports, &export->link);
	*ret_export = export;
	return 0;

close_bdev:
	ebb_bdev_close(export->desc);
free_export:
	export_free(export);
	return rc;
}

struct nbd_export *nbd_export_next(struct nbd_export *previous)
{
	struct ebb_list *at = &nbd_listeners;

	ebb_assert(ebb_thread_is_app());
	if (previous != NULL) {
		if (previous->link.next != &previous->listener->exports) {
			return ebb_list_entry(previous->link.next, struct nbd_export, link);
		}
		at = &previous->listener->link;
	}
	for (at = at->next; at != &nbd_listeners; at = at->next) {
		struct nbd_listener *listener = ebb_list_entry(at, struct nbd_listener, link);

		if (!ebb_list_empty(&listener->exports)) {
			return ebb_list_first(&listener->exports, struct nbd_export, link);
		}
	}
	return NULL;
}

void nbd_export_stop_all(void (*done)(void))
{
	struct nbd_export *export, *next;

	ebb_assert(ebb_thread_is_app());
	if (ebb_list_empty(&nbd_listeners)) {
		done();
		return;
	}
	all_stopped = done;
	for (export = nbd_export_next(NULL); export != NULL; export = next) {
		next = nbd_export_next(export);
		(void)nbd_export_stop(export, NULL, NULL);
	}
}

static void ask_list(struct nbd_conn *conn, struct nbd_out *out)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &conn->listener->exports) {
		struct nbd_export *export = ebb_list_entry(node, struct nbd_export, link);

		if (!export->stopping) {
			nbd_out_server(out, export->name);
		}
	}
	nbd_out_option_reply(out, NBD_OPT_LIST, NBD_REP_ACK, NULL, 0);
}

/* From here on the export lives until nbd_export_conn_gone(). */
static void ask_bind(struct nbd_conn *conn, struct nbd_export *export)
{
	conn->export = export;
	export->clients++;
	conn->desc = export->desc;
	conn->geometry = export->geometry;
	conn->answer = NBD_LOOKUP_BOUND;
}

void nbd_export_ask(void *arg)
{
	struct nbd_conn *conn = arg;
	struct nbd_lookup *lookup = &conn->lookup;
	struct nbd_out *out = &lookup->out;
	struct nbd_export *export;

	ebb_assert(ebb_thread_is_app());
	export = export_find(conn->listener, lookup->name, lookup->name_len);
	conn->answer = NBD_LOOKUP_REPLIED;
	if (lookup->option == NBD_OPT_LIST) {
		ask_list(conn, out);
	} else if (lookup->option == NBD_OPT_EXPORT_NAME && export == NULL) {
		conn->answer = NBD_LOOKUP_FAILED;
	} else if (export == NULL) {
		nbd_out_option_error(out, lookup->option, NBD_REP_ERR_UNKNOWN,
				     "there is no export of that name");
	} else if (lookup->option == NBD_OPT_EXPORT_NAME) {
		nbd_out_export_name(out, &export->geometry, conn->parser.no_zeroes);
		ask_bind(conn, export);
	} else {
		nbd_out_info(out, lookup->option, &export->geometry, export->name,
			     lookup->wants_name);
		if (lookup->option == NBD_OPT_GO) {
			ask_bind(conn, export);
		}
	}
	nbd_conn_answered(conn);
}

void nbd_export_conn_gone(struct nbd_conn *conn)
{
	struct nbd_listener *listener = conn->listener;
	struct nbd_export *export = conn->export;

	ebb_assert(ebb_thread_is_app());
	nbd_listener_client_gone(conn);
	nbd_conn_release(conn);
	if (export != NULL) {
		ebb_assert(export->clients > 0);
		export->clients--;
		(void)export_finish(export);
	}
	listener_finish(listener);
}

void nbd_export_listener_closed(struct nbd_listener *listener)
{
	struct ebb_list *node, *tmp;

	ebb_assert(ebb_thread_is_app());
	ebb_list_for_each_safe(node, tmp, &listener->exports) {
		(void)export_finish(ebb_list_entry(node, struct nbd_export, link));
	}
	listener_finish(listener);
}
