/* SPDX-License-Identifier: Apache-2.0 */

#include "drivers/nbd/rpc.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/list.h>
#include <ebb/method.h>
#include <ebb/poller.h>

#include "core/os/path.h"
#include "core/exporter/address.h"
#include "core/exporter/client.h"
#include "drivers/nbd/connection.h"
#include "core/exporter/export.h"
#include "core/exporter/listener.h"

#define PORT_DEFAULT   10809u
#define START_RETRY_US 50000u
#define START_TRIES    40u /* two seconds of them */

/*
 * The same socket from any working directory, as it is kept and saved. Return: the caller's to
 * free(); NULL: no path is given, or memory is out, and it is kept as it was given.
 */
static char *path_took_effect(struct ebb_call *call, const char *path)
{
	char *absolute = path != NULL ? os_path_absolute(path) : NULL;

	if (absolute != NULL) {
		ebb_call_took_effect(call, "path", json_object_new_string(absolute));
	}
	return absolute;
}

struct start_params {
	char *bdev_name;
	char *path;
	char *address;
	uint32_t port;
	bool port_given;
	char *export_name;
	bool allow_remote;
	bool read_only;
	bool read_only_given;
};

static const struct ebb_param start_table[] = {
	EBB_PARAM(struct start_params, bdev_name, EBB_PARAM_STRING, .help = "the bdev to serve"),
	EBB_PARAM(struct start_params, path, EBB_PARAM_STRING, .optional = true,
		  .help = "Unix socket to listen at"),
	EBB_PARAM(struct start_params, address, EBB_PARAM_STRING, .optional = true,
		  .help = "or host to listen at: digits, or localhost"),
	EBB_PARAM(struct start_params, port, EBB_PARAM_UINT32, .optional = true, .max = 65535,
		  .given_offset = offsetof(struct start_params, port_given),
		  .help = "TCP port with address; default 10809, 0: any that is free"),
	EBB_PARAM(struct start_params, allow_remote, EBB_PARAM_BOOL, .optional = true,
		  .help = "let address be one that other machines reach: nothing is encrypted"),
	EBB_PARAM(struct start_params, export_name, EBB_PARAM_STRING, .optional = true,
		  .help = "name that clients ask for; default: bdev_name as it is given"),
	EBB_PARAM(struct start_params, read_only, EBB_PARAM_BOOL, .optional = true,
		  .given_offset = offsetof(struct start_params, read_only_given),
		  .help = "refuse to write; default: if the bdev cannot be written to"),
};

static const struct start_params start_defaults = {.port = PORT_DEFAULT};

/*
 * A call that waits for its path. An ebbd that was killed may seem to listen there for some tens of
 * ms yet, as the kernel puts its sockets away; another program listens on and on.
 */
struct start_retry {
	struct ebb_list link; /* of start_retries */
	struct ebb_call *call;
	const struct start_params *params; /* they live as long as the call */
	struct ebb_poller *poller;
	unsigned tries;
};

static struct ebb_list start_retries = EBB_LIST_INIT(start_retries);

/* Return: -EBUSY: nothing is answered yet; else all is done. */
static int start_try(struct ebb_call *call, const struct start_params *params, bool last)
{
	char *path = path_took_effect(call, params->path);
	struct exporter_export_opts opts = {
		.bdev_name = params->bdev_name,
		.name = params->export_name,
		.path = path != NULL ? path : params->path,
		.address = params->address,
		.port = (uint16_t)params->port,
		.allow_remote = params->allow_remote,
		.read_only = params->read_only,
		.writable = params->read_only_given && !params->read_only,
		.admit = nbd_conn_start,
		.method = "nbd_start_export",
	};
	struct exporter_export *export;
	char error[EXPORTER_ERROR_TEXT];
	int rc = exporter_export_start(&opts, &export, error);

	free(path);
	if (rc == -EBUSY && !last) {
		return rc;
	}
	if (rc != 0) {
		ebb_call_error(call, rc == -EBUSY ? -EADDRINUSE : rc, "%s", error);
	} else {
		/* It may have been named by its uuid: what stands on what is known by names. */
		ebb_call_took_effect(call, "bdev_name", json_object_new_string(export->bdev_name));
		if (export->listener->path == NULL) {
			ebb_call_took_effect(call, "port",
					     json_object_new_int(export->listener->port));
		}
		ebb_call_result(call, json_object_new_string(export->name));
	}
	return 0;
}

static void retry_free(struct start_retry *retry)
{
	ebb_list_remove(&retry->link);
	ebb_poller_unregister(&retry->poller);
	free(retry);
}

static int retry_poll(void *arg)
{
	struct start_retry *retry = arg;

	retry->tries++;
	if (start_try(retry->call, retry->params, retry->tries == START_TRIES) == 0) {
		retry_free(retry);
	}
	return 1;
}

