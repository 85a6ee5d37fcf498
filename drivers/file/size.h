/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_FILE_SIZE_H
#define DRIVERS_FILE_SIZE_H

/* How long a file is, and what of its bdev's blocks that has. All of it may block: on the helper. */

#include <stdbool.h>
#include <stdint.h>

struct file_target;

/* Return: 0, or negative errno. */
int file_size_ask(const struct file_target *target, uint64_t *ret_bytes);

/* As how many blocks so many bytes are served. */
uint64_t file_size_blocks(const struct file_target *target, uint64_t bytes);

/**
 * file_size_has() - are the bytes before @end the file's, or the rest of its last block?
 * @end: in bytes
 * Return: true; false: the file has become shorter, *@ret_bytes is its length.
 */
bool file_size_has(const struct file_target *target, uint64_t end, uint64_t *ret_bytes);

/* The bytes before @end have been written: from now on the file must have them. */
void file_size_written(struct file_target *target, uint64_t end);

#endif
