/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_UEVENT_H
#define CORE_OS_UEVENT_H

/* A message of the kernel's about one of its objects. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ebb/base.h>

enum os_uevent_action {
	OS_UEVENT_OTHER,
	OS_UEVENT_ADD,
	OS_UEVENT_REMOVE,
	OS_UEVENT_CHANGE,
};

/* Strings point into the message; "" what it does not say. */
struct os_uevent {
	enum os_uevent_action action;
	const char *path;      /* below /sys, with the / */
	const char *subsystem; /* "nvme", "nvme-generic", "block" */
	const char *device;    /* "nvme0", "ng0n1" */
	bool resized;
	bool has_aen;
	uint32_t aen; /* dword 0 of the completion of an asynchronous event request */
};

/**
 * os_uevent_parse() - take apart what came from the socket
 * @message: "change@/devices/…" and any number of "KEY=value", each ended by a zero byte
 * Return: true; false: it is no message of that form.
 */
bool os_uevent_parse(const char *message, size_t len_bytes, struct os_uevent *ret_uevent);

#endif
