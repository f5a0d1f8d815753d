// SPDX-License-Identifier: MIT
/* Ranges of ports and addresses, and whose they are. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exitstat.h"
#include "grow.h"
#include "target/devices.h"

/* In a PCI device's file resource: what it is, as in the kernel's ioport.h. */
#define RESOURCE_IO	0x100u
#define RESOURCE_MEM	0x200u

#define BARS		6

#define NAME_SIZE	80

struct range {
	bool port;
	bool bar;		/* of a PCI device: it has precedence, and an offset says more */
	unsigned long long first;
	unsigned long long last;
	char name[NAME_SIZE];
};

struct devices {
	struct range *ranges;
	size_t nr;
	size_t room;
	bool hidden;
	bool failed;		/* out of memory */
};

static void add(struct devices *devices, const struct range *range)
{
	struct range *ranges = grow(devices->ranges, devices->nr, &devices->room, sizeof(*range));

	if (!ranges) {
		devices->failed = true;
		return;
	}
	devices->ranges = ranges;
	devices->ranges[devices->nr++] = *range;
}

const char *devices_root(void)
{
	const char *root = getenv("EXITSTAT_ROOT");

	return root && *root ? root : NULL;
}

/* Where it is, with all of its parts: false if that is too long. */
static bool path_of(char path[PATH_MAX], const char *first, const char *second, const char *third,
		    const char *fourth)
{
	const char *root = devices_root();

	return snprintf(path, PATH_MAX, "%s%s%s%s%s", root ? root : "", first, second, third,
			fourth) < PATH_MAX;
}

#define PCI_DEVICES	"/sys/bus/pci/devices"

/* The name of the driver of a device, or of the virtio device on it; "": none. */
static void read_driver(const char *bus, const char *device, char driver[32])
{
	char path[PATH_MAX], link[PATH_MAX], on[300] = "";
	struct dirent *entry;
	const char *base;
	ssize_t size;
	DIR *dir;

	*driver = '\0';
	dir = path_of(path, bus, "/", device, "") ? opendir(path) : NULL;
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (!strncmp(name, "virtio", 6) && isdigit((unsigned char)name[6]))
			snprintf(on, sizeof(on), "/%s/driver", name);
	}
	closedir(dir);
	size = path_of(path, bus, "/", device, *on ? on : "/driver") ?
	       readlink(path, link, sizeof(link) - 1) : 0;
	if (size <= 0)
		return;
	link[size] = '\0';
	base = strrchr(link, '/');
	exitstat_text_clean(driver, 32, base ? base + 1 : link);
}

/* A virtio device without a bus, as Firecracker has them, is known by its driver. */
static void name_platform(struct range *range)
{
	char device[sizeof(range->name)], driver[32];

	snprintf(device, sizeof(device), "%s", range->name);
	device[strcspn(device, " ")] = '\0';
	if (!*device || strchr(device, '/') || device[0] == '.')
		return;
	read_driver("/sys/bus/platform/devices", device, driver);
	if (*driver)
		snprintf(range->name, sizeof(range->name), "%.30s, %.30s", driver, device);
}

/* "  03f8-03ff : serial".  Who holds a wider range holds it for others. */
static void read_resources(struct devices *devices, const char *path, bool port)
{
	char all[PATH_MAX], line[256], name[200];
	FILE *file = path_of(all, path, "", "", "") ? fopen(all, "re") : NULL;

	while (file && fgets(line, sizeof(line), file)) {
		struct range range = { .port = port };

		if (sscanf(line, " %llx-%llx : %199[^\n]", &range.first, &range.last, name) != 3 ||
		    range.first > range.last)
			continue;
		if (!range.last) {
			devices->hidden = true;
			continue;
		}
		if (!strncmp(name, "PCI Bus", 7) || !strcmp(name, "Reserved") ||
		    !strncmp(name, "System RAM", 10))
			continue;
		exitstat_text_clean(range.name, sizeof(range.name), name);
		if (!port)
			name_platform(&range);
		add(devices, &range);
	}
	if (file)
		fclose(file);
}

