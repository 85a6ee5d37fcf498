/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/app/default_socket.h"
#include "core/app/json_text.h"
#include "tests/unit/unit.h"

static char error[APP_OPTIONS_ERROR_MAX];
static struct ebb_app_opts opts;
static struct ebb_app_opts loaded;

static void init(void)
{
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
}

static void refused(const char *part)
{
	ck_assert_int_eq(app_options_load(&opts, &loaded, error, sizeof(error)), -EINVAL);
	ck_assert_msg(strstr(error, part) != NULL, "\"%s\" does not say \"%s\"", error, part);
}

START_TEST(test_defaults)
{
	init();
	ck_assert_int_eq(app_options_load(&opts, &loaded, error, sizeof(error)), 0);
	ck_assert_uint_eq(loaded.opts_size, sizeof(opts));
	ck_assert_int_eq(loaded.mode, EBB_REACTOR_ADAPTIVE);
	ck_assert_uint_eq(loaded.rpc_socket_mode, 0600);
	ck_assert(loaded.handle_signals);
	ck_assert(!loaded.wait_for_rpc);
	ck_assert_ptr_null(loaded.json_file);
}
END_TEST

START_TEST(test_smaller_struct_is_honoured)
{
	struct ebb_app_opts small;
	size_t size = offsetof(struct ebb_app_opts, json_file);

	memset(&small, 0xa5, sizeof(small));
	ebb_app_opts_init(&small, size);
	ck_assert_uint_eq(small.opts_size, size);
	ck_assert_int_eq(small.mode, EBB_REACTOR_ADAPTIVE);
	/* Not a byte beyond the caller's struct is written ... */
	ck_assert_uint_eq(*((unsigned char *)&small + size), 0xa5);
	ck_assert_uint_eq(*((unsigned char *)&small + sizeof(small) - 1), 0xa5);
	/* ... or read: what an old caller does not know has its default. */
	small.name = "old";
	ck_assert_int_eq(app_options_load(&small, &loaded, error, sizeof(error)), 0);
	ck_assert_ptr_null(loaded.json_file);
	ck_assert_uint_eq(loaded.rpc_socket_mode, 0600);
	ck_assert(loaded.handle_signals);
}
END_TEST

START_TEST(test_larger_struct_is_zeroed)
{
	struct {
		struct ebb_app_opts opts;
		uint64_t newer;
	} large;

	memset(&large, 0xa5, sizeof(large));
	ebb_app_opts_init(&large.opts, sizeof(large));
	ck_assert_uint_eq(large.newer, 0);
	large.opts.name = "new";
	ck_assert_int_eq(app_options_load(&large.opts, &loaded, error, sizeof(error)), 0);
}
END_TEST

