/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char folder[64];
static char path[96];
static char lock_path[104];
static struct os_unix_socket first;
static struct os_unix_socket second;

/* Called after each bind() and before each listen(). */
static void (*after_bind)(void);
static void (*before_listen)(void);

/* In place of the C library's. */
int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	int rc = (int)syscall(SYS_bind, fd, address, len);

	if (rc == 0 && after_bind != NULL) {
		after_bind();
	}
	return rc;
}

int listen(int fd, int backlog)
{
	if (before_listen != NULL) {
		before_listen();
	}
	return (int)syscall(SYS_listen, fd, backlog);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ebb-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.sock", folder);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
}

static void teardown(void)
{
	unlink(path);
	unlink(lock_path);
	rmdir(folder);
}

static bool exists(const char *file)
{
	struct stat st;

	return lstat(file, &st) == 0;
}

static bool connects(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	memcpy(address.sun_path, path, strlen(path) + 1);
	connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return connected;
}

static int bind_at_path(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

START_TEST(listens_and_leaves_nothing)
{
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	ck_assert(connects());
	ck_assert(exists(lock_path));
	os_unix_socket_stop(&first);
	ck_assert(!exists(path));
	ck_assert(exists(lock_path));
	os_unix_socket_close(&first);
	ck_assert(!exists(lock_path));
}
END_TEST

START_TEST(has_the_mode_whatever_the_umask)
{
	static const mode_t modes[] = {0600, 0660, 0666};
	static const mode_t masks[] = {0, 022, 0177, 0777};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(modes); i++) {
		for (size_t j = 0; j < EBB_ARRAY_SIZE(masks); j++) {
			mode_t before = umask(masks[j]);
			struct stat st;

			ck_assert_int_eq(os_unix_socket_open(&first, path, modes[i],
							     OS_UNIX_SOCKET_ANY_GROUP,
							     "choose another"),
					 0);
			umask(before);
			ck_assert_int_eq(lstat(path, &st), 0);
			ck_assert_int_eq(st.st_mode & 07777, modes[i]);
			os_unix_socket_close(&first);
		}
	}
}
END_TEST

static mode_t wanted_mode;
static gid_t wanted_gid;

static void only_the_owner_may_connect(void)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
}

static void has_its_mode_and_group(void)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, wanted_mode);
	ck_assert_uint_eq(st.st_gid, wanted_gid);
}

/* One that is not the process's, that it may give a file to. */
static gid_t another_group(void)
{
	gid_t groups[64];
	int num = getgroups(64, groups);

	for (int i = 0; i < num; i++) {
		if (groups[i] != getegid()) {
			return groups[i];
		}
	}
	if (geteuid() != 0) {
		unit_skip("neither root nor in a second group");
	}
	return 12345;
}

START_TEST(has_its_group_before_that_may_connect)
{
	static const mode_t masks[] = {0, 022, 0777};
	int old_fd;

	wanted_gid = another_group();
	wanted_mode = 0660;
	after_bind = only_the_owner_may_connect;
	before_listen = has_its_mode_and_group;
	for (size_t i = 0; i < EBB_ARRAY_SIZE(masks); i++) {
		mode_t before = umask(masks[i]);

		ck_assert_int_eq(os_unix_socket_open(&first, path, 0660, wanted_gid, "choose"), 0);
		umask(before);
		ck_assert(connects());
		unlink(path);
		ck_assert_int_eq(os_unix_socket_renew(&first, "choose", &old_fd), 0);
		close(old_fd);
		ck_assert(connects());
		os_unix_socket_close(&first);
	}
}
END_TEST

START_TEST(refuses_a_group_that_it_may_not_give_it_to)
{
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(folder, 65534, 65534), 0);
		ck_assert_int_eq(setgroups(0, NULL), 0);
		ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	}
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0660, 0, "choose another"), -EPERM);
	ck_assert_ptr_nonnull(strstr(first.error, "to group 0"));
	ck_assert_ptr_nonnull(strstr(first.error, path));
	ck_assert(!exists(path) && !exists(lock_path));
}
END_TEST

static char victim[96];

