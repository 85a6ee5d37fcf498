/* SPDX-License-Identifier: Apache-2.0 */

/* What sockets are asked for. The program is run twice: with io_uring, and where it is forbidden. */

#include "core/exporter/op.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/event/poller_sleep.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define TURNS_MAX 100

struct ask {
	struct exporter_op op;
	struct iovec iov[2];
	char bytes[64];
	unsigned ends;
	int32_t res;
	struct ask *then; /* a receive that begins at this one's end */
};

static struct ebb_thread *thread;
static struct exporter_op_set set;
static struct ask ask, other;
static int ours, theirs; /* a connection */

static void receive_from(int fd, struct ask *asked, size_t len)
{
	asked->iov[0] = (struct iovec){asked->bytes, len};
	exporter_op_recv(&set, &asked->op, fd, asked->iov, 1);
}

static void receive(struct ask *asked, size_t len)
{
	receive_from(ours, asked, len);
}

static void ended(struct exporter_op *op, int32_t res)
{
	struct ask *asked = ebb_container_of(op, struct ask, op);

	ck_assert_ptr_eq(ebb_thread_current(), thread);
	ck_assert(!exporter_op_busy(op));
	asked->res = res;
	asked->ends++;
	if (asked->then != NULL) {
		receive(asked->then, asked->then == asked ? 1 : sizeof(asked->then->bytes));
	}
}

static void setup(void)
{
	int fds[2];

	stepper_start();
	thread = stepper_thread("worker", 0);
	stepper_enter(thread);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ours = fds[0];
	theirs = fds[1];
	ask = (struct ask){.op.complete = ended};
	other = (struct ask){.op.complete = ended};
	exporter_op_set_init(&set);
	ck_assert_int_eq(exporter_op_set_open(&set), 0);
}

static void turns(unsigned count)
{
	stepper_leave();
	while (count-- > 0) {
		stepper_turn();
	}
	stepper_enter(thread);
}

static void teardown(void)
{
	exporter_op_cancel(&ask.op);
	exporter_op_cancel(&other.op);
	turns(5);
	exporter_op_set_close(&set);
	close(ours);
	close(theirs);
	stepper_leave();
	stepper_stop();
}

/* Until @asked has ended @times times. */
static void wait_end(const struct ask *asked, unsigned times, int32_t res)
{
	unsigned i;

	for (i = 0; i < TURNS_MAX && asked->ends < times; i++) {
		turns(1);
	}
	ck_assert_uint_eq(asked->ends, times);
	ck_assert_int_eq(asked->res, res);
}

static void check_waits(const struct ask *asked)
{
	unsigned ends = asked->ends;

	turns(5);
	ck_assert_uint_eq(asked->ends, ends);
	ck_assert(exporter_op_busy(&asked->op));
	stepper_leave();
	ck_assert_int_eq(event_pollers_arm(thread), 0); /* the reactor may sleep meanwhile */
	stepper_enter(thread);
}

static void say(const char *text)
{
	ck_assert_int_eq(send(theirs, text, strlen(text), 0), (ssize_t)strlen(text));
}

START_TEST(what_is_there_is_received)
{
	say("hello");
	receive(&ask, 64);
	ck_assert_uint_eq(ask.ends, 0); /* never inside the call */
	stepper_leave();
	/* What is to be tried keeps the reactor awake; a ring's sleep would begin with it. */
	ck_assert_int_eq(event_pollers_arm(thread), set.sockets != NULL ? -EAGAIN : 0);
	stepper_enter(thread);
	wait_end(&ask, 1, 5);
	ck_assert_int_eq(memcmp(ask.bytes, "hello", 5), 0);
}
END_TEST

START_TEST(what_comes_is_waited_for)
{
	unsigned i;

	for (i = 1; i <= 3; i++) {
		receive(&ask, 64);
		check_waits(&ask);
		say("later");
		wait_end(&ask, i, 5);
	}
	/* Between two receives. */
	turns(3);
	say("now");
	turns(3);
	receive(&ask, 64);
	wait_end(&ask, 4, 3);
}
END_TEST

/* What was left by a receive that asked for less is there for the next. */
START_TEST(the_rest_is_received)
{
	say("abcdefgh");
	receive(&ask, 3);
	wait_end(&ask, 1, 3);
	receive(&ask, 5);
	wait_end(&ask, 2, 5);
	ck_assert_int_eq(memcmp(ask.bytes, "defgh", 5), 0);
	receive(&ask, 64);
	check_waits(&ask);
}
END_TEST

START_TEST(pieces_are_filled_in_order)
{
	say("abcdefgh");
	ask.iov[0] = (struct iovec){ask.bytes + 8, 3};
	ask.iov[1] = (struct iovec){ask.bytes, 8};
	exporter_op_recv(&set, &ask.op, ours, ask.iov, 2);
	wait_end(&ask, 1, 8);
	ck_assert_int_eq(memcmp(ask.bytes + 8, "abc", 3), 0);
	ck_assert_int_eq(memcmp(ask.bytes, "defgh", 5), 0);
}
END_TEST

