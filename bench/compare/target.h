/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

/*
 * What a word of the command line is the name of, and whether it may be measured; without the
 * framework, and before anything is opened.
 */

#include <sys/stat.h>

#include "bench/results/results.h"

/**
 * bench_target_resolve() - what is @text?
 * @bdev: a word without a slash is the name of a bdev that the configuration makes
 * @write: it is to be written to: not if anybody uses it
 * @ret_target: name, kind, path and sparse; of a bdev also bdev; driver "nvme", if that is to make
 *	its bdev; the rest is zeroed
 * @error: one line that names @text and the remedy
 * Thread: any that may block. Return: 0; -errno.
 */
int bench_target_resolve(const char *text, bool bdev, bool write, struct bench_target *ret_target,
			 char error[BENCH_TEXT_MAX]);

/**
 * bench_target_user() - who uses this file or device, so that nothing may be written to it
 * @root: "" but in tests, before /sys and /proc
 * @st: of a regular file or a block device
 * @ret_why: "mounted on /mnt; unmount it"
 * Return: true if somebody does.
 */
bool bench_target_user(const char *root, const struct stat *st, char ret_why[BENCH_TEXT_MAX]);

/* Has the file holes? What is read from these was read from no device. */
bool bench_target_sparse(const char *path);

#endif
