/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/sd_notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/log.h>

/* Return: 0; -EINVAL neither an absolute path nor an abstract name, or too long. */
static int manager_address(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(ret_address->sun_path)) {
		return -EINVAL;
	}
	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sun_family = AF_UNIX;
	memcpy(ret_address->sun_path, path, len);
	if (path[0] == '@') {
		ret_address->sun_path[0] = '\0';
		*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	} else {
		*ret_len = (socklen_t)sizeof(*ret_address);
	}
	return 0;
}

static int manager_send(const char *path, const char *text)
{
	struct sockaddr_un address;
	socklen_t address_len;
	ssize_t sent;
	int rc;
	int fd;

	rc = manager_address(path, &address, &address_len);
	if (rc < 0) {
		return rc;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		      (struct sockaddr *)&address, address_len);
	rc = sent < 0 ? -errno : 0;
	close(fd);
	return rc;
}

void app_sd_notify_phase(enum ebb_app_phase phase, const char *name, const char *detail)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const char *extra = "";
	char text[512];
	int rc;

	if (path == NULL || path[0] == '\0') {
		return;
	}
	if (phase == EBB_APP_RUNNING) {
		extra = "READY=1\n";
	} else if (phase == EBB_APP_STOPPING || phase == EBB_APP_FAILED) {
		extra = "STOPPING=1\n";
	}
	if (detail == NULL) {
		detail = "";
	}
	snprintf(text, sizeof(text), "%sSTATUS=%s%s%s\n", extra, name,
		 detail[0] != '\0' ? ": " : "", detail);
	rc = manager_send(path, text);
	if (rc < 0) {
		ebb_warn("app", "cannot tell the service manager (NOTIFY_SOCKET=%s): %s", path,
			 strerror(-rc));
	}
}
