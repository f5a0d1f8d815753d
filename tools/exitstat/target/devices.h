/* SPDX-License-Identifier: MIT */
/*
 * What is behind a port or an address of this machine: /proc/ioports, /proc/iomem, /sys/bus.  Where
 * the environment has EXITSTAT_ROOT, they are looked for below it: a copy of another machine's.
 */
#ifndef DEVICES_H
#define DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct devices;

/* EXITSTAT_ROOT, or NULL. */
const char *devices_root(void);

/* Of this machine, or as devices_note() wrote them down (either may be NULL).  NULL: no memory. */
struct devices *devices_read(void);
struct devices *devices_of_notes(const char *ports, const char *memory);
void devices_free(struct devices *devices);

#define DEVICE_NAME_SIZE 112

/* "serial", "virtio_net, 0000:00:02.0 BAR 4 + 0x3000"; false if it is not known. */
bool devices_name(const struct devices *devices, bool port, uint64_t value,
		  char name[DEVICE_NAME_SIZE]);

/* The kernel does not tell this process where devices are, but for those on a PCI bus. */
bool devices_hidden(const struct devices *devices);

/* All of the ports or of the memory in one line; what has no room is left out. */
void devices_note(const struct devices *devices, bool port, char *text, size_t size);

#endif /* DEVICES_H */
