/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/device_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/machine/fact.h"
#include "bench/machine/pseudo_file.h"
#include "core/os/blkdev_users.h"

#define SECTOR_BYTES 512u

/* Where the kernel tells of a device, and where of the disk whose part it is. */
struct device_place {
	const char *root;
	char own[PATH_MAX / 4];
	char disk[PATH_MAX / 4 + 8];
};

static void disk_line(struct json_object *facts, const char *name, const struct device_place *place,
		      const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place->disk, file);
	bench_fact_line(facts, name, place->root, path);
}

static void disk_number(struct json_object *facts, const char *name,
			const struct device_place *place, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place->disk, file);
	bench_fact_number(facts, name, place->root, path);
}

static void disk_switch(struct json_object *facts, const char *name,
			const struct device_place *place, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place->disk, file);
	bench_fact_switch(facts, name, place->root, path);
}

/* The names in a folder of the disk's. */
static struct json_object *disk_names(const struct device_place *place, const char *folder)
{
	struct json_object *names = json_object_new_array();
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s/%s", place->root, place->disk, folder);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			json_object_array_add(names, json_object_new_string(entry->d_name));
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return names;
}

/* "[none] mq-deadline": the one that is used. */
static void scheduler_add(struct json_object *facts, const struct device_place *place)
{
	char line[128], name[64];

	if (bench_pseudo_file_line(line, sizeof(line), place->root, "%s/queue/scheduler",
				   place->disk)) {
		const char *chosen = strchr(line, '[');

		if (chosen != NULL && sscanf(chosen, "[%63[^]]", name) == 1) {
			bench_fact_text(facts, "scheduler", name);
		}
	}
}

static void queue_add(struct json_object *facts, const struct device_place *place)
{
	struct json_object *queues = disk_names(place, "mq");
	size_t num_queues = json_object_array_length(queues);

	disk_switch(facts, "rotational", place, "queue/rotational");
	scheduler_add(facts, place);
	disk_number(facts, "queue_depth", place, "queue/nr_requests");
	if (num_queues > 0) {
		bench_fact_count(facts, "queues", num_queues);
	}
	json_object_put(queues);
	disk_line(facts, "write_cache", place, "queue/write_cache");
	disk_switch(facts, "polling", place, "queue/io_poll");
	disk_number(facts, "logical_block_bytes", place, "queue/logical_block_size");
	disk_number(facts, "physical_block_bytes", place, "queue/physical_block_size");
	disk_number(facts, "write_back_throttle_us", place, "queue/wbt_lat_usec");
}

/* What kinds of devices have to tell. */
static void kinds_add(struct json_object *facts, const struct device_place *place)
{
	char text[64];

	disk_line(facts, "model", place, "device/model");
	disk_line(facts, "firmware", place, "device/firmware_rev");
	disk_line(facts, "transport", place, "device/transport");
	disk_line(facts, "address", place, "device/address");
	if (bench_fact_get(facts, "transport") != NULL) {
		bench_fact_number(facts, "poll_queues", place->root,
				  "/sys/module/nvme/parameters/poll_queues");
		disk_number(facts, "power_latency_tolerance_us", place,
			    "device/power/pm_qos_latency_tolerance_us");
	}
	if (bench_pseudo_file_link(text, sizeof(text), place->root, "%s/device/driver",
				   place->disk) ||
	    bench_pseudo_file_link(text, sizeof(text), place->root, "%s/device/device/driver",
				   place->disk)) {
		bench_fact_text(facts, "driver", text);
		bench_fact_bool(facts, "virtio", strncmp(text, "virtio", 6) == 0);
	}
	disk_line(facts, "loop_file", place, "loop/backing_file");
	disk_line(facts, "mapper", place, "dm/name");
	if (bench_pseudo_file_line(text, sizeof(text), place->root, "%s/dm/uuid", place->disk)) {
		bench_fact_bool(facts, "encrypted", strncmp(text, "CRYPT-", 6) == 0);
	}
	bench_fact_object(facts, "stands_on", disk_names(place, "slaves"));
}

/* @folder: "block" or "char". Return: false: the kernel has no such device. */
static bool place_find(struct device_place *place, const char *root, const char *folder, dev_t dev)
{
	char path[PATH_MAX];

	place->root = root;
	snprintf(place->own, sizeof(place->own), "/sys/dev/%s/%u:%u", folder, major(dev),
		 minor(dev));
	snprintf(path, sizeof(path), "%s%s", root, place->own);
	if (access(path, F_OK) < 0) {
		return false;
	}
	snprintf(path, sizeof(path), "%s%s/partition", root, place->own);
	snprintf(place->disk, sizeof(place->disk), "%s%s", place->own,
		 access(path, F_OK) == 0 ? "/.." : "");
	return true;
}

/* /dev/ng0n1 is the namespace of the block device nvme0n1, which has the queue. */
static void namespace_find(struct device_place *place, const char *name)
{
	unsigned controller, namespace;
	char path[PATH_MAX], rest[48];

	if (sscanf(name, "ng%un%u", &controller, &namespace) != 2) {
		return;
	}
	snprintf(rest, sizeof(rest), "/device/nvme%un%u", controller, namespace);
	snprintf(path, sizeof(path), "%s%s%s", place->root, place->own, rest);
	if (access(path, F_OK) == 0 && strlen(place->own) + strlen(rest) < sizeof(place->own)) {
		strcat(place->own, rest);
		strcpy(place->disk, place->own);
	}
}

