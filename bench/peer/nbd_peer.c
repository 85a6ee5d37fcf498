/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_peer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include <ebb/reactor.h>

#include "bench/peer/nbd_client.h"
#include "bench/peer/program.h"
#include "bench/peer/rpc_call.h"

#define RPC_PATIENCE_NS (5 * EBB_NS_PER_S)

/*
 * A server that runs, with the connection to it. It stays for the next rounds, but for ebbd: that
 * claims what it serves, so it is there only while it is measured.
 */
struct served {
	struct served *next;
	struct bench_nbd_server *server;
	struct bench_nbd_client *client;
};

struct nbd_peer {
	struct bench_nbd_watcher watcher; /* the first field */
	enum bench_nbd_server_kind kind;
	enum ebb_reactor_mode mode; /* ebbd's */
	struct served *served;
	const struct served *watched;
};

/* Contenders for ebbd that there are: two servers are compared with the same ones. */
static unsigned ebbd_contenders;

static bool nbd_peer_fits(const struct bench_contender *contender,
			  const struct bench_target *target)
{
	struct stat status;

	(void)contender;
	return target->path[0] != '\0' && stat(target->path, &status) == 0 &&
	       (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

static void served_end(struct served *served)
{
	bench_nbd_client_close(served->client);
	bench_nbd_server_end(served->server);
	free(served);
}

/* Ends those that are of no use any more: the server has ended or is to, or the connection is lost. */
static void served_sweep(struct nbd_peer *peer)
{
	struct served **link = &peer->served;

	while (*link != NULL) {
		struct served *served = *link;

		if (peer->kind == BENCH_NBD_SERVER_EBBD || bench_nbd_client_lost(served->client) ||
		    !bench_program_running(bench_nbd_server_program(served->server))) {
			*link = served->next;
			served_end(served);
		} else {
			link = &served->next;
		}
	}
}

static int served_start(struct nbd_peer *peer, const char *name, const struct bench_target *target,
			const struct bench_load *load, const struct bench_place *place,
			struct served **ret_served, char error[BENCH_TEXT_MAX])
{
	struct served *served = calloc(1, sizeof(*served));
	int rc;

	if (served == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%s: out of memory", name);
		return -ENOMEM;
	}
	rc = bench_nbd_server_start(peer->kind, peer->mode, target, load, place, &served->server,
				    error);
	if (rc == 0) {
		rc = bench_nbd_client_connect(bench_nbd_server_uri(served->server), name,
					      &served->client, error);
	}
	if (rc < 0) {
		served_end(served);
		return rc;
	}
	served->next = peer->served;
	peer->served = served;
	*ret_served = served;
	return 0;
}

static int served_get(struct nbd_peer *peer, const char *name, const struct bench_target *target,
		      const struct bench_load *load, const struct bench_place *place,
		      struct served **ret_served, char error[BENCH_TEXT_MAX])
{
	served_sweep(peer);
	for (struct served *served = peer->served; served != NULL; served = served->next) {
		if (bench_nbd_server_serves(served->server, target, load)) {
			*ret_served = served;
			return 0;
		}
	}
	return served_start(peer, name, target, load, place, ret_served, error);
}

/* NAN if ebbd does not tell. */
static double ebbd_wakeups(const struct bench_nbd_server *server)
{
	struct json_object *result = NULL;
	struct json_object *reactors;
	char error[BENCH_TEXT_MAX];
	double wakeups = 0;

	if (bench_rpc_call(bench_nbd_server_rpc(server), "framework_get_reactors", NULL,
			   RPC_PATIENCE_NS, &result, error) < 0) {
		return NAN;
	}
	if (!json_object_object_get_ex(result, "reactors", &reactors) ||
	    !json_object_is_type(reactors, json_type_array)) {
		wakeups = NAN;
	}
	for (size_t i = 0; !isnan(wakeups) && i < json_object_array_length(reactors); i++) {
		struct json_object *count;

		if (json_object_object_get_ex(json_object_array_get_idx(reactors, i), "wakeups",
					      &count)) {
			wakeups += json_object_get_double(count);
		} else {
			wakeups = NAN;
		}
	}
	json_object_put(result);
	return wakeups;
}

static void peer_watch(struct bench_nbd_watcher *watcher, struct bench_usage *ret_usage)
{
	struct nbd_peer *peer = (struct nbd_peer *)watcher;
	const struct bench_nbd_server *server = peer->watched->server;

	bench_usage_get_process(bench_program_pid(bench_nbd_server_program(server)), ret_usage);
	if (peer->kind == BENCH_NBD_SERVER_EBBD) {
		ret_usage->wakeups = ebbd_wakeups(server);
	}
}

/* A server that has ended says more than the connection to it. */
static void loss_explain(const struct bench_contender *contender, const struct served *served,
			 char error[BENCH_TEXT_MAX])
{
	struct bench_program *program = bench_nbd_server_program(served->server);
	char why[BENCH_TEXT_MAX - 100];

	/* It hangs up before it has quite ended. */
	if (bench_program_wait(program, EBB_NS_PER_S / 5) == 0) {
		bench_program_explain(program, why, sizeof(why));
		snprintf(error, BENCH_TEXT_MAX, "%s: the server ended amid the run: %s",
			 contender->name, why);
	}
}

static int peer_run(struct bench_contender *contender, struct served *served,
		    const struct bench_load *load, const struct bench_place *place,
		    struct bench_outcome *ret_outcome, char error[BENCH_TEXT_MAX])
{
	struct nbd_peer *peer = contender->context;
	int rc;

	peer->watched = served;
	rc = bench_nbd_client_run(served->client, load, place->client_cpu, &peer->watcher,
				  ret_outcome, error);
	if (rc == -EIO && bench_nbd_client_lost(served->client)) {
		loss_explain(contender, served, error);
	}
	return rc;
}

static int nbd_peer_measure(struct bench_contender *contender, const struct bench_target *target,
			    const struct bench_load *load, struct bench_outcome *ret_outcome,
			    char error[BENCH_TEXT_MAX])
{
	struct nbd_peer *peer = contender->context;
	struct bench_place place;
	struct served *served;
	int rc;

	if (!nbd_peer_fits(contender, target)) {
		snprintf(error, BENCH_TEXT_MAX, "%s: it serves files and block devices only",
			 contender->name);
		return -EOPNOTSUPP;
	}
	bench_place_get(&place);
	rc = bench_place_quiet(error);
	if (rc == 0) {
		rc = served_get(peer, contender->name, target, load, &place, &served, error);
	}
	if (rc == 0) {
		snprintf(contender->command, sizeof(contender->command), "%s",
			 bench_nbd_server_command(served->server));
		rc = peer_run(contender, served, load, &place, ret_outcome, error);
	}
	if (peer->kind == BENCH_NBD_SERVER_EBBD) {
		served_sweep(peer);
	}
	return rc;
}

static void nbd_peer_destroy(struct bench_contender *contender)
{
	struct nbd_peer *peer = contender->context;

	while (peer->served != NULL) {
		struct served *served = peer->served;

		peer->served = served->next;
		served_end(served);
	}
	if (peer->kind == BENCH_NBD_SERVER_EBBD) {
		ebbd_contenders--;
	}
	free(peer);
	contender->context = NULL;
}

static int contender_make(enum bench_nbd_server_kind kind, enum ebb_reactor_mode mode,
			  const char *version, struct bench_contender *contender)
{
	struct nbd_peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL) {
		return -ENOMEM;
	}
	peer->watcher.read = peer_watch;
	peer->kind = kind;
	peer->mode = mode;
	memset(contender, 0, sizeof(*contender));
	snprintf(contender->name, sizeof(contender->name), "%s over NBD%s%s",
		 bench_nbd_server_name(kind), kind == BENCH_NBD_SERVER_EBBD ? ", " : "",
		 kind == BENCH_NBD_SERVER_EBBD ? ebb_reactor_mode_name(mode) : "");
	contender->kind = BENCH_CONTENDER_PEER;
	snprintf(contender->version, sizeof(contender->version), "%s", version);
	snprintf(contender->note, sizeof(contender->note),
		 "as a client sees it, by one connection%s",
		 kind == BENCH_NBD_SERVER_NBDKIT
			 ? "; it has no direct I/O: it reads by the page cache and drops that"
			 : "");
	contender->fits = nbd_peer_fits;
	contender->measure = nbd_peer_measure;
	contender->destroy = nbd_peer_destroy;
	contender->context = peer;
	if (kind == BENCH_NBD_SERVER_EBBD) {
		ebbd_contenders++;
	}
	return 0;
}

/* Adds to @contenders, of which there are @count. Return: how many there are; -errno. */
static int server_add(enum bench_nbd_server_kind kind, struct bench_contender *contenders,
		      int count, char error[BENCH_TEXT_MAX])
{
	static const enum ebb_reactor_mode modes[] = {EBB_REACTOR_POLL, EBB_REACTOR_INTERRUPT,
						      EBB_REACTOR_ADAPTIVE};
	size_t num_modes = kind == BENCH_NBD_SERVER_EBBD ? EBB_ARRAY_SIZE(modes) : 1;
	char version[64];
	int rc = bench_nbd_server_version(kind, version, error);

	for (size_t i = 0; rc == 0 && i < num_modes; i++) {
		rc = contender_make(kind, modes[i], version, &contenders[count]);
		if (rc < 0) {
			snprintf(error, BENCH_TEXT_MAX, "%s: out of memory",
				 bench_nbd_server_name(kind));
		} else {
			count++;
		}
	}
	while (rc < 0 && count-- > 0) {
		nbd_peer_destroy(&contenders[count]);
	}
	return rc < 0 ? rc : count;
}

int bench_nbd_peer_make(enum bench_nbd_server_kind kind, struct bench_contender *contenders,
			char error[BENCH_TEXT_MAX])
{
	char what[64];
	int rc;

	snprintf(what, sizeof(what), "--with %s", bench_nbd_server_name(kind));
	rc = bench_nbd_connection_check(what, error);
	if (rc == 0) {
		rc = server_add(kind, contenders, 0, error);
	}
	if (rc > 0 && ebbd_contenders == 0) {
		rc = server_add(BENCH_NBD_SERVER_EBBD, contenders, rc, error);
	}
	return rc;
}
