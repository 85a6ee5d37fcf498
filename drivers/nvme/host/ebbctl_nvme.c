/* SPDX-License-Identifier: Apache-2.0 */
/* ebbctl nvme: what drives there are, and which driver has them. It needs no daemon. */
#include <stdio.h>
#include <string.h>

#include <ebb/ctl_command.h>

#include <json-c/json.h>

#include "drivers/nvme/host/bind.h"
#include "drivers/nvme/host/inventory.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

static const char usage[] =
	"Usage: ebbctl nvme list [--json]    all NVMe controllers, and what ebb can do with each\n"
	"       ebbctl nvme bind ADDRESS     give a controller from the kernel's nvme to vfio-pci\n"
	"       ebbctl nvme unbind ADDRESS   give it back to nvme\n"
	"\n"
	"HOT   yes: ebb can drive it in user space, by VFIO; bind: it can once vfio-pci has it\n"
	"COLD  yes: ebb can use it through the kernel's driver; some: not all of its namespaces;\n"
	"      unbind: it can once nvme has it\n"
	"\n"
	"A controller is not taken from anybody: bind refuses while a namespace is mounted, "
	"swapped\n"
	"on, part of a device-mapper, md or multi-device filesystem, or opened exclusively; "
	"unbind\n"
	"while a process has it open through VFIO. Both need root; ebbd then needs only the group\n"
	"file, /dev/vfio/GROUP, which a udev rule opens for a group of users:\n"
	"  SUBSYSTEM==\"vfio\", GROUP=\"ebb\", MODE=\"0660\"   in "
	"/etc/udev/rules.d/60-ebb-vfio.rules\n"
	"\n"
	"ADDRESS: a PCI address such as 0000:01:00.0. list works for every user; who holds what, "
	"it\n"
	"tells root only in full.\n";

static int wrong_usage(const char *what)
{
	fprintf(stderr, "ebbctl: %s; ebbctl nvme --help tells more\n", what);
	return USAGE;
}

static int run_list(const struct ebb_ctl_command_env *env, int num_words, char **words)
{
	struct json_object *attached = NULL, *inventory;

	if (num_words > 1 || (num_words == 1 && strcmp(words[0], "--json") != 0)) {
		return wrong_usage("nvme list takes --json, and nothing else");
	}
	if (env->call(env, "bdev_nvme_get_controllers", &attached) < 0) {
		attached = NULL;
	}
	inventory = host_inventory("", attached);
	if (num_words == 1) {
		env->print_json(env, inventory);
	} else {
		host_inventory_print(inventory, stdout);
	}
	json_object_put(inventory);
	json_object_put(attached);
	return DONE;
}

static int run_bind(const char *bdf)
{
	char was[HOST_PCI_DRIVER_SIZE], error[1024];

	if (host_bind_vfio("", bdf, was, NULL, error, sizeof(error)) < 0) {
		fprintf(stderr, "ebbctl: %s\n", error);
		return FAILED;
	}
	if (host_pci_driver_is_vfio(was)) {
		printf("%s: %s has it already\n", bdf, was);
	} else {
		printf("%s: vfio-pci has it now, in /dev/vfio/%d\n", bdf, host_pci_group("", bdf));
	}
	return DONE;
}

static int run_unbind(const char *bdf)
{
	char error[1024];

	if (host_bind_back("", bdf, error, sizeof(error)) < 0) {
		fprintf(stderr, "ebbctl: %s\n", error);
		return FAILED;
	}
	printf("%s: nvme has it\n", bdf);
	return DONE;
}

static int nvme_run(const struct ebb_ctl_command_env *env, int num_words, char **words)
{
	char bdf[HOST_PCI_BDF_SIZE];
	bool bind;

	if (num_words >= 1 && strcmp(words[0], "list") == 0) {
		return run_list(env, num_words - 1, words + 1);
	}
	bind = num_words >= 1 && strcmp(words[0], "bind") == 0;
	if (!bind && !(num_words >= 1 && strcmp(words[0], "unbind") == 0)) {
		return wrong_usage("nvme can list, bind and unbind");
	}
	if (num_words != 2) {
		return wrong_usage("nvme bind and unbind take one PCI address");
	}
	if (!host_pci_bdf_parse(words[1], bdf)) {
		fprintf(stderr, "ebbctl: \"%s\" is no PCI address; they look like 0000:01:00.0\n",
			words[1]);
		return USAGE;
	}
	return bind ? run_bind(bdf) : run_unbind(bdf);
}

static struct ebb_ctl_command nvme_command = {
	.name = "nvme",
	.help = "the machine's NVMe controllers: list, bind ADDRESS, unbind ADDRESS",
	.usage = usage,
	.run = nvme_run,
};

EBB_CTL_COMMAND_REGISTER(nvme_command)
