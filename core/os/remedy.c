/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/remedy.h"

#include <errno.h>

const char *os_remedy(int error)
{
	switch (error) {
	case EMFILE:
		return "; raise RLIMIT_NOFILE (ulimit -n)";
	case ENFILE:
		return "; raise the system's limit of open files (sysctl fs.file-max)";
	case EAGAIN:
		return "; raise RLIMIT_NPROC (ulimit -u) or RLIMIT_AS (ulimit -v)";
	case ENOMEM:
	case ENOBUFS:
		return "; free some memory, or raise RLIMIT_AS (ulimit -v) and the unit's "
		       "MemoryMax=";
	case EFBIG:
		return "; raise RLIMIT_FSIZE (ulimit -f)";
	case ENOSPC:
		return "; make room on that disk";
	case EDQUOT:
		return "; the user's quota of that disk is used up";
	default:
		return "";
	}
}

const char *os_remedy_or(int error, const char *otherwise)
{
	const char *remedy = os_remedy(error);

	return remedy[0] != '\0' ? remedy + 2 : otherwise;
}