/* The end comes with the last bytes: no later event tells of it. */
START_TEST(an_end_that_came_with_bytes_is_told)
{
	receive(&ask, 64);
	check_waits(&ask);
	say("bye");
	ck_assert_int_eq(shutdown(theirs, SHUT_WR), 0);
	wait_end(&ask, 1, 3);
	receive(&ask, 64);
	wait_end(&ask, 2, 0);
	receive(&ask, 64);
	wait_end(&ask, 3, 0);
	/* Who has said the last may still want to hear. */
	other.iov[0] = (struct iovec){"yes", 3};
	exporter_op_send(&set, &other.op, ours, other.iov, 1);
	wait_end(&other, 1, 3);
}
END_TEST

START_TEST(a_later_end_is_told)
{
	say("bye");
	receive(&ask, 64);
	wait_end(&ask, 1, 3);
	receive(&ask, 64);
	check_waits(&ask);
	close(theirs);
	theirs = -1;
	wait_end(&ask, 2, 0);
}
END_TEST

START_TEST(a_shutdown_of_ours_ends_what_waits)
{
	receive(&ask, 64);
	check_waits(&ask);
	ck_assert_int_eq(shutdown(ours, SHUT_RDWR), 0);
	wait_end(&ask, 1, 0);
}
END_TEST

static void send_until_full(void)
{
	static char block[65536];

	while (send(ours, block, sizeof(block), MSG_DONTWAIT) > 0) {
	}
	ck_assert_int_eq(errno, EAGAIN);
}

