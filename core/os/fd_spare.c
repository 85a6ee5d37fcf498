/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/fd_spare.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static struct {
	pthread_mutex_t mutex; /* of whoever changes something */
	atomic_int fd;
	unsigned num_users;
} spare = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static void spare_open(void)
{
	if (spare.num_users > 0 && atomic_load(&spare.fd) < 0) {
		atomic_store(&spare.fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
	}
}

static void spare_close(void)
{
	int fd = atomic_exchange(&spare.fd, -1);

	if (fd >= 0) {
		close(fd);
	}
}

void os_fd_spare_get(void)
{
	pthread_mutex_lock(&spare.mutex);
	spare.num_users++;
	spare_open();
	pthread_mutex_unlock(&spare.mutex);
}

void os_fd_spare_put(void)
{
	pthread_mutex_lock(&spare.mutex);
	if (--spare.num_users == 0) {
		spare_close();
	}
	pthread_mutex_unlock(&spare.mutex);
}

void os_fd_spare_give_up(void)
{
	pthread_mutex_lock(&spare.mutex);
	spare_close();
	pthread_mutex_unlock(&spare.mutex);
}

void os_fd_spare_keep(void)
{
	if (atomic_load(&spare.fd) >= 0) {
		return;
	}
	pthread_mutex_lock(&spare.mutex);
	spare_open();
	pthread_mutex_unlock(&spare.mutex);
}
