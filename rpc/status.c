/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/ebbctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <ebb/subsystem.h>

/*
 * "ebbctl status". Whether a reactor sleeps cannot simply be asked: asking wakes it. So the
 * reactors are asked twice, with a pause longer than any of them spins: one that the second
 * question had to wake was asleep until then. They may be set to spin for up to a second.
 */

#define PAUSE_SLACK_MS 10
#define PAUSE_MAX_MS   1010

/* What was asked for; members are NULL where ebbd has no such method. */
struct status {
	struct json_object *version;
	struct json_object *state;
	struct json_object *reactors_before;
	struct json_object *reactors;
	struct json_object *blockers;
	struct json_object *stats; /* of the subsystems: results, by their methods' names */
};

/* What a subsystem's method has told. */
static struct json_object *stats_of(const struct status *status, const char *method)
{
	return json_object_object_get(status->stats, method);
}

static const char *get_string(struct json_object *json, const char *name)
{
	struct json_object *member = json_object_object_get(json, name);

	return member != NULL ? json_object_get_string(member) : "";
}

static uint64_t get_number(struct json_object *json, const char *name)
{
	return json_object_get_uint64(json_object_object_get(json, name));
}

static size_t array_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static struct json_object *array_find(struct json_object *array, const char *key, const char *value)
{
	for (size_t i = 0; i < array_length(array); i++) {
		struct json_object *element = json_object_array_get_idx(array, i);

		if (strcmp(get_string(element, key), value) == 0) {
			return element;
		}
	}
	return NULL;
}

/* The element at @index if it has that name, else the first that has. */
static struct json_object *array_find_at(struct json_object *array, size_t index, const char *key,
					 const char *value)
{
	if (index < array_length(array)) {
		struct json_object *element = json_object_array_get_idx(array, index);

		if (strcmp(get_string(element, key), value) == 0) {
			return element;
		}
	}
	return array_find(array, key, value);
}

static const char *format_bytes(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double scaled = (double)bytes;
	unsigned unit = 0;

	while (scaled >= 1024 && unit + 1 < EBB_ARRAY_SIZE(units)) {
		scaled /= 1024;
		unit++;
	}
	snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", scaled, units[unit]);
	return text;
}

