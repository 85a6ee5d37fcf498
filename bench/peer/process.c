/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/process.h"

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

#define END_PATIENCE_NS (2 * EBB_NS_PER_S)

/* A signal may be another thread's to take, so a waiting one looks by itself. */
#define SIGNAL_LOOK_NS (100 * EBB_NS_PER_MS)

struct bench_process {
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
	if (ftruncate(fd, (off_t)BENCH_PROCESS_OUTPUT_MAX) < 0 ||
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
static void child_exec(const struct bench_process *process, const struct bench_argv *argv,
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
	    dup2(process->output_fd, STDOUT_FILENO) >= 0 &&
	    dup2(process->errors_fd, STDERR_FILENO) >= 0 &&
	    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 &&
	    (cpus == NULL || sched_setaffinity(0, sizeof(*cpus), cpus) == 0) &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
		execvp(argv->words[0], argv->words);
	}
	rc = errno;
	written = write(failed_fd, &rc, sizeof(rc));
	_exit(written == sizeof(rc) ? 127 : 126);
}

static void start_explain(int rc, const char *program, const char *package,
			  char error[BENCH_TEXT_MAX])
{
	if (rc == -ENOENT && package != NULL) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%.80s is not there: install it (Debian: apt-get install %.60s)", program,
			 package);
	} else if (rc == -ENOENT) {
		snprintf(error, BENCH_TEXT_MAX, "%.200s is not there", program);
	} else {
		snprintf(error, BENCH_TEXT_MAX, "%.160s cannot be run: %s", program, strerror(-rc));
	}
}

static void process_free(struct bench_process *process)
{
	int fds[] = {process->pidfd, process->output_fd, process->errors_fd};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	free(process);
}

static int process_spawn(struct bench_process *process, const struct bench_argv *argv,
			 const cpu_set_t *cpus)
{
	pid_t parent = getpid();
	int failed[2];
	int child_rc;
	int rc = 0;

	if (pipe2(failed, O_CLOEXEC) < 0) {
		return -errno;
	}
	process->pid = fork();
	if (process->pid == 0) {
		child_exec(process, argv, cpus, parent, failed[1]);
	}
	if (process->pid < 0) {
		rc = -errno;
	}
	close(failed[1]);
	/* The pipe is closed by a successful exec. */
	if (rc == 0 && TEMP_FAILURE_RETRY(read(failed[0], &child_rc, sizeof(child_rc))) ==
			       (ssize_t)sizeof(child_rc)) {
		waitpid(process->pid, NULL, 0);
		rc = child_rc != 0 ? -child_rc : -EIO;
	}
	close(failed[0]);
	return rc;
}

int bench_process_start(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
			struct bench_process **ret_process, char error[BENCH_TEXT_MAX])
{
	struct bench_process *process = calloc(1, sizeof(*process));
	const char *program = argv->count > 0 ? argv->words[0] : "";
	const char *slash = strrchr(program, '/');
	int rc = -ENOMEM;

	if (process == NULL || argv->failed) {
		free(process);
		start_explain(-ENOMEM, program, package, error);
		return -ENOMEM;
	}
	process->pidfd = -1;
	snprintf(process->name, sizeof(process->name), "%.63s",
		 slash != NULL ? slash + 1 : program);
	process->output_fd = stream_open("output");
	process->errors_fd = stream_open("errors");
	if (process->output_fd >= 0 && process->errors_fd >= 0) {
		rc = process_spawn(process, argv, cpus);
	}
	if (rc < 0) {
		start_explain(rc, program, package, error);
		process_free(process);
		return rc;
	}
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd < 0) {
		rc = -errno;
		start_explain(rc, program, package, error);
		bench_process_end(process);
		return rc;
	}
	*ret_process = process;
	return 0;
}

static void process_reap(struct bench_process *process, int flags)
{
	if (!process->ended &&
	    TEMP_FAILURE_RETRY(waitpid(process->pid, &process->status, flags)) == process->pid) {
		process->ended = true;
	}
}

/* Return: true if it ended within that time. */
static bool process_sleep(struct bench_process *process, uint64_t time_ns)
{
	struct pollfd fd = {.fd = process->pidfd, .events = POLLIN};
	struct timespec time = {
		.tv_sec = (time_t)(time_ns / EBB_NS_PER_S),
		.tv_nsec = (long)(time_ns % EBB_NS_PER_S),
	};

	(void)ppoll(&fd, 1, &time, NULL);
	process_reap(process, WNOHANG);
	return process->ended;
}

