/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_MEMORY_POOL_H
#define EBB_MEMORY_POOL_H

/* The pool as the rest of core sees it. */

#include <stdbool.h>

struct ebb_reactor;

/**
 * ebb_mem_age() - about a second has passed: let go of what is stale
 * @ask: called, under the pool's lock, for each reactor whose cache holds something stale: it shall
 *	have ebb_mem_age_caller() called there
 * Thread: one at a time, the watch's.
 * Return: true: something will be stale in a second, unless it is used; call again then.
 */
bool ebb_mem_age(void (*ask)(struct ebb_reactor *reactor));

/* Gives back what is stale in the calling reactor's cache, and regions that only that kept. */
void ebb_mem_age_caller(void);

/* The calling reactor ends: empties its cache. */
void ebb_mem_cache_end(void);

/* For tests of everything that allocates from the pool. */

/* The @nth allocation from now on (1: the next), and all after it, fail; 0: none does. */
void ebb_mem_fail_from(unsigned nth);

#endif
