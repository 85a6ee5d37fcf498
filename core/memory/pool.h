/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_MEMORY_POOL_H
#define EBB_MEMORY_POOL_H

/* For tests of everything that allocates from the pool. */

/* The @nth allocation from now on (1: the next), and all after it, fail; 0: none does. */
void ebb_mem_fail_from(unsigned nth);

#endif
