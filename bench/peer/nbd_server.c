/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_server.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/clock.h>

#include "bench/peer/folder.h"
#include "bench/peer/program.h"
#include "bench/peer/rpc_call.h"
#include "bench/signals.h"

#define START_PATIENCE_NS (10 * EBB_NS_PER_S)
#define START_PAUSE_NS    (2 * EBB_NS_PER_MS)

#define EBBD_METHOD "bdev_uring_create"

#define NBDKIT_THREADS 16u /* its own default */

struct bench_nbd_server {
	enum bench_nbd_server_kind kind;
	enum ebb_reactor_mode mode; /* ebbd's */
	struct bench_program *program;
	char path[BENCH_TEXT_MAX]; /* what it serves */
	bool write;
	bool random;
	unsigned threads;
	struct bench_folder folder;
	struct json_object *config; /* ebbd's */
	char config_path[BENCH_FOLDER_MAX + 16];
	char socket[BENCH_FOLDER_MAX + 16];
	char rpc[BENCH_FOLDER_MAX + 16];
	char uri[BENCH_FOLDER_MAX + 64];
	char command[2048];
};

struct server_info {
	const char *name;
	const char *package; /* NULL: it comes with ebb-bench */
};

static const struct server_info infos[BENCH_NBD_SERVER_COUNT] = {
	[BENCH_NBD_SERVER_QEMU] = {"qemu-storage-daemon", "qemu-system-common"},
	[BENCH_NBD_SERVER_NBDKIT] = {"nbdkit", "nbdkit"},
	[BENCH_NBD_SERVER_EBBD] = {"ebbd", NULL},
};

const char *bench_nbd_server_name(enum bench_nbd_server_kind kind)
{
	return infos[kind].name;
}

/* ebbd beside this program, else from PATH: what belongs together is compared. */
static void argv_add_program(struct bench_argv *argv, enum bench_nbd_server_kind kind)
{
	char path[PATH_MAX] = "";
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("ebbd"));
	char *slash = len > 0 ? strrchr(path, '/') : NULL;

	if (kind == BENCH_NBD_SERVER_EBBD && slash != NULL) {
		strcpy(slash + 1, "ebbd");
		if (access(path, X_OK) == 0) {
			bench_argv_add(argv, "%s", path);
			return;
		}
	}
	bench_argv_add(argv, "%s", infos[kind].name);
}

int bench_nbd_server_version(enum bench_nbd_server_kind kind, char version[64],
			     char error[BENCH_TEXT_MAX])
{
	struct bench_argv argv = {0};
	char *output = NULL;
	int rc;

	argv_add_program(&argv, kind);
	bench_argv_add(&argv, "--version");
	rc = bench_program_run(&argv, infos[kind].package, NULL, START_PATIENCE_NS, &output, error);
	if (rc == 0) {
		snprintf(version, 64, "%.*s", (int)strcspn(output, "\n"), output);
	}
	free(output);
	bench_argv_clear(&argv);
	return rc;
}

static bool load_is_random(const struct bench_load *load)
{
	return load->rw != BENCH_RW_READ && load->rw != BENCH_RW_WRITE;
}

/* So many requests nbdkit has under way at once. */
static unsigned nbdkit_threads(const struct bench_load *load)
{
	return load->queue_depth > NBDKIT_THREADS ? (unsigned)load->queue_depth : NBDKIT_THREADS;
}

