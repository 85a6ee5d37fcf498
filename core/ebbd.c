/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <ebb/app.h>
#include <ebb/log.h>

#include "core/app/default_socket.h"
#include "core/app/options.h"
#include "core/os/fd_reserve.h"
#include "core/os/std_fds.h"
#include "core/os/syslog.h"

/* How the process ends, apart from what ebb_app_stop() was given. */
#define EXIT_FAILED 1 /* start-up failed, or the output of --help */
#define EXIT_USAGE  2 /* an argument is wrong */

#define INIT_TIMEOUT_MAX_S    86400
#define SPIN_MAX_US           1000000
#define CALLBACK_LIMIT_MAX_MS 1000

static const char help[] =
	"Usage: ebbd [OPTION]...\n"
	"Serve local disks as block devices; asleep while nobody asks.\n"
	"\n"
	"What to serve:\n"
	"  -c, --json FILE            what to create at the start (default: nothing)\n"
	"      --json-ignore-init-errors\n"
	"                             go on past entries of FILE that fail, and report each\n"
	"\n"
	"Where to run:\n"
	"  -m, --cpumask MASK         CPUs to run reactors on: hexadecimal (0x3) or a list\n"
	"                             ([3], [0,2-3]), not a bare number (default: one reactor,\n"
	"                             on the first CPU allowed)\n"
	"      --mode MODE            poll: spin, always awake\n"
	"                             interrupt: sleep whenever there is nothing to do\n"
	"                             adaptive: spin a little after work, then sleep (default)\n"
	"      --interrupt-mode       the same as --mode interrupt\n"
	"      --spin-us MICROSECONDS how long adaptive spins, 0 to 1000000 (default: 50)\n"
	"\n"
	"How to control:\n"
	"  -r, --rpc-socket PATH      Unix socket for JSON-RPC (default: $EBB_RPC_SOCKET;\n"
	"                             else /run/ebb/ebb.sock for root;\n"
	"                             else $XDG_RUNTIME_DIR/ebb.sock; else\n"
	"                             /tmp/ebb-UID.sock, a name that others may take first)\n"
	"      --rpc-socket-mode MODE its permission bits, octal (default: 0600)\n"
	"      --no-rpc               no JSON-RPC at all\n"
	"      --wait-for-rpc         start the subsystems when framework_start_init is called\n"
	"      --init-timeout SECONDS fail if one step of start-up takes longer, 0 to 86400\n"
	"                             (default: 0, no limit)\n"
	"\n"
	"What to say:\n"
	"      --log-level LEVEL      of stderr and syslog: error, warning, notice, info or debug\n"
	"                             (default: notice)\n"
	"  -L, --logflag COMPONENT    debug lines of this part (nvme, b*, all) to stderr; again\n"
	"                             for more\n"
	"      --on-violation ACTION  when a threading rule is broken: log, or abort\n"
	"                             (default: log; abort in debug builds)\n"
	"      --callback-limit-ms MILLISECONDS\n"
	"                             report what keeps a reactor from all else for longer,\n"
	"                             1 to 1000; 0: nothing below a second (default: 10)\n"
	"  -V, --version              print the version and exit\n"
	"  -h, --help                 print this and exit\n"
	"\n"
	"SIGINT, SIGTERM and SIGHUP stop cleanly, a second SIGINT or SIGTERM at once.\n"
	"Exit status: 0 stopped, 1 start-up or output failed, 2 a wrong argument.\n";

enum option_id {
	OPTION_JSON = 'c',
	OPTION_LOG_FLAG = 'L',
	OPTION_CPUMASK = 'm',
	OPTION_RPC_SOCKET = 'r',
	OPTION_VERSION = 'V',
	OPTION_HELP = 'h',
	OPTION_IGNORE_ERRORS = 256,
	OPTION_MODE,
	OPTION_INTERRUPT_MODE,
	OPTION_SPIN_US,
	OPTION_RPC_SOCKET_MODE,
	OPTION_NO_RPC,
	OPTION_WAIT_FOR_RPC,
	OPTION_INIT_TIMEOUT,
	OPTION_LOG_LEVEL,
	OPTION_ON_VIOLATION,
	OPTION_CALLBACK_LIMIT,
};

