/* SPDX-License-Identifier: Apache-2.0 */

/* nbd_stop_export: which export is meant, and its end. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/method.h>

#include "core/exporter/address.h"
#include "core/exporter/export.h"
#include "core/exporter/listener.h"
#include "drivers/nbd/rpc.h"

struct stop_params {
	char *bdev_name;
	char *export_name;
	char *path;
	char *address;
	uint32_t port;
	bool port_given;
};

static const struct ebb_param stop_table[] = {
	EBB_PARAM(struct stop_params, bdev_name, EBB_PARAM_STRING, .optional = true,
		  .help = "the bdev that is served, or its uuid"),
	EBB_PARAM(struct stop_params, export_name, EBB_PARAM_STRING, .optional = true,
		  .help = "or the export's name"),
	EBB_PARAM(struct stop_params, path, EBB_PARAM_STRING, .optional = true,
		  .help = "or the Unix socket where it is served"),
	EBB_PARAM(struct stop_params, address, EBB_PARAM_STRING, .optional = true,
		  .help = "or the host where it is"),
	EBB_PARAM(struct stop_params, port, EBB_PARAM_UINT32, .optional = true, .max = 65535,
		  .given_offset = offsetof(struct stop_params, port_given),
		  .help = "and the TCP port there; all that are given must be the export's"),
};

/* Is it there that clients come to @listener? What is not given may be anything. */
static bool stop_matches_place(const struct stop_params *params,
			       const struct exporter_listener *listener)
{
	if (params->path != NULL && !exporter_listener_is_at(listener, params->path)) {
		return false;
	}
	if (params->address != NULL &&
	    (listener->path != NULL ||
	     !exporter_address_same(params->address, listener->address))) {
		return false;
	}
	return !params->port_given || (listener->path == NULL && params->port == listener->port);
}

static bool stop_matches(const struct stop_params *params, const struct exporter_export *export)
{
	if (params->bdev_name != NULL && strcmp(params->bdev_name, export->bdev_name) != 0 &&
	    ebb_bdev_find(params->bdev_name) != ebb_bdev_desc_bdev(export->desc)) {
		return false;
	}
	return (params->export_name == NULL || strcmp(params->export_name, export->name) == 0) &&
	       stop_matches_place(params, export->listener);
}

static void stop_done(void *arg)
{
	ebb_call_result(arg, json_object_new_boolean(true));
}

/* For people. */
static void place_text(const struct exporter_listener *listener, char *ret_text, size_t size)
{
	if (listener->path != NULL) {
		snprintf(ret_text, size, "%s", listener->path);
	} else {
		snprintf(ret_text, size, "address %s port %u", listener->address, listener->port);
	}
}

#define PLACE_TEXT 120 /* of a path of a Unix socket, or what else there is */

static void stop_ambiguous(struct ebb_call *call, const char *given,
			   const struct exporter_export *one, const struct exporter_export *other)
{
	char places[2][PLACE_TEXT];

	place_text(one->listener, places[0], PLACE_TEXT);
	place_text(other->listener, places[1], PLACE_TEXT);
	ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
		       "%.64s: there is export %.64s at %s and export %.64s at %s; say by "
		       "export_name and by path, or address and port, which to stop",
		       given, one->name, places[0], other->name, places[1]);
}

/* Exactly this one is not wanted any more, however it was named. */
static void stop_took_effect(struct ebb_call *call, const struct exporter_export *export)
{
	const struct exporter_listener *listener = export->listener;

	ebb_call_took_effect(call, "bdev_name", json_object_new_string(export->bdev_name));
	ebb_call_took_effect(call, "export_name", json_object_new_string(export->name));
	if (listener->path != NULL) {
		ebb_call_took_effect(call, "path", json_object_new_string(listener->path));
	} else {
		ebb_call_took_effect(call, "address", json_object_new_string(listener->address));
		ebb_call_took_effect(call, "port", json_object_new_int(listener->port));
	}
}

/* What the caller has named it by, for people; NULL: by nothing. */
static const char *stop_given(const struct stop_params *params)
{
	if (params->export_name != NULL) {
		return params->export_name;
	}
	if (params->bdev_name != NULL) {
		return params->bdev_name;
	}
	return params->path != NULL ? params->path : params->address;
}

/* One that is being stopped is meant only if there is no other: its like may be served again. */
static bool stop_prefers(const struct exporter_export *export, const struct exporter_export *found)
{
	return export->state == EXPORTER_EXPORT_SERVED || found->state != EXPORTER_EXPORT_SERVED;
}

/* The one export that @params mean. Return: NULL: @call has ended. */
static struct exporter_export *stop_find(struct ebb_call *call, const struct stop_params *params)
{
	const char *given = stop_given(params);
	struct exporter_export *export, *found = NULL;

	if (given == NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "say which export to stop: by export_name, by bdev_name, by path, "
			       "or by address and port");
		return NULL;
	}
	for (export = exporter_export_next(&nbd_exporter, NULL); export != NULL;
	     export = exporter_export_next(&nbd_exporter, export)) {
		if (!stop_matches(params, export) ||
		    (found != NULL && !stop_prefers(export, found))) {
			continue;
		}
		if (found != NULL && found->state == export->state) {
			stop_ambiguous(call, given, found, export);
			return NULL;
		}
		found = export;
	}
	if (found == NULL) {
		bool by_place = given == params->path || given == params->address;

		ebb_call_error(call, -ENOENT,
			       "there is no export %s%s: nbd_get_exports lists those there are",
			       by_place ? "at " : "", given);
	}
	return found;
}

static void stop_export(struct ebb_call *call, void *arg)
{
	struct stop_params params = *(const struct stop_params *)arg;
	char *path = nbd_rpc_path(call, params.path);
	struct exporter_export *export;

	params.path = path != NULL ? path : params.path;
	export = stop_find(call, &params);
	if (export != NULL) {
		stop_took_effect(call, export);
		if (exporter_export_stop(export, stop_done, call) != 0) {
			ebb_call_error(call, -EALREADY, "export %s is being stopped already",
				       stop_given(&params));
		}
	}
	free(path);
}

static struct ebb_method stop_method = {
	.name = "nbd_stop_export",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "end serving a bdev; answered when its clients have gone",
	.params = stop_table,
	.num_params = EBB_ARRAY_SIZE(stop_table),
	.params_size = sizeof(struct stop_params),
	.fn = stop_export,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "nbd",
	.object = "bdev_name export_name path address port",
	.undoes = "nbd_start_export",
};
EBB_METHOD_REGISTER(stop_method)