static void start_retry(struct ebb_call *call, const struct start_params *params)
{
	struct start_retry *retry = calloc(1, sizeof(*retry));

	if (retry == NULL) {
		ebb_call_error(call, -ENOMEM, "export of %s: out of memory", params->bdev_name);
		return;
	}
	retry->call = call;
	retry->params = params;
	retry->poller = ebb_poller_register(retry_poll, retry, START_RETRY_US);
	if (retry->poller == NULL) {
		free(retry);
		(void)start_try(call, params, true);
		return;
	}
	ebb_list_push_back(&start_retries, &retry->link);
}

void nbd_rpc_fini(void)
{
	while (!ebb_list_empty(&start_retries)) {
		struct start_retry *retry =
			ebb_list_first(&start_retries, struct start_retry, link);
		struct ebb_call *call = retry->call;

		retry_free(retry);
		ebb_call_error(call, -ESHUTDOWN, "no export was started: ebb is stopping");
	}
}

/* What it comes to where it is not given, or could be spelt in several ways. */
static void start_took_effect(struct ebb_call *call, const struct start_params *params)
{
	char digits[INET6_ADDRSTRLEN];

	if (params->export_name == NULL) {
		ebb_call_took_effect(call, "export_name",
				     json_object_new_string(params->bdev_name));
	}
	if (params->address == NULL) {
		return;
	}
	if (exporter_address_digits(params->address, digits, sizeof(digits)) == 0) {
		ebb_call_took_effect(call, "address", json_object_new_string(digits));
	}
	if (params->port != 0) {
		ebb_call_took_effect(call, "port", json_object_new_int64(params->port));
	}
}

static void start_export(struct ebb_call *call, void *arg)
{
	const struct start_params *params = arg;

	if ((params->path != NULL) == (params->address != NULL)) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "export of %s: give either path, a Unix socket, or address, a host",
			       params->bdev_name);
		return;
	}
	if (params->port_given && params->path != NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "export of %s: a port goes with address, not with path",
			       params->bdev_name);
		return;
	}
	if (params->allow_remote && params->address == NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "export of %s: allow_remote goes with address, not with path",
			       params->bdev_name);
		return;
	}
	if (params->export_name != NULL && params->export_name[0] == '\0') {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "export of %s: export_name is empty; clients that give no name get "
			       "the first export anyway",
			       params->bdev_name);
		return;
	}
	start_took_effect(call, params);
	if (start_try(call, params, false) != 0) {
		start_retry(call, params);
	}
}

static struct ebb_method start_method = {
	.name = "nbd_start_export",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "serve a bdev to NBD clients",
	.params = start_table,
	.num_params = EBB_ARRAY_SIZE(start_table),
	.params_size = sizeof(struct start_params),
	.defaults = &start_defaults,
	.fn = start_export,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "nbd",
	.object = "export_name path address port",
	.stands_on = "bdev_name",
};
EBB_METHOD_REGISTER(start_method)

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
	if (params->path != NULL &&
	    (listener->path == NULL || strcmp(params->path, listener->path) != 0)) {
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
	for (export = exporter_export_next(NULL); export != NULL;
	     export = exporter_export_next(export)) {
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
	char *path = path_took_effect(call, params.path);
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

static struct json_object *export_clients_json(const struct exporter_export *export)
{
	struct json_object *clients = json_object_new_array();
	struct ebb_list *node;

	ebb_list_for_each(node, &export->listener->clients) {
		struct exporter_client *client = ebb_list_entry(node, struct exporter_client, link);
		struct json_object *json;

		if (client->export != export) {
			continue;
		}
		json = json_object_new_object();
		json_object_object_add(json, "peer", json_object_new_string(client->peer));
		json_object_object_add(json, "thread",
				       json_object_new_string(ebb_thread_name(client->thread)));
		json_object_array_add(clients, json);
	}
	return clients;
}

static struct json_object *export_json(const struct exporter_export *export)
{
	const struct exporter_listener *listener = export->listener;
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "export_name", json_object_new_string(export->name));
	json_object_object_add(json, "bdev_name", json_object_new_string(export->bdev_name));
	if (listener->path != NULL) {
		json_object_object_add(json, "path", json_object_new_string(listener->path));
	} else {
		json_object_object_add(json, "address", json_object_new_string(listener->address));
		json_object_object_add(json, "port", json_object_new_int(listener->port));
	}
	json_object_object_add(json, "read_only", json_object_new_boolean(export->read_only));
	json_object_object_add(json, "stopping",
			       json_object_new_boolean(export->state != EXPORTER_EXPORT_SERVED));
	json_object_object_add(json, "clients", json_object_new_int((int)export->num_clients));
	json_object_object_add(json, "peers", export_clients_json(export));
	return json;
}

static void get_exports(struct ebb_call *call, void *params)
{
	struct json_object *list = json_object_new_array();
	struct exporter_export *export;

	(void)params;
	for (export = exporter_export_next(NULL); export != NULL;
	     export = exporter_export_next(export)) {
		json_object_array_add(list, export_json(export));
	}
	ebb_call_result(call, list);
}

static struct ebb_method get_method = {
	.name = "nbd_get_exports",
	.states = EBB_METHOD_RUNTIME,
	.help = "what is served to NBD clients, where, and to whom",
	.fn = get_exports,
};
EBB_METHOD_REGISTER(get_method)
