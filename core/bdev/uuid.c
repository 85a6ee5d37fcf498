/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/uuid.h"

#include <errno.h>
#include <sys/random.h>

bool bdev_uuid_is_zero(const uint8_t uuid[16])
{
	unsigned i, bits = 0;

	for (i = 0; i < 16; i++) {
		bits |= uuid[i];
	}
	return bits == 0;
}

int bdev_uuid_make(uint8_t ret_uuid[16])
{
	ssize_t got;

	do {
		got = getrandom(ret_uuid, 16, 0);
	} while (got < 0 && errno == EINTR);
	if (got != 16) {
		return got < 0 ? -errno : -EIO;
	}
	ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0fu) | 0x40u);
	ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3fu) | 0x80u);
	return 0;
}

void bdev_uuid_format(const uint8_t uuid[16], char ret_text[BDEV_UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			*ret_text++ = '-';
		}
		*ret_text++ = digits[uuid[i] >> 4];
		*ret_text++ = digits[uuid[i] & 15];
	}
	*ret_text = '\0';
}
