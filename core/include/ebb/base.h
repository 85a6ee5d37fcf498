/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BASE_H
#define EBB_BASE_H

#include <stddef.h>
#include <stdint.h>

/* Bit @n of a 32-bit mask. */
#define EBB_BIT(n) (1u << (n))

#define EBB_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The object of @type whose @member is at @ptr. */
#define ebb_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define ebb_likely(condition)   __builtin_expect(!!(condition), 1)
#define ebb_unlikely(condition) __builtin_expect(!!(condition), 0)

/* What two cores write must not share a line; two lines, for the adjacent-line prefetcher. */
#define EBB_CACHE_LINE    64
#define EBB_CACHE_ALIGNED __attribute__((aligned(2 * EBB_CACHE_LINE)))

#define EBB_PRINTF(text_index, first) __attribute__((format(printf, text_index, first)))

#define EBB_NS_PER_US 1000ull
#define EBB_NS_PER_MS 1000000ull
#define EBB_NS_PER_S  1000000000ull

/*
 * A registration that runs before main(). Such a constructor only appends a static descriptor to a
 * list: no I/O, no allocation, no order.
 */
#define EBB_CONSTRUCTOR(name) static void __attribute__((constructor)) name(void)

#endif
