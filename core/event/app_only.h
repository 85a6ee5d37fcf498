/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_APP_ONLY_H
#define CORE_EVENT_APP_ONLY_H

#include <stdbool.h>

/*
 * What a public function of the app thread's begins with. Elsewhere the call is reported: as a
 * breach of rule 2, or of rule 4 if no framework runs. The caller is then refused.
 * @site: the address that the public function returns to.
 */
bool event_app_only(const char *function, const char *object, const void *site);

/* The same, but outside ebb_app_start() everybody may call: there is nobody else. */
bool event_app_only_if_any(const char *function, const char *object, const void *site);

#endif
