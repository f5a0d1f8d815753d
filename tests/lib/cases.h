/* SPDX-License-Identifier: MIT */
/* The cases of a test in C: a function that says whether a sentence holds. */
#ifndef CASES_H
#define CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct test_case {
	bool (*holds)(void);
	const char *sentence;
};

/* Print KTAP.  Returns the exit status. */
static inline int run_cases(const struct test_case *cases, size_t nr)
{
	size_t i, failed = 0;

	printf("KTAP version 1\n1..%zu\n", nr);
	for (i = 0; i < nr; i++) {
		bool holds = cases[i].holds();

		printf("%s %zu %s\n", holds ? "ok" : "not ok", i + 1, cases[i].sentence);
		failed += !holds;
	}
	return failed != 0;
}

#endif /* CASES_H */
