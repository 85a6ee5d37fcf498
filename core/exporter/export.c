/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/bdev_module.h>
#include <ebb/log.h>
#include <ebb/thread.h>
#include <ebb/wanted.h>

#include "core/bdev/answer.h"
#include "core/bdev/desc.h"
#include "core/exporter/client.h"
#include "core/exporter/listener.h"

static const char *const state_names[EXPORTER_EXPORT_STATE_COUNT] = {
	[EXPORTER_EXPORT_STARTING] = "starting",
	[EXPORTER_EXPORT_SERVED] = "served",
	[EXPORTER_EXPORT_STOPPING] = "stopping",
	[EXPORTER_EXPORT_STOPPED] = "stopped",
};

static const uint32_t state_next[EXPORTER_EXPORT_STATE_COUNT] = {
	[EXPORTER_EXPORT_STARTING] = EBB_BIT(EXPORTER_EXPORT_SERVED),
	[EXPORTER_EXPORT_SERVED] = EBB_BIT(EXPORTER_EXPORT_STOPPING),
	[EXPORTER_EXPORT_STOPPING] = EBB_BIT(EXPORTER_EXPORT_STOPPED),
};

void exporter_export_set_state(struct exporter_export *export, enum exporter_export_state state)
{
	ebb_assert((state_next[export->state] & EBB_BIT(state)) != 0);
	ebb_debug("exporter", "export %s: %s -> %s", export->name, state_names[export->state],
		  state_names[state]);
	export->state = state;
}

struct exporter_export *exporter_export_next_at(struct exporter_listener *listener,
						struct exporter_export *previous)
{
	struct ebb_list *at = previous != NULL ? &previous->link : &listener->exports;

	ebb_assert(ebb_thread_is_app());
	for (at = at->next; at != &listener->exports; at = at->next) {
		struct exporter_export *export = ebb_list_entry(at, struct exporter_export, link);

		if (export->state == EXPORTER_EXPORT_SERVED) {
			return export;
		}
	}
	return NULL;
}

struct exporter_export *exporter_export_find(struct exporter_listener *listener, const char *name,
					     size_t name_len)
{
	struct exporter_export *export = NULL;

	while ((export = exporter_export_next_at(listener, export)) != NULL) {
		/* No name is the first export there is. */
		if (name_len == 0 || (strlen(export->name) == name_len &&
				      memcmp(export->name, name, name_len) == 0)) {
			break;
		}
	}
	return export;
}

static void export_free(struct exporter_export *export)
{
	free(export->name);
	free(export->bdev_name);
	free(export);
}

static bool has_listeners(const struct exporter *exporter)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &exporter_listeners) {
		if (ebb_list_entry(node, struct exporter_listener, link)->exporter == exporter) {
			return true;
		}
	}
	return false;
}

static void listener_finish(struct exporter_listener *listener)
{
	struct exporter *exporter = listener->exporter;
	void (*done)(void) = exporter->all_stopped;

	if (exporter_listener_put(listener) && done != NULL && !has_listeners(exporter)) {
		exporter->all_stopped = NULL;
		done();
	}
}

/* Its clients have gone, and the address can be used again if it was the last one there. */
static void export_finish(struct exporter_export *export)
{
	if (export->state != EXPORTER_EXPORT_STOPPING || export->num_clients > 0 ||
	    export->listener->state == EXPORTER_LISTENER_CLOSING) {
		return;
	}
	exporter_export_set_state(export, EXPORTER_EXPORT_STOPPED);
	ebb_list_remove(&export->link);
	ebb_bdev_close(export->desc);
	if (export->stopped != NULL) {
		export->stopped(export->stopped_arg);
	}
	export_free(export);
}

/* The listener's socket has been closed: its last export may have waited for that. */
static void export_listener_closed(struct exporter_listener *listener)
{
	struct ebb_list *node, *tmp;

	ebb_assert(ebb_thread_is_app());
	ebb_list_for_each_safe(node, tmp, &listener->exports) {
		export_finish(ebb_list_entry(node, struct exporter_export, link));
	}
	listener_finish(listener);
}

int exporter_export_stop(struct exporter_export *export, void (*stopped)(void *arg), void *arg)
{
	struct exporter_listener *listener = export->listener;
	struct ebb_list *node;
	bool last;

	ebb_assert(ebb_thread_is_app());
	if (export->state != EXPORTER_EXPORT_SERVED) {
		return -EALREADY;
	}
	exporter_export_set_state(export, EXPORTER_EXPORT_STOPPING);
	export->stopped = stopped;
	export->stopped_arg = arg;
	last = exporter_export_next_at(listener, NULL) == NULL;
	if (last) {
		exporter_listener_close(listener, export_listener_closed);
	}
	ebb_list_for_each(node, &listener->clients) {
		struct exporter_client *client = ebb_list_entry(node, struct exporter_client, link);

		if (last || client->export == export) {
			exporter_client_stop(client);
		}
	}
	export_finish(export);
	listener_finish(listener);
	return 0;
}

