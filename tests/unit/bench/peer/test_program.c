/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/signals.h"
#include "tests/unit/unit.h"

#define LONG_NS (60 * EBB_NS_PER_S)

static struct bench_argv command;
static char error[BENCH_TEXT_MAX];

static void shell(const char *script)
{
	bench_argv_add(&command, "sh");
	bench_argv_add(&command, "-c");
	bench_argv_add(&command, "%s", script);
}

static struct bench_program *started(const char *script)
{
	struct bench_program *process;

	shell(script);
	ck_assert_int_eq(bench_program_start(&command, NULL, NULL, &process, error), 0);
	return process;
}

START_TEST(test_output)
{
	char *output = NULL;

	shell("printf out; printf err >&2");
	ck_assert_int_eq(bench_program_run(&command, NULL, NULL, LONG_NS, &output, error), 0);
	ck_assert_str_eq(output, "out");
	free(output);
}
END_TEST

/* A pipe would be full, and the program would wait for a reader. */
START_TEST(test_much_output)
{
	char *output = NULL;

	shell("head -c 3000000 /dev/zero | tr '\\0' x");
	ck_assert_int_eq(bench_program_run(&command, NULL, NULL, LONG_NS, &output, error), 0);
	ck_assert_uint_eq(strlen(output), 3000000);
	free(output);
}
END_TEST

START_TEST(test_too_much_output_fails_for_the_program)
{
	struct bench_program *process = started("head -c 20000000 /dev/zero");

	ck_assert_int_eq(bench_program_wait(process, LONG_NS), 0);
	ck_assert(!bench_program_succeeded(process));
	bench_program_end(process);
}
END_TEST

START_TEST(test_missing)
{
	struct bench_program *process;

	bench_argv_add(&command, "no-such-program");
	ck_assert_int_eq(bench_program_start(&command, "the-package", NULL, &process, error),
			 -ENOENT);
	ck_assert_str_eq(error, "no-such-program is not there: install it (Debian: apt-get install "
				"the-package)");
	ck_assert_int_eq(bench_program_start(&command, NULL, NULL, &process, error), -ENOENT);
	ck_assert_str_eq(error, "no-such-program is not there");
}
END_TEST

START_TEST(test_no_program)
{
	struct bench_program *process;

	bench_argv_add(&command, "/etc/passwd");
	ck_assert_int_eq(bench_program_start(&command, "x", NULL, &process, error), -EACCES);
	ck_assert_str_eq(error, "/etc/passwd cannot be run: Permission denied");
}
END_TEST

START_TEST(test_failure_is_told_with_its_last_words)
{
	char *output = NULL;

	shell("echo first >&2; echo 'the last' >&2; echo >&2; exit 3");
	ck_assert_int_eq(bench_program_run(&command, NULL, NULL, LONG_NS, &output, error), -EIO);
	ck_assert_str_eq(error, "sh: it ended with code 3: the last");
}
END_TEST

/* A log ends with what followed from the error. */
START_TEST(test_failure_is_told_by_its_error)
{
	char *output = NULL;

	shell("echo '2026-11-30 22:11:11.129 notice app: starting' >&2; "
	      "echo '2026-11-30 22:11:11.130 error file: disk is in use' >&2; "
	      "echo '2026-11-30 22:11:11.131 error app: it failed' >&2; "
	      "echo '2026-11-30 22:11:11.132 notice app: ended' >&2; exit 1");
	ck_assert_int_eq(bench_program_run(&command, NULL, NULL, LONG_NS, &output, error), -EIO);
	ck_assert_str_eq(error, "sh: it ended with code 1: error file: disk is in use");
}
END_TEST

START_TEST(test_signal_is_named)
{
	char *output = NULL;

	shell("kill -KILL $$");
	ck_assert_int_eq(bench_program_run(&command, NULL, NULL, LONG_NS, &output, error), -EIO);
	ck_assert_str_eq(error, "sh: signal 9 (Killed) ended it");
}
END_TEST

START_TEST(test_deadline)
{
	char *output = NULL;

	shell("exec sleep 1000");
	ck_assert_int_eq(bench_program_run(&command, NULL, NULL, EBB_NS_PER_MS, &output, error),
			 -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(error, "has not ended"));
}
END_TEST

/* Whoever is init here reaps it when it likes: ended is enough. */
static void wait_ended(pid_t pid)
{
	for (;;) {
		char path[64];
		char state[512] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "r");
		if (file == NULL) {
			return;
		}
		(void)fgets(state, sizeof(state), file);
		fclose(file);
		if (strstr(state, ") Z ") != NULL || strstr(state, ") X ") != NULL) {
			return;
		}
		usleep(1000);
	}
}

/* It does not hear SIGTERM, nor does the child that it has. */
START_TEST(test_end_insists)
{
	struct bench_program *process =
		started("trap '' TERM; sleep 1000 & echo $!; while :; do wait; done");
	pid_t pid = bench_program_pid(process);
	char *output = bench_program_output(process);
	pid_t child;

	while (strchr(output, '\n') == NULL) {
		free(output);
		output = bench_program_output(process);
	}
	child = atoi(output);
	free(output);
	bench_program_end(process);
	ck_assert_int_eq(kill(pid, 0), -1);
	wait_ended(child);
}
END_TEST

START_TEST(test_a_signal_ends_the_wait)
{
	struct bench_program *process = started("exec sleep 1000");

	bench_signals_install(NULL);
	raise(SIGINT);
	ck_assert_int_eq(bench_program_wait(process, LONG_NS), -ECANCELED);
	bench_program_end(process);
}
END_TEST

START_TEST(test_place_and_group)
{
	char *output = NULL;
	cpu_set_t allowed;
	cpu_set_t one;
	char wanted[64];
	int cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	while (!CPU_ISSET((size_t)cpu, &allowed)) {
		cpu++;
	}
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	shell("sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/$$/status; "
	      "test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo leader");
	ck_assert_int_eq(bench_program_run(&command, NULL, &one, LONG_NS, &output, error), 0);
	snprintf(wanted, sizeof(wanted), "%d\nleader\n", cpu);
	ck_assert_str_eq(output, wanted);
	free(output);
}
END_TEST

/* Whoever started it is killed, and it goes too. */
START_TEST(test_it_does_not_outlive_us)
{
	char text[32] = "";
	int fds[2];
	int parent;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	parent = fork();
	if (parent == 0) {
		struct bench_program *process = started("exec sleep 1000");

		dprintf(fds[1], "%d", bench_program_pid(process));
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_gt(read(fds[0], text, sizeof(text) - 1), 0);
	pid = atoi(text);
	waitpid(parent, NULL, 0);
	wait_ended(pid);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_output),
		UNIT_TEST(test_much_output),
		UNIT_TEST(test_too_much_output_fails_for_the_program),
		UNIT_TEST(test_missing),
		UNIT_TEST(test_no_program),
		UNIT_TEST(test_failure_is_told_with_its_last_words),
		UNIT_TEST(test_failure_is_told_by_its_error),
		UNIT_TEST(test_signal_is_named),
		UNIT_TEST(test_deadline),
		UNIT_TEST(test_end_insists),
		UNIT_TEST(test_a_signal_ends_the_wait),
		UNIT_TEST(test_place_and_group),
		UNIT_TEST(test_it_does_not_outlive_us),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
