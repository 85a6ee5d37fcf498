/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_HOST_MACHINE_H
#define TESTS_UNIT_DRIVERS_NVME_HOST_MACHINE_H

/*
 * A made-up machine: a folder that looks like /sys, /proc and /dev to whoever takes a root, and
 * a kernel behind it that binds and unbinds drivers when it is written to.
 */

#include <stddef.h>

/* Drivers nvme and vfio-pci are loaded, nothing is plugged in. */
void machine_begin(void);
void machine_end(void);
const char *machine_root(void);

/* @group: -1: no IOMMU; @driver: NULL: none has it. */
void machine_add_pci(const char *bdf, const char *class, int group, const char *driver);
/* A controller of the kernel's. It comes and goes with the function's driver nvme. */
void machine_add_ctrlr(const char *bdf, const char *ctrlr, const char *subsystem);
/* A namespace of a controller: block device 259:@minor. */
void machine_add_ns(const char *ctrlr, const char *block, const char *generic, unsigned nsid,
		    unsigned minor);
/* One of the subsystem's, which @ctrlr reaches by a hidden path. */
void machine_add_shared_ns(const char *subsystem, const char *ctrlr, const char *hidden,
			   const char *block, const char *generic, unsigned nsid, unsigned minor);

void machine_unload(const char *driver);
/* The driver does not take devices from now on; NULL: all do. */
void machine_set_broken(const char *driver);
/* The write number @nth from now on fails with @rc; 0: none. */
void machine_fail_write(unsigned nth, int rc);
unsigned machine_num_writes(void);

/* The driver that has it; "": none. And its driver_override. */
const char *machine_driver(const char *bdf);
const char *machine_override(const char *bdf);

void machine_mount(unsigned minor, const char *where);

#endif