static const struct option options[] = {
	{"json", required_argument, NULL, OPTION_JSON},
	{"json-ignore-init-errors", no_argument, NULL, OPTION_IGNORE_ERRORS},
	{"cpumask", required_argument, NULL, OPTION_CPUMASK},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"interrupt-mode", no_argument, NULL, OPTION_INTERRUPT_MODE},
	{"spin-us", required_argument, NULL, OPTION_SPIN_US},
	{"rpc-socket", required_argument, NULL, OPTION_RPC_SOCKET},
	{"rpc-socket-mode", required_argument, NULL, OPTION_RPC_SOCKET_MODE},
	{"no-rpc", no_argument, NULL, OPTION_NO_RPC},
	{"wait-for-rpc", no_argument, NULL, OPTION_WAIT_FOR_RPC},
	{"init-timeout", required_argument, NULL, OPTION_INIT_TIMEOUT},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"logflag", required_argument, NULL, OPTION_LOG_FLAG},
	{"on-violation", required_argument, NULL, OPTION_ON_VIOLATION},
	{"callback-limit-ms", required_argument, NULL, OPTION_CALLBACK_LIMIT},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

/* What the arguments ask for. */
struct arguments {
	struct ebb_app_opts opts;
	const char *mode; /* as given, or NULL */
	bool no_rpc;
	char default_socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static _Noreturn void EBB_PRINTF(1, 2) usage(const char *format, ...)
{
	va_list args;

	fputs("ebbd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; see ebbd --help\n", stderr);
	exit(EXIT_USAGE);
}

static _Noreturn void print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(os_std_fds_finish("ebbd") ? EXIT_SUCCESS : EXIT_FAILED);
}

static uint32_t parse_number(const char *option, const char *text, int base, uint32_t max,
			     const char *legal)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, base);
	/* strtoull() takes blanks and signs; nobody means them. */
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > max) {
		usage("%s \"%s\": legal is %s", option, text, legal);
	}
	return (uint32_t)value;
}

static void parse_mode(struct arguments *arguments, const char *text)
{
	if (!ebb_reactor_mode_parse(text, &arguments->opts.mode)) {
		usage("--mode \"%s\": legal are poll, interrupt and adaptive", text);
	}
	if (arguments->mode != NULL && strcmp(arguments->mode, text) != 0) {
		usage("--mode: \"%s\" and \"%s\" are both asked for (--interrupt-mode is --mode "
		      "interrupt); choose one",
		      arguments->mode, text);
	}
	arguments->mode = text;
}

static void parse_log_level(const char *text)
{
	enum ebb_log_level level;

	if (!ebb_log_level_parse(text, &level)) {
		usage("--log-level \"%s\": legal are error, warning, notice, info and debug", text);
	}
	ebb_log_set_level(level);
	ebb_log_set_print_level(level);
	if (level == EBB_LOG_DEBUG) {
		ebb_log_set_flag("all");
	}
}

static void parse_log_flag(const char *text)
{
	if (ebb_log_set_flag(text) != 0) {
		usage("--logflag \"%s\": no component with debug lines is called so; ebbctl "
		      "log_get_flags lists those that are",
		      text);
	}
	ebb_log_set_print_level(EBB_LOG_DEBUG); /* syslog is not for these, if nobody says so */
}

static enum ebb_violation_action parse_violation(const char *text)
{
	if (strcmp(text, "log") == 0) {
		return EBB_VIOLATION_LOG;
	}
	if (strcmp(text, "abort") == 0) {
		return EBB_VIOLATION_ABORT;
	}
	usage("--on-violation \"%s\": legal are log and abort", text);
}

static const char *parse_path(const char *option, const char *text)
{
	if (text[0] == '\0') {
		usage("%s \"\": the path is empty; legal is the path of a file", option);
	}
	return text;
}

static const char *parse_cpumask(const char *text)
{
	char error[APP_OPTIONS_ERROR_MAX];
	cpu_set_t cpus;

	if (app_options_cpus(text, &cpus, error, sizeof(error)) < 0) {
		usage("--cpumask: %s", error);
	}
	return text;
}

