/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_CLOCK_H
#define EBB_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ebb_clock_now_ns() - read the monotonic clock
 * Thread: any; async-signal-safe. About 20 ns. On an I/O path use ebb_reactor_now_ns().
 * Return: nanoseconds of CLOCK_MONOTONIC, or of the source that a test has set.
 */
uint64_t ebb_clock_now_ns(void);

/**
 * ebb_clock_set_source() - let a test move the clock
 * @now_ns: called for every reading from now on, reactors' readings included; NULL: the real clock
 * Thread: only while no reactor runs.
 */
void ebb_clock_set_source(uint64_t (*now_ns)(void));

#ifdef __cplusplus
}
#endif

#endif
