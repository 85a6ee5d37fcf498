/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table: a status, the errno that clients get for it, its words, and whether trying again may
 * help. The device has the last word by DNR ("do not retry"); the class is for devices that leave
 * it clear on what cannot change: an invalid field will be invalid again.
 *
 * The errnos are those of Linux' block layer, but for media errors, which are -EIO here (as a
 * file's reader would see them), for refused writes (-EROFS, -EACCES) and for a compare that found
 * something else (-EILSEQ), so that a client can tell it from an unreadable block.
 */
#include "drivers/nvme/status.h"

#include <errno.h>

#include <ebb/base.h>

#include <nvme/types.h>

#include "drivers/nvme/request.h"

enum status_class {
	STATUS_FINAL,
	STATUS_RETRY,
};

struct status_row {
	uint16_t code; /* type and code */
	uint16_t class;
	int error;
	const char *text;
};

#define GENERIC(sc)  ((NVME_SCT_GENERIC << NVME_SCT_SHIFT) | (sc))
#define SPECIFIC(sc) ((NVME_SCT_CMD_SPECIFIC << NVME_SCT_SHIFT) | (sc))
#define MEDIA(sc)    ((NVME_SCT_MEDIA << NVME_SCT_SHIFT) | (sc))
#define PATH(sc)     ((NVME_SCT_PATH << NVME_SCT_SHIFT) | (sc))

/* NVMe Base 2.0, 3.3.3.2.1 "Status Field"; NVM Command Set 1.0, 3.1 and 3.2 for the media's. */
static const struct status_row status_rows[] = {
	{GENERIC(NVME_SC_SUCCESS), STATUS_FINAL, 0, "success"},
	{GENERIC(NVME_SC_INVALID_OPCODE), STATUS_FINAL, -EOPNOTSUPP, "invalid command opcode"},
	{GENERIC(NVME_SC_INVALID_FIELD), STATUS_FINAL, -EOPNOTSUPP, "invalid field in command"},
	{GENERIC(NVME_SC_CMDID_CONFLICT), STATUS_FINAL, -EIO, "command identifier conflict"},
	{GENERIC(NVME_SC_DATA_XFER_ERROR), STATUS_RETRY, -EIO, "data transfer error"},
	{GENERIC(NVME_SC_POWER_LOSS), STATUS_RETRY, -EIO, "aborted by a power loss notification"},
	{GENERIC(NVME_SC_INTERNAL), STATUS_RETRY, -EIO, "internal error"},
	{GENERIC(NVME_SC_ABORT_REQ), STATUS_RETRY, -ETIMEDOUT, "aborted as requested"},
	{GENERIC(NVME_SC_ABORT_QUEUE), STATUS_RETRY, -EIO, "aborted, its queue was deleted"},
	{GENERIC(NVME_SC_FUSED_FAIL), STATUS_FINAL, -EIO, "aborted, the fused command failed"},
	{GENERIC(NVME_SC_FUSED_MISSING), STATUS_FINAL, -EIO, "aborted, no fused command"},
	{GENERIC(NVME_SC_INVALID_NS), STATUS_FINAL, -EOPNOTSUPP, "invalid namespace or format"},
	{GENERIC(NVME_SC_CMD_SEQ_ERROR), STATUS_FINAL, -EIO, "command sequence error"},
	{GENERIC(NVME_SC_SGL_INVALID_LAST), STATUS_FINAL, -EIO, "invalid SGL segment descriptor"},
	{GENERIC(NVME_SC_SGL_INVALID_COUNT), STATUS_FINAL, -EIO, "invalid number of SGLs"},
	{GENERIC(NVME_SC_SGL_INVALID_DATA), STATUS_FINAL, -EIO, "data SGL length invalid"},
	{GENERIC(NVME_SC_SGL_INVALID_TYPE), STATUS_FINAL, -EIO, "SGL descriptor type invalid"},
	{GENERIC(NVME_SC_PRP_INVALID_OFFSET), STATUS_FINAL, -EIO, "PRP offset invalid"},
	{GENERIC(NVME_SC_AWU_EXCEEDED), STATUS_FINAL, -EIO, "atomic write unit exceeded"},
	{GENERIC(NVME_SC_OP_DENIED), STATUS_FINAL, -EACCES, "operation denied"},
	{GENERIC(NVME_SC_SGL_INVALID_OFFSET), STATUS_FINAL, -EIO, "SGL offset invalid"},
	{GENERIC(NVME_SC_CMD_ABORTED_PREMEPT), STATUS_FINAL, -EIO, "preempted and aborted"},
	{GENERIC(NVME_SC_SANITIZE_FAILED), STATUS_FINAL, -EIO, "sanitize failed"},
	{GENERIC(NVME_SC_SANITIZE_IN_PROGRESS), STATUS_FINAL, -EBUSY, "sanitize in progress"},
	{GENERIC(NVME_SC_NS_WRITE_PROTECTED), STATUS_FINAL, -EROFS, "namespace write protected"},
	{GENERIC(NVME_SC_CMD_INTERRUPTED), STATUS_RETRY, -EREMOTEIO, "command interrupted"},
	{GENERIC(NVME_SC_TRAN_TPORT_ERROR), STATUS_RETRY, -EIO, "transient transport error"},
	{GENERIC(NVME_SC_ADMIN_CMD_MEDIA_NOT_READY), STATUS_RETRY, -EREMOTEIO, "media not ready"},
	{GENERIC(NVME_SC_LBA_RANGE), STATUS_FINAL, -EREMOTEIO, "LBA out of range"},
	{GENERIC(NVME_SC_CAP_EXCEEDED), STATUS_FINAL, -ENOSPC, "capacity exceeded"},
	{GENERIC(NVME_SC_NS_NOT_READY), STATUS_RETRY, -EREMOTEIO, "namespace not ready"},
	{GENERIC(NVME_SC_RESERVATION_CONFLICT), STATUS_FINAL, -EBADE, "reservation conflict"},
	{GENERIC(NVME_SC_FORMAT_IN_PROGRESS), STATUS_FINAL, -EBUSY, "format in progress"},
	{SPECIFIC(NVME_SC_INVALID_LOG_PAGE), STATUS_FINAL, -EOPNOTSUPP, "no such log page"},
	{SPECIFIC(NVME_SC_BAD_ATTRIBUTES), STATUS_FINAL, -EOPNOTSUPP, "conflicting attributes"},
	{SPECIFIC(NVME_SC_INVALID_PI), STATUS_FINAL, -EILSEQ, "invalid protection information"},
	{SPECIFIC(NVME_SC_READ_ONLY), STATUS_FINAL, -EROFS, "write to a read only range"},
	{SPECIFIC(NVME_SC_CMD_SIZE_LIMIT_EXCEEDED), STATUS_FINAL, -EOPNOTSUPP,
	 "command size limit exceeded"},
	{MEDIA(NVME_SC_WRITE_FAULT), STATUS_RETRY, -EIO, "write fault"},
	{MEDIA(NVME_SC_READ_ERROR), STATUS_RETRY, -EIO, "unrecovered read error"},
	{MEDIA(NVME_SC_GUARD_CHECK), STATUS_FINAL, -EILSEQ, "guard check failed"},
	{MEDIA(NVME_SC_APPTAG_CHECK), STATUS_FINAL, -EILSEQ, "application tag check failed"},
	{MEDIA(NVME_SC_REFTAG_CHECK), STATUS_FINAL, -EILSEQ, "reference tag check failed"},
	{MEDIA(NVME_SC_COMPARE_FAILED), STATUS_FINAL, -EILSEQ, "compare found other data"},
	{MEDIA(NVME_SC_ACCESS_DENIED), STATUS_FINAL, -EACCES, "access denied"},
	{MEDIA(NVME_SC_UNWRITTEN_BLOCK), STATUS_FINAL, -ENODATA, "deallocated block"},
	{PATH(NVME_SC_ANA_INTERNAL_PATH_ERROR), STATUS_RETRY, -EIO, "internal path error"},
	{PATH(NVME_SC_ANA_PERSISTENT_LOSS), STATUS_FINAL, -ENOLINK, "path lost for good"},
	{PATH(NVME_SC_ANA_INACCESSIBLE), STATUS_RETRY, -ENOLINK, "path inaccessible"},
	{PATH(NVME_SC_ANA_TRANSITION), STATUS_RETRY, -ENOLINK, "path in transition"},
	{PATH(NVME_SC_CTRL_PATH_ERROR), STATUS_RETRY, -ENOLINK, "controller path error"},
	{PATH(NVME_SC_HOST_PATH_ERROR), STATUS_RETRY, -ENOLINK, "host path error"},
	{PATH(NVME_SC_CMD_ABORTED_BY_HOST), STATUS_RETRY, -EIO, "aborted by the host"},
};

