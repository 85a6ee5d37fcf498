/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NBD_DISK_H
#define TESTS_NBD_DISK_H

/* Makes the disk known; the rest of it is in served.h. Thread: app. */
void disk_register(void);

#endif
