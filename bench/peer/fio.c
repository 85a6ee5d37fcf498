/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/fio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/peer/fio_report.h"
#include "bench/peer/program.h"

#define PACKAGE "fio"

/* Beyond the run itself: to start, and to write its report. */
#define PATIENCE_NS (30 * EBB_NS_PER_S)

struct fio {
	enum bench_fio_engine engine;
};

static const char *const engine_names[BENCH_FIO_ENGINE_COUNT] = {
	[BENCH_FIO_IO_URING] = "io_uring",
	[BENCH_FIO_LIBAIO] = "libaio",
	[BENCH_FIO_IO_URING_CMD] = "io_uring_cmd",
};

static int refuse(char error[BENCH_TEXT_MAX], enum bench_fio_engine engine, const char *why)
{
	snprintf(error, BENCH_TEXT_MAX, "fio %s: %.200s", engine_names[engine], why);
	return -EOPNOTSUPP;
}

/* What a target's path is; false: it has none, or nothing is there. */
static bool target_status(const struct bench_target *target, struct stat *ret_status)
{
	return target->path[0] != '\0' && stat(target->path, ret_status) == 0;
}

static bool fio_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	const struct fio *fio = contender->context;
	bool commands = fio->engine == BENCH_FIO_IO_URING_CMD;
	struct stat status;

	return target_status(target, &status) && commands == S_ISCHR(status.st_mode);
}

static int target_check(enum bench_fio_engine engine, const struct bench_target *target,
			char error[BENCH_TEXT_MAX])
{
	struct stat status;

	if (target->path[0] == '\0') {
		return refuse(error, engine,
			      "the target is no file and no device, which is what fio opens");
	}
	if (!target_status(target, &status)) {
		snprintf(error, BENCH_TEXT_MAX, "fio %s: %.160s: %s", engine_names[engine],
			 target->path, strerror(errno));
		return -errno;
	}
	if (engine == BENCH_FIO_IO_URING_CMD && !S_ISCHR(status.st_mode)) {
		return refuse(error, engine, "only a drive's /dev/ngXnY takes NVMe commands");
	}
	if (engine != BENCH_FIO_IO_URING_CMD && S_ISCHR(status.st_mode)) {
		return refuse(error, engine, "/dev/ngXnY takes NVMe commands only");
	}
	return 0;
}

static int load_check(enum bench_fio_engine engine, const struct bench_load *load,
		      char error[BENCH_TEXT_MAX])
{
	if (load->verify) {
		return refuse(error, engine, "it does not know the pattern of --verify");
	}
	switch (load->shape) {
	case BENCH_SHAPE_CLOSED:
	case BENCH_SHAPE_POISSON:
	case BENCH_SHAPE_EVEN:
		return 0;
	default:
		snprintf(error, BENCH_TEXT_MAX,
			 "fio %s: it has no arrivals of the shape %s: give --shape poisson or even",
			 engine_names[engine], bench_load_shape_names[load->shape]);
		return -EOPNOTSUPP;
	}
}

/* fio parts several files by a colon. */
static void argv_add_filename(struct bench_argv *argv, const char *path)
{
	char escaped[2 * BENCH_TEXT_MAX];
	size_t len = 0;

	for (; *path != '\0' && len + 2 < sizeof(escaped); path++) {
		if (*path == ':' || *path == '\\') {
			escaped[len++] = '\\';
		}
		escaped[len++] = *path;
	}
	escaped[len] = '\0';
	bench_argv_add(argv, "--filename=%s", escaped);
}

static void argv_add_rate(struct bench_argv *argv, const struct bench_load *load,
			  uint64_t read_percent, unsigned jobs)
{
	double rate = load->rate_iops / jobs;
	double reads = rate * (double)read_percent / 100;

	if (load->shape == BENCH_SHAPE_CLOSED) {
		return;
	}
	/* A rate is that of one direction; without a number there is no limit. */
	if (read_percent == 100) {
		bench_argv_add(argv, "--rate_iops=%.0f", rate < 1 ? 1 : rate);
	} else if (read_percent == 0) {
		bench_argv_add(argv, "--rate_iops=,%.0f", rate < 1 ? 1 : rate);
	} else {
		bench_argv_add(argv, "--rate_iops=%.0f,%.0f", reads < 1 ? 1 : reads,
			       rate - reads < 1 ? 1 : rate - reads);
	}
	bench_argv_add(argv, "--rate_process=%s",
		       load->shape == BENCH_SHAPE_POISSON ? "poisson" : "linear");
}

/* A mix of nothing but reads is no mix for fio. */
static enum bench_rw rw_of(const struct bench_load *load)
{
	if (load->rw == BENCH_RW_RANDRW && load->read_percent == 100) {
		return BENCH_RW_RANDREAD;
	}
	if (load->rw == BENCH_RW_RANDRW && load->read_percent == 0) {
		return BENCH_RW_RANDWRITE;
	}
	return load->rw;
}

