/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/fd_reserve.h"

#include <sys/resource.h>

#define KEPT_PART   8u /* of all: one in so many */
#define KEPT_MIN    3u
#define KEPT_MAX    16u
#define DAEMON_PART 3u /* of those: one in so many is kept from RPC as well */

static rlim_t kept_from(enum os_fd_user user, rlim_t limit)
{
	rlim_t kept = limit / KEPT_PART;

	kept = kept < KEPT_MIN ? KEPT_MIN : kept;
	kept = kept > KEPT_MAX ? KEPT_MAX : kept;
	return user == OS_FD_CONTROL ? kept / DAEMON_PART : kept;
}

bool os_fd_reserve_admits(int fd, enum os_fd_user user)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return true;
	}
	/* It may be changed from outside, while we run; so it is asked for each time. */
	return (rlim_t)fd + kept_from(user, limit.rlim_cur) < limit.rlim_cur;
}

void os_fd_reserve_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}
