/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/bdev/virtual_stage.h"

#include <ebb/wanted.h>

#include "core/bdev/virtual.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

void virtual_stage_begin(void)
{
	stage_begin();
}

void virtual_stage_end(void)
{
	ck_assert_ptr_null(ebb_bdev_next(NULL));
	ck_assert_ptr_null(bdev_virtual_next_waiting(NULL));
	stage_end();
}

void virtual_is_there(const char *name)
{
	ck_assert_msg(ebb_bdev_find(name) != NULL, "'%s' is not there", name);
}

void virtual_is_not_there(const char *name)
{
	ck_assert_msg(ebb_bdev_find(name) == NULL, "'%s' is there", name);
}

bool virtual_is_present(const char *method, const char *name)
{
	const struct ebb_wanted *wanted = ebb_wanted_find(method, name);

	ck_assert_msg(wanted != NULL, "'%s' is not wanted", name);
	return wanted->present;
}
