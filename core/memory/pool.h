/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_MEMORY_POOL_H
#define CORE_MEMORY_POOL_H

/* The pool as the rest of core sees it. */

#include <sched.h>
#include <stdbool.h>

/**
 * mem_cache_begin() - the calling OS thread keeps what is freed on it, for itself
 * @core: the CPU number by which mem_age() names this cache
 * Without the memory for that, it goes on without a cache. A second call changes @core.
 */
void mem_cache_begin(int core);

/* The calling OS thread gives back what it kept, and keeps nothing any more. */
void mem_cache_end(void);

/**
 * mem_age() - about a second has passed: let go of what is stale
 * @ret_stale_cores: gets those whose cache holds something stale: mem_age_caller() shall be
 *	called on the OS thread of each
 * Thread: one at a time.
 * Return: true: something will be stale in a second, unless it is used; call again then.
 */
bool mem_age(cpu_set_t *ret_stale_cores);

/* Gives back what is stale in the calling OS thread's cache, and regions that only that kept. */
void mem_age_caller(void);

/* For tests of everything that allocates from the pool. */

/* The @nth allocation from now on (1: the next), and all after it, fail; 0: none does. */
void mem_fail_from(unsigned nth);

#endif