static void argv_add_load(struct bench_argv *argv, const struct bench_target *target,
			  const struct bench_load *load, unsigned jobs)
{
	uint64_t size = load->size_bytes != 0 ? load->size_bytes : target->size_bytes;
	enum bench_rw rw = rw_of(load);
	uint64_t read_percent = bench_load_writes(rw) ? 0 : 100;

	if (!bench_load_writes(rw)) {
		bench_argv_add(argv, "--readonly");
	}
	bench_argv_add(argv, "--rw=%s", bench_load_rw_name(rw));
	if (rw == BENCH_RW_RANDRW) {
		read_percent = load->read_percent;
		bench_argv_add(argv, "--rwmixread=%llu", (unsigned long long)read_percent);
	}
	bench_argv_add(argv, "--bs=%llu", (unsigned long long)load->block_bytes);
	bench_argv_add(argv, "--iodepth=%llu", (unsigned long long)load->queue_depth);
	bench_argv_add(argv, "--size=%llu", (unsigned long long)size);
	bench_argv_add(argv, "--time_based=1");
	bench_argv_add(argv, "--runtime=%lluus", (unsigned long long)(load->time_ns / 1000));
	bench_argv_add(argv, "--ramp_time=%lluus", (unsigned long long)(load->warmup_ns / 1000));
	bench_argv_add(argv, "--norandommap=1");
	bench_argv_add(argv, "--randseed=%llu", (unsigned long long)load->seed);
	argv_add_rate(argv, load, read_percent, jobs);
}

int bench_fio_argv(enum bench_fio_engine engine, const struct bench_target *target,
		   const struct bench_load *load, const struct bench_place *place,
		   struct bench_argv *argv, char error[BENCH_TEXT_MAX])
{
	int rc = target_check(engine, target, error);

	if (rc == 0) {
		rc = load_check(engine, load, error);
	}
	if (rc < 0) {
		return rc;
	}
	bench_argv_add(argv, "fio");
	bench_argv_add(argv, "--name=ebb-bench");
	argv_add_filename(argv, target->path);
	bench_argv_add(argv, "--allow_file_create=0");
	bench_argv_add(argv, "--ioengine=%s", engine_names[engine]);
	if (engine == BENCH_FIO_IO_URING_CMD) {
		bench_argv_add(argv, "--cmd_type=nvme");
	} else {
		bench_argv_add(argv, "--direct=1");
	}
	if (engine != BENCH_FIO_LIBAIO) {
		bench_argv_add(argv, "--registerfiles=1");
		bench_argv_add(argv, "--fixedbufs=1");
	}
	argv_add_load(argv, target, load, place->num_cpus);
	bench_argv_add(argv, "--thread=1");
	bench_argv_add(argv, "--numjobs=%u", place->num_cpus);
	bench_argv_add(argv, "--group_reporting=1");
	bench_argv_add(argv, "--cpus_allowed=%s", place->list);
	bench_argv_add(argv, "--cpus_allowed_policy=split");
	bench_argv_add(argv, "--clat_percentiles=0");
	bench_argv_add(argv, "--lat_percentiles=1");
	bench_argv_add(argv, "--output-format=json+");
	return 0;
}

static int fio_measure(struct bench_contender *contender, const struct bench_target *target,
		       const struct bench_load *load, struct bench_outcome *ret_outcome,
		       char error[BENCH_TEXT_MAX])
{
	const struct fio *fio = contender->context;
	struct bench_argv argv = {0};
	struct bench_place place;
	char *output = NULL;
	int rc;

	bench_place_get(&place);
	rc = bench_fio_argv(fio->engine, target, load, &place, &argv, error);
	if (rc == 0) {
		rc = bench_place_quiet(error);
	}
	if (rc == 0) {
		(void)bench_argv_quote(&argv, contender->command, sizeof(contender->command));
		rc = bench_program_run(&argv, PACKAGE, NULL,
				       load->warmup_ns + load->time_ns + PATIENCE_NS, &output,
				       error);
	}
	if (rc == 0) {
		rc = bench_fio_report_parse(output, load->block_bytes, ret_outcome, error);
	}
	free(output);
	bench_argv_clear(&argv);
	return rc;
}

static void fio_destroy(struct bench_contender *contender)
{
	free(contender->context);
}

static int version_read(char version[64], char error[BENCH_TEXT_MAX])
{
	struct bench_argv argv = {0};
	char *output = NULL;
	int rc;

	bench_argv_add(&argv, "fio");
	bench_argv_add(&argv, "--version");
	rc = bench_program_run(&argv, PACKAGE, NULL, PATIENCE_NS, &output, error);
	if (rc == 0) {
		snprintf(version, 64, "%.*s", (int)strcspn(output, "\n"), output);
	}
	free(output);
	bench_argv_clear(&argv);
	return rc;
}

int bench_fio_make(struct bench_contender *contenders, char error[BENCH_TEXT_MAX])
{
	char version[64];
	int rc = version_read(version, error);

	if (rc < 0) {
		return rc;
	}
	for (unsigned i = 0; i < BENCH_FIO_ENGINE_COUNT; i++) {
		struct bench_contender *contender = &contenders[i];
		struct fio *fio = calloc(1, sizeof(*fio));

		if (fio == NULL) {
			snprintf(error, BENCH_TEXT_MAX, "fio: out of memory");
			while (i-- > 0) {
				fio_destroy(&contenders[i]);
			}
			return -ENOMEM;
		}
		fio->engine = i;
		memset(contender, 0, sizeof(*contender));
		snprintf(contender->name, sizeof(contender->name), "fio %s", engine_names[i]);
		contender->kind = BENCH_CONTENDER_PEER;
		snprintf(contender->version, sizeof(contender->version), "%s", version);
		snprintf(contender->note, sizeof(contender->note),
			 "latencies count from when fio made the request, also in an open loop");
		contender->fits = fio_fits;
		contender->measure = fio_measure;
		contender->destroy = fio_destroy;
		contender->context = fio;
	}
	return BENCH_FIO_ENGINE_COUNT;
}
