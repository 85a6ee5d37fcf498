/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/server/remote.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <json-c/json.h>

#include <ebb/app.h>

#include "bench/harness.h"
#include "bench/server/reply.h"
#include "bench/signals.h"
#include "rpc/client.h"

/*
 * The client's half. A run is one call that lasts as long as the run; a signal ends it by taking the
 * connection down, and a server that is ebbd ends the test then. Reactors that were put in another
 * mode are put back when this is closed, whatever was between.
 */

#define TIMEOUT_MS  10000
#define PATIENCE_MS 20000 /* beyond the time of a run */
#define CORES_MAX   256

struct remote_core {
	int lcore;
	char mode[16]; /* that it had at first */
};

struct bench_remote {
	const char *socket;
	bool force;
	bool is_ebb; /* it knows the parameters and methods that SPDK's does not */
	char version[48];
	struct rpc_client client;
	bool connected;
	struct remote_core cores[CORES_MAX];
	unsigned num_cores;
	bool changed; /* reactors may not be in the mode that they had */
};

/* What a contender is: the server, in a mode of its reactors. */
struct remote_context {
	struct bench_remote *remote;
	int mode; /* enum ebb_reactor_mode; < 0: as it is */
};

/* The client's words are ebbctl's, whose option has another name. */
static void client_error(const struct bench_remote *remote, char error[BENCH_TEXT_MAX])
{
	const char *text = remote->client.error;
	const char *option = strstr(text, " with -s");

	if (option == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "--server: %.230s", text);
	} else {
		snprintf(error, BENCH_TEXT_MAX, "--server: %.*s with --server",
			 (int)(option - text < 220 ? option - text : 220), text);
	}
}

static void remote_disconnect(struct bench_remote *remote)
{
	if (remote->connected) {
		rpc_client_close(&remote->client);
		remote->connected = false;
	}
}

static int remote_connect(struct bench_remote *remote, char error[BENCH_TEXT_MAX])
{
	int rc;

	if (remote->connected) {
		return 0;
	}
	rc = rpc_client_open(&remote->client, remote->socket, TIMEOUT_MS);
	if (rc < 0) {
		client_error(remote, error);
		return rc;
	}
	remote->connected = true;
	return 0;
}

/* @params: taken over. Return: 0; -EREMOTEIO the server's error, in its words; another -errno. */
static int remote_call(struct bench_remote *remote, const char *method, struct json_object *params,
		       unsigned timeout_ms, struct json_object **ret_result,
		       char error[BENCH_TEXT_MAX])
{
	struct ebb_method_error refusal;
	int rc = remote_connect(remote, error);

	if (rc == 0) {
		remote->client.timeout_ms = timeout_ms;
		rc = rpc_client_call(&remote->client, method, params, ret_result, &refusal);
		if (rc == -EREMOTEIO) {
			snprintf(error, BENCH_TEXT_MAX, "%s", refusal.text);
		} else if (rc < 0) {
			client_error(remote, error);
			remote_disconnect(remote);
		}
	}
	json_object_put(params);
	return rc;
}

static const char *text_of(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string)) {
		return "";
	}
	return json_object_get_string(value);
}

static uint64_t count_of(struct json_object *object, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(object, name, &value) ? json_object_get_uint64(value) : 0;
}

/* Which modes its reactors are in; one that is not ebb has none. */
static int modes_learn(struct bench_remote *remote, char error[BENCH_TEXT_MAX])
{
	struct json_object *result = NULL;
	struct json_object *reactors = NULL;
	int rc = remote_call(remote, "framework_get_reactors", NULL, TIMEOUT_MS, &result, error);

	if (rc < 0) {
		return rc;
	}
	json_object_object_get_ex(result, "reactors", &reactors);
	for (size_t i = 0; json_object_is_type(reactors, json_type_array) &&
			   i < json_object_array_length(reactors) && remote->num_cores < CORES_MAX;
	     i++) {
		struct json_object *reactor = json_object_array_get_idx(reactors, i);
		struct remote_core *core = &remote->cores[remote->num_cores];

		core->lcore = (int)count_of(reactor, "lcore");
		snprintf(core->mode, sizeof(core->mode), "%s", text_of(reactor, "mode"));
		remote->is_ebb = remote->is_ebb || core->mode[0] != '\0';
		remote->num_cores++;
	}
	json_object_put(result);
	return 0;
}

