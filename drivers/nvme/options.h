/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_OPTIONS_H
#define EBB_DRIVERS_NVME_OPTIONS_H

#include "drivers/nvme/ctrlr.h"

/* The defaults for controllers attached from now on, as bdev_nvme_set_options has left them. */
const struct ebb_nvme_attach_opts *ebb_nvme_options(void);

#endif