/* It ends without anybody asking. */
static void export_absent(const struct exporter_export *export)
{
	const struct exporter_listener *listener = export->listener;
	char *object;

	if ((listener->path != NULL ? asprintf(&object, "%s %s", export->name, listener->path)
				    : asprintf(&object, "%s %s %u", export->name, listener->address,
					       listener->port)) < 0) {
		return;
	}
	ebb_wanted_set_present(export->method, object, false);
	free(object);
}

static void export_bdev_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct exporter_export *export = arg;

	if (event == EBB_BDEV_EVENT_REMOVE) {
		export_absent(export);
		ebb_notice("exporter", "export %s ends: its bdev %s is being removed", export->name,
			   ebb_bdev_name(bdev));
		(void)exporter_export_stop(export, NULL, NULL);
	} else {
		ebb_notice(
			"exporter",
			"export %s: bdev %s has another size now; who connects is told it, who is "
			"connected keeps the one that he knows",
			export->name, ebb_bdev_name(bdev));
	}
}

/* Another stands on the bdev, and alone writes to it. */
static void export_claimed(const struct ebb_bdev *bdev, char *ret_error)
{
	snprintf(ret_error, EXPORTER_ERROR_TEXT,
		 "bdev %.64s cannot be written to: %.64s stands on it and has claimed it; export "
		 "that, or delete it, or give read_only=true",
		 ebb_bdev_name(bdev), ebb_bdev_claim_holder(bdev));
}

/* A bdev that cannot be written to is exported for reading, unless that is not wanted. */
static int export_open(struct exporter_export *export, const struct exporter_export_opts *opts,
		       char *ret_error)
{
	const char *name = export->bdev_name;
	char why[BDEV_ANSWER_WHY];
	bool writes = !opts->read_only;
	int rc = ebb_bdev_open(name, writes, export_bdev_event, export, &export->desc);

	if (rc == -EROFS && !opts->writable) {
		writes = false;
		rc = ebb_bdev_open(name, writes, export_bdev_event, export, &export->desc);
	}
	switch (rc) {
	case 0:
		export->read_only = !writes;
		/* Who asks for whom the bdev is open is told so before there are clients, too. */
		bdev_desc_set_clients(export->desc, export->name, 0);
		break;
	case -EROFS:
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "read_only: bdev %.64s cannot be written to; leave read_only out, or give "
			 "read_only=true",
			 name);
		break;
	case -EPERM:
		export_claimed(ebb_bdev_find(name), ret_error);
		break;
	case -ENODEV:
		if (ebb_bdev_waits_for(name) != NULL) {
			bdev_answer_waits_why(ebb_bdev_waits_for(name), why, sizeof(why));
			snprintf(ret_error, EXPORTER_ERROR_TEXT,
				 "bdev %.40s is not there yet: it waits for its base %.40s%s", name,
				 ebb_bdev_waits_for(name),
				 why[0] != '\0' ? why : "; export it when that has come");
			break;
		}
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "there is no bdev %.64s: bdev_get_bdevs lists those there are", name);
		break;
	default:
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "bdev %.64s cannot be opened: %s", name,
			 strerror(-rc));
		break;
	}
	return rc;
}

static struct exporter_export *export_create(const struct exporter_export_opts *opts)
{
	struct exporter_export *export = calloc(1, sizeof(*export));
	const struct ebb_bdev *bdev = ebb_bdev_find(opts->bdev_name);

	if (export == NULL) {
		return NULL;
	}
	ebb_list_init(&export->link);
	export->method = opts->method;
	export->name = strdup(opts->name != NULL ? opts->name : opts->bdev_name);
	export->bdev_name = strdup(bdev != NULL ? ebb_bdev_name(bdev) : opts->bdev_name);
	if (export->name == NULL || export->bdev_name == NULL) {
		export_free(export);
		return NULL;
	}
	return export;
}