int bench_process_wait(struct bench_process *process, uint64_t timeout_ns)
{
	uint64_t begin_ns = ebb_clock_now_ns();

	while (bench_process_running(process)) {
		uint64_t spent_ns = ebb_clock_now_ns() - begin_ns;

		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		if (spent_ns >= timeout_ns) {
			return -ETIMEDOUT;
		}
		process_sleep(process, timeout_ns - spent_ns < SIGNAL_LOOK_NS
					       ? timeout_ns - spent_ns
					       : SIGNAL_LOOK_NS);
	}
	return 0;
}

bool bench_process_running(struct bench_process *process)
{
	process_reap(process, WNOHANG);
	return !process->ended;
}

pid_t bench_process_pid(const struct bench_process *process)
{
	return process->pid;
}

bool bench_process_succeeded(struct bench_process *process)
{
	return !bench_process_running(process) && WIFEXITED(process->status) &&
	       WEXITSTATUS(process->status) == 0;
}

/* The last line of @text that says something, without what would break a line of ours. */
static const char *last_line(char *text)
{
	char *line = text;
	char *rest = text;
	char *next;

	while ((next = strsep(&rest, "\r\n")) != NULL) {
		if (strspn(next, " \t") != strlen(next)) {
			line = next;
		}
	}
	for (char *at = line; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 127) {
			*at = ' ';
		}
	}
	return line;
}

void bench_process_explain(struct bench_process *process, char *text, size_t size)
{
	char *errors = bench_process_errors(process);
	const char *line = errors != NULL ? last_line(errors) : "";
	const char *colon = line[0] != '\0' ? ": " : "";

	if (bench_process_running(process)) {
		snprintf(text, size, "it still runs%s%s", colon, line);
	} else if (WIFSIGNALED(process->status)) {
		int number = WTERMSIG(process->status);

		snprintf(text, size, "signal %d (%s) ended it%s%s", number,
			 sigdescr_np(number) != NULL ? sigdescr_np(number) : "unknown", colon,
			 line);
	} else {
		snprintf(text, size, "it ended with code %d%s%s", WEXITSTATUS(process->status),
			 colon, line);
	}
	free(errors);
}

char *bench_process_output(const struct bench_process *process)
{
	return stream_text(process->output_fd);
}

char *bench_process_errors(const struct bench_process *process)
{
	return stream_text(process->errors_fd);
}

void bench_process_end(struct bench_process *process)
{
	if (process == NULL) {
		return;
	}
	if (bench_process_running(process)) {
		kill(-process->pid, SIGTERM);
		if (process->pidfd < 0 || !process_sleep(process, END_PATIENCE_NS)) {
			kill(-process->pid, SIGKILL);
			process_reap(process, 0);
		}
	}
	process_free(process);
}

int bench_process_run(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
		      uint64_t timeout_ns, char **ret_output, char error[BENCH_TEXT_MAX])
{
	struct bench_process *process;
	char *output = NULL;
	int rc;

	rc = bench_process_start(argv, package, cpus, &process, error);
	if (rc < 0) {
		return rc;
	}
	rc = bench_process_wait(process, timeout_ns);
	if (rc == -ETIMEDOUT) {
		snprintf(error, BENCH_TEXT_MAX, "%s has not ended after %llu s", process->name,
			 (unsigned long long)(timeout_ns / EBB_NS_PER_S));
	} else if (rc == -ECANCELED) {
		snprintf(error, BENCH_TEXT_MAX, "a signal ended %s", process->name);
	} else if (!bench_process_succeeded(process)) {
		char why[BENCH_TEXT_MAX - 80];

		bench_process_explain(process, why, sizeof(why));
		snprintf(error, BENCH_TEXT_MAX, "%s: %s", process->name, why);
		rc = -EIO;
	} else {
		output = bench_process_output(process);
		if (output == NULL) {
			snprintf(error, BENCH_TEXT_MAX, "%s: no memory for what it printed",
				 process->name);
			rc = -ENOMEM;
		}
	}
	bench_process_end(process);
	if (rc == 0) {
		*ret_output = output;
	}
	return rc;
}
