/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NBD_STALLED_H
#define TESTS_UNIT_DRIVERS_NBD_STALLED_H

/* Clients of the service (served.h) that ask for much, and take nothing. */

#include <stddef.h>
#include <stdint.h>

#include "core/exporter/share.h"

#define MIB       (1u << 20)
#define SHARE_MAX (EXPORTER_FLOOR + EXPORTER_POT_MAX)

/* Every MiB of the disk has a value of its own; of a read of it the next @len bytes come next. */
void stalled_fill_disk(void);
void stalled_expect_data(int fd, uint64_t offset, uint32_t len);

/* From here on it is counted what all have of the pool. */
void stalled_begin(void);
size_t stalled_used(void);

/* Until all have @used. */
void stalled_wait(size_t used);

/* Until nothing more happens. */
void stalled_settle(void);

/* It reads and takes nothing, until its socket is full and all have @used. Return: reads. */
unsigned stalled_stall(int fd, size_t used);

/* Until the disk holds @count requests: those who wait get what others give back. Then it answers. */
void stalled_pass_time(unsigned count);

#endif
