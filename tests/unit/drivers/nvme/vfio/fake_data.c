/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/vfio/fake_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fake_wrong(struct fake_ctrlr *fake, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fake->wrong_text, sizeof(fake->wrong_text), format, args);
	va_end(args);
	fake->wrong++;
}

char *fake_memory(struct fake_ctrlr *fake, uint64_t iova, size_t len_bytes)
{
	uint64_t offset = iova - FAKE_IOVA;
	uint64_t region = offset / EBB_MEM_REGION_SIZE;

	offset %= EBB_MEM_REGION_SIZE;
	if (iova < FAKE_IOVA || region >= EBB_MEM_REGIONS_MAX || fake->regions[region] == NULL ||
	    offset + len_bytes > EBB_MEM_REGION_SIZE) {
		fake_wrong(fake, "no memory of %zu bytes at %llx", len_bytes,
			   (unsigned long long)iova);
		return NULL;
	}
	return fake->regions[region] + offset;
}

static void data_add(struct fake_ctrlr *fake, struct fake_data *data, uint64_t iova, size_t bytes)
{
	if (data->count == FAKE_SEGMENTS) {
		fake_wrong(fake, "too many segments");
		return;
	}
	data->iov[data->count].iov_base = fake_memory(fake, iova, bytes);
	data->iov[data->count].iov_len = bytes;
	data->count += data->iov[data->count].iov_base != NULL;
}

static void data_from_list(struct fake_ctrlr *fake, struct fake_data *data, uint64_t list,
			   size_t left)
{
	size_t entries = (left + VFIO_PAGE - 1) / VFIO_PAGE;
	const uint64_t *prps;

	fake->prp_lists++;
	if ((list & 7) != 0 || (list % VFIO_PAGE) + entries * 8 > VFIO_PAGE) {
		fake_wrong(fake, "PRP list of %zu entries at %llx", entries,
			   (unsigned long long)list);
		return;
	}
	prps = (const uint64_t *)fake_memory(fake, list, entries * 8);
	for (size_t i = 0; prps != NULL && i < entries; i++) {
		size_t bytes = left < VFIO_PAGE ? left : VFIO_PAGE;

		if (prps[i] % VFIO_PAGE != 0) {
			fake_wrong(fake, "PRP entry inside a page");
		}
		data_add(fake, data, prps[i], bytes);
		left -= bytes;
	}
}

static void data_from_prps(struct fake_ctrlr *fake, struct fake_data *data,
			   const struct vfio_sqe *sqe, size_t left)
{
	size_t bytes = VFIO_PAGE - sqe->prp1 % VFIO_PAGE;

	if (left == 0) {
		return;
	}
	bytes = left < bytes ? left : bytes;
	if ((sqe->prp1 & 3) != 0) {
		fake_wrong(fake, "PRP 1 is not aligned to a dword");
	}
	data_add(fake, data, sqe->prp1, bytes);
	left -= bytes;
	if (left == 0) {
		if (sqe->prp2 != 0) {
			fake_wrong(fake, "PRP 2 is there and not needed");
		}
	} else if (left <= VFIO_PAGE) {
		if (sqe->prp2 % VFIO_PAGE != 0) {
			fake_wrong(fake, "PRP 2 begins inside a page");
		}
		data_add(fake, data, sqe->prp2, left);
	} else {
		data_from_list(fake, data, sqe->prp2, left);
	}
}

static void data_from_sgl(struct fake_ctrlr *fake, struct fake_data *data,
			  const struct vfio_sqe *sqe, size_t left)
{
	const struct vfio_sgl *sgl = &sqe->sgl;
	size_t count = 1;

	fake->sgl_commands++;
	if (sgl->type == VFIO_SGL_LAST_SEGMENT) {
		count = sgl->len_bytes / sizeof(*sgl);
		sgl = (const struct vfio_sgl *)fake_memory(fake, sgl->address, sgl->len_bytes);
	}
	for (size_t i = 0; sgl != NULL && i < count; i++) {
		if (sgl[i].type != VFIO_SGL_DATA_BLOCK || sgl[i].len_bytes > left) {
			fake_wrong(fake, "SGL descriptor of type %02x, %u bytes, %zu left",
				   sgl[i].type, sgl[i].len_bytes, left);
			return;
		}
		data_add(fake, data, sgl[i].address, sgl[i].len_bytes);
		left -= sgl[i].len_bytes;
	}
	if (left != 0) {
		fake_wrong(fake, "the SGL is %zu bytes short", left);
	}
}

void fake_data_find(struct fake_ctrlr *fake, const struct fake_command *command, size_t len_bytes,
		    struct fake_data *data)
{
	data->count = 0;
	if ((command->sqe.flags & 0xc0) == VFIO_PSDT_SGL) {
		if (command->sqid == 0 || (fake->id.sgls & 3) == 0) {
			fake_wrong(fake, "an SGL that is not allowed");
		}
		data_from_sgl(fake, data, &command->sqe, len_bytes);
	} else {
		data_from_prps(fake, data, &command->sqe, len_bytes);
	}
}

void fake_data_copy(const struct fake_data *data, void *memory, size_t len_bytes, bool to_host)
{
	char *at = memory;

	for (unsigned i = 0; i < data->count && len_bytes > 0; i++) {
		size_t bytes = data->iov[i].iov_len < len_bytes ? data->iov[i].iov_len : len_bytes;

		if (to_host) {
			memcpy(data->iov[i].iov_base, at, bytes);
		} else {
			memcpy(at, data->iov[i].iov_base, bytes);
		}
		at += bytes;
		len_bytes -= bytes;
	}
}
