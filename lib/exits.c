// SPDX-License-Identifier: MIT
/* The names of exits, from the tables in include/. */
#include "exitstat.h"

#define EXITSTAT_EXIT(number, name, words) { number, name, words },
static const struct exitstat_exit vmx_exits[] = {
#include <exitstat/vmx_exits.h>
};

#define EXITSTAT_EXIT(number, name, words) { number, name, words },
static const struct exitstat_exit svm_exits[] = {
#include <exitstat/svm_exits.h>
};

static const struct exitstat_exit other_exit = {
	EXITSTAT_OTHER, "other", "a number that this KVM does not know",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

const struct exitstat_exit *exitstat_exit_at(uint32_t numbering, size_t i)
{
	if (numbering == EXITSTAT_NUMBERING_VMX)
		return i < LENGTH(vmx_exits) ? &vmx_exits[i] : NULL;
	if (numbering == EXITSTAT_NUMBERING_SVM)
		return i < LENGTH(svm_exits) ? &svm_exits[i] : NULL;
	return NULL;
}

const struct exitstat_exit *exitstat_exit_find(uint32_t numbering, uint32_t number)
{
	const struct exitstat_exit *exit;
	size_t i;

	if (number == EXITSTAT_OTHER)
		return &other_exit;
	for (i = 0; (exit = exitstat_exit_at(numbering, i)); i++) {
		if (exit->number == number)
			return exit;
	}
	return NULL;
}

uint32_t exitstat_exit_cpuid(uint32_t numbering)
{
	return numbering == EXITSTAT_NUMBERING_VMX ? 10 : 0x72;
}
