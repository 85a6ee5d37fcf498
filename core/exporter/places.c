/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/places.h"

#include <ebb/assert.h>

static unsigned owners;
static unsigned common_used;

bool exporter_places_open(struct exporter_places *places)
{
	ebb_assert(places->own == 0 && places->used == 0);
	if (owners == EXPORTER_PLACES_OWNERS) {
		return false;
	}
	owners++;
	places->own = EXPORTER_PLACES_OWN;
	return true;
}

void exporter_places_close(struct exporter_places *places)
{
	ebb_assert(places->used == 0);
	if (places->own > 0) {
		owners--;
		places->own = 0;
	}
}

bool exporter_places_are_free(const struct exporter_places *places)
{
	return places->used < places->own || common_used < EXPORTER_PLACES_COMMON;
}

void exporter_places_take(struct exporter_places *places)
{
	ebb_assert(exporter_places_are_free(places));
	if (places->used >= places->own) {
		common_used++;
	}
	places->used++;
}

void exporter_places_give(struct exporter_places *places)
{
	ebb_assert(places->used > 0);
	places->used--;
	if (places->used >= places->own) {
		ebb_assert(common_used > 0);
		common_used--;
	}
}