int bench_remote_open(const char *socket, bool force, struct bench_remote **ret_remote,
		      char error[BENCH_TEXT_MAX])
{
	struct bench_remote *remote = calloc(1, sizeof(*remote));
	struct json_object *result = NULL;
	int rc;

	if (remote == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "--server %.80s: out of memory", socket);
		return -ENOMEM;
	}
	remote->socket = socket;
	remote->force = force;
	rc = remote_call(remote, "spdk_get_version", NULL, TIMEOUT_MS, &result, error);
	if (rc == 0) {
		snprintf(remote->version, sizeof(remote->version), "%s",
			 text_of(result, "version"));
		json_object_put(result);
		rc = modes_learn(remote, error);
	}
	if (rc < 0) {
		remote_disconnect(remote);
		free(remote);
		return rc;
	}
	*ret_remote = remote;
	return 0;
}

int bench_remote_target(struct bench_remote *remote, const char *bdev,
			struct bench_target *ret_target, char error[BENCH_TEXT_MAX])
{
	struct json_object *params = json_object_new_object();
	struct json_object *result = NULL;
	struct json_object *info;
	int rc;

	json_object_object_add(params, "name", json_object_new_string(bdev));
	rc = remote_call(remote, "bdev_get_bdevs", params, TIMEOUT_MS, &result, error);
	if (rc < 0) {
		return rc == -EREMOTEIO ? -ENODEV : rc;
	}
	info = json_object_is_type(result, json_type_array) ? json_object_array_get_idx(result, 0)
							    : NULL;
	memset(ret_target, 0, sizeof(*ret_target));
	snprintf(ret_target->name, sizeof(ret_target->name), "%s of %s", bdev, remote->version);
	snprintf(ret_target->kind, sizeof(ret_target->kind), "server");
	snprintf(ret_target->driver, sizeof(ret_target->driver), "%s",
		 text_of(info, "product_name"));
	snprintf(ret_target->bdev, sizeof(ret_target->bdev), "%s", text_of(info, "name"));
	ret_target->block_size = (uint32_t)count_of(info, "block_size");
	ret_target->size_bytes = count_of(info, "num_blocks") * ret_target->block_size;
	json_object_put(result);
	if (ret_target->block_size == 0 || ret_target->size_bytes == 0) {
		snprintf(error, BENCH_TEXT_MAX, "--server %.80s: bdev %.80s has no size",
			 remote->socket, bdev);
		return -EPROTO;
	}
	return 0;
}

/* Puts all reactors in @mode; NULL: as they were at first. */
static int modes_set(struct bench_remote *remote, const char *mode, char error[BENCH_TEXT_MAX])
{
	int rc = 0;

	if (mode == NULL && !remote->changed) {
		return 0;
	}
	remote->changed = true;
	for (unsigned i = 0; i < remote->num_cores && rc == 0; i++) {
		struct json_object *params = json_object_new_object();
		struct json_object *result = NULL;

		json_object_object_add(params, "lcore",
				       json_object_new_int(remote->cores[i].lcore));
		json_object_object_add(params, "mode",
				       json_object_new_string(
					       mode != NULL ? mode : remote->cores[i].mode));
		rc = remote_call(remote, "reactor_set_mode", params, TIMEOUT_MS, &result, error);
		json_object_put(result);
	}
	remote->changed = rc < 0 || mode != NULL;
	return rc;
}

static void add_text(struct json_object *params, const char *name, const char *text)
{
	json_object_object_add(params, name, json_object_new_string(text));
}

static void add_count(struct json_object *params, const char *name, uint64_t count)
{
	json_object_object_add(params, name, json_object_new_uint64(count));
}

