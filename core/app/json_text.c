/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/json_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/json_scan.h"
#include "core/os/remedy.h"

#define CHUNK (64u * 1024)

static struct {
	char *text;
	size_t len;
	const char *name; /* the caller's, for as long as its options */
} loaded;

static int too_large(const char *path, char *ret_error, size_t size)
{
	snprintf(ret_error, size, "configuration file %s is larger than %u MiB, the most ebb reads",
		 path, APP_JSON_TEXT_MAX / (1024 * 1024));
	return -EFBIG;
}

/* Room for one more chunk after @len bytes, and for the NUL. Return: 0; -ENOMEM. */
static int text_reserve(char **text, size_t len, size_t *room)
{
	char *grown;

	if (*text != NULL && len + CHUNK <= *room) {
		return 0;
	}
	*room = *room * 2 + CHUNK;
	grown = realloc(*text, *room + 1);
	if (grown == NULL) {
		return -ENOMEM;
	}
	*text = grown;
	return 0;
}

/* Reads to the end, whatever the size is said to be: the file may be a pipe. */
static int file_read(int fd, const char *path, char **ret_text, size_t *ret_len, char *ret_error,
		     size_t size)
{
	char *text = NULL;
	size_t room = 0;
	size_t len = 0;
	ssize_t got = 0;
	int rc;

	do {
		rc = text_reserve(&text, len, &room);
		if (rc == 0) {
			got = read(fd, text + len, CHUNK);
			rc = got < 0 && errno != EINTR ? -errno : 0;
		}
		if (rc < 0) {
			snprintf(ret_error, size, "cannot read configuration file %s: %s%s", path,
				 strerror(-rc), os_remedy(-rc));
		} else if (got > 0) {
			len += (size_t)got;
			rc = len > APP_JSON_TEXT_MAX ? too_large(path, ret_error, size) : 0;
		}
	} while (rc == 0 && got != 0);
	if (rc < 0) {
		free(text);
		return rc;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return 0;
}

static int file_load(const char *path, char *ret_error, size_t size)
{
	struct stat status;
	int rc;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		rc = -errno;
		snprintf(ret_error, size, "cannot open configuration file %s: %s%s", path,
			 strerror(-rc), os_remedy(-rc));
	} else if (S_ISDIR(status.st_mode)) {
		snprintf(ret_error, size,
			 "configuration file %s is a directory: name a JSON file in it", path);
		rc = -EISDIR;
	} else if (S_ISREG(status.st_mode) && status.st_size > (off_t)APP_JSON_TEXT_MAX) {
		rc = too_large(path, ret_error, size);
	} else {
		rc = file_read(fd, path, &loaded.text, &loaded.len, ret_error, size);
	}
	if (fd >= 0) {
		close(fd);
	}
	return rc;
}

static bool text_is_empty(const char *text, size_t len)
{
	size_t mark = base_json_mark_len(text, len);

	return mark + strspn(text + mark, " \t\r\n") == len;
}

int app_json_text_load(const struct ebb_app_opts *opts, char *ret_error, size_t size)
{
	int rc = 0;

	if (opts->json_file != NULL) {
		loaded.name = opts->json_file;
		rc = file_load(opts->json_file, ret_error, size);
	} else if (opts->json_data != NULL) {
		loaded.name = "json_data";
		loaded.len = strlen(opts->json_data);
		loaded.text = strdup(opts->json_data);
		if (loaded.text == NULL) {
			snprintf(ret_error, size, "out of memory for the JSON data");
			rc = -ENOMEM;
		}
	} else {
		return 0;
	}
	if (rc == 0 && text_is_empty(loaded.text, loaded.len)) {
		snprintf(ret_error, size,
			 "configuration %s is empty: the least is {\"subsystems\": []}",
			 loaded.name);
		rc = -EINVAL;
	}
	if (rc < 0) {
		app_json_text_free();
	}
	return rc;
}

void app_json_text_free(void)
{
	free(loaded.text);
	loaded.text = NULL;
	loaded.len = 0;
	loaded.name = NULL;
}

const char *app_json_text(size_t *ret_len, const char **ret_name)
{
	*ret_len = loaded.len;
	*ret_name = loaded.name;
	return loaded.text;
}
