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

struct exporter nbd_exporter = {.name = "NBD", .admit = nbd_conn_start};

char *nbd_rpc_path(struct ebb_call *call, const char *path)
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
	char *mode;
	char *group;
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
	EBB_PARAM(struct start_params, mode, EBB_PARAM_STRING, .optional = true,
		  .help = "of the Unix socket's file, in octal; default 0600"),
	EBB_PARAM(struct start_params, group, EBB_PARAM_STRING, .optional = true,
		  .help = "of that file, by name or number; default: the daemon's"),
};

static const struct start_params start_defaults = {.port = PORT_DEFAULT};

/*
 * A call that waits for its group's number, or for its path. An ebbd that was killed may seem to
 * listen there for some tens of ms yet, as the kernel puts its sockets away; another program
 * listens on and on.
 */
struct start_retry {
	struct ebb_list link;  /* of start_retries */
	struct ebb_call *call; /* NULL: it has ended; the group is still looked for */
	struct exporter_group group;
	bool has_group; /* it is known, or none is wanted */
	gid_t gid;
	const struct start_params *params; /* they live as long as the call */
	struct ebb_poller *poller;
	unsigned tries;
};

static struct ebb_list start_retries = EBB_LIST_INIT(start_retries);

/* Return: -EBUSY: nothing is answered yet; else all is done. */
static int start_try(struct ebb_call *call, const struct start_params *params, gid_t gid, bool last)
{
	char *path = nbd_rpc_path(call, params->path);
	struct exporter_export_opts opts = {
		.bdev_name = params->bdev_name,
		.name = params->export_name,
		.at = {.path = path != NULL ? path : params->path,
		       .address = params->address,
		       .port = (uint16_t)params->port,
		       .mode_given = params->mode != NULL,
		       .gid = gid,
		       .group = params->group},
		.allow_remote = params->allow_remote,
		.read_only = params->read_only,
		.writable = params->read_only_given && !params->read_only,
		.exporter = &nbd_exporter,
		.method = "nbd_start_export",
	};
	struct exporter_export *export;
	char error[EXPORTER_ERROR_TEXT];
	int rc;

	if (params->mode != NULL) {
		(void)exporter_mode_parse(params->mode, &opts.at.mode);
	}
	rc = exporter_export_start(&opts, &export, error);
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
		} else {
			/* There may have been exports, at the same file by another name. */
			ebb_call_took_effect(call, "path",
					     json_object_new_string(export->listener->path));
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
	if (start_try(retry->call, retry->params, retry->gid, retry->tries == START_TRIES) == 0) {
		retry_free(retry);
	}
	return 1;
}

/* Starts the export, or waits for its path. */
static void retry_begin(struct start_retry *retry)
{
	if (start_try(retry->call, retry->params, retry->gid, false) == 0) {
		retry_free(retry);
		return;
	}
	retry->poller = ebb_poller_register(retry_poll, retry, START_RETRY_US);
	if (retry->poller == NULL) {
		(void)start_try(retry->call, retry->params, retry->gid, true);
		retry_free(retry);
	}
}

static void retry_group_found(struct exporter_group *group)
{
	struct start_retry *retry = ebb_container_of(group, struct start_retry, group);

	retry->has_group = true;
	retry->gid = group->gid;
	if (retry->call == NULL) {
		free(retry);
	} else if (group->rc != 0) {
		ebb_call_error(retry->call, group->rc, "export of %s: group %s: %s",
			       retry->params->bdev_name, group->name,
			       group->rc == -ENOENT ? "there is no such group; give the name or "
						      "the number of one"
						    : strerror(-group->rc));
		retry_free(retry);
	} else {
		retry_begin(retry);
	}
}

static void start_begin(struct ebb_call *call, const struct start_params *params)
{
	struct start_retry *retry = calloc(1, sizeof(*retry));

	if (retry == NULL) {
		ebb_call_error(call, -ENOMEM, "export of %s: out of memory", params->bdev_name);
		return;
	}
	retry->call = call;
	retry->params = params;
	retry->gid = OS_UNIX_SOCKET_ANY_GROUP;
	ebb_list_push_back(&start_retries, &retry->link);
	if (params->group == NULL) {
		retry->has_group = true;
		retry_begin(retry);
	} else if (exporter_group_find(&retry->group, params->group, retry_group_found) != 0) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "export of %s: group is empty, or longer than any group's name",
			       params->bdev_name);
		retry_free(retry);
	}
}

void nbd_rpc_fini(void)
{
	while (!ebb_list_empty(&start_retries)) {
		struct start_retry *retry =
			ebb_list_first(&start_retries, struct start_retry, link);
		struct ebb_call *call = retry->call;

		if (retry->has_group) {
			retry_free(retry);
		} else {
			ebb_list_remove(&retry->link);
			retry->call = NULL;
		}
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

/* Who may connect. Return: false: @call has ended. */
static bool start_check_file(struct ebb_call *call, const struct start_params *params)
{
	mode_t mode;

	if ((params->mode != NULL || params->group != NULL) && params->path == NULL) {
		ebb_call_error(
			call, EBB_METHOD_INVALID_PARAMS,
			"export of %s: mode and group are those of a Unix socket's file: they "
			"go with path",
			params->bdev_name);
		return false;
	}
	if (params->mode != NULL && exporter_mode_parse(params->mode, &mode) != 0) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "export of %s: mode %s is none: give it in octal, as \"0660\", 0777 "
			       "at most",
			       params->bdev_name, params->mode);
		return false;
	}
	return true;
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
	if (params->path != NULL && params->path[0] == '\0') {
		ebb_call_error(
			call, EBB_METHOD_INVALID_PARAMS,
			"export of %s: path is empty; give that of a Unix socket, to be made "
			"there",
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
	if (!start_check_file(call, params)) {
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
	start_begin(call, params);
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
		char mode[8];

		snprintf(mode, sizeof(mode), "%04o", listener->unix_socket.mode);
		json_object_object_add(json, "path", json_object_new_string(listener->path));
		json_object_object_add(json, "mode", json_object_new_string(mode));
		if (listener->group_name[0] != '\0') {
			json_object_object_add(json, "group",
					       json_object_new_string(listener->group_name));
		}
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
	for (export = exporter_export_next(&nbd_exporter, NULL); export != NULL;
	     export = exporter_export_next(&nbd_exporter, export)) {
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