/* SPDK's method has no more than that, and whole seconds. */
static struct json_object *params_of_both(const struct bench_load *load)
{
	struct json_object *params = json_object_new_object();
	char bytes[24];

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)load->block_bytes);
	add_text(params, "workload_type", bench_load_rw_name(load->rw));
	if (load->rw == BENCH_RW_RANDRW) {
		add_count(params, "rw_percentage", load->read_percent);
	}
	add_count(params, "queue_depth", load->queue_depth);
	add_text(params, "io_size", bytes);
	return params;
}

static struct json_object *params_make(const struct bench_remote *remote,
				       const struct bench_target *target,
				       const struct bench_load *load)
{
	struct json_object *params = params_of_both(load);

	if (!remote->is_ebb) {
		add_count(params, "time_in_sec", (load->time_ns + EBB_NS_PER_S - 1) / EBB_NS_PER_S);
		return params;
	}
	add_text(params, "name", target->bdev);
	add_count(params, "time_in_usec", load->time_ns / EBB_NS_PER_US);
	add_count(params, "warmup_in_usec", load->warmup_ns / EBB_NS_PER_US);
	add_count(params, "size", load->size_bytes);
	add_count(params, "seed", load->seed);
	if (load->shape != BENCH_SHAPE_CLOSED) {
		add_count(params, "rate", (uint64_t)llround(load->rate_iops));
		add_text(params, "shape", bench_load_shape_names[load->shape]);
	}
	json_object_object_add(params, "histogram", json_object_new_boolean(true));
	if (bench_load_writes(load->rw) && remote->force) {
		json_object_object_add(params, "force", json_object_new_boolean(true));
	}
	return params;
}

/* Return: 0; -EOPNOTSUPP: perform_tests cannot be asked for that. */
static int load_check(const struct bench_remote *remote, const struct bench_load *load,
		      const char *contender, char error[BENCH_TEXT_MAX])
{
	const char *what = NULL;

	if (load->verify) {
		what = "--verify";
	} else if (load->shape != BENCH_SHAPE_CLOSED &&
		   !(remote->is_ebb &&
		     (load->shape == BENCH_SHAPE_POISSON || load->shape == BENCH_SHAPE_EVEN))) {
		what = remote->is_ebb ? "arrivals but poisson and even" : "an open loop";
	} else if (!remote->is_ebb && load->size_bytes != 0) {
		what = "--size";
	}
	if (what == NULL) {
		return 0;
	}
	snprintf(error, BENCH_TEXT_MAX,
		 "%s: perform_tests of %.60s cannot be asked for %s: do without", contender,
		 remote->version, what);
	return -EOPNOTSUPP;
}

/* A signal has come: the call ends, and with it the test. Thread: app. */
static void call_interrupt(void *arg)
{
	struct bench_remote *remote = arg;

	if (remote->connected) {
		shutdown(remote->client.fd, SHUT_RDWR);
	}
}

struct watch {
	struct bench_harness_call call;
	struct bench_remote *remote; /* NULL: none any more */
};

static void watch_on_app(void *arg)
{
	struct watch *watch = arg;

	bench_harness_on_signal(watch->remote != NULL ? call_interrupt : NULL, watch->remote);
	bench_harness_call_done(&watch->call);
}

static void signals_watch(struct bench_remote *remote)
{
	struct watch watch = {.remote = remote};

	bench_harness_call(&watch.call, ebb_thread_app(), watch_on_app, &watch);
}

/* Return: as remote_call(), and -ECANCELED. */
static int test_call(struct bench_remote *remote, struct json_object *params, uint64_t time_ns,
		     struct json_object **ret_reply, char error[BENCH_TEXT_MAX])
{
	struct ebb_method_error refusal;
	int rc = remote_connect(remote, error);

	if (rc == 0) {
		remote->client.timeout_ms = PATIENCE_MS + (unsigned)(time_ns / EBB_NS_PER_MS);
		signals_watch(remote);
		rc = rpc_client_call(&remote->client, "perform_tests", params, ret_reply, &refusal);
		signals_watch(NULL); /* nobody touches the connection from now on */
		if (rc == -EREMOTEIO) {
			snprintf(error, BENCH_TEXT_MAX, "%s", refusal.text);
		} else if (rc < 0) {
			client_error(remote, error);
			remote_disconnect(remote);
			rc = bench_signals_seen() ? -ECANCELED : rc;
		}
	}
	json_object_put(params);
	return rc;
}