static const char *format_time(uint64_t ms, char *text, size_t size)
{
	uint64_t s = ms / 1000;

	if (ms < 60 * 1000) {
		snprintf(text, size, "%" PRIu64 ".%01" PRIu64 " s", s, ms % 1000 / 100);
	} else if (s < 3600) {
		snprintf(text, size, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	} else if (s < 86400) {
		snprintf(text, size, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
	} else {
		snprintf(text, size, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
	}
	return text;
}

static void print_head(const struct status *status)
{
	struct json_object *step = json_object_object_get(status->state, "step");
	struct json_object *error = json_object_object_get(status->state, "error");
	char uptime[32];

	printf("%s: %s, up for %s",
	       status->version != NULL ? get_string(status->version, "version") : "ebb",
	       get_string(status->state, "state"),
	       format_time(get_number(status->state, "uptime_ms"), uptime, sizeof(uptime)));
	if (status->reactors != NULL) {
		printf(", process %" PRIu64, get_number(status->reactors, "pid"));
	}
	putchar('\n');
	if (step != NULL) {
		printf("Under way: %s, for %s\n", json_object_get_string(step),
		       format_time(get_number(status->state, "step_age_ms"), uptime,
				   sizeof(uptime)));
	}
	if (error != NULL) {
		printf("Last error: %s\n", json_object_get_string(error));
	}
}

static void print_blockers(struct json_object *blockers)
{
	if (array_length(blockers) == 0) {
		puts("  nothing keeps it awake");
	}
	for (size_t i = 0; i < array_length(blockers); i++) {
		struct json_object *blocker = json_object_array_get_idx(blockers, i);
		const char *poller = get_string(blocker, "poller");
		const char *thread = get_string(blocker, "thread");

		if (poller[0] == '\0' && thread[0] == '\0') {
			printf("  kept awake: %s\n", get_string(blocker, "reason"));
		} else {
			printf("  kept awake by %s%s%s: %s\n", poller,
			       poller[0] != '\0' && thread[0] != '\0' ? " of " : "", thread,
			       get_string(blocker, "reason"));
		}
	}
}

static void print_reactor(const struct status *status, struct json_object *reactor)
{
	struct json_object *before =
		array_find(json_object_object_get(status->reactors_before, "reactors"), "lcore",
			   get_string(reactor, "lcore"));
	struct json_object *blockers =
		array_find(json_object_object_get(status->blockers, "reactors"), "lcore",
			   get_string(reactor, "lcore"));
	struct json_object *threads = json_object_object_get(reactor, "lw_threads");
	uint64_t busy_ns = get_number(reactor, "busy");
	uint64_t total_ns = busy_ns + get_number(reactor, "idle");
	uint64_t wakeups = get_number(reactor, "wakeups");
	uint64_t uptime_ms = get_number(status->state, "uptime_ms");
	bool asleep = strcmp(get_string(reactor, "mode"), "poll") != 0 &&
		      (wakeups > get_number(before, "wakeups") ||
		       json_object_get_boolean(json_object_object_get(reactor, "asleep")));

	printf("Reactor on CPU %s: mode %s, %s, %.2f %% busy, %" PRIu64
	       " wakeups (%.1f wakeups/s since start), %zu %s\n",
	       get_string(reactor, "lcore"), get_string(reactor, "mode"),
	       asleep ? "asleep" : "awake",
	       total_ns > 0 ? 100.0 * (double)busy_ns / (double)total_ns : 0.0, wakeups,
	       uptime_ms > 0 ? (double)wakeups * 1000 / (double)uptime_ms : 0.0,
	       array_length(threads), array_length(threads) == 1 ? "thread" : "threads");
	print_blockers(json_object_object_get(blockers, "blockers"));
}

/* Which kinds of requests have failed, and how often; nothing if none has. */
static void print_errors(struct json_object *errors)
{
	const char *before = "  failed:";

	if (!json_object_is_type(errors, json_type_object)) {
		return;
	}
	json_object_object_foreach(errors, type, count)
	{
		if (json_object_get_uint64(count) > 0) {
			printf("%s %" PRIu64 " %s", before, json_object_get_uint64(count), type);
			before = ",";
		}
	}
	if (before[0] == ',') {
		putchar('\n');
	}
}

/* Of an NVMe namespace: by which transport, and where; else nothing. */
static void print_path(struct json_object *bdev)
{
	struct json_object *nvme =
		json_object_object_get(json_object_object_get(bdev, "driver_specific"), "nvme");
	struct json_object *trid;

	if (array_length(nvme) > 0) {
		trid = json_object_object_get(json_object_array_get_idx(nvme, 0), "trid");
		printf(", %s %s", get_string(trid, "trtype"), get_string(trid, "traddr"));
	}
}

/* The @index-th bdev; its statistics stand at the same place, unless bdevs have come or gone. */
static void print_bdev(const struct status *status, struct json_object *bdev, size_t index)
{
	const char *name = get_string(bdev, "name");
	struct json_object *stat =
		array_find_at(json_object_object_get(stats_of(status, "bdev_get_iostat"), "bdevs"),
			      index, "name", name);
	char size[32];
	char read[32];
	char written[32];

	format_bytes(get_number(bdev, "block_size") * get_number(bdev, "num_blocks"), size,
		     sizeof(size));
	printf("Bdev %s: %s (%s", name, size, get_string(bdev, "product_name"));
	print_path(bdev);
	puts(")");
	if (stat == NULL) {
		return;
	}
	printf("  %" PRIu64 " reads (%s), %" PRIu64 " writes (%s), %" PRIu64 " flushes\n",
	       get_number(stat, "num_read_ops"),
	       format_bytes(get_number(stat, "bytes_read"), read, sizeof(read)),
	       get_number(stat, "num_write_ops"),
	       format_bytes(get_number(stat, "bytes_written"), written, sizeof(written)),
	       get_number(stat, "num_flush_ops"));
	print_errors(json_object_object_get(stat, "io_error"));
}

static void print_export(struct json_object *export)
{
	uint64_t clients = get_number(export, "clients");
	const char *path = get_string(export, "path");

	printf("Export %s: bdev %s over NBD at ", get_string(export, "export_name"),
	       get_string(export, "bdev_name"));
	if (path[0] != '\0') {
		printf("%s", path);
	} else {
		printf("%s port %s", get_string(export, "address"), get_string(export, "port"));
	}
	printf(", %" PRIu64 " %s%s\n", clients, clients == 1 ? "client" : "clients",
	       json_object_get_boolean(json_object_object_get(export, "read_only")) ? ", read-only"
										    : "");
}

static void print_all(const struct status *status)
{
	struct json_object *reactors = json_object_object_get(status->reactors, "reactors");
	struct json_object *bdevs = stats_of(status, "bdev_get_bdevs");
	struct json_object *exports = stats_of(status, "nbd_get_exports");

	print_head(status);
	for (size_t i = 0; i < array_length(reactors); i++) {
		print_reactor(status, json_object_array_get_idx(reactors, i));
	}
	for (size_t i = 0; i < array_length(bdevs); i++) {
		print_bdev(status, json_object_array_get_idx(bdevs, i), i);
	}
	for (size_t i = 0; i < array_length(exports); i++) {
		print_export(json_object_array_get_idx(exports, i));
	}
}

/* What ebbd has no method for is left out. Return: false: it cannot be asked (printed). */
static bool ask(struct rpc_client *client, const char *method, struct json_object **ret_result)
{
	struct ebb_method_error error;
	int rc = rpc_client_call(client, method, NULL, ret_result, &error);

	if (rc == 0 || (rc == -EREMOTEIO && error.code == EBB_METHOD_NOT_FOUND)) {
		return true;
	}
	fprintf(stderr, "ebbctl: %s: %s\n", method, rc == -EREMOTEIO ? error.text : client->error);
	return false;
}

static void pause_longer_than_they_spin(struct json_object *reactors)
{
	uint64_t pause_ms = PAUSE_SLACK_MS;
	struct timespec pause;

	for (size_t i = 0; i < array_length(reactors); i++) {
		struct json_object *reactor = json_object_array_get_idx(reactors, i);
		uint64_t spin_ms = get_number(reactor, "spin_us_max") / 1000;

		if (strcmp(get_string(reactor, "mode"), "adaptive") == 0 &&
		    spin_ms + PAUSE_SLACK_MS > pause_ms) {
			pause_ms = spin_ms + PAUSE_SLACK_MS;
		}
	}
	if (pause_ms > PAUSE_MAX_MS) {
		pause_ms = PAUSE_MAX_MS;
	}
	pause.tv_sec = (time_t)(pause_ms / 1000);
	pause.tv_nsec = (long)(pause_ms % 1000) * (long)EBB_NS_PER_MS;
	nanosleep(&pause, NULL);
}

static bool ask_stats(struct rpc_client *client, struct status *status)
{
	const struct ebb_subsystem *subsystem = NULL;

	status->stats = json_object_new_object();
	while ((subsystem = ebb_subsystem_next(subsystem)) != NULL) {
		const char *const *method = subsystem->stats;

		for (; method != NULL && *method != NULL; method++) {
			struct json_object *result = NULL;

			if (!ask(client, *method, &result)) {
				return false;
			}
			json_object_object_add(status->stats, *method, result);
		}
	}
	return true;
}

static bool ask_running(struct rpc_client *client, struct status *status)
{
	if (!ask_stats(client, status) || !ask(client, "reactor_get_blockers", &status->blockers) ||
	    !ask(client, "framework_get_reactors", &status->reactors_before)) {
		return false;
	}
	pause_longer_than_they_spin(json_object_object_get(status->reactors_before, "reactors"));
	return ask(client, "framework_get_reactors", &status->reactors);
}

int ebbctl_status(struct rpc_client *client)
{
	struct status status = {0};
	const char *state;
	bool good = ask(client, "framework_get_state", &status.state);

	/* Before and after it runs, ebbd tells no more than where it is. */
	state = good ? get_string(status.state, "state") : "";
	if (strcmp(state, "running") == 0) {
		good = ask(client, "spdk_get_version", &status.version) &&
		       ask_running(client, &status);
	}
	if (good) {
		print_all(&status);
	}
	json_object_put(status.version);
	json_object_put(status.state);
	json_object_put(status.reactors_before);
	json_object_put(status.reactors);
	json_object_put(status.blockers);
	json_object_put(status.stats);
	return good ? EBBCTL_OK : EBBCTL_FAILED;
}
