/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NBD_DISK_H
#define TESTS_UNIT_DRIVERS_NBD_DISK_H

/* Makes the disk known; the rest of it is in served.h. Thread: app. */
void disk_register(void);

#endif
