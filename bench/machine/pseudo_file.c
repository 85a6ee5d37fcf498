/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/pseudo_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((ssize_t)1 << 20)

static bool path_make(char path[PATH_MAX], const char *root, const char *format, va_list args)
{
	int root_len = snprintf(path, PATH_MAX, "%s", root);
	int len;

	if (root_len < 0 || root_len >= PATH_MAX) {
		return false;
	}
	len = vsnprintf(path + root_len, PATH_MAX - (size_t)root_len, format, args);
	return len >= 0 && len < PATH_MAX - root_len;
}

/*
 * Copies @len bytes without the blanks at their ends; what is no ASCII becomes '?', as reports are
 * UTF-8. Return: false: nothing is left.
 */
static bool trimmed_copy(const char *from, size_t len, char *ret_to, size_t size)
{
	while (len > 0 && isspace((unsigned char)from[len - 1])) {
		len--;
	}
	while (len > 0 && isspace((unsigned char)*from)) {
		from++;
		len--;
	}
	if (len == 0) {
		return false;
	}
	len = len < size ? len : size - 1;
	for (size_t i = 0; i < len; i++) {
		ret_to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i]
			    : from[i] == '\t'                ? ' '
							     : '?';
	}
	ret_to[len] = '\0';
	return true;
}

static ssize_t file_read(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t got = 0;

	if (fd < 0) {
		return -errno;
	}
	while (len < size && (got = read(fd, ret_text + len, size - len)) > 0) {
		len += (size_t)got;
	}
	close(fd);
	return got < 0 ? -EIO : (ssize_t)len;
}

/*
 * @args: of path_make()
 * @ends: the characters that a line ends with; "": none, all of the file is one
 */
static bool line_read(const char *root, const char *path, va_list args, const char *ends,
		      char *ret_line, size_t size)
{
	char whole[PATH_MAX], text[8192];
	ssize_t len = -1;

	if (path_make(whole, root, path, args)) {
		len = file_read(whole, text, sizeof(text) - 1);
	}
	if (len <= 0) {
		return false;
	}
	text[len] = '\0';
	return trimmed_copy(text, strcspn(text, ends), ret_line, size);
}

bool bench_pseudo_file_line(char *ret_line, size_t size, const char *root, const char *path, ...)
{
	va_list args;
	bool good;

	va_start(args, path);
	good = line_read(root, path, args, "\n", ret_line, size);
	va_end(args);
	return good;
}

bool bench_pseudo_file_record(char *ret_line, size_t size, const char *root, const char *path, ...)
{
	va_list args;
	bool good;

	va_start(args, path);
	good = line_read(root, path, args, "", ret_line, size);
	va_end(args);
	return good;
}

static bool count_parse(const char *text, uint64_t *ret_count)
{
	unsigned long long count;
	char *end;

	if (!isdigit((unsigned char)text[0])) {
		return false;
	}
	errno = 0;
	count = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0') {
		return false;
	}
	*ret_count = count;
	return true;
}

bool bench_pseudo_file_count(uint64_t *ret_count, const char *root, const char *path, ...)
{
	char line[32];
	va_list args;
	bool good;

	va_start(args, path);
	good = line_read(root, path, args, "\n", line, sizeof(line));
	va_end(args);
	return good && count_parse(line, ret_count);
}

char *bench_pseudo_file_text(const char *root, const char *path, ...)
{
	char whole[PATH_MAX];
	ssize_t len = -1;
	char *text;
	va_list args;
	bool good;

	va_start(args, path);
	good = path_make(whole, root, path, args);
	va_end(args);
	text = good ? malloc((size_t)TEXT_MAX + 1) : NULL;
	if (text != NULL) {
		len = file_read(whole, text, (size_t)TEXT_MAX);
	}
	if (len < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	if (len == TEXT_MAX && strrchr(text, '\n') != NULL) {
		strrchr(text, '\n')[1] = '\0'; /* half a line says something else */
	}
	return text;
}

bool bench_pseudo_file_link(char *ret_name, size_t size, const char *root, const char *path, ...)
{
	char whole[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t len = -1;
	va_list args;

	va_start(args, path);
	if (path_make(whole, root, path, args)) {
		len = readlink(whole, target, sizeof(target) - 1);
	}
	va_end(args);
	if (len <= 0) {
		return false;
	}
	target[len] = '\0';
	last = strrchr(target, '/');
	last = last == NULL ? target : last + 1;
	return trimmed_copy(last, strlen(last), ret_name, size);
}

bool bench_pseudo_file_value(const char *text, const char *name, char *ret_value, size_t size)
{
	size_t name_len = strlen(name);

	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		const char *end = line + len;

		if (len > name_len && strncmp(line, name, name_len) == 0 &&
		    strchr(": \t", line[name_len]) != NULL) {
			const char *value = line + name_len;

			value += strspn(value, " \t");
			value += *value == ':';
			return value < end &&
			       trimmed_copy(value, (size_t)(end - value), ret_value, size);
		}
		line = *end == '\0' ? end : end + 1;
	}
	return false;
}

bool bench_pseudo_file_number(const char *text, const char *name, uint64_t *ret_number)
{
	char value[64];

	if (!bench_pseudo_file_value(text, name, value, sizeof(value))) {
		return false;
	}
	value[strspn(value, "0123456789")] = '\0';
	return count_parse(value, ret_number);
}