/* A line for each BAR: first, last, flags. */
static void read_bars(struct devices *devices, const char *device)
{
	char path[PATH_MAX], driver[32], line[128];
	FILE *file = NULL;
	int bar;

	if (path_of(path, PCI_DEVICES, "/", device, "/resource"))
		file = fopen(path, "re");
	if (!file)
		return;
	read_driver(PCI_DEVICES, device, driver);
	for (bar = 0; bar < BARS && fgets(line, sizeof(line), file); bar++) {
		struct range range = { .bar = true };
		unsigned long long flags;

		if (sscanf(line, "%llx %llx %llx", &range.first, &range.last, &flags) != 3 ||
		    !range.last || range.first > range.last ||
		    !(flags & (RESOURCE_IO | RESOURCE_MEM)))
			continue;
		range.port = flags & RESOURCE_IO;
		snprintf(range.name, sizeof(range.name), "%s%s%.20s BAR %d", driver,
			 *driver ? ", " : "", device, bar);
		add(devices, &range);
	}
	fclose(file);
}

static void read_pci(struct devices *devices)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = path_of(path, PCI_DEVICES, "", "", "") ? opendir(path) : NULL;

	while (dir && (entry = readdir(dir))) {
		if (isxdigit((unsigned char)entry->d_name[0]))
			read_bars(devices, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static struct devices *finish(struct devices *devices)
{
	if (devices && devices->failed) {
		devices_free(devices);
		return NULL;
	}
	return devices;
}

struct devices *devices_read(void)
{
	struct devices *devices = calloc(1, sizeof(*devices));

	if (!devices)
		return NULL;
	read_pci(devices);
	read_resources(devices, "/proc/ioports", true);
	read_resources(devices, "/proc/iomem", false);
	return finish(devices);
}

void devices_free(struct devices *devices)
{
	if (!devices)
		return;
	free(devices->ranges);
	free(devices);
}

/* The narrowest one, of PCI devices before others. */
static const struct range *find(const struct devices *devices, bool port, uint64_t value)
{
	const struct range *best = NULL;
	size_t i;

	for (i = 0; i < devices->nr; i++) {
		const struct range *range = &devices->ranges[i];

		if (range->port != port || value < range->first || value > range->last)
			continue;
		if (!best || range->bar > best->bar ||
		    (range->bar == best->bar &&
		     range->last - range->first < best->last - best->first))
			best = range;
	}
	return best;
}

bool devices_name(const struct devices *devices, bool port, uint64_t value,
		  char name[DEVICE_NAME_SIZE])
{
	const struct range *range = find(devices, port, value);

	if (!range)
		return false;
	if (port && !range->bar)
		snprintf(name, DEVICE_NAME_SIZE, "%s", range->name);
	else
		snprintf(name, DEVICE_NAME_SIZE, "%s + 0x%llx", range->name,
			 value - range->first);
	return true;
}

bool devices_hidden(const struct devices *devices)
{
	return devices->hidden;
}

/*
 * Notes: FIRST-LAST NAME, with a ';' between two; a BAR's begins with '+'.
 */

void devices_note(const struct devices *devices, bool port, char *text, size_t size)
{
	size_t length = 0;
	size_t i;

	*text = '\0';
	for (i = 0; i < devices->nr; i++) {
		const struct range *range = &devices->ranges[i];
		size_t put;

		if (range->port != port || strchr(range->name, ';'))
			continue;
		put = (size_t)snprintf(text + length, size - length, "%s%s%llx-%llx %s",
				       length ? ";" : "", range->bar ? "+" : "", range->first,
				       range->last, range->name);
		if (length + put < size)
			length += put;
		else
			text[length] = '\0';
	}
}

static void parse_notes(struct devices *devices, bool port, const char *text)
{
	for (; text && *text; text += strcspn(text, ";"), text += *text == ';') {
		struct range range = { .port = port, .bar = *text == '+' };

		if (sscanf(text + range.bar, "%llx-%llx %79[^;]", &range.first, &range.last,
			   range.name) == 3 && range.first <= range.last) {
			exitstat_text_clean(range.name, sizeof(range.name), range.name);
			add(devices, &range);
		}
	}
}

struct devices *devices_of_notes(const char *ports, const char *memory)
{
	struct devices *devices = calloc(1, sizeof(*devices));

	if (!devices)
		return NULL;
	parse_notes(devices, true, ports);
	parse_notes(devices, false, memory);
	return finish(devices);
}
