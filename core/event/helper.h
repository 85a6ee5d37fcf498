/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_HELPER_H
#define EBB_EVENT_HELPER_H

#include <ebb/helper.h>

/* Starts the helper if it does not run. Thread: any. */
void ebb_helper_start(void);

/* Ends it; work that is queued is done first. Thread: the one that began the framework. */
void ebb_helper_stop(void);

#endif
