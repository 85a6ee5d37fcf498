/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peer/nbd_client.h"
#include "bench/peer/place.h"

#define KIND "nbd"

/* One export that is connected to. */
struct export
{
	struct export *next;
	char uri[BENCH_TEXT_MAX];
	struct bench_nbd_client *client;
};

struct nbd_exports {
	struct export *first;
};

int bench_nbd_target(const char *uri, bool write, struct bench_target *ret_target,
		     char error[BENCH_TEXT_MAX])
{
	struct bench_nbd_geometry geometry;
	struct bench_nbd_connection *connection;
	int rc;

	if (strlen(uri) >= sizeof(ret_target->name)) {
		snprintf(error, BENCH_TEXT_MAX, "--nbd %.100s...: give a shorter URI", uri);
		return -EINVAL;
	}
	rc = bench_nbd_connection_open(uri, "--nbd", &connection, error);
	if (rc < 0) {
		return rc;
	}
	bench_nbd_connection_get_geometry(connection, &geometry);
	bench_nbd_connection_close(connection);
	if (write && geometry.read_only) {
		snprintf(error, BENCH_TEXT_MAX,
			 "--nbd %.140s: the export is read-only: give --rw read or randread", uri);
		return -EROFS;
	}
	memset(ret_target, 0, sizeof(*ret_target));
	snprintf(ret_target->name, sizeof(ret_target->name), "%s", uri);
	snprintf(ret_target->kind, sizeof(ret_target->kind), KIND);
	ret_target->block_size = geometry.block_size;
	ret_target->size_bytes = geometry.size_bytes;
	return 0;
}

static bool nbd_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	(void)contender;
	return strcmp(target->kind, KIND) == 0;
}

/* A connection that was lost is made anew: the server may be there again. */
static int export_get(struct nbd_exports *exports, const char *uri, struct export **ret_export,
		      char error[BENCH_TEXT_MAX])
{
	struct export *export = exports->first;
	int rc;

	while (export != NULL && strcmp(export->uri, uri) != 0) {
		export = export->next;
	}
	if (export == NULL) {
		export = calloc(1, sizeof(*export));
		if (export == NULL) {
			snprintf(error, BENCH_TEXT_MAX, "client: out of memory");
			return -ENOMEM;
		}
		snprintf(export->uri, sizeof(export->uri), "%s", uri);
		export->next = exports->first;
		exports->first = export;
	}
	if (export->client != NULL && bench_nbd_client_lost(export->client)) {
		bench_nbd_client_close(export->client);
		export->client = NULL;
	}
	if (export->client == NULL) {
		rc = bench_nbd_client_connect(uri, "client", &export->client, error);
		if (rc < 0) {
			return rc;
		}
	}
	*ret_export = export;
	return 0;
}

static int nbd_measure(struct bench_contender *contender, const struct bench_target *target,
		       const struct bench_load *load, struct bench_outcome *ret_outcome,
		       char error[BENCH_TEXT_MAX])
{
	struct bench_place place;
	struct export *export;
	int rc;

	if (!nbd_fits(contender, target)) {
		snprintf(error, BENCH_TEXT_MAX, "client: it measures what --nbd names");
		return -EOPNOTSUPP;
	}
	bench_place_get(&place);
	rc = bench_place_quiet(error);
	if (rc == 0) {
		rc = export_get(contender->context, target->name, &export, error);
	}
	if (rc == 0) {
		rc = bench_nbd_client_run(export->client, load, place.client_cpu, NULL, ret_outcome,
					  error);
	}
	return rc;
}

static void nbd_destroy(struct bench_contender *contender)
{
	struct nbd_exports *exports = contender->context;

	while (exports->first != NULL) {
		struct export *export = exports->first;

		exports->first = export->next;
		bench_nbd_client_close(export->client);
		free(export);
	}
	free(exports);
	contender->context = NULL;
}

int bench_nbd_contender(struct bench_contender *ret_contender, char error[BENCH_TEXT_MAX])
{
	struct nbd_exports *exports = calloc(1, sizeof(*exports));

	if (exports == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "client: out of memory");
		return -ENOMEM;
	}
	memset(ret_contender, 0, sizeof(*ret_contender));
	snprintf(ret_contender->name, sizeof(ret_contender->name), "client");
	ret_contender->kind = BENCH_CONTENDER_PEER;
	snprintf(ret_contender->note, sizeof(ret_contender->note),
		 "as a client sees it, by one connection");
	ret_contender->fits = nbd_fits;
	ret_contender->measure = nbd_measure;
	ret_contender->destroy = nbd_destroy;
	ret_contender->context = exports;
	return 0;
}
