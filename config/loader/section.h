/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_LOADER_SECTION_H
#define CONFIG_LOADER_SECTION_H

/* Which sections a configuration file may have that ebb has no use for. */

#include <stdbool.h>
#include <stddef.h>

/* Whether SPDK has a subsystem of that name. Thread: any. */
bool config_section_is_spdks(const char *name);

/* Writes the names of ebb's own sections: "bdev, nbd"; ends early if @size is short. Thread: any. */
void config_section_list(char *ret_text, size_t size);

#endif