static void parse_option(struct arguments *arguments, int option, const char *value)
{
	struct ebb_app_opts *opts = &arguments->opts;

	switch (option) {
	case OPTION_JSON:
		opts->json_file = parse_path("--json", value);
		break;
	case OPTION_IGNORE_ERRORS:
		opts->json_ignore_init_errors = true;
		break;
	case OPTION_CPUMASK:
		opts->cpumask = parse_cpumask(value);
		break;
	case OPTION_MODE:
		parse_mode(arguments, value);
		break;
	case OPTION_INTERRUPT_MODE:
		parse_mode(arguments, "interrupt");
		break;
	case OPTION_SPIN_US:
		opts->spin_us_max = parse_number("--spin-us", value, 10, SPIN_MAX_US,
						 "a number of microseconds, 0 to 1000000");
		break;
	case OPTION_RPC_SOCKET:
		opts->rpc_socket = parse_path("--rpc-socket", value);
		break;
	case OPTION_RPC_SOCKET_MODE:
		opts->rpc_socket_mode =
			parse_number("--rpc-socket-mode", value, 8, 0777,
				     "an octal number of permission bits, 0 to 0777");
		break;
	case OPTION_NO_RPC:
		arguments->no_rpc = true;
		break;
	case OPTION_WAIT_FOR_RPC:
		opts->wait_for_rpc = true;
		break;
	case OPTION_INIT_TIMEOUT:
		opts->init_timeout_s = parse_number("--init-timeout", value, 10, INIT_TIMEOUT_MAX_S,
						    "a number of seconds, 0 (no limit) to 86400");
		break;
	case OPTION_LOG_LEVEL:
		parse_log_level(value);
		break;
	case OPTION_LOG_FLAG:
		parse_log_flag(value);
		break;
	case OPTION_ON_VIOLATION:
		opts->on_violation = parse_violation(value);
		break;
	case OPTION_CALLBACK_LIMIT:
		opts->callback_limit_ms =
			parse_number("--callback-limit-ms", value, 10, CALLBACK_LIMIT_MAX_MS,
				     "a number of milliseconds, 1 to 1000, or 0 (no limit)");
		break;
	case OPTION_VERSION:
		print_and_exit("ebbd " EBB_VERSION "\n");
	case OPTION_HELP:
		print_and_exit(help);
	default:
		break;
	}
}

/* What getopt_long() did not take: @argument is the word that it met. */
static _Noreturn void refuse_option(int result, const char *argument)
{
	if (result == ':') {
		usage("%s: a value must follow", argument);
	}
	if (optopt != 0 && strncmp(argument, "--", 2) == 0) {
		usage("%s: this option takes no value", argument);
	}
	usage("%s: there is no such option, or it is short for several", argument);
}

static void parse_arguments(struct arguments *arguments, int argc, char **argv)
{
	int word = 1;
	int result;

	opterr = 0;
	while ((result = getopt_long(argc, argv, "+:c:L:m:r:Vh", options, NULL)) != -1) {
		if (result == '?' || result == ':') {
			refuse_option(result, argv[word]);
		}
		parse_option(arguments, result, optarg);
		word = optind;
	}
	if (optind < argc) {
		usage("\"%s\": only options are taken", argv[optind]);
	}
}

static void choose_socket(struct arguments *arguments)
{
	struct ebb_app_opts *opts = &arguments->opts;
	int rc;

	if (arguments->no_rpc && opts->rpc_socket != NULL) {
		usage("--no-rpc: --rpc-socket \"%s\" is given too; choose one", opts->rpc_socket);
	}
	if (arguments->no_rpc && opts->wait_for_rpc) {
		usage("--wait-for-rpc: with --no-rpc nobody could ever call framework_start_init; "
		      "choose one");
	}
	if (arguments->no_rpc) {
		return;
	}
	if (opts->rpc_socket == NULL) {
		rc = app_default_socket(arguments->default_socket,
					sizeof(arguments->default_socket));
		if (rc < 0) {
			usage("the path of the default RPC socket is longer than a socket's may be "
			      "($EBB_RPC_SOCKET, $XDG_RUNTIME_DIR); give --rpc-socket PATH");
		}
		rc = app_default_socket_mkdir(arguments->default_socket);
		if (rc < 0) {
			usage("cannot make the directory of %s: %s; give --rpc-socket PATH",
			      arguments->default_socket, strerror(-rc));
		}
		opts->rpc_socket = arguments->default_socket;
	}
}

/* One heap for all OS threads, which keeps nothing back: ebbd allocates at its start, then rests.
 */
static void tune_heap(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
}

static void started(void *arg)
{
	(void)arg;
	malloc_trim(0);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.mode = NULL};
	struct ebb_app_opts loaded;
	char error[APP_OPTIONS_ERROR_MAX];
	int rc;

	os_std_fds_fill();
	tune_heap();
	os_fd_reserve_raise();
	ebb_app_opts_init(&arguments.opts, sizeof(arguments.opts));
	arguments.opts.name = "ebbd";
	parse_arguments(&arguments, argc, argv);
	choose_socket(&arguments);
	if (app_options_load(&arguments.opts, &loaded, error, sizeof(error)) < 0) {
		usage("%s", error);
	}
	(void)os_syslog_open("ebbd", OS_SYSLOG_PATH); /* stderr is there in any case */
	rc = ebb_app_start(&arguments.opts, started, NULL);
	if (rc < 0) {
		return EXIT_FAILED;
	}
	return rc > 255 ? 255 : rc;
}
