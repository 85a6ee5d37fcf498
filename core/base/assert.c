/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/assert.h>

#include <stdlib.h>

#include <ebb/log.h>

void ebb_assert_failed(const char *expression, const char *file, int line, const char *function)
{
	ebb_error("assert", "%s:%d: %s(): \"%s\" does not hold: a bug in ebb", file, line, function,
		  expression);
	abort();
}
