/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_NEED_H
#define TESTS_UNIT_NEED_H

/* What a test, or its setup, cannot do without: each of these skips the test where it is not. */

#include <stddef.h>

/* A heap that the program may have replaced. */
void need_heap(void);

/* An address space that is not filled by a sanitizer. */
void need_address_space(void);

/* Two CPUs to run on. Return: them, as a CPU list: "[0,1]". */
const char *need_two_cpus(void);

/* An io_uring with the flags of io_uring_queue_init(). */
void need_uring(unsigned flags);

/* Root, with that much memory to lock for those who are not. */
void need_root_to_lock(size_t bytes);

/* A program that can be run as "NAME --version". */
void need_program(const char *name);

#endif
