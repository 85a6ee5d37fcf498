/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)

/* Return: 0; -EFBIG; -ENOMEM; another -errno. */
static int fd_read(int fd, char **ret_text, size_t *ret_len)
{
	size_t capacity = 0;
	size_t len = 0;
	char *text = NULL;
	ssize_t got;

	for (;;) {
		if (len == capacity) {
			char *larger;

			capacity = capacity == 0 ? PIECE_BYTES : capacity * 2;
			larger = len < BENCH_REPLAY_FILE_MAX ? realloc(text, capacity) : NULL;
			if (larger == NULL) {
				free(text);
				return len < BENCH_REPLAY_FILE_MAX ? -ENOMEM : -EFBIG;
			}
			text = larger;
		}
		got = read(fd, text + len, capacity - len);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			break;
		}
		len += (size_t)got;
	}
	if (got < 0) {
		got = -errno;
		free(text);
		return (int)got;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int bench_replay_file_read(const char *path, char **ret_text, size_t *ret_len,
			   char error[BENCH_TEXT_MAX])
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : fd_read(fd, ret_text, ret_len);

	if (fd >= 0 && !is_stdin) {
		close(fd);
	}
	if (rc == -EFBIG) {
		snprintf(error, BENCH_TEXT_MAX,
			 "replay: %.160s: more than 1 GiB of text: give a part of it (head -n)",
			 path);
	} else if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "replay: %.160s: %s%s", path, strerror(-rc),
			 rc == -ENOENT ? "; ebb-bench trace makes samples" : "");
	}
	return rc;
}