/* Nothing that is exported is encrypted, or asks who comes. Return: 0; -EPERM. */
static int export_check_address(const struct exporter_export_opts *opts, char *ret_error)
{
	if (opts->at.address == NULL || opts->allow_remote ||
	    !exporter_address_is_remote(opts->at.address)) {
		return 0;
	}
	snprintf(ret_error, EXPORTER_ERROR_TEXT,
		 "address %.45s: other machines can reach it, and there is no encryption and no "
		 "password; give 127.0.0.1 and let them come by a tunnel (ssh -L), or, where all "
		 "who reach it may read and write, give allow_remote=true",
		 opts->at.address);
	return -EPERM;
}

/* The listener that is there already. Return: 0, perhaps with none; or why it is not to be used. */
static int export_find_listener(const struct exporter_export *export,
				const struct exporter_export_opts *opts,
				struct exporter_listener **ret_listener, char *ret_error)
{
	struct exporter_listener *listener = NULL;
	int rc;

	if (opts->at.path != NULL || opts->at.port != 0) {
		listener = exporter_listener_find(opts->at.path, opts->at.address, opts->at.port);
	}
	*ret_listener = listener;
	if (listener == NULL) {
		return 0;
	}
	rc = exporter_listener_agrees(listener, opts->exporter, &opts->at, ret_error);
	if (rc == 0) {
		rc = exporter_listener_renew(listener, ret_error);
	}
	if (rc == 0 && exporter_export_find(listener, export->name, strlen(export->name)) != NULL) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "an export %.64s is served at that address already: give another "
			 "export_name",
			 export->name);
		rc = -EEXIST;
	}
	return rc;
}

int exporter_export_start(const struct exporter_export_opts *opts,
			  struct exporter_export **ret_export, char *ret_error)
{
	struct exporter_listener *listener;
	struct exporter_export *export;
	int rc;

	ebb_assert(ebb_thread_is_app());
	rc = export_check_address(opts, ret_error);
	if (rc != 0) {
		return rc;
	}
	export = export_create(opts);
	if (export == NULL) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "out of memory");
		return -ENOMEM;
	}
	rc = export_find_listener(export, opts, &listener, ret_error);
	if (rc != 0) {
		goto free_export;
	}
	rc = export_open(export, opts, ret_error);
	if (rc != 0) {
		goto free_export;
	}
	if (listener == NULL) {
		rc = exporter_listener_open(opts->exporter, &opts->at, &listener, ret_error);
		if (rc != 0) {
			goto close_bdev;
		}
	}
	export->listener = listener;
	exporter_export_set_state(export, EXPORTER_EXPORT_SERVED);
	ebb_list_push_back(&listener->exports, &export->link);
	*ret_export = export;
	return 0;

close_bdev:
	ebb_bdev_close(export->desc);
free_export:
	export_free(export);
	return rc;
}

struct exporter_export *exporter_export_next(const struct exporter *exporter,
					     struct exporter_export *previous)
{
	struct ebb_list *at = &exporter_listeners;

	ebb_assert(ebb_thread_is_app());
	if (previous != NULL) {
		if (previous->link.next != &previous->listener->exports) {
			return ebb_list_entry(previous->link.next, struct exporter_export, link);
		}
		at = &previous->listener->link;
	}
	for (at = at->next; at != &exporter_listeners; at = at->next) {
		struct exporter_listener *listener =
			ebb_list_entry(at, struct exporter_listener, link);

		if (listener->exporter == exporter && !ebb_list_empty(&listener->exports)) {
			return ebb_list_first(&listener->exports, struct exporter_export, link);
		}
	}
	return NULL;
}

void exporter_export_stop_all(struct exporter *exporter, void (*done)(void))
{
	struct exporter_export *export, *next;

	ebb_assert(ebb_thread_is_app() && exporter->all_stopped == NULL);
	if (!has_listeners(exporter)) {
		done();
		return;
	}
	exporter->all_stopped = done;
	for (export = exporter_export_next(exporter, NULL); export != NULL; export = next) {
		next = exporter_export_next(exporter, export);
		(void)exporter_export_stop(export, NULL, NULL);
	}
}

void exporter_export_bind(struct exporter_export *export, struct exporter_client *client)
{
	ebb_assert(ebb_thread_is_app() && client->export == NULL);
	client->export = export;
	export->num_clients++;
	bdev_desc_set_clients(export->desc, export->name, export->num_clients);
}

void exporter_export_client_gone(struct exporter_listener *listener, struct exporter_export *export)
{
	ebb_assert(ebb_thread_is_app());
	exporter_listeners_end_pauses();
	if (export != NULL) {
		ebb_assert(export->num_clients > 0);
		export->num_clients--;
		bdev_desc_set_clients(export->desc, export->name, export->num_clients);
		export_finish(export);
	}
	listener_finish(listener);
}
