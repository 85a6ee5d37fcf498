/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_URING_UEVENT_H
#define DRIVERS_NVME_URING_UEVENT_H

/* A message of the kernel's about one of its objects. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ebb/base.h>

enum uring_uevent_action {
	URING_UEVENT_OTHER,
	URING_UEVENT_ADD,
	URING_UEVENT_REMOVE,
	URING_UEVENT_CHANGE,
};

/* Strings point into the message; "" what it does not say. */
struct uring_uevent {
	enum uring_uevent_action action;
	const char *path;      /* below /sys, with the / */
	const char *subsystem; /* "nvme", "nvme-generic", "block" */
	const char *device;    /* "nvme0", "ng0n1" */
	bool resized;
	bool has_aen;
	uint32_t aen; /* dword 0 of the completion of an asynchronous event request */
};

/**
 * uring_uevent_parse() - take apart what came from the socket
 * @message: "change@/devices/…" and any number of "KEY=value", each ended by a zero byte
 * Return: true; false: it is no message of that form.
 */
bool uring_uevent_parse(const char *message, size_t len_bytes, struct uring_uevent *ret_uevent);

/**
 * uring_uevent_is_of() - is it about this controller, or something of its?
 * @ctrlr: "nvme0"; @subsystem: "nvme-subsys0", whose namespaces are several controllers'; or ""
 */
bool uring_uevent_is_of(const struct uring_uevent *uevent, const char *ctrlr,
			const char *subsystem);

#endif