static void device_add(struct json_object *facts, const char *root, const char *folder, dev_t dev)
{
	struct device_place place;
	uint64_t sectors;
	char name[64];

	if (!place_find(&place, root, folder, dev)) {
		return;
	}
	if (bench_pseudo_file_link(name, sizeof(name), root, "%s", place.own)) {
		bench_fact_text(facts, "name", name);
		namespace_find(&place, name);
	}
	if (bench_pseudo_file_count(&sectors, root, "%s/size", place.own)) {
		bench_fact_count(facts, "size_bytes", sectors * SECTOR_BYTES);
	}
	queue_add(facts, &place);
	kinds_add(facts, &place);
}

/* A line of mountinfo (proc(5)). */
struct mount {
	char point[PATH_MAX / 4];
	char options[256];
	char type[64];
	char source[256];
};

/* What would break the line is three octal digits in it: a space in a name is \040. */
static void octal_decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; to++) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool mount_parse(const char *line, struct mount *ret_mount)
{
	const char *separator = strstr(line, " - ");

	if (separator == NULL ||
	    sscanf(line, "%*s %*s %*u:%*u %*s %1023s %255s", ret_mount->point,
		   ret_mount->options) != 2 ||
	    sscanf(separator, " - %63s %255s", ret_mount->type, ret_mount->source) != 2) {
		return false;
	}
	octal_decode(ret_mount->point);
	octal_decode(ret_mount->source);
	return true;
}

static bool is_below(const char *path, const char *point)
{
	size_t len = strlen(point);

	if (strcmp(point, "/") == 0) {
		return true;
	}
	return strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The file system that @path is on: the deepest mount above it, and of these the last. */
static bool mount_find(const char *root, const char *path, struct mount *ret_mount)
{
	char *text = bench_pseudo_file_text(root, "%s", "/proc/self/mountinfo");
	char *save = NULL;
	struct mount mount;
	bool found = false;

	if (text == NULL) {
		return false;
	}
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (mount_parse(line, &mount) && is_below(path, mount.point) &&
		    (!found || strlen(mount.point) >= strlen(ret_mount->point))) {
			*ret_mount = mount;
			found = true;
		}
	}
	free(text);
	return found;
}

/* True if some of the file is a hole; where the file system cannot tell, what it says is "data". */
static bool has_holes(const char *path, off_t size, bool *ret_holes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t hole;

	if (fd < 0) {
		return false;
	}
	hole = lseek(fd, 0, SEEK_HOLE);
	close(fd);
	*ret_holes = hole >= 0 && hole < size;
	return hole >= 0;
}

/* Some file systems have numbers of their own: there the source tells. */
static dev_t mount_device(const struct mount *mount, dev_t dev)
{
	struct stat source;

	if (major(dev) == 0 && mount->source[0] == '/' && stat(mount->source, &source) == 0 &&
	    S_ISBLK(source.st_mode)) {
		return source.st_rdev;
	}
	return dev;
}

static void file_add(struct json_object *facts, const char *root, const char *path,
		     const struct stat *st)
{
	char whole[PATH_MAX];
	struct statvfs free_space;
	struct json_object *device;
	struct mount mount;
	dev_t dev = st->st_dev;
	bool holes;

	bench_fact_count(facts, "file_bytes", (uint64_t)st->st_size);
	bench_fact_count(facts, "allocated_bytes", (uint64_t)st->st_blocks * SECTOR_BYTES);
	if (has_holes(path, st->st_size, &holes)) {
		bench_fact_bool(facts, "sparse", holes);
	}
	if (statvfs(path, &free_space) == 0) {
		bench_fact_count(facts, "free_bytes",
				 (uint64_t)free_space.f_bavail * free_space.f_frsize);
	}
	if (realpath(path, whole) != NULL && mount_find(root, whole, &mount)) {
		bench_fact_text(facts, "file_system", mount.type);
		bench_fact_text(facts, "mount_options", mount.options);
		dev = mount_device(&mount, dev);
	}
	device = json_object_new_object();
	device_add(device, root, "block", dev);
	bench_fact_object(facts, "device", device);
}

struct json_object *bench_device_facts_get(const char *root, const char *path)
{
	struct json_object *facts;
	struct stat st;
	char why[160];

	if (stat(path, &st) < 0) {
		return NULL;
	}
	facts = json_object_new_object();
	bench_fact_text(facts, "path", path);
	if (S_ISBLK(st.st_mode)) {
		bench_fact_text(facts, "kind", "block device");
		device_add(facts, root, "block", st.st_rdev);
		if (os_blkdev_users_find(root, st.st_rdev, 0, why, sizeof(why))) {
			bench_fact_text(facts, "in_use", why);
		}
	} else if (S_ISCHR(st.st_mode)) {
		bench_fact_text(facts, "kind", "character device");
		device_add(facts, root, "char", st.st_rdev);
	} else if (S_ISREG(st.st_mode)) {
		bench_fact_text(facts, "kind", "file");
		file_add(facts, root, path, &st);
	}
	return facts;
}

bool bench_device_facts_disk(const char *root, const char *path, struct bench_disk *ret_disk)
{
	struct device_place place;
	char whole[PATH_MAX];
	struct mount mount;
	struct stat st;
	dev_t dev;

	if (stat(path, &st) < 0 || (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))) {
		return false;
	}
	dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	if (S_ISREG(st.st_mode) && realpath(path, whole) != NULL &&
	    mount_find(root, whole, &mount)) {
		dev = mount_device(&mount, dev);
	}
	if (!place_find(&place, root, "block", dev) ||
	    strlen(place.disk) >= sizeof(ret_disk->folder) ||
	    !bench_pseudo_file_link(ret_disk->name, sizeof(ret_disk->name), root, "%s",
				    place.own)) {
		return false;
	}
	memcpy(ret_disk->folder, place.disk, strlen(place.disk) + 1);
	return true;
}
