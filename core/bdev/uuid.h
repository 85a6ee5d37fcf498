/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_UUID_H
#define CORE_BDEV_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define BDEV_UUID_TEXT_SIZE 37

bool bdev_uuid_is_zero(const uint8_t uuid[16]);

/* A random one (RFC 9562, 5.4 "UUID Version 4"). Return: 0, or negative errno. */
int bdev_uuid_make(uint8_t ret_uuid[16]);

void bdev_uuid_format(const uint8_t uuid[16], char ret_text[BDEV_UUID_TEXT_SIZE]);

#endif