static void add_string(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

/* The image's locks are left alone: ebb-bench itself may have the file open. */
static void qemu_argv(const struct bench_target *target, bool block_device, bool write,
		      const char *folder, const char *aio, struct bench_argv *argv)
{
	struct json_object *device = json_object_new_object();
	struct json_object *cache = json_object_new_object();

	add_string(device, "driver", block_device ? "host_device" : "file");
	add_string(device, "node-name", "disk");
	add_string(device, "filename", target->path);
	add_string(device, "aio", aio);
	add_string(device, "locking", "off");
	json_object_object_add(device, "read-only", json_object_new_boolean(!write));
	json_object_object_add(device, "auto-read-only", json_object_new_boolean(false));
	json_object_object_add(cache, "direct", json_object_new_boolean(true));
	json_object_object_add(device, "cache", cache);
	bench_argv_add(argv, "--object");
	bench_argv_add(argv, "iothread,id=worker");
	bench_argv_add(argv, "--blockdev");
	bench_argv_add(argv, "%s",
		       json_object_to_json_string_ext(device,
						      JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(device);
	bench_argv_add(argv, "--nbd-server");
	bench_argv_add(argv, "addr.type=unix,addr.path=%s/nbd.sock", folder);
	bench_argv_add(argv, "--export");
	bench_argv_add(argv,
		       "type=nbd,id=disk,node-name=disk,name=disk,iothread=worker,writable=%s",
		       write ? "on" : "off");
}

/* nbdkit has no direct I/O: cache=none drops what it has read from the page cache at once. */
static void nbdkit_argv(const struct bench_target *target, const struct bench_load *load,
			const char *folder, struct bench_argv *argv)
{
	bench_argv_add(argv, "--foreground");
	bench_argv_add(argv, "--unix=%s/nbd.sock", folder);
	bench_argv_add(argv, "--exportname=disk");
	bench_argv_add(argv, "--threads=%u", nbdkit_threads(load));
	if (!bench_load_writes(load->rw)) {
		bench_argv_add(argv, "--readonly");
	}
	bench_argv_add(argv, "file");
	bench_argv_add(argv, "file=%s", target->path);
	bench_argv_add(argv, "cache=none");
	bench_argv_add(argv, "fadvise=%s", load_is_random(load) ? "random" : "sequential");
}

static void ebbd_argv(enum ebb_reactor_mode mode, const struct bench_place *place,
		      const char *folder, struct bench_argv *argv)
{
	bench_argv_add(argv, "--json");
	bench_argv_add(argv, "%s/ebbd.json", folder);
	bench_argv_add(argv, "--rpc-socket");
	bench_argv_add(argv, "%s/rpc.sock", folder);
	bench_argv_add(argv, "--cpumask");
	bench_argv_add(argv, "[%s]", place->list);
	bench_argv_add(argv, "--mode");
	bench_argv_add(argv, "%s", ebb_reactor_mode_name(mode));
}

int bench_nbd_server_argv(enum bench_nbd_server_kind kind, enum ebb_reactor_mode mode,
			  const struct bench_target *target, const struct bench_load *load,
			  const struct bench_place *place, const char *folder, const char *aio,
			  struct bench_argv *argv, char error[BENCH_TEXT_MAX])
{
	bool write = bench_load_writes(load->rw);
	struct stat status;

	if (target->path[0] == '\0' || stat(target->path, &status) < 0 ||
	    (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))) {
		snprintf(error, BENCH_TEXT_MAX, "%s: it serves files and block devices only",
			 infos[kind].name);
		return -EOPNOTSUPP;
	}
	argv_add_program(argv, kind);
	switch (kind) {
	case BENCH_NBD_SERVER_QEMU:
		qemu_argv(target, S_ISBLK(status.st_mode), write, folder, aio, argv);
		break;
	case BENCH_NBD_SERVER_NBDKIT:
		nbdkit_argv(target, load, folder, argv);
		break;
	default:
		ebbd_argv(mode, place, folder, argv);
		break;
	}
	return 0;
}

static int ebbd_config_write(struct bench_nbd_server *server)
{
	struct json_object *bdev = json_object_new_object();
	struct json_object *nbd = json_object_new_object();

	add_string(bdev, "name", "disk");
	add_string(bdev, "filename", server->path);
	json_object_object_add(bdev, "readonly", json_object_new_boolean(!server->write));
	add_string(nbd, "bdev_name", "disk");
	add_string(nbd, "path", server->socket);
	add_string(nbd, "export_name", "disk");
	server->config =
		bench_folder_config("bdev", EBBD_METHOD, bdev, "nbd", "nbd_start_export", nbd);
	return json_object_to_file(server->config_path, server->config) < 0 ? -EIO : 0;
}

/* A server's socket is there before somebody listens, and to ask costs it a connection. */
static int server_wait(struct bench_nbd_server *server)
{
	const struct timespec pause = {.tv_nsec = START_PAUSE_NS};
	uint64_t begin_ns = ebb_clock_now_ns();

	while (bench_rpc_call_probe(server->socket) < 0) {
		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		if (!bench_program_running(server->program)) {
			return -EIO;
		}
		if (ebb_clock_now_ns() - begin_ns > START_PATIENCE_NS) {
			return -ETIMEDOUT;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void wait_explain(struct bench_nbd_server *server, int rc, char error[BENCH_TEXT_MAX])
{
	const char *name = infos[server->kind].name;
	char why[2 * BENCH_TEXT_MAX];
	const char *told;

	if (rc == -ECANCELED) {
		snprintf(error, BENCH_TEXT_MAX, "%s: ended by a signal", name);
	} else if (rc == -ETIMEDOUT) {
		snprintf(error, BENCH_TEXT_MAX, "%s: it does not listen after %llu s", name,
			 (unsigned long long)(START_PATIENCE_NS / EBB_NS_PER_S));
	} else {
		bench_program_explain(server->program, why, sizeof(why));
		told = strstr(why, EBBD_METHOD ": "); /* before it ebbd says where in its file */
		snprintf(error, BENCH_TEXT_MAX, "%s: %.200s", name,
			 told != NULL ? told + strlen(EBBD_METHOD ": ") : why);
	}
}

static int server_try(struct bench_nbd_server *server, const struct bench_target *target,
		      const struct bench_load *load, const struct bench_place *place,
		      const char *aio, char error[BENCH_TEXT_MAX])
{
	struct bench_argv argv = {0};
	int rc;

	rc = bench_nbd_server_argv(server->kind, server->mode, target, load, place,
				   server->folder.path, aio, &argv, error);
	if (rc == 0) {
		if (server->config != NULL) {
			bench_folder_command(&argv, server->config_path, server->config,
					     server->command, sizeof(server->command));
		} else {
			(void)bench_argv_quote(&argv, server->command, sizeof(server->command));
		}
		rc = bench_program_start(&argv, infos[server->kind].package, &place->cpus,
					 &server->program, error);
	}
	if (rc == 0) {
		rc = server_wait(server);
		if (rc < 0) {
			wait_explain(server, rc, error);
			bench_program_end(server->program);
			server->program = NULL;
		}
	}
	bench_argv_clear(&argv);
	return rc;
}

static int server_prepare(struct bench_nbd_server *server, const struct bench_target *target,
			  const struct bench_load *load, char error[BENCH_TEXT_MAX])
{
	int rc;

	snprintf(server->path, sizeof(server->path), "%s", target->path);
	server->write = bench_load_writes(load->rw);
	server->random = load_is_random(load);
	server->threads = nbdkit_threads(load);
	rc = bench_folder_make(&server->folder, error);
	if (rc < 0) {
		return rc;
	}
	snprintf(server->socket, sizeof(server->socket), "%s/nbd.sock", server->folder.path);
	snprintf(server->rpc, sizeof(server->rpc), "%s/rpc.sock", server->folder.path);
	snprintf(server->config_path, sizeof(server->config_path), "%s/ebbd.json",
		 server->folder.path);
	snprintf(server->uri, sizeof(server->uri), "nbd+unix:///disk?socket=%s", server->socket);
	if (server->kind == BENCH_NBD_SERVER_EBBD && ebbd_config_write(server) < 0) {
		snprintf(error, BENCH_TEXT_MAX, "ebbd: %s cannot be written", server->config_path);
		return -EIO;
	}
	return 0;
}

int bench_nbd_server_start(enum bench_nbd_server_kind kind, enum ebb_reactor_mode mode,
			   const struct bench_target *target, const struct bench_load *load,
			   const struct bench_place *place, struct bench_nbd_server **ret_server,
			   char error[BENCH_TEXT_MAX])
{
	struct bench_nbd_server *server = calloc(1, sizeof(*server));
	int rc;

	if (server == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%s: out of memory", infos[kind].name);
		return -ENOMEM;
	}
	server->kind = kind;
	server->mode = mode;
	rc = server_prepare(server, target, load, error);
	if (rc == 0) {
		rc = server_try(server, target, load, place, "io_uring", error);
		if (rc == -EIO && kind == BENCH_NBD_SERVER_QEMU) { /* built, or run, without */
			rc = server_try(server, target, load, place, "native", error);
		}
	}
	if (rc < 0) {
		bench_nbd_server_end(server);
		return rc;
	}
	*ret_server = server;
	return 0;
}

bool bench_nbd_server_serves(const struct bench_nbd_server *server,
			     const struct bench_target *target, const struct bench_load *load)
{
	bool tuned =
		server->kind != BENCH_NBD_SERVER_NBDKIT ||
		(server->random == load_is_random(load) && server->threads == nbdkit_threads(load));

	return strcmp(server->path, target->path) == 0 &&
	       server->write == bench_load_writes(load->rw) && tuned;
}

const char *bench_nbd_server_command(const struct bench_nbd_server *server)
{
	return server->command;
}

const char *bench_nbd_server_uri(const struct bench_nbd_server *server)
{
	return server->uri;
}

const char *bench_nbd_server_rpc(const struct bench_nbd_server *server)
{
	return server->rpc;
}

struct bench_program *bench_nbd_server_program(const struct bench_nbd_server *server)
{
	return server->program;
}

void bench_nbd_server_end(struct bench_nbd_server *server)
{
	if (server == NULL) {
		return;
	}
	bench_program_end(server->program);
	bench_folder_remove(&server->folder);
	json_object_put(server->config);
	free(server);
}
