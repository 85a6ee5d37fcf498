/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bench/peer/program.h"
#include "bench/peer/rpc_call.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

static char error[BENCH_TEXT_MAX];
static char file[64];
static struct bench_target target;
static struct bench_load load;
static struct bench_place place;
static struct bench_argv argv;

static void setup(void)
{
	int fd;

	snprintf(file, sizeof(file), "/tmp/nbd,server.XXXXXX");
	fd = mkstemp(file);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	close(fd);
	snprintf(target.path, sizeof(target.path), "%s", file);
	target.size_bytes = 1 << 20;
	load = (struct bench_load){.rw = BENCH_RW_RANDREAD, .block_bytes = 4096, .queue_depth = 4};
	place = (struct bench_place){.num_cpus = 1, .list = "0", .client_cpu = -1};
	ck_assert_int_eq(sched_getaffinity(0, sizeof(place.cpus), &place.cpus), 0);
}

static void teardown(void)
{
	unlink(file);
	bench_argv_clear(&argv);
}

static void make(enum bench_nbd_server_kind kind)
{
	bench_argv_clear(&argv);
	ck_assert_int_eq(bench_nbd_server_argv(kind, EBB_REACTOR_POLL, &target, &load, &place,
					       "/tmp/folder", "native", &argv, error),
			 0);
	ck_assert(!argv.failed);
}

static bool has(const char *word)
{
	for (unsigned i = 0; i < argv.count; i++) {
		if (strcmp(argv.words[i], word) == 0) {
			return true;
		}
	}
	return false;
}

/* The word that describes the disk to qemu-storage-daemon. */
static bool qemu_disk_is(const char *key, const char *value)
{
	bool equal = false;

	for (unsigned i = 0; i < argv.count; i++) {
		struct json_object *disk =
			argv.words[i][0] == '{' ? json_tokener_parse(argv.words[i]) : NULL;
		struct json_object *field;

		if (json_object_object_get_ex(disk, key, &field)) {
			equal = strcmp(json_object_get_string(field), value) == 0;
		}
		json_object_put(disk);
	}
	return equal;
}

START_TEST(test_qemu)
{
	make(BENCH_NBD_SERVER_QEMU);
	ck_assert_str_eq(argv.words[0], "qemu-storage-daemon");
	ck_assert(has("addr.type=unix,addr.path=/tmp/folder/nbd.sock") || has("--nbd-server"));
	ck_assert(qemu_disk_is("filename", file) && qemu_disk_is("aio", "native"));
	ck_assert(qemu_disk_is("read-only", "true") && qemu_disk_is("driver", "file"));
	ck_assert(qemu_disk_is("cache", "{ \"direct\": true }"));
	load.rw = BENCH_RW_WRITE;
	make(BENCH_NBD_SERVER_QEMU);
	ck_assert(qemu_disk_is("read-only", "false"));
	ck_assert(has("type=nbd,id=disk,node-name=disk,name=disk,iothread=worker,writable=on"));
}
END_TEST

START_TEST(test_nbdkit)
{
	char word[128];

	make(BENCH_NBD_SERVER_NBDKIT);
	snprintf(word, sizeof(word), "file=%s", file);
	ck_assert(has(word) && has("--readonly") && has("cache=none") && has("fadvise=random"));
	ck_assert(has("--threads=16"));
	load.rw = BENCH_RW_WRITE;
	load.queue_depth = 64;
	make(BENCH_NBD_SERVER_NBDKIT);
	ck_assert(!has("--readonly") && has("fadvise=sequential") && has("--threads=64"));
}
END_TEST

/* What is no file has no server. */
START_TEST(test_other_targets)
{
	static const char *const paths[] = {"", "/dev/null", "/nonexistent", "/tmp"};

	for (unsigned kind = 0; kind < BENCH_NBD_SERVER_COUNT; kind++) {
		for (size_t i = 0; i < EBB_ARRAY_SIZE(paths); i++) {
			snprintf(target.path, sizeof(target.path), "%s", paths[i]);
			ck_assert_int_eq(bench_nbd_server_argv(kind, EBB_REACTOR_POLL, &target,
							       &load, &place, "/x", "native", &argv,
							       error),
					 -EOPNOTSUPP);
			bench_argv_clear(&argv);
		}
	}
	ck_assert_str_eq(error, "ebbd: it serves files and block devices only");
}
END_TEST

/* It runs until its end, and nothing is left of it. */
START_TEST(test_life)
{
	const enum bench_nbd_server_kind kind = (enum bench_nbd_server_kind)_i;
	struct bench_nbd_server *server;
	char socket[256];
	char version[64];

	need_program(bench_nbd_server_name(kind));
	ck_assert_int_eq(bench_nbd_server_version(kind, version, error), 0);
	ck_assert(version[0] != '\0' && strchr(version, '\n') == NULL);
	ck_assert_msg(bench_nbd_server_start(kind, EBB_REACTOR_POLL, &target, &load, &place,
					     &server, error) == 0,
		      "%s", error);
	snprintf(socket, sizeof(socket), "%s", strchr(bench_nbd_server_uri(server), '=') + 1);
	ck_assert_int_eq(bench_rpc_call_probe(socket), 0);
	ck_assert_ptr_nonnull(strstr(bench_nbd_server_command(server), file));
	ck_assert(bench_nbd_server_serves(server, &target, &load));
	load.rw = BENCH_RW_RANDWRITE;
	ck_assert(!bench_nbd_server_serves(server, &target, &load));
	load.rw = BENCH_RW_RANDREAD;
	load.queue_depth = 100;
	ck_assert_int_eq(bench_nbd_server_serves(server, &target, &load),
			 kind != BENCH_NBD_SERVER_NBDKIT);
	load.queue_depth = 4;
	target.path[0] = '\0';
	ck_assert(!bench_nbd_server_serves(server, &target, &load));
	bench_nbd_server_end(server);
	ck_assert_int_ne(access(socket, F_OK), 0);
	*strrchr(socket, '/') = '\0';
	ck_assert_int_ne(access(socket, F_OK), 0);
}
END_TEST

START_TEST(test_a_server_that_cannot_start)
{
	struct bench_nbd_server *server;

	need_program("qemu-storage-daemon");
	ck_assert_int_eq(truncate(file, 100), 0); /* no direct I/O on part of a block */
	CPU_ZERO(&place.cpus);
	ck_assert_int_lt(bench_nbd_server_start(BENCH_NBD_SERVER_QEMU, EBB_REACTOR_POLL, &target,
						&load, &place, &server, error),
			 0);
	ck_assert_int_eq(strncmp(error, "qemu-storage-daemon", 19), 0);
}
END_TEST

START_TEST(test_a_program_that_is_not_there)
{
	char version[64];

	ck_assert_int_eq(setenv("PATH", "/nonexistent", 1), 0);
	ck_assert_int_eq(bench_nbd_server_version(BENCH_NBD_SERVER_NBDKIT, version, error),
			 -ENOENT);
	ck_assert_str_eq(error, "nbdkit is not there: install it (Debian: apt-get install nbdkit)");
	ck_assert_int_eq(bench_nbd_server_version(BENCH_NBD_SERVER_EBBD, version, error), -ENOENT);
}
END_TEST

int main(int argc, char **argv_)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_qemu),
		UNIT_TEST(test_nbdkit),
		UNIT_TEST(test_other_targets),
		UNIT_LOOP(test_life, 0, 2),
		UNIT_TEST(test_a_server_that_cannot_start),
		UNIT_TEST(test_a_program_that_is_not_there),
		UNIT_END,
	};

	return unit_main(argc, argv_, tests);
}
