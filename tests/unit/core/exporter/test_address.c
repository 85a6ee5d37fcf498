/* SPDX-License-Identifier: Apache-2.0 */

#include <ebb/base.h>

#include "core/exporter/address.h"
#include "tests/unit/unit.h"

static const struct remote_case {
	const char *address;
	bool remote;
} cases[] = {
	{"127.0.0.1", false},
	{"127.255.255.254", false},
	{"localhost", false},
	{"::1", false},
	{"::ffff:127.0.0.1", false},
	{"nowhere", false}, /* no address: refused elsewhere */
	{"", false},
	{"0.0.0.0", true},
	{"126.255.255.255", true},
	{"128.0.0.1", true},
	{"192.0.2.1", true},
	{"::", true},
	{"2001:db8::1", true},
	{"::ffff:0.0.0.0", true},
	{"::ffff:128.0.0.1", true},
	{"::127.0.0.1", true},
};

START_TEST(tells_who_can_reach_an_address)
{
	const struct remote_case *c = &cases[_i];

	ck_assert_msg(exporter_address_is_remote(c->address) == c->remote, "%s", c->address);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(tells_who_can_reach_an_address, 0, (int)EBB_ARRAY_SIZE(cases)),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
