/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

/* A private temporary folder for a peer's sockets and its configuration. */

#include <ebb/base.h>

#include "bench/peer/argv.h"
#include "bench/results/results.h"

#define BENCH_FOLDER_MAX 80 /* a socket's path has 107 bytes */

struct json_object;

struct bench_folder {
	char path[BENCH_FOLDER_MAX]; /* "": there is none */
	int lock_fd;                 /* of it; locked as long as its process lives */
};

/**
 * bench_folder_make() - a private folder in $TMPDIR
 * In /tmp if that is too long or has more than letters, digits and _-./ in it, which mean themselves
 * in URIs, to shells and in all peers' options. What an ebb-bench that was killed has left there is
 * removed.
 * Return: 0; -errno, with @error.
 */
int bench_folder_make(struct bench_folder *folder, char error[BENCH_TEXT_MAX]);

/* With all files in it. */
void bench_folder_remove(struct bench_folder *folder);

/**
 * bench_folder_config() - a configuration of one method for each of one or two subsystems
 * @params, @other_params: become its own
 * @other: NULL: there is no second subsystem
 */
struct json_object *bench_folder_config(const char *subsystem, const char *method,
					struct json_object *params, const char *other,
					const char *other_method, struct json_object *other_params);

/**
 * bench_folder_command() - a command as one line for a shell, which first writes its configuration
 * The folder is gone when somebody reads the line.
 */
void bench_folder_command(const struct bench_argv *argv, const char *path,
			  struct json_object *config, char *text, size_t size);

#endif
