/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_PLACES_H
#define CORE_EXPORTER_PLACES_H

/*
 * How many clients may be connected, and where. So that nobody who fills one address locks out the
 * others, each listener has a few places that are its own; beyond these all share a common rest.
 * A place is a promise of memory (share.h), so there are never more than all promises allow.
 * Thread: app, for all.
 */

#include <stdbool.h>

#define EXPORTER_CLIENTS_MAX   256u /* of all listeners together */
#define EXPORTER_PLACES_OWN    4u   /* of each of the first so many listeners: */
#define EXPORTER_PLACES_OWNERS 32u
#define EXPORTER_PLACES_COMMON (EXPORTER_CLIENTS_MAX - EXPORTER_PLACES_OWN * EXPORTER_PLACES_OWNERS)

/* What one listener has of them. Zeroed: not open. */
struct exporter_places {
	unsigned own; /* 0: there were EXPORTER_PLACES_OWNERS listeners already */
	unsigned used;
};

/* A listener opens. Return: false: there are no places for it to own. It may use common ones. */
bool exporter_places_open(struct exporter_places *places);

/* It closes; its clients have gone. */
void exporter_places_close(struct exporter_places *places);

/* True if one more client may come. */
bool exporter_places_are_free(const struct exporter_places *places);

/* It has come; exporter_places_are_free() has said so. */
void exporter_places_take(struct exporter_places *places);

/* It has gone. */
void exporter_places_give(struct exporter_places *places);

#endif