static void make_victim(void)
{
	snprintf(victim, sizeof(victim), "%s/victim", folder);
	close(open(victim, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	ck_assert_int_eq(unlink(path), 0);
}

static void a_link_takes_its_place(void)
{
	make_victim();
	ck_assert_int_eq(symlink(victim, path), 0);
}

static void a_file_takes_its_place(void)
{
	make_victim();
	ck_assert_int_eq(link(victim, path), 0);
}

/* The RPC socket, say, moved to where one for a group is made. */
static void another_socket_takes_its_place(void)
{
	make_victim();
	after_bind = NULL;
	close(bind_at_path());
	ck_assert_int_eq(chmod(path, 0600), 0);
}

/* Whoever may write in the folder cannot have ebbd open another file. */
START_TEST(changes_nothing_but_the_socket)
{
	static void (*const attacks[])(void) = {
		a_link_takes_its_place,
		a_file_takes_its_place,
		another_socket_takes_its_place,
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(attacks); i++) {
		struct stat st;

		after_bind = attacks[i];
		ck_assert_int_eq(os_unix_socket_open(&first, path, 0666, OS_UNIX_SOCKET_ANY_GROUP,
						     "choose another"),
				 -ESTALE);
		ck_assert_ptr_nonnull(strstr(first.error, path));
		ck_assert_int_eq(stat(path, &st), 0); /* left alone */
		ck_assert_int_eq(st.st_mode & 07777, 0600);
		after_bind = NULL;
		unlink(path);
		unlink(victim);
	}
}
END_TEST

START_TEST(refuses_a_second_one)
{
	char pid[32];

	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	ck_assert_int_eq(os_unix_socket_open(&second, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 -EADDRINUSE);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	ck_assert_ptr_nonnull(strstr(second.error, path));
	ck_assert_ptr_nonnull(strstr(second.error, pid));
	ck_assert(connects());
	os_unix_socket_close(&first);
	ck_assert_int_eq(os_unix_socket_open(&second, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	os_unix_socket_close(&second);
}
END_TEST

START_TEST(replaces_what_a_dead_daemon_left)
{
	close(bind_at_path());
	close(open(lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	ck_assert(exists(path) && !connects());
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	ck_assert(connects());
	os_unix_socket_close(&first);
}
END_TEST

START_TEST(leaves_other_listeners_alone)
{
	int fd = bind_at_path();

	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 -EBUSY);
	ck_assert_ptr_nonnull(strstr(first.error, "another program"));
	ck_assert(connects());
	ck_assert(!exists(lock_path));
	close(fd);
}
END_TEST

/* Who listened first is dead, and his child serves on. */
START_TEST(leaves_a_server_alone_that_has_forked)
{
	int fd[2];
	pid_t parent;
	char byte;

	ck_assert_int_eq(pipe(fd), 0);
	parent = fork();
	if (parent == 0) {
		int listening = bind_at_path();

		if (listen(listening, 1) != 0 || fork() != 0) {
			_exit(0);
		}
		close(fd[1]);
		_exit(read(fd[0], &byte, 1) < 0);
	}
	ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 -EBUSY);
	ck_assert(connects());
	close(fd[0]);
	close(fd[1]); /* the child ends */
}
END_TEST

START_TEST(leaves_alone_what_it_cannot_tell)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 -EPROTOTYPE);
	ck_assert_ptr_nonnull(strstr(first.error, path));
	ck_assert(exists(path));
	close(fd);
}
END_TEST

START_TEST(unlinked_and_unlocked_another_may_have_the_path)
{
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	os_unix_socket_unlink(&first);
	os_unix_socket_unlock(&first);
	ck_assert(!exists(path) && !exists(lock_path));
	ck_assert_int_eq(os_unix_socket_open(&second, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	os_unix_socket_close(&first);
	ck_assert(connects());
	ck_assert(exists(lock_path));
	os_unix_socket_close(&second);
}
END_TEST

START_TEST(leaves_files_alone)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 -EEXIST);
	ck_assert_ptr_nonnull(strstr(first.error, "not a socket"));
	ck_assert(exists(path));
}
END_TEST

START_TEST(leaves_a_successors_socket_alone)
{
	int fd;

	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	unlink(path);
	fd = bind_at_path();
	os_unix_socket_close(&first);
	ck_assert(exists(path));
	close(fd);
}
END_TEST

START_TEST(is_renewed_where_its_files_were_removed)
{
	struct stat st;
	int old_fd = -1;

	ck_assert_int_eq(os_unix_socket_open(&first, path, 0640, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	ck_assert(os_unix_socket_is_found(&first));
	for (unsigned i = 0; i < 2; i++) {
		int fd = first.fd;

		unlink(path);
		if (i == 1) {
			unlink(lock_path);
		}
		ck_assert(!os_unix_socket_is_found(&first));
		ck_assert_int_eq(os_unix_socket_renew(&first, "choose another", &old_fd), 0);
		ck_assert_int_eq(old_fd, fd);
		close(old_fd);
		ck_assert(os_unix_socket_is_found(&first));
		ck_assert(connects());
		ck_assert_int_eq(lstat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 07777, 0640);
		ck_assert_int_eq(os_unix_socket_open(&second, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
						     "choose another"),
				 -EADDRINUSE);
	}
	os_unix_socket_close(&first);
	ck_assert(!exists(path) && !exists(lock_path));
}
END_TEST

START_TEST(is_not_renewed_where_another_has_the_path)
{
	int old_fd = -1;
	int fd;

	ck_assert_int_eq(os_unix_socket_open(&first, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	unlink(path);
	fd = bind_at_path();
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert(!os_unix_socket_is_found(&first));
	ck_assert_int_eq(os_unix_socket_renew(&first, "choose another", &old_fd), -EBUSY);
	ck_assert_ptr_nonnull(strstr(first.error, "another program"));
	ck_assert_int_ge(first.fd, 0);
	ck_assert_int_eq(old_fd, -1);
	close(fd);
	unlink(path);
	unlink(lock_path);
	ck_assert_int_eq(os_unix_socket_open(&second, path, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	ck_assert_int_eq(os_unix_socket_renew(&first, "choose another", &old_fd), -EADDRINUSE);
	os_unix_socket_close(&first);
	ck_assert(connects());
	ck_assert(exists(lock_path));
	os_unix_socket_close(&second);
}
END_TEST

START_TEST(refuses_bad_paths)
{
	char longest[108];
	char too_long[109];

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, folder, strlen(folder));
	longest[strlen(folder)] = '/';
	longest[107] = '\0';
	ck_assert_int_eq(os_unix_socket_open(&first, longest, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 0);
	os_unix_socket_close(&first);

	memset(too_long, 'x', sizeof(too_long));
	too_long[108] = '\0';
	ck_assert_int_eq(os_unix_socket_open(&first, too_long, 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(first.error, "108 bytes"));
	ck_assert_int_eq(os_unix_socket_open(&first, "", 0600, OS_UNIX_SOCKET_ANY_GROUP,
					     "choose another"),
			 -ENAMETOOLONG);
	ck_assert_int_eq(os_unix_socket_open(&first, "/no/such/folder/a.sock", 0600,
					     OS_UNIX_SOCKET_ANY_GROUP, "choose another"),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(first.error, "/no/such/folder"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(listens_and_leaves_nothing),
		UNIT_TEST(has_the_mode_whatever_the_umask),
		UNIT_TEST(has_its_group_before_that_may_connect),
		UNIT_TEST(refuses_a_group_that_it_may_not_give_it_to),
		UNIT_TEST(changes_nothing_but_the_socket),
		UNIT_TEST(refuses_a_second_one),
		UNIT_TEST(replaces_what_a_dead_daemon_left),
		UNIT_TEST(leaves_other_listeners_alone),
		UNIT_TEST(leaves_a_server_alone_that_has_forked),
		UNIT_TEST(leaves_alone_what_it_cannot_tell),
		UNIT_TEST(unlinked_and_unlocked_another_may_have_the_path),
		UNIT_TEST(leaves_files_alone),
		UNIT_TEST(leaves_a_successors_socket_alone),
		UNIT_TEST(is_renewed_where_its_files_were_removed),
		UNIT_TEST(is_not_renewed_where_another_has_the_path),
		UNIT_TEST(refuses_bad_paths),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
