/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_BDEV_VIRTUAL_STAGE_H
#define TESTS_UNIT_CORE_BDEV_VIRTUAL_STAGE_H

/* What the tests of virtual bdevs share: a null bdev, a delay bdev on it, and who is there. */

#include <stdbool.h>

#define NULL_BDEV "{'name': 'N', 'num_blocks': 100, 'block_size': 512}"
#define DELAY_ON(base)                                                         \
	"{'name': 'D', 'base_bdev_name': '" base "', 'avg_read_latency': 10, " \
	"'p99_read_latency': 20, 'avg_write_latency': 30, 'p99_write_latency': 40}"

/* The stage; and at its end nothing is left, nor waits. */
void virtual_stage_begin(void);
void virtual_stage_end(void);

void virtual_is_there(const char *name);
void virtual_is_not_there(const char *name);

/* @name is wanted from @method, or the test fails. Return: is it present? */
bool virtual_is_present(const char *method, const char *name);

#endif
