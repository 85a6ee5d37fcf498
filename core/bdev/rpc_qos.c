/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_set_qos_limit. What limits are, and how they are kept: qos.c. */
#include <ebb/method.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>

#include "core/bdev/answer.h"
#include "core/bdev/qos_channel.h"
#include "core/bdev/settings.h"
#include "core/bdev/teardown.h"

#define IOS_STEP   1000u
#define MBYTES_MAX (UINT64_MAX >> 20)

struct qos_params {
	char *name;
	uint64_t rw_ios_per_sec;
	uint64_t rw_mbytes_per_sec;
	uint64_t r_mbytes_per_sec;
	uint64_t w_mbytes_per_sec;
	bool given[BDEV_QOS_TYPE_COUNT];
};

#define QOS_PARAM(field, type, ...)                                                           \
	EBB_PARAM(struct qos_params, field, EBB_PARAM_UINT64, .optional = true,               \
		  .given_offset = offsetof(struct qos_params, given) + (type) * sizeof(bool), \
		  __VA_ARGS__)

static const struct ebb_param qos_table[] = {
	EBB_PARAM(struct qos_params, name, EBB_PARAM_STRING, .help = "of the bdev, or its uuid"),
	QOS_PARAM(rw_ios_per_sec, BDEV_QOS_RW_IOS,
		  .help = "reads and writes a second, in thousands (rounded up); 0: no limit"),
	QOS_PARAM(rw_mbytes_per_sec, BDEV_QOS_RW_BYTES,
		  .help = "MiB a second of reads and writes; 0: no limit"),
	QOS_PARAM(r_mbytes_per_sec, BDEV_QOS_R_BYTES, .help = "MiB a second of reads; 0: no limit"),
	QOS_PARAM(w_mbytes_per_sec, BDEV_QOS_W_BYTES,
		  .help = "MiB a second of writes; 0: no limit"),
};

struct qos_call {
	struct ebb_call *call;
	struct ebb_bdev_internal *internal; /* pinned */
	uint64_t before[BDEV_QOS_TYPE_COUNT];
	int rc;
};

static void qos_end(struct qos_call *qos)
{
	if (qos->rc == 0) {
		ebb_call_result(qos->call, json_object_new_boolean(true));
		bdev_settings_made(qos->internal->bdev);
	} else {
		ebb_call_error(qos->call, qos->rc,
			       "bdev '%s' keeps its limits: out of memory for the new ones",
			       qos->internal->bdev->name);
	}
	bdev_unpin(qos->internal);
	free(qos);
}

static void qos_taken_back(void *arg, int rc)
{
	(void)rc;
	qos_end(arg);
}

static void qos_applied(void *arg, int rc)
{
	struct qos_call *qos = arg;

	qos->rc = rc;
	if (rc < 0) {
		bdev_qos_apply(qos->internal, qos->before, qos_taken_back, qos);
	} else {
		qos_end(qos);
	}
}

/* A limit of requests is one of thousands. Return: what takes effect. */
static uint64_t ios_round(const char *name, uint64_t ios)
{
	uint64_t steps = ios / IOS_STEP + (ios % IOS_STEP != 0);

	if (steps > UINT64_MAX / IOS_STEP) {
		steps--;
	}
	if (steps * IOS_STEP != ios) {
		ebb_warn("bdev", "bdev '%s': rw_ios_per_sec is %llu, a multiple of %u", name,
			 (unsigned long long)(steps * IOS_STEP), IOS_STEP);
	}
	return steps * IOS_STEP;
}

/* The limits as they shall be. Return: false: none is given. */
static bool qos_rates(struct ebb_call *call, const struct qos_params *params,
		      const struct bdev_qos *qos, uint64_t ret_rates[BDEV_QOS_TYPE_COUNT])
{
	const uint64_t values[] = {
		[BDEV_QOS_RW_IOS] = params->rw_ios_per_sec,
		[BDEV_QOS_RW_BYTES] = params->rw_mbytes_per_sec,
		[BDEV_QOS_R_BYTES] = params->r_mbytes_per_sec,
		[BDEV_QOS_W_BYTES] = params->w_mbytes_per_sec,
	};
	bool any = false;
	unsigned type;

	for (type = 0; type < BDEV_QOS_TYPE_COUNT; type++) {
		ret_rates[type] = bdev_qos_rate(qos, (enum bdev_qos_type)type);
		if (!params->given[type]) {
			continue;
		}
		any = true;
		if (type == BDEV_QOS_RW_IOS) {
			ret_rates[type] = ios_round(params->name, values[type]);
			ebb_call_took_effect(call, "rw_ios_per_sec",
					     json_object_new_uint64(ret_rates[type]));
		} else {
			ret_rates[type] = (values[type] < MBYTES_MAX ? values[type] : MBYTES_MAX)
					  << 20;
		}
	}
	return any;
}

static void set_qos_limit(struct ebb_call *call, void *arg)
{
	const struct qos_params *params = arg;
	const struct ebb_bdev *bdev = ebb_bdev_find(params->name);
	uint64_t rates[BDEV_QOS_TYPE_COUNT];
	struct qos_call *qos;
	unsigned type;

	if (bdev == NULL || bdev->internal->state != BDEV_READY) {
		bdev_answer_not_found(call, params->name);
		return;
	}
	if (!qos_rates(call, params, &bdev->internal->qos, rates)) {
		ebb_call_error(call, -EINVAL,
			       "bdev '%s': no limit is given; give one of rw_ios_per_sec, "
			       "rw_mbytes_per_sec, r_mbytes_per_sec and w_mbytes_per_sec, 0 for no "
			       "limit",
			       params->name);
		return;
	}
	qos = calloc(1, sizeof(*qos));
	if (qos == NULL || !bdev_pin(bdev->internal)) {
		free(qos);
		ebb_call_error(call, -ENOMEM, "out of memory for limits of bdev '%s'",
			       params->name);
		return;
	}
	qos->call = call;
	qos->internal = bdev->internal;
	for (type = 0; type < BDEV_QOS_TYPE_COUNT; type++) {
		qos->before[type] = bdev_qos_rate(&bdev->internal->qos, (enum bdev_qos_type)type);
	}
	ebb_call_took_effect(call, "name", json_object_new_string(bdev->name));
	bdev_qos_apply(bdev->internal, rates, qos_applied, qos);
}

static struct ebb_method method_set_qos_limit = {
	.name = "bdev_set_qos_limit",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "limit how much is read from and written to a block device in a second",
	.params = qos_table,
	.num_params = EBB_ARRAY_SIZE(qos_table),
	.params_size = sizeof(struct qos_params),
	.fn = set_qos_limit,
	.effect = EBB_METHOD_SETS,
	.subsystem = "bdev",
	.object = "name",
	.stands_on = "name",
};

EBB_METHOD_REGISTER(method_set_qos_limit)
