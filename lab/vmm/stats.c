// SPDX-License-Identifier: MIT
/* Print what the host can read about a vCPU: KVM's binary statistics, and the tables in debugfs. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host.h"

/* As the kernel documents it: a header with the offsets of the rest. */
static void *read_at(int fd, unsigned long offset, size_t size)
{
	void *data = malloc(size);
	ssize_t got = data ? pread(fd, data, size, offset) : -1;

	if (got != (ssize_t)size)
		die(1, "statistics: %zd of %zu bytes at %lu", got, size, offset);
	return data;
}

static void print_stat(unsigned long vcpu, const struct kvm_stats_desc *desc,
		       const unsigned long *data)
{
	const unsigned long *values = data + desc->offset / sizeof(*data);

	printf("stat vcpu=%lu name=%s flags=%#x exponent=%d values=", vcpu, desc->name, desc->flags,
	       desc->exponent);
	for (unsigned int i = 0; i < desc->size; i++)
		printf("%s%lu", i ? "," : "", values[i]);
	putchar('\n');
}

static void print_stats(struct vcpu *v)
{
	int fd = ioctl(v->fd, KVM_GET_STATS_FD, NULL);
	struct kvm_stats_header *header;
	size_t desc_size, data_size = 0;
	unsigned long *data;
	char *descs;

	/* KVM before 5.14 has none. */
	if (fd < 0 && errno == EINVAL)
		return;
	if (fd < 0)
		die(1, "KVM_GET_STATS_FD: %s", strerror(errno));
	header = read_at(fd, 0, sizeof(*header));
	desc_size = sizeof(struct kvm_stats_desc) + header->name_size;
	descs = read_at(fd, header->desc_offset, header->num_desc * desc_size);
	for (unsigned int i = 0; i < header->num_desc; i++) {
		const struct kvm_stats_desc *desc = (void *)(descs + i * desc_size);

		if (desc->offset + desc->size * sizeof(*data) > data_size)
			data_size = desc->offset + desc->size * sizeof(*data);
	}
	data = read_at(fd, header->data_offset, data_size);
	for (unsigned int i = 0; i < header->num_desc; i++)
		print_stat(v->index, (void *)(descs + i * desc_size), data);
	free(data);
	free(descs);
	free(header);
	close(fd);
}

static void print_table(const char *whose, const char *pattern)
{
	char line[4096];
	glob_t found;
	FILE *table;

	if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
		die(1, "there is not one file %s", pattern);
	table = fopen(found.gl_pathv[0], "r");
	if (!table)
		die(1, "%s: %s", found.gl_pathv[0], strerror(errno));
	while (fgets(line, sizeof(line), table))
		printf("table %s %s", whose, line);
	fclose(table);
	globfree(&found);
}

void print_host_side(struct vcpu *v)
{
	char pattern[64], whose[32];
	int pid = getpid();

	flockfile(stdout);
	print_stats(v);
	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/kvm/%d-*/vcpu%lu/exit_stats", pid,
		 v->index);
	snprintf(whose, sizeof(whose), "vcpu=%lu", v->index);
	print_table(whose, pattern);
	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/kvm/%d-*/exit_stats", pid);
	print_table("vm", pattern);
	funlockfile(stdout);
}
