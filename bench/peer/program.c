/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/signals.h"
#include "core/base/timespec.h"

#define END_PATIENCE_NS (2 * EBB_NS_PER_S)

/* A signal may be another thread's to take, so a waiting one looks by itself. */
#define SIGNAL_LOOK_NS (100 * EBB_NS_PER_MS)

struct bench_program {
	char name[64]; /* for people: without its folder */
	pid_t pid;
	int pidfd;
	int output_fd;
	int errors_fd;
	bool ended;
	int status; /* as waitpid() gives it, when it has ended */
};

/*
 * Memory of a fixed size that looks like a file: what is written beyond it fails. How much there is
 * tells the position, which all who have this file open share.
 */
static int stream_open(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0) {
		return -errno;
	}
	if (ftruncate(fd, (off_t)BENCH_PROGRAM_OUTPUT_MAX) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static char *stream_text(int fd)
{
	off_t end = lseek(fd, 0, SEEK_CUR);
	size_t size = end > 0 ? (size_t)end : 0;
	char *text = malloc(size + 1);
	ssize_t got;

	if (text == NULL) {
		return NULL;
	}
	got = pread(fd, text, size, 0);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* In the child: only what is safe beside the other threads that this process had. Does not return. */
static void child_exec(const struct bench_program *program, const struct bench_argv *argv,
		       const cpu_set_t *cpus, pid_t parent, int failed_fd)
{
	int null_fd = open("/dev/null", O_RDONLY);
	sigset_t none;
	ssize_t written;
	int rc;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	if (null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 &&
	    dup2(program->output_fd, STDOUT_FILENO) >= 0 &&
	    dup2(program->errors_fd, STDERR_FILENO) >= 0 &&
	    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 &&
	    (cpus == NULL || sched_setaffinity(0, sizeof(*cpus), cpus) == 0) &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
		execvp(argv->words[0], argv->words);
	}
	rc = errno;
	written = write(failed_fd, &rc, sizeof(rc));
	_exit(written == sizeof(rc) ? 127 : 126);
}

static void start_explain(int rc, const char *path, const char *package, char error[BENCH_TEXT_MAX])
{
	if (rc == -ENOENT && package != NULL) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%.80s is not there: install it (Debian: apt-get install %.60s)", path,
			 package);
	} else if (rc == -ENOENT) {
		snprintf(error, BENCH_TEXT_MAX, "%.200s is not there", path);
	} else {
		snprintf(error, BENCH_TEXT_MAX, "%.160s cannot be run: %s", path, strerror(-rc));
	}
}

static void program_free(struct bench_program *program)
{
	int fds[] = {program->pidfd, program->output_fd, program->errors_fd};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	free(program);
}

static int program_spawn(struct bench_program *program, const struct bench_argv *argv,
			 const cpu_set_t *cpus)
{
	pid_t parent = getpid();
	int failed[2];
	int child_rc;
	int rc = 0;

	if (pipe2(failed, O_CLOEXEC) < 0) {
		return -errno;
	}
	program->pid = fork();
	if (program->pid == 0) {
		child_exec(program, argv, cpus, parent, failed[1]);
	}
	if (program->pid < 0) {
		rc = -errno;
	}
	close(failed[1]);
	/* The pipe is closed by a successful exec. */
	if (rc == 0 && TEMP_FAILURE_RETRY(read(failed[0], &child_rc, sizeof(child_rc))) ==
			       (ssize_t)sizeof(child_rc)) {
		waitpid(program->pid, NULL, 0);
		rc = child_rc != 0 ? -child_rc : -EIO;
	}
	close(failed[0]);
	return rc;
}

int bench_program_start(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
			struct bench_program **ret_program, char error[BENCH_TEXT_MAX])
{
	struct bench_program *program = calloc(1, sizeof(*program));
	const char *path = argv->count > 0 ? argv->words[0] : "";
	const char *slash = strrchr(path, '/');
	int rc = -ENOMEM;

	if (program == NULL || argv->failed) {
		free(program);
		start_explain(-ENOMEM, path, package, error);
		return -ENOMEM;
	}
	program->pidfd = -1;
	snprintf(program->name, sizeof(program->name), "%.63s", slash != NULL ? slash + 1 : path);
	program->output_fd = stream_open("output");
	program->errors_fd = stream_open("errors");
	if (program->output_fd >= 0 && program->errors_fd >= 0) {
		rc = program_spawn(program, argv, cpus);
	}
	if (rc < 0) {
		start_explain(rc, path, package, error);
		program_free(program);
		return rc;
	}
	program->pidfd = (int)syscall(SYS_pidfd_open, program->pid, 0);
	if (program->pidfd < 0) {
		rc = -errno;
		start_explain(rc, path, package, error);
		bench_program_end(program);
		return rc;
	}
	*ret_program = program;
	return 0;
}

