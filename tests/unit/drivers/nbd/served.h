/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NBD_SERVED_H
#define TESTS_UNIT_DRIVERS_NBD_SERVED_H

/*
 * The whole service in this process, with one bdev of the test's own making, "disk", exported on a
 * Unix socket. The test is a client on an OS thread of its own; what it wants done on an ebb thread
 * it sends there, and waits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ebb/thread.h>

#define DISK_SIZE       (64u << 20)
#define DISK_BLOCK_SIZE 512u

/*
 * Runs the service on @cpumask (NULL: one reactor), @client beside it, and stops when that returns.
 */
void served_run(const char *cpumask, void (*client)(void));

/* Runs @fn(@arg) on @thread, and returns when it has returned. Thread: the client's. */
void served_on(struct ebb_thread *thread, void (*fn)(void *arg), void *arg);

/* Before served_run(): all reactors poll, and time is the real one plus what is added. */
void served_move_clock(void);
void served_add_time(uint64_t ms);

/* A connection that has not looked whether it is greeted. */
int served_dial(void);
/* A connection that has been greeted, and has said nothing. */
int served_knock(void);
/* A connection that has agreed on the export. */
int served_connect(void);
/* The same, with structured replies. */
int served_connect_structured(void);
/* The same, and with "base:allocation". */
int served_connect_allocation(void);
/* A connection that has said its flags; and, with all options agreed on, that it wants the export. */
int served_haggle(void);
void served_go(int fd);
/* Says an option. Return: the reply that ends the answer; before it come @ret_others. */
uint32_t client_option(int fd, uint32_t option, const void *data, uint32_t len,
		       unsigned *ret_others);

void client_send(int fd, const void *bytes, size_t len);
/* True: @len bytes have come; false: the server has hung up before. */
bool client_receive(int fd, void *bytes, size_t len);
void client_request(int fd, uint16_t flags, uint16_t type, uint64_t cookie, uint64_t offset,
		    uint32_t len);
/* The next reply's cookie. */
uint64_t client_reply(int fd, uint32_t *ret_error);
/* The next reply is that one; the connection's end comes next: closes it. */
void client_expect_reply(int fd, uint64_t cookie, uint32_t error);
void client_expect_end(int fd);
/* The next chunk of a structured reply, less what follows a read's or an error's offset. */
struct client_chunk {
	uint16_t flags;
	uint16_t type;
	uint64_t cookie;
	uint64_t offset; /* of OFFSET_DATA and ERROR_OFFSET */
	uint32_t error;
	uint32_t data_len; /* of OFFSET_DATA, and of the extents of BLOCK_STATUS: comes next */
};
void client_chunk(int fd, struct client_chunk *ret_chunk);
/* True if nothing comes for @ms. */
bool client_hears_nothing(int fd, int ms);
/* Looks every millisecond until @condition() holds; fails the test after 10 s. */
void client_wait(bool (*condition)(void), const char *what);

/* Connections that the service has, as nbd_get_exports says; -1: the export is gone. */
int served_clients(void);

/* None, for client_wait(). */
bool served_nobody(void);
/* Bytes of the pool that are in use by requests. */
size_t served_buffers(void);

/* The disk. It is memory; requests are answered at once unless told otherwise. */
#define DISK_UNMAPPED 0xee                            /* what it reads as after an unmap */
void disk_fill(size_t at, uint8_t value, size_t len); /* one reactor */
void disk_hold(bool on); /* keep requests from here on until disk_release() */
unsigned disk_held(void);
void disk_wait_held(unsigned count);                /* until that many are kept */
void disk_release(int status, bool backwards);      /* answer what is held */
void disk_release_some(int status, unsigned count); /* the first; and go on to hold */
void disk_fail(int status); /* answer requests from here on with that; 0: as usual */
unsigned disk_flushes(void);
unsigned disk_fua_writes(void);
unsigned disk_zero_flags(void); /* of the last write zeroes */
bool disk_gone(void);           /* the last user has closed it after disk_remove() */
void disk_remove(void);
struct ebb_thread *disk_thread(void); /* that has had a channel to it last */

#endif