START_TEST(test_each_refusal_says_why)
{
	char long_path[200];

	ck_assert_int_eq(app_options_load(NULL, &loaded, error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no options"));
	init();
	opts.opts_size = 0;
	refused("size is zero");
	init();
	opts.name = NULL;
	refused("no name");
	init();
	opts.name = "";
	refused("no name");
	init();
	opts.wait_for_rpc = true;
	refused("framework_start_init");
	init();
	opts.json_file = "some.json";
	opts.json_data = "{}";
	refused("both a JSON file (some.json) and JSON data");
	init();
	opts.rpc_socket = "";
	refused("empty");
	init();
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	opts.rpc_socket = long_path;
	refused("199 bytes long");
	init();
	opts.rpc_socket = "x";
	opts.rpc_socket_mode = 01000;
	refused("01000");
	init();
	opts.mode = (enum ebb_reactor_mode)17;
	refused("mode 17");
	init();
	opts.on_violation = (enum ebb_violation_action)17;
	refused("on_violation is 17");
	init();
	opts.callback_limit_ms = 1001;
	refused("callback_limit_ms is 1001, legal are 1 to 1000, and 0 for no limit");
}
END_TEST

START_TEST(test_cpumask)
{
	cpu_set_t allowed;
	cpu_set_t cpus;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	ck_assert_int_eq(app_options_cpus(NULL, &cpus, error, sizeof(error)), 0);
	ck_assert_int_eq(CPU_COUNT(&cpus), 1);
	ck_assert_int_eq(app_options_cpus("rubbish", &cpus, error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "\"rubbish\""));
	ck_assert_int_eq(app_options_cpus("0x0", &cpus, error, sizeof(error)), -EINVAL);
	ck_assert_int_eq(app_options_cpus("0", &cpus, error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "CPU 0 is [0], mask 0x0 is no CPU"));
	if (!CPU_ISSET(1000, &allowed)) {
		ck_assert_int_eq(app_options_cpus("[1000]", &cpus, error, sizeof(error)), -EINVAL);
		ck_assert_ptr_nonnull(strstr(error, "may not run on CPU 1000"));
	}
}
END_TEST

static int text_load(const char *path)
{
	init();
	opts.json_file = path;
	return app_json_text_load(&opts, error, sizeof(error));
}

START_TEST(test_json_file)
{
	char path[] = "/tmp/ebb-test-XXXXXX";
	const char *text;
	const char *name;
	size_t len;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(text_load(path), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "is empty"));
	/* A byte-order mark and spaces are nothing. */
	ck_assert_int_eq(write(fd, "\xef\xbb\xbf \n", 5), 5);
	error[0] = '\0';
	ck_assert_int_eq(text_load(path), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "is empty"));
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, " \n", 2, 0), 2);
	error[0] = '\0';
	ck_assert_int_eq(text_load(path), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "is empty"));
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 2);
	ck_assert_int_eq(write(fd, "{}", 2), 2);
	ck_assert_int_eq(text_load(path), 0);
	text = app_json_text(&len, &name);
	ck_assert_str_eq(text, " \n{}");
	ck_assert_uint_eq(len, 4);
	ck_assert_str_eq(name, path);
	app_json_text_free();
	ck_assert_ptr_null(app_json_text(&len, &name));
	ck_assert_int_eq(ftruncate(fd, APP_JSON_TEXT_MAX + 1), 0);
	ck_assert_int_eq(text_load(path), -EFBIG);
	ck_assert_ptr_nonnull(strstr(error, "larger than 64 MiB"));
	close(fd);
	unlink(path);
	ck_assert_int_eq(text_load(path), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, path));
	ck_assert_int_eq(text_load("/tmp"), -EISDIR);
	ck_assert_ptr_nonnull(strstr(error, "/tmp is a directory"));
	/* A device that never ends is not read for ever. */
	ck_assert_int_eq(text_load("/dev/zero"), -EFBIG);
}
END_TEST

START_TEST(test_json_data)
{
	const char *name;
	size_t len;

	init();
	opts.json_data = "{}";
	ck_assert_int_eq(app_json_text_load(&opts, error, sizeof(error)), 0);
	ck_assert_str_eq(app_json_text(&len, &name), "{}");
	ck_assert_str_eq(name, "json_data");
	app_json_text_free();
	opts.json_data = "";
	ck_assert_int_eq(app_json_text_load(&opts, error, sizeof(error)), -EINVAL);
	opts.json_data = NULL;
	ck_assert_int_eq(app_json_text_load(&opts, error, sizeof(error)), 0);
	ck_assert_ptr_null(app_json_text(&len, &name));
}
END_TEST

START_TEST(test_default_socket)
{
	char path[PATH_MAX];
	char expected[64];

	setenv("EBB_RPC_SOCKET", "/somewhere/else", 1);
	ck_assert_int_eq(app_default_socket(path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/somewhere/else");
	ck_assert_int_eq(app_default_socket(path, 5), -ENAMETOOLONG);
	unsetenv("EBB_RPC_SOCKET");
	if (geteuid() == 0) {
		ck_assert_int_eq(app_default_socket(path, sizeof(path)), 0);
		ck_assert_str_eq(path, "/run/ebb/ebb.sock");
		ck_assert_int_eq(seteuid(12345), 0);
	}
	setenv("XDG_RUNTIME_DIR", "/run/user/12345", 1);
	ck_assert_int_eq(app_default_socket(path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/run/user/12345/ebb.sock");
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_int_eq(app_default_socket(path, sizeof(path)), 0);
	snprintf(expected, sizeof(expected), "/tmp/ebb-%u.sock", (unsigned)geteuid());
	ck_assert_str_eq(path, expected);
	ck_assert_int_eq(app_default_socket_mkdir(path), 0);
	/* As it was, for whatever looks for leaks at the end. */
	ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_defaults),
		UNIT_TEST(test_smaller_struct_is_honoured),
		UNIT_TEST(test_larger_struct_is_zeroed),
		UNIT_TEST(test_each_refusal_says_why),
		UNIT_TEST(test_cpumask),
		UNIT_TEST(test_json_file),
		UNIT_TEST(test_json_data),
		UNIT_TEST(test_default_socket),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
