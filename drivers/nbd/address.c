/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/nbd/listener.h"

#define BACKLOG 64

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static int address_parse(const char *text, uint16_t port, union address *ret_address,
			 socklen_t *ret_len)
{
	union address address;

	memset(&address, 0, sizeof(address));
	if (strcmp(text, "localhost") == 0) {
		text = "127.0.0.1";
	}
	if (inet_pton(AF_INET, text, &address.in.sin_addr) == 1) {
		address.in.sin_family = AF_INET;
		address.in.sin_port = htons(port);
		*ret_len = sizeof(address.in);
	} else if (inet_pton(AF_INET6, text, &address.in6.sin6_addr) == 1) {
		address.in6.sin6_family = AF_INET6;
		address.in6.sin6_port = htons(port);
		*ret_len = sizeof(address.in6);
	} else {
		return -EINVAL;
	}
	*ret_address = address;
	return 0;
}

/* The address's digits, and its port. */
static uint16_t address_format(const union address *address, char *text, size_t size)
{
	if (address->any.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &address->in6.sin6_addr, text, (socklen_t)size);
		return ntohs(address->in6.sin6_port);
	}
	(void)inet_ntop(AF_INET, &address->in.sin_addr, text, (socklen_t)size);
	return ntohs(address->in.sin_port);
}

bool nbd_address_same(const char *a, const char *b)
{
	union address one, other;
	socklen_t one_len, other_len;

	if (address_parse(a, 0, &one, &one_len) != 0 ||
	    address_parse(b, 0, &other, &other_len) != 0) {
		return false;
	}
	return one_len == other_len && memcmp(&one, &other, one_len) == 0;
}

/*
 * Is the server that listens at the other end of @fd no more? When a process is killed, io_uring
 * puts away what it had under way only some time after: until then its sockets still listen.
 */
static bool unix_server_gone(int fd)
{
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0 &&
	       kill(peer.pid, 0) != 0 && errno == ESRCH;
}

/*
 * Makes room at @address if what is there was left by a server that is no more: then connecting is
 * refused. The probe does not wait: a living server's full queue says EAGAIN.
 */
static int unix_make_room(const union address *address, char *ret_error)
{
	const char *path = address->un.sun_path;
	struct stat stat;
	int fd, rc;

	if (lstat(path, &stat) != 0) {
		return 0; /* nothing there; whatever else is wrong, bind() will say better */
	}
	if (!S_ISSOCK(stat.st_mode)) {
		snprintf(ret_error, NBD_ERROR_TEXT,
			 "%s exists and is not a socket: remove it, or choose another path", path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		rc = -errno;
		snprintf(ret_error, NBD_ERROR_TEXT, "no socket to probe %s with: %s", path,
			 strerror(-rc));
		return rc;
	}
	rc = connect(fd, &address->any, sizeof(address->un)) == 0 ? 0 : -errno;
	if (rc == 0 && unix_server_gone(fd)) {
		rc = -ECONNREFUSED;
	}
	close(fd);
	if (rc == 0 || rc == -EAGAIN) {
		snprintf(ret_error, NBD_ERROR_TEXT,
			 "a server is listening at %s already: stop it, or choose another path",
			 path);
		return -EADDRINUSE;
	}
	if (rc == -ECONNREFUSED) {
		(void)unlink(path);
	}
	return 0;
}

int nbd_address_listen_unix(const char *path, int *ret_fd, struct stat *ret_stat, char *ret_error)
{
	union address address = {.un = {.sun_family = AF_UNIX}};
	int fd, rc;

	if (path[0] == '\0' || strlen(path) >= sizeof(address.un.sun_path)) {
		snprintf(ret_error, NBD_ERROR_TEXT,
			 "the path of a Unix socket has 1 to %zu bytes, this one has %zu",
			 sizeof(address.un.sun_path) - 1, strlen(path));
		return -ENAMETOOLONG;
	}
	strcpy(address.un.sun_path, path);
	rc = unix_make_room(&address, ret_error);
	if (rc != 0) {
		return rc;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		rc = -errno;
		goto fail;
	}
	/* Before bind(): the file is made with the socket's mode, so at no time is it open to
	 * others. */
	if (fchmod(fd, 0600) != 0 || bind(fd, &address.any, sizeof(address.un)) != 0) {
		rc = -errno;
		goto close_fd;
	}
	if (lstat(path, ret_stat) != 0 || listen(fd, BACKLOG) != 0) {
		rc = -errno;
		(void)unlink(path);
		goto close_fd;
	}
	*ret_fd = fd;
	return 0;

close_fd:
	close(fd);
fail:
	snprintf(ret_error, NBD_ERROR_TEXT, "cannot listen at %s: %s", path, strerror(-rc));
	return rc;
}

int nbd_address_listen_tcp(const char *text, uint16_t port, int *ret_fd, char *ret_address,
			   size_t address_size, uint16_t *ret_port, char *ret_error)
{
	union address address;
	socklen_t len;
	int fd, rc, on = 1;

	rc = address_parse(text, port, &address, &len);
	if (rc != 0) {
		snprintf(
			ret_error, NBD_ERROR_TEXT,
			"%.64s is no address: give an IPv4 or IPv6 address in digits, or localhost",
			text);
		return rc;
	}
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		rc = -errno;
		goto fail;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.any.sa_family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	}
	if (bind(fd, &address.any, len) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, &address.any, &len) != 0) {
		rc = -errno;
		goto close_fd;
	}
	*ret_fd = fd;
	*ret_port = address_format(&address, ret_address, address_size);
	return 0;

close_fd:
	close(fd);
fail:
	snprintf(ret_error, NBD_ERROR_TEXT, "cannot listen at %.64s port %u: %s", text, port,
		 strerror(-rc));
	return rc;
}

void nbd_address_peer(int fd, char *ret_peer, size_t peer_size)
{
	union address address;
	socklen_t len = sizeof(address);
	struct ucred peer;
	socklen_t peer_len = sizeof(peer);
	char text[INET6_ADDRSTRLEN];
	uint16_t port;

	snprintf(ret_peer, peer_size, "unknown");
	if (getpeername(fd, &address.any, &len) != 0) {
		return;
	}
	if (address.any.sa_family == AF_UNIX) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) == 0) {
			snprintf(ret_peer, peer_size, "pid %d, uid %u", (int)peer.pid, peer.uid);
		}
		return;
	}
	port = address_format(&address, text, sizeof(text));
	snprintf(ret_peer, peer_size, address.any.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
		 port);
}
