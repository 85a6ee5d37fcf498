/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_MOCK_ADMIN_H
#define TESTS_UNIT_DRIVERS_NVME_MOCK_ADMIN_H

#include "drivers/nvme/request.h"

/* Does an admin command on the mock's controller. Return: the status. */
uint16_t mock_admin_do(struct nvme_request *request);

#endif
