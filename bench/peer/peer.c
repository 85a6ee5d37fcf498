/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/nearest.h"
#include "bench/peer/fio.h"
#include "bench/peer/nbd_peer.h"
#include "bench/peer/pas.h"
#include "bench/peer/spdk.h"

struct peer {
	const char *name;
	const char *value; /* what stands behind "NAME="; NULL: nothing may */
	unsigned num_contenders;
	/* Return: how many contenders were made; -errno, with @error. */
	int (*make)(const char *value, struct bench_contender *contenders,
		    char error[BENCH_TEXT_MAX]);
};

static int make_fio(const char *value, struct bench_contender *contenders,
		    char error[BENCH_TEXT_MAX])
{
	(void)value;
	return bench_fio_make(contenders, error);
}

static int make_qemu(const char *value, struct bench_contender *contenders,
		     char error[BENCH_TEXT_MAX])
{
	(void)value;
	return bench_nbd_peer_make(BENCH_NBD_SERVER_QEMU, contenders, error);
}

static int make_nbdkit(const char *value, struct bench_contender *contenders,
		       char error[BENCH_TEXT_MAX])
{
	(void)value;
	return bench_nbd_peer_make(BENCH_NBD_SERVER_NBDKIT, contenders, error);
}

static int make_pas(const char *value, struct bench_contender *contenders,
		    char error[BENCH_TEXT_MAX])
{
	int rc = bench_pas_make(contenders, error);

	(void)value;
	return rc < 0 ? rc : 1;
}

static const struct peer peers[] = {
	{.name = "fio", .num_contenders = BENCH_FIO_ENGINE_COUNT, .make = make_fio},
	{.name = "qemu-storage-daemon",
	 .num_contenders = BENCH_NBD_PEER_CONTENDERS_MAX,
	 .make = make_qemu},
	{.name = "nbdkit", .num_contenders = BENCH_NBD_PEER_CONTENDERS_MAX, .make = make_nbdkit},
	{.name = "spdk",
	 .value = "PATH",
	 .num_contenders = BENCH_SPDK_CONTENDERS_MAX,
	 .make = bench_spdk_make},
	{.name = "pas", .num_contenders = 1, .make = make_pas},
};

/* The name that was meant, perhaps: one that begins likewise, or is written nearly so. */
static const char *name_nearest(const char *name, size_t len)
{
	const char *names[EBB_ARRAY_SIZE(peers) + 1] = {0};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(peers); i++) {
		names[i] = peers[i].name;
		if (len >= 3 && strncmp(name, names[i], len) == 0) {
			return names[i];
		}
	}
	return bench_nearest(name, len, names);
}

static int peer_unknown(const char *with, size_t len, char error[BENCH_TEXT_MAX])
{
	const char *nearest = name_nearest(with, len);
	char names[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(peers) && used < sizeof(names); i++) {
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s%s%s",
					 i > 0 ? ", " : "", peers[i].name,
					 peers[i].value != NULL ? "=" : "",
					 peers[i].value != NULL ? peers[i].value : "");
	}
	snprintf(error, BENCH_TEXT_MAX, "--with %.60s: no such peer%s%s%s; there are %s", with,
		 nearest != NULL ? ": did you mean " : "", nearest != NULL ? nearest : "",
		 nearest != NULL ? "?" : "", names);
	return -EINVAL;
}

static const struct peer *peer_find(const char *name, size_t len)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(peers); i++) {
		if (strlen(peers[i].name) == len && strncmp(peers[i].name, name, len) == 0) {
			return &peers[i];
		}
	}
	return NULL;
}

int bench_peer_make(const char *with, struct bench_contender *contenders, unsigned max,
		    unsigned *ret_num, char error[BENCH_TEXT_MAX])
{
	size_t len = strcspn(with, "=");
	const char *value = with[len] == '=' ? with + len + 1 : NULL;
	const struct peer *peer = peer_find(with, len);
	int rc;

	if (peer == NULL) {
		return peer_unknown(with, len, error);
	}
	if (peer->value != NULL && (value == NULL || value[0] == '\0')) {
		snprintf(error, BENCH_TEXT_MAX, "--with %s: give %s=%s", peer->name, peer->name,
			 peer->value);
		return -EINVAL;
	}
	if (peer->value == NULL && value != NULL) {
		snprintf(error, BENCH_TEXT_MAX, "--with %.80s: %s takes no value: give --with %s",
			 with, peer->name, peer->name);
		return -EINVAL;
	}
	if (peer->num_contenders > max) {
		snprintf(error, BENCH_TEXT_MAX, "--with %s: no more contenders: give fewer of them",
			 peer->name);
		return -ENOSPC;
	}
	rc = peer->make(value, contenders, error);
	if (rc < 0) {
		return rc;
	}
	*ret_num = (unsigned)rc;
	return 0;
}
