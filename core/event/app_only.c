/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/app_only.h"

#include <ebb/base.h>
#include <ebb/thread.h>
#include <ebb/violation.h>

bool event_app_only(const char *function, const char *object, const void *site)
{
	const struct ebb_thread *app = ebb_thread_app();

	if (ebb_likely(ebb_thread_is_app())) {
		return true;
	}
	ebb_violation_at(app != NULL ? 2 : 4, function, object, app, ebb_thread_current(), site);
	return false;
}

bool event_app_only_if_any(const char *function, const char *object, const void *site)
{
	return ebb_thread_app() == NULL || event_app_only(function, object, site);
}
