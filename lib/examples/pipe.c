// SPDX-License-Identifier: MIT
/* Example: how many exits does a write to a pipe cause, and of which kind? */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <exitstat.h>

#define WRITES	1000

static int work(void)
{
	char bytes[64] = { 0 };
	int ends[2];
	int i;

	if (pipe(ends))
		return -1;
	for (i = 0; i < WRITES; i++) {
		if (write(ends[1], bytes, sizeof(bytes)) < 0 ||
		    read(ends[0], bytes, sizeof(bytes)) < 0)
			return -1;
	}
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int measure(struct exitstat_source *src, struct exitstat_snapshot *between)
{
	struct exitstat_snapshot before, after;
	struct exitstat_description desc;
	int err = exitstat_description_read(src, &desc);

	if (!err)
		err = exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM,
					     EXITSTAT_TAKE_EPOCH, &before);
	if (err)
		return err;
	if (work())
		perror("pipe: pipe");
	err = exitstat_snapshot_take(src, &desc, EXITSTAT_SCOPE_VM, EXITSTAT_TAKE_EPOCH, &after);
	return err ? err : exitstat_snapshot_subtract(&after, &before, between);
}

int main(void)
{
	struct exitstat_snapshot between;
	struct exitstat_source *src;
	int err = exitstat_source_open_cpu(&src);
	uint32_t i;

	if (!err) {
		err = measure(src, &between);
		exitstat_source_close(src);
	}
	if (err) {
		fprintf(stderr, "pipe: cannot read this VM's exits: %s\n", strerror(-err));
		return 1;
	}
	printf("%d writes and reads: %llu exits\n", WRITES,
	       (unsigned long long)between.total.count);
	for (i = 0; i < between.entries_nr; i++) {
		const struct exitstat_exit *exit = exitstat_exit_find(between.numbering,
								      between.entries[i].number);

		printf("  %-25s %llu\n", exit ? exit->name : "?",
		       (unsigned long long)between.entries[i].count);
	}
	return 0;
}
