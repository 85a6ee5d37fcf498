/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_ASSERT_H
#define EBB_ASSERT_H

#include <assert.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * ebb_assert() guards against our own bugs, in every build type: it prints the expression, the
 * place and aborts. Devices, peers, JSON and users get errors, never an assert.
 */
#define ebb_assert(expression)                                                        \
	do {                                                                          \
		if (ebb_unlikely(!(expression))) {                                    \
			ebb_assert_failed(#expression, __FILE__, __LINE__, __func__); \
		}                                                                     \
	} while (0)

void ebb_assert_failed(const char *expression, const char *file, int line, const char *function)
	__attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif
