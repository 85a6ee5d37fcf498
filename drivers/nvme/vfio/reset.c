/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/reset.h"

#include <stdarg.h>
#include <stdio.h>

#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/regs.h"

void vfio_reset_need(struct vfio_ctrlr *c, const char *format, ...)
{
	va_list args;

	if ((c->state != VFIO_CONFIGURING && c->state != VFIO_READY) || c->reset.need[0] != '\0') {
		return;
	}
	va_start(args, format);
	vsnprintf(c->reset.need, sizeof(c->reset.need), format, args);
	va_end(args);
}

void vfio_reset_leave(struct vfio_ctrlr *c, const char *why)
{
	if (c->reset.leave == NULL) {
		c->reset.leave = why;
	}
}

bool vfio_reset_check_alive(struct vfio_ctrlr *c)
{
	uint32_t csts = vfio_read32(c->device, NVME_REG_CSTS);

	if (csts == VFIO_REG_GONE) {
		vfio_reset_leave(c, "it has gone");
		return false;
	}
	if (NVME_CSTS_CFS(csts)) {
		vfio_reset_need(c, "it says that it is broken (CSTS.CFS)");
		return false;
	}
	return true;
}

bool vfio_reset_is_due(const struct vfio_ctrlr *c)
{
	return c->reset.need[0] != '\0' || c->reset.leave != NULL;
}
