/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <ebb/base.h>

#include <nvme/types.h>

#include "drivers/nvme/request.h"
#include "drivers/nvme/status.h"
#include "tests/unit/unit.h"

#define STATUS(sct, sc) ((uint16_t)((sct) << NVME_SCT_SHIFT | (sc)))

START_TEST(statuses_have_errnos)
{
	static const struct {
		uint16_t status;
		int error;
		bool retry;
	} rows[] = {
		{0, 0, false},
		{STATUS(0, NVME_SC_INVALID_FIELD), -EOPNOTSUPP, false},
		{STATUS(0, NVME_SC_CAP_EXCEEDED), -ENOSPC, false},
		{STATUS(0, NVME_SC_LBA_RANGE), -EREMOTEIO, false},
		{STATUS(0, NVME_SC_NS_NOT_READY), -EREMOTEIO, true},
		{STATUS(0, NVME_SC_RESERVATION_CONFLICT), -EBADE, false},
		{STATUS(0, NVME_SC_NS_WRITE_PROTECTED), -EROFS, false},
		{STATUS(0, NVME_SC_ABORT_REQ), -ETIMEDOUT, true},
		{STATUS(2, NVME_SC_READ_ERROR), -EIO, true},
		{STATUS(2, NVME_SC_WRITE_FAULT), -EIO, true},
		{STATUS(2, NVME_SC_COMPARE_FAILED), -EILSEQ, false},
		{STATUS(2, NVME_SC_UNWRITTEN_BLOCK), -ENODATA, false},
		{STATUS(3, NVME_SC_HOST_PATH_ERROR), -ENOLINK, true},
		{STATUS(7, 0x12), -EIO, false},
		{STATUS(0, 0x7f), -EIO, false},
		{0x1fff, -EIO, false},
	};
	size_t i;

	for (i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		uint16_t dnr = (uint16_t)(rows[i].status | NVME_DNR);

		ck_assert_int_eq(nvme_status_errno(rows[i].status), rows[i].error);
		ck_assert_int_eq(nvme_status_errno(dnr), rows[i].error);
		ck_assert_int_eq(nvme_status_retry(rows[i].status), rows[i].retry);
		ck_assert(!nvme_status_retry(dnr));
		ck_assert_ptr_nonnull(nvme_status_text(rows[i].status));
	}
}
END_TEST

START_TEST(some_answers_cast_doubt_on_the_namespace)
{
	ck_assert(nvme_status_doubts_ns(NVME_SC_LBA_RANGE));
	ck_assert(nvme_status_doubts_ns(NVME_SC_PRP_INVALID_OFFSET | NVME_DNR));
	ck_assert(nvme_status_doubts_ns(NVME_SC_INVALID_NS | 1 << 11));
	ck_assert(!nvme_status_doubts_ns(0));
	ck_assert(!nvme_status_doubts_ns(NVME_SC_INTERNAL));
	/* Of another type of status code the same number says something else. */
	ck_assert(!nvme_status_doubts_ns((NVME_SCT_MEDIA << NVME_SCT_SHIFT) | NVME_SC_LBA_RANGE));
}
END_TEST

START_TEST(every_error_is_one)
{
	unsigned status;

	for (status = 1; status < 0x800; status++) {
		ck_assert_int_lt(nvme_status_errno((uint16_t)status), 0);
	}
}
END_TEST

START_TEST(answers_that_are_no_status)
{
	ck_assert(nvme_status_rc_retry(-EINTR));
	ck_assert(!nvme_status_rc_retry(-ENODEV));
	ck_assert(!nvme_status_rc_retry(-ETIMEDOUT));
	ck_assert(!nvme_status_rc_retry(-ECANCELED));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(statuses_have_errnos),
		UNIT_TEST(some_answers_cast_doubt_on_the_namespace),
		UNIT_TEST(every_error_is_one),
		UNIT_TEST(answers_that_are_no_status),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
