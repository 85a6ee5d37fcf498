/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_ADDRESS_H
#define CORE_EXPORTER_ADDRESS_H

/* Addresses and the sockets bound to them: system calls only, none of which waits. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORTER_ERROR_TEXT 256u /* bytes of a text for people */

/* @text in digits, as exporter_address_listen_tcp() tells them. Return: 0; -EINVAL it is no address. */
int exporter_address_digits(const char *text, char *ret_digits, size_t size);

/* True if both texts name one host: "localhost" is 127.0.0.1. */
bool exporter_address_same(const char *a, const char *b);

/* True if other machines may come to it: it is an address, and not of the loopback. */
bool exporter_address_is_remote(const char *text);

/**
 * exporter_address_listen_tcp() - a listening TCP socket
 * @port: 0: the kernel's choice
 * @ret_address, @ret_port: as they are, in digits
 */
int exporter_address_listen_tcp(const char *address, uint16_t port, int *ret_fd, char *ret_address,
				size_t address_size, uint16_t *ret_port, char *ret_error);

/* Settings of a client's socket: one that is gone is noticed, nothing waits to be sent together. */
void exporter_address_tune(int fd, bool tcp);

/* Who is at the other end: "127.0.0.1:4711", or "pid 4711, uid 1000" on a Unix socket. */
void exporter_address_peer(int fd, char *ret_peer, size_t peer_size);

#endif
