/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG     64
#define SEND_BUFFER (4 << 20) /* as much of it as the system allows */

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

int exporter_address_digits(const char *text, char *ret_digits, size_t size)
{
	union address address;
	socklen_t len;
	int rc = address_parse(text, 0, &address, &len);

	if (rc == 0) {
		(void)address_format(&address, ret_digits, size);
	}
	return rc;
}

bool exporter_address_is_remote(const char *text)
{
	static const uint8_t mapped_loopback[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
	union address address;
	socklen_t len;

	if (address_parse(text, 0, &address, &len) != 0) {
		return false;
	}
	if (address.any.sa_family == AF_INET) {
		return ntohl(address.in.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
	}
	return !IN6_IS_ADDR_LOOPBACK(&address.in6.sin6_addr) &&
	       memcmp(&address.in6.sin6_addr, mapped_loopback, sizeof(mapped_loopback)) != 0;
}

bool exporter_address_same(const char *a, const char *b)
{
	union address one, other;
	socklen_t one_len, other_len;

	if (address_parse(a, 0, &one, &one_len) != 0 ||
	    address_parse(b, 0, &other, &other_len) != 0) {
		return false;
	}
	return one_len == other_len && memcmp(&one, &other, one_len) == 0;
}

int exporter_address_listen_tcp(const char *text, uint16_t port, int *ret_fd, char *ret_address,
				size_t address_size, uint16_t *ret_port, char *ret_error)
{
	union address address;
	socklen_t len;
	int fd, rc, on = 1;

	rc = address_parse(text, port, &address, &len);
	if (rc != 0) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "%.64s is no address: give an IPv4 or IPv6 address in digits, or "
			 "localhost; "
			 "its port goes into port",
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
	snprintf(ret_error, EXPORTER_ERROR_TEXT, "cannot listen at %.64s port %u: %s", text, port,
		 strerror(-rc));
	return rc;
}

/*
 * A host that is gone says nothing, and its connection would stay for ever. It is the kernel that
 * asks, and hangs up after a minute of silence; it wakes nobody for that.
 */
static void address_keep_alive(int fd)
{
	int on = 1, idle_s = 30, interval_s = 10, probes = 3;
	unsigned timeout_ms = 60000;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

void exporter_address_tune(int fd, bool tcp)
{
	int on = 1, size = SEND_BUFFER;

	if (tcp) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		address_keep_alive(fd);
	} else {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
}

void exporter_address_peer(int fd, char *ret_peer, size_t peer_size)
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
