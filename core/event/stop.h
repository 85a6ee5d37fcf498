/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_STOP_H
#define CORE_EVENT_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* The watchdog is about to sleep; it has woken. Return: true: the process was stopped meanwhile. */
void event_stop_sleep(void);
bool event_stop_woken(uint64_t now_ns);

/* True if the process may have been stopped between @since_ns and now. Thread: any. */
bool event_stop_seen(uint64_t since_ns);

#endif