static int remote_measure(struct bench_contender *contender, const struct bench_target *target,
			  const struct bench_load *load, struct bench_outcome *ret_outcome,
			  char error[BENCH_TEXT_MAX])
{
	const struct remote_context *context = contender->context;
	struct bench_remote *remote = context->remote;
	struct json_object *reply = NULL;
	struct json_object *params;
	const char *mode = context->mode < 0
				   ? NULL
				   : ebb_reactor_mode_name((enum ebb_reactor_mode)context->mode);
	int rc = load_check(remote, load, contender->name, error);

	rc = rc == 0 ? modes_set(remote, mode, error) : rc;
	if (rc < 0) {
		return rc;
	}
	params = params_make(remote, target, load);
	snprintf(contender->command, sizeof(contender->command), "perform_tests %s to %s",
		 json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN), remote->socket);
	rc = test_call(remote, params, load->time_ns + load->warmup_ns, &reply, error);
	if (rc == 0) {
		rc = bench_reply_read(reply, target->bdev, ret_outcome, error);
	}
	json_object_put(reply);
	if (rc == 0 && !remote->is_ebb) {
		snprintf(ret_outcome->note, sizeof(ret_outcome->note),
			 "%.60s tests all its bdevs at once, for whole seconds, without a warm-up",
			 remote->version);
	}
	return rc;
}

static void remote_destroy(struct bench_contender *contender)
{
	free(contender->context);
	contender->context = NULL;
}

static int contender_make(struct bench_remote *remote, int mode,
			  struct bench_contender *ret_contender)
{
	struct remote_context *context = malloc(sizeof(*context));

	if (context == NULL) {
		return -ENOMEM;
	}
	*context = (struct remote_context){.remote = remote, .mode = mode};
	ret_contender->kind = remote->is_ebb ? BENCH_CONTENDER_MODE : BENCH_CONTENDER_PEER;
	ret_contender->measure = remote_measure;
	ret_contender->destroy = remote_destroy;
	ret_contender->context = context;
	return 0;
}

int bench_remote_make(struct bench_remote *remote, struct bench_contender *ret_contender)
{
	const char *mode = remote->num_cores > 0 ? remote->cores[0].mode : "";

	for (unsigned i = 1; i < remote->num_cores; i++) {
		mode = strcmp(mode, remote->cores[i].mode) == 0 ? mode : "modes mixed";
	}
	snprintf(ret_contender->name, sizeof(ret_contender->name), "%s%sas it is",
		 mode[0] != '\0' ? mode : remote->version, mode[0] != '\0' ? ", " : " ");
	return contender_make(remote, -1, ret_contender);
}

int bench_remote_make_mode(struct bench_remote *remote, enum ebb_reactor_mode mode,
			   struct bench_contender *ret_contender)
{
	if (!remote->is_ebb) {
		return -EOPNOTSUPP;
	}
	snprintf(ret_contender->name, sizeof(ret_contender->name), "%s",
		 ebb_reactor_mode_name(mode));
	return contender_make(remote, (int)mode, ret_contender);
}

int bench_remote_close(struct bench_remote *remote, char error[BENCH_TEXT_MAX])
{
	char why[BENCH_TEXT_MAX] = "";
	int rc;

	if (remote == NULL) {
		return 0;
	}
	rc = modes_set(remote, NULL, why);
	if (rc < 0 && rc != -EREMOTEIO) {
		rc = modes_set(remote, NULL, why); /* by another connection */
	}
	if (rc == -ECONNREFUSED || rc == -ENOENT) {
		rc = 0; /* it has ended, and its reactors with it */
	}
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "--server %.40s: its reactors are not in the mode that they had (%s): "
			 "%.60s; put them back with ebbctl reactor_set_mode",
			 remote->socket, remote->cores[0].mode, why);
	}
	remote_disconnect(remote);
	free(remote);
	return rc;
}
