/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/epoll.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define TIMEOUT_NS (3 * EBB_NS_PER_MS)
#define HOUR_NS    (3600 * EBB_NS_PER_S)

static int epoll_fd, event_fd;

static uint64_t real_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void setup(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 77};

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_eq(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event), 0);
}

static void teardown(void)
{
	close(event_fd);
	close(epoll_fd);
}

/* As by a kernel that does not have the call. In a test this ends with the test's process. */
static void forbid_epoll_pwait2(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	ck_assert_int_eq(syscall(SYS_epoll_pwait2, epoll_fd, NULL, 1, NULL, NULL, 0), -1);
	ck_assert_int_eq(errno, ENOSYS);
}

static void check_waits(void)
{
	struct epoll_event events[2];
	uint64_t begin_ns = real_now_ns(), one = 1;

	/* As long as it was told, and no shorter. */
	ck_assert_int_eq(event_epoll_wait(epoll_fd, events, 2, TIMEOUT_NS), 0);
	ck_assert_uint_ge(real_now_ns() - begin_ns, TIMEOUT_NS);
	/* What is there ends it. */
	ck_assert_int_eq(write(event_fd, &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(event_epoll_wait(epoll_fd, events, 2, HOUR_NS), 1);
	ck_assert_uint_eq(events[0].data.u64, 77);
	/* It has been taken. */
	ck_assert_int_eq(event_epoll_wait(epoll_fd, events, 2, TIMEOUT_NS), 0);
}

START_TEST(it_waits_for_nanoseconds)
{
	check_waits();
}
END_TEST

START_TEST(it_does_so_without_the_call_for_it)
{
	forbid_epoll_pwait2();
	check_waits();
	check_waits();
}
END_TEST

START_TEST(it_looks_without_waiting_and_waits_without_an_end)
{
	struct epoll_event events[2];
	uint64_t one = 1;

	ck_assert_int_eq(event_epoll_wait(epoll_fd, events, 2, 0), 0);
	ck_assert_int_eq(write(event_fd, &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(event_epoll_wait(epoll_fd, events, 2, EBB_REACTOR_FOREVER), 1);
	ck_assert_int_eq(write(event_fd, &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(event_epoll_wait(epoll_fd, events, 2, 0), 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(it_waits_for_nanoseconds),
		UNIT_TEST(it_does_so_without_the_call_for_it),
		UNIT_TEST(it_looks_without_waiting_and_waits_without_an_end),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
