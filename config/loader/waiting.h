/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_LOADER_WAITING_H
#define CONFIG_LOADER_WAITING_H

/* Bdevs that a configuration asks for, and whose base it has not made. Thread: app. */

#include "config/loader/config.h"
#include "core/bdev/virtual.h"

/*
 * What is wrong with @virtual, which waits, with the place in @config if it is from there.
 * Return: true: its base is there, but somebody else has it.
 */
bool config_waiting_text(const struct config_file *config, const struct bdev_virtual *virtual,
			 char *ret_text, size_t size);

#endif
