/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NBD_SERVER_H
#define BENCH_NBD_SERVER_H

/*
 * An NBD server on a file or block device, run for a comparison: its socket is in a private temporary
 * folder, it has no more rights than the load needs, it runs on the reactors' CPUs, and it does direct
 * I/O as ebb does, or what it has that comes next to it.
 */

#include <stdbool.h>

#include <ebb/reactor.h>

#include "bench/peer/argv.h"
#include "bench/peer/place.h"
#include "bench/results/results.h"

enum bench_nbd_server_kind {
	BENCH_NBD_SERVER_QEMU, /* qemu-storage-daemon */
	BENCH_NBD_SERVER_NBDKIT,
	BENCH_NBD_SERVER_EBBD,
	BENCH_NBD_SERVER_COUNT,
};

struct bench_nbd_server;

/* The program's name. */
const char *bench_nbd_server_name(enum bench_nbd_server_kind kind);

/**
 * bench_nbd_server_version() - what it says of itself
 * Return: 0; -ENOENT: it is not there; another -errno. @error names it and the remedy.
 */
int bench_nbd_server_version(enum bench_nbd_server_kind kind, char version[64],
			     char error[BENCH_TEXT_MAX]);

/**
 * bench_nbd_server_argv() - the command that serves @target for @load
 * @mode: how ebbd's reactors wait; of no meaning for the others
 * @folder: where its socket comes to be
 * @aio: the kind of asynchronous I/O, for those that have a choice: "io_uring", "native"
 * @argv: zeroed; to be cleared in any case
 * Return: 0; -EOPNOTSUPP: the target is neither a file nor a block device.
 */
int bench_nbd_server_argv(enum bench_nbd_server_kind kind, enum ebb_reactor_mode mode,
			  const struct bench_target *target, const struct bench_load *load,
			  const struct bench_place *place, const char *folder, const char *aio,
			  struct bench_argv *argv, char error[BENCH_TEXT_MAX]);

/**
 * bench_nbd_server_start() - run it, and wait until it listens
 * Thread: one that lives as long as the server is to live.
 * Return: 0; -ECANCELED: a signal wants the end; another -errno. @error names the server, and says
 *	why, in its own words if it had some.
 */
int bench_nbd_server_start(enum bench_nbd_server_kind kind, enum ebb_reactor_mode mode,
			   const struct bench_target *target, const struct bench_load *load,
			   const struct bench_place *place, struct bench_nbd_server **ret_server,
			   char error[BENCH_TEXT_MAX]);

/* True if what runs serves @target for @load, as one started now would. */
bool bench_nbd_server_serves(const struct bench_nbd_server *server,
			     const struct bench_target *target, const struct bench_load *load);

/* Its command as a shell would take it; its URI; its RPC socket (ebbd's only). */
const char *bench_nbd_server_command(const struct bench_nbd_server *server);
const char *bench_nbd_server_uri(const struct bench_nbd_server *server);
const char *bench_nbd_server_rpc(const struct bench_nbd_server *server);

struct bench_program *bench_nbd_server_program(const struct bench_nbd_server *server);

/* Ends it, and removes its folder. NULL is allowed. */
void bench_nbd_server_end(struct bench_nbd_server *server);

#endif
