/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_JSON_TEXT_H
#define CORE_APP_JSON_TEXT_H

/* The configuration's text, read before anything is built; what it means is not core's business. */

#include <ebb/app.h>

#define APP_JSON_TEXT_MAX (64u * 1024 * 1024)

/**
 * app_json_text_load() - read the configuration that the options name
 * Return: 0 (also if they name none); -EINVAL, or the error of reading, with @ret_error.
 */
int app_json_text_load(const struct ebb_app_opts *opts, char *ret_error, size_t size);

/* Frees the text; harmless if there is none. */
void app_json_text_free(void);

/**
 * app_json_text() - the text that was loaded
 * @ret_name: what to call it in messages: the file's path, or "json_data"
 * Return: the text, followed by a NUL; NULL: no configuration was given.
 */
const char *app_json_text(size_t *ret_len, const char **ret_name);

#endif
