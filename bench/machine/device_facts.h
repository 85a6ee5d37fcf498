/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_DEVICE_FACTS_H
#define BENCH_DEVICE_FACTS_H

#include <stdbool.h>

struct json_object;

/**
 * bench_device_facts_get() - what a file, a block device or /dev/ngXnY is, and the device beneath
 * A partition's queue and model are those of its disk. Asks the file system, so it may block.
 * @root: "" but in tests, before /proc and /sys
 * @path: as the user gave it
 * Return: an object, the caller's to put; NULL: there is no such file.
 */
struct json_object *bench_device_facts_get(const char *root, const char *path);

/* The disk that a block device is (a part of), or that a file is on. */
struct bench_disk {
	char name[40];    /* of the device, for people */
	char folder[256]; /* where the kernel tells of the disk, from @root on */
};

/* @root, @path: as above. Return: false: it cannot be told. */
bool bench_device_facts_disk(const char *root, const char *path, struct bench_disk *ret_disk);

#endif