static const struct status_row *status_find(uint16_t status)
{
	unsigned code = status & ((NVME_SCT_MASK << NVME_SCT_SHIFT) | NVME_SC_MASK);
	size_t i;

	for (i = 0; i < EBB_ARRAY_SIZE(status_rows); i++) {
		if (status_rows[i].code == code) {
			return &status_rows[i];
		}
	}
	return NULL;
}

int nvme_status_errno(uint16_t status)
{
	const struct status_row *row = status_find(status);

	return row != NULL ? row->error : -EIO;
}

const char *nvme_status_text(uint16_t status)
{
	const struct status_row *row = status_find(status);

	if (row != NULL) {
		return row->text;
	}
	return NVME_SCT(status) == NVME_SCT_VS ? "a vendor's own error" : "an unknown error";
}

bool nvme_status_retry(uint16_t status)
{
	const struct status_row *row = status_find(status);

	return (status & NVME_DNR) == 0 && row != NULL && row->class == STATUS_RETRY;
}

bool nvme_status_rc_retry(int rc)
{
	return rc == -EINTR || rc == -EAGAIN;
}

bool nvme_status_doubts_ns(uint16_t status)
{
	switch (status & ((NVME_SCT_MASK << NVME_SCT_SHIFT) | NVME_SC_MASK)) {
	case GENERIC(NVME_SC_INVALID_FIELD):
	case GENERIC(NVME_SC_INVALID_NS):
	case GENERIC(NVME_SC_SGL_INVALID_DATA):
	case GENERIC(NVME_SC_PRP_INVALID_OFFSET):
	case GENERIC(NVME_SC_LBA_RANGE):
		return true;
	default:
		return false;
	}
}