static void program_reap(struct bench_program *program, int flags)
{
	if (!program->ended &&
	    TEMP_FAILURE_RETRY(waitpid(program->pid, &program->status, flags)) == program->pid) {
		program->ended = true;
	}
}

/* Return: true if it ended within that time. */
static bool program_sleep(struct bench_program *program, uint64_t time_ns)
{
	struct pollfd fd = {.fd = program->pidfd, .events = POLLIN};
	struct timespec time = base_timespec(time_ns);

	(void)ppoll(&fd, 1, &time, NULL);
	program_reap(program, WNOHANG);
	return program->ended;
}

int bench_program_wait(struct bench_program *program, uint64_t timeout_ns)
{
	uint64_t begin_ns = ebb_clock_now_ns();

	while (bench_program_running(program)) {
		uint64_t spent_ns = ebb_clock_now_ns() - begin_ns;

		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		if (spent_ns >= timeout_ns) {
			return -ETIMEDOUT;
		}
		program_sleep(program, timeout_ns - spent_ns < SIGNAL_LOOK_NS
					       ? timeout_ns - spent_ns
					       : SIGNAL_LOOK_NS);
	}
	return 0;
}

bool bench_program_running(struct bench_program *program)
{
	program_reap(program, WNOHANG);
	return !program->ended;
}

pid_t bench_program_pid(const struct bench_program *program)
{
	return program->pid;
}

bool bench_program_succeeded(struct bench_program *program)
{
	return !bench_program_running(program) && WIFEXITED(program->status) &&
	       WEXITSTATUS(program->status) == 0;
}

/*
 * The line of @text that says why: the first that speaks of an error, as others follow from that one;
 * else the last that is not empty. Without the time that a log begins with, and without what would
 * break a line of ours.
 */
static const char *telling_line(char *text)
{
	char *line = text;
	char *rest = text;
	char *next;

	while ((next = strsep(&rest, "\r\n")) != NULL) {
		if (strspn(next, " \t") != strlen(next)) {
			line = next;
		}
		if (strcasestr(next, "error") != NULL) {
			break;
		}
	}
	for (char *at = line; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 127) {
			*at = ' ';
		}
	}
	return line + strspn(line, "0123456789-:. ");
}

void bench_program_explain(struct bench_program *program, char *text, size_t size)
{
	char *errors = bench_program_errors(program);
	const char *line = errors != NULL ? telling_line(errors) : "";
	const char *colon = line[0] != '\0' ? ": " : "";

	if (bench_program_running(program)) {
		snprintf(text, size, "it still runs%s%s", colon, line);
	} else if (WIFSIGNALED(program->status)) {
		int number = WTERMSIG(program->status);

		snprintf(text, size, "signal %d (%s) ended it%s%s", number,
			 sigdescr_np(number) != NULL ? sigdescr_np(number) : "unknown", colon,
			 line);
	} else {
		snprintf(text, size, "it ended with code %d%s%s", WEXITSTATUS(program->status),
			 colon, line);
	}
	free(errors);
}

char *bench_program_output(const struct bench_program *program)
{
	return stream_text(program->output_fd);
}

char *bench_program_errors(const struct bench_program *program)
{
	return stream_text(program->errors_fd);
}

void bench_program_stop(struct bench_program *program)
{
	if (!bench_program_running(program)) {
		return;
	}
	kill(-program->pid, SIGTERM);
	if (program->pidfd < 0 || !program_sleep(program, END_PATIENCE_NS)) {
		kill(-program->pid, SIGKILL);
		program_reap(program, 0);
	}
}

void bench_program_end(struct bench_program *program)
{
	if (program != NULL) {
		bench_program_stop(program);
		program_free(program);
	}
}

int bench_program_run(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
		      uint64_t timeout_ns, char **ret_output, char error[BENCH_TEXT_MAX])
{
	struct bench_program *program;
	char *output = NULL;
	int rc;

	rc = bench_program_start(argv, package, cpus, &program, error);
	if (rc < 0) {
		return rc;
	}
	rc = bench_program_wait(program, timeout_ns);
	if (rc == -ETIMEDOUT) {
		snprintf(error, BENCH_TEXT_MAX, "%s has not ended after %llu s", program->name,
			 (unsigned long long)(timeout_ns / EBB_NS_PER_S));
	} else if (rc == -ECANCELED) {
		snprintf(error, BENCH_TEXT_MAX, "a signal ended %s", program->name);
	} else if (!bench_program_succeeded(program)) {
		char why[BENCH_TEXT_MAX - 80];

		bench_program_explain(program, why, sizeof(why));
		snprintf(error, BENCH_TEXT_MAX, "%s: %s", program->name, why);
		rc = -EIO;
	} else {
		output = bench_program_output(program);
		if (output == NULL) {
			snprintf(error, BENCH_TEXT_MAX, "%s: no memory for what it printed",
				 program->name);
			rc = -ENOMEM;
		}
	}
	bench_program_end(program);
	if (rc == 0) {
		*ret_output = output;
	}
	return rc;
}