static void receive_all(void)
{
	static char block[65536];

	while (recv(theirs, block, sizeof(block), MSG_DONTWAIT) > 0) {
	}
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(a_full_socket_is_waited_for)
{
	unsigned i;

	for (i = 1; i <= 3; i++) {
		send_until_full();
		other.iov[0] = (struct iovec){"abc", 3};
		other.iov[1] = (struct iovec){"de", 2};
		exporter_op_send(&set, &other.op, ours, other.iov, 2);
		check_waits(&other);
		receive_all();
		wait_end(&other, i, 5);
		receive_all();
	}
}
END_TEST

/* Both ways of a socket wait at a time, and what wakes the one is not taken for the other's. */
START_TEST(both_ways_wait)
{
	send_until_full();
	receive(&ask, 64);
	other.iov[0] = (struct iovec){"abc", 3};
	exporter_op_send(&set, &other.op, ours, other.iov, 1);
	check_waits(&ask);
	check_waits(&other);
	say("hello");
	wait_end(&ask, 1, 5);
	check_waits(&other);
	receive(&ask, 64);
	receive_all();
	wait_end(&other, 1, 3);
	check_waits(&ask);
}
END_TEST

START_TEST(nobody_listens_any_more)
{
	close(theirs);
	theirs = -1;
	ask.iov[0] = (struct iovec){"abc", 3};
	exporter_op_send(&set, &ask.op, ours, ask.iov, 1); /* and no signal */
	wait_end(&ask, 1, -EPIPE);
}
END_TEST

START_TEST(what_waits_is_cancelled)
{
	receive(&ask, 64);
	check_waits(&ask);
	exporter_op_cancel(&ask.op);
	ck_assert_uint_eq(ask.ends, 0);
	wait_end(&ask, 1, -ECANCELED);
	exporter_op_cancel(&ask.op); /* nothing is */
	turns(3);
	ck_assert_uint_eq(ask.ends, 1);
	/* No byte has gone. */
	say("hello");
	receive(&ask, 64);
	wait_end(&ask, 2, 5);
}
END_TEST

START_TEST(what_has_just_begun_is_cancelled)
{
	say("hello");
	receive(&ask, 64);
	exporter_op_cancel(&ask.op);
	exporter_op_cancel(&ask.op);
	turns(5);
	ck_assert_uint_eq(ask.ends, 1);
	ck_assert(ask.res == 5 || ask.res == -ECANCELED);
	if (ask.res < 0) {
		receive(&ask, 64);
		wait_end(&ask, 2, 5);
	}
}
END_TEST

START_TEST(all_are_cancelled)
{
	send_until_full();
	receive(&ask, 64);
	other.iov[0] = (struct iovec){"abc", 3};
	exporter_op_send(&set, &other.op, ours, other.iov, 1);
	check_waits(&other);
	exporter_op_set_cancel(&set);
	wait_end(&ask, 1, -ECANCELED);
	wait_end(&other, 1, -ECANCELED);
	ck_assert(ebb_list_empty(&set.busy));
	ck_assert_int_eq(exporter_op_set_open(&set), 0); /* as after a move */
	say("hello");
	receive(&ask, 64);
	wait_end(&ask, 2, 5);
}
END_TEST

/* The number of a closed socket is another one's soon; what was known of the old one is not its. */
START_TEST(a_number_is_used_again)
{
	int fds[2];

	send_until_full();
	receive(&ask, 64);
	other.iov[0] = (struct iovec){"abc", 3};
	exporter_op_send(&set, &other.op, ours, other.iov, 1);
	check_waits(&ask);
	check_waits(&other);
	ck_assert_int_eq(shutdown(ours, SHUT_RDWR), 0);
	wait_end(&ask, 1, 0);
	wait_end(&other, 1, -EPIPE);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(dup2(fds[0], ours), ours);
	ck_assert_int_eq(dup2(fds[1], theirs), theirs);
	close(fds[0]);
	close(fds[1]);
	ask = (struct ask){.op.complete = ended};
	other = (struct ask){.op.complete = ended};
	receive(&ask, 64);
	other.iov[0] = (struct iovec){"abc", 3};
	exporter_op_send(&set, &other.op, ours, other.iov, 1);
	wait_end(&other, 1, 3);
	check_waits(&ask);
	say("hello");
	wait_end(&ask, 1, 5);
	receive(&ask, 64);
	check_waits(&ask);
}
END_TEST

START_TEST(an_end_begins_another)
{
	ask.then = &other;
	say("hello");
	receive(&ask, 64);
	wait_end(&ask, 1, 5);
	check_waits(&other);
	say("you");
	wait_end(&other, 1, 3);
}
END_TEST

/* A socket that always has something is no reason not to look at the others. */
START_TEST(nobody_waits_for_a_busy_one)
{
	static char block[4096];
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(send(theirs, block, sizeof(block), 0), sizeof(block));
	receive_from(fds[0], &other, 64);
	check_waits(&other);
	ask.then = &ask;
	receive(&ask, 1);
	turns(5);
	ck_assert_uint_ge(ask.ends, 3);
	ck_assert_int_eq(send(fds[1], "hello", 5, 0), 5);
	turns(5);
	ck_assert_uint_eq(other.ends, 1);
	ask.then = NULL;
	turns(2);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(no_socket_is_an_error)
{
	exporter_op_recv(&set, &ask.op, 1000000, ask.iov, 1);
	ck_assert_uint_eq(ask.ends, 0);
	wait_end(&ask, 1, -EBADF);
	exporter_op_send(&set, &ask.op, -1, ask.iov, 1);
	if (set.sockets != NULL) { /* a ring may have cancelled it first */
		exporter_op_cancel(&ask.op);
	}
	wait_end(&ask, 2, -EBADF);
}
END_TEST

static int listen_at(struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX}; /* a name is made */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

static int come(int listening)
{
	struct sockaddr_un address;
	socklen_t len = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	return fd;
}

START_TEST(clients_are_accepted)
{
	struct sockaddr_un address;
	int listening = listen_at(&address);
	int clients[3];
	unsigned i;

	exporter_op_accept(&set, &ask.op, listening);
	check_waits(&ask);
	for (i = 0; i < 3; i++) {
		clients[i] = come(listening);
	}
	for (i = 0; i < 3; i++) {
		for (unsigned tries = 0; tries < TURNS_MAX && ask.ends == i; tries++) {
			turns(1);
		}
		ck_assert_uint_eq(ask.ends, i + 1);
		ck_assert_int_ge(ask.res, 0);
		ck_assert_int_eq(fcntl(ask.res, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(fcntl(ask.res, F_GETFL) & O_NONBLOCK, 0);
		close(ask.res);
		close(clients[i]);
		exporter_op_accept(&set, &ask.op, listening);
	}
	check_waits(&ask);
	/* As when its file has been replaced: what waits there ends, though it is closed. */
	close(listening);
	exporter_op_cancel(&ask.op);
	wait_end(&ask, 4, -ECANCELED);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(what_is_there_is_received),
		UNIT_TEST(what_comes_is_waited_for),
		UNIT_TEST(the_rest_is_received),
		UNIT_TEST(pieces_are_filled_in_order),
		UNIT_TEST(an_end_that_came_with_bytes_is_told),
		UNIT_TEST(a_later_end_is_told),
		UNIT_TEST(a_shutdown_of_ours_ends_what_waits),
		UNIT_TEST(a_full_socket_is_waited_for),
		UNIT_TEST(both_ways_wait),
		UNIT_TEST(nobody_listens_any_more),
		UNIT_TEST(what_waits_is_cancelled),
		UNIT_TEST(what_has_just_begun_is_cancelled),
		UNIT_TEST(all_are_cancelled),
		UNIT_TEST(a_number_is_used_again),
		UNIT_TEST(an_end_begins_another),
		UNIT_TEST(nobody_waits_for_a_busy_one),
		UNIT_TEST(no_socket_is_an_error),
		UNIT_TEST(clients_are_accepted),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
