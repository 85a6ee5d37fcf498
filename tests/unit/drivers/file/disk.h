/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_FILE_DISK_H
#define TESTS_UNIT_DRIVERS_FILE_DISK_H

/* One file bdev on the stage, called "f", of blocks of 4096 bytes, and what is in its file. */

#include <ebb/bdev.h>

#define DISK_BLOCK 4096u

struct disk {
	const char *path;
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	char *buf;        /* of the pool, EBB_MEM_ALLOC_MAX bytes */
	unsigned resizes; /* that the holder has been told of */
	struct ebb_bdev_extent extent[16];
	struct ebb_bdev_extents extents; /* of the last disk_status() */
};

extern struct disk disk;

/* Fixtures: the stage and the scratch folder. */
void disk_begin(void);
void disk_end(void);

/* @options: more parameters: ", 'direct': false". */
void disk_open(const char *path, const char *options);
void disk_close(void);

/* What the request came to. */
int disk_write(const void *memory, uint64_t block, uint64_t num);
int disk_read(void *memory, uint64_t block, uint64_t num);
int disk_zeroes(uint64_t block, uint64_t num, uint32_t flags);
int disk_unmap(uint64_t block, uint64_t num);
int disk_flush(void);
/* @max: extents; the answer is in disk.extents. */
int disk_status(uint64_t block, uint64_t num, uint32_t max);
int disk_status_into(uint64_t block, uint64_t num, struct ebb_bdev_extent *extent, uint32_t max);

/* Some data that is not zero, into disk.buf. */
void disk_fill(size_t len, unsigned seed);

/* Of the file: the bytes that it takes up; and are those zeroes? */
uint64_t disk_allocated(const char *path);
bool disk_is_zero(const char *path, uint64_t offset, uint64_t len);
/* The length that is there; and another one, by who opens the file for it. */
uint64_t disk_length(const char *path);
void disk_set_length(const char *path, uint64_t bytes);

#endif
