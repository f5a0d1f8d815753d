// SPDX-License-Identifier: MIT
/* What a detail is about, as text, and what the manuals call it. */
#include <stdio.h>

#include "exitstat.h"

/* The exit numbers that have details. */
static const struct {
	uint32_t numbering;
	uint32_t number;
	enum exitstat_kind kind;
} kinds[] = {
	{ EXITSTAT_NUMBERING_VMX, 0, EXITSTAT_KIND_EXCEPTION },
	{ EXITSTAT_NUMBERING_VMX, 1, EXITSTAT_KIND_INTERRUPT },
	{ EXITSTAT_NUMBERING_VMX, 10, EXITSTAT_KIND_CPUID },
	{ EXITSTAT_NUMBERING_VMX, 18, EXITSTAT_KIND_HYPERCALL },
	{ EXITSTAT_NUMBERING_VMX, 28, EXITSTAT_KIND_CONTROL },
	{ EXITSTAT_NUMBERING_VMX, 30, EXITSTAT_KIND_PORT },
	{ EXITSTAT_NUMBERING_VMX, 31, EXITSTAT_KIND_MSR },
	{ EXITSTAT_NUMBERING_VMX, 32, EXITSTAT_KIND_MSR },
	{ EXITSTAT_NUMBERING_VMX, 48, EXITSTAT_KIND_MEMORY },
	{ EXITSTAT_NUMBERING_VMX, 49, EXITSTAT_KIND_MEMORY },
	{ EXITSTAT_NUMBERING_VMX, 84, EXITSTAT_KIND_MSR },
	{ EXITSTAT_NUMBERING_VMX, 85, EXITSTAT_KIND_MSR },
	{ EXITSTAT_NUMBERING_SVM, 0x72, EXITSTAT_KIND_CPUID },
	{ EXITSTAT_NUMBERING_SVM, 0x7b, EXITSTAT_KIND_PORT },
	{ EXITSTAT_NUMBERING_SVM, 0x7c, EXITSTAT_KIND_MSR },
	{ EXITSTAT_NUMBERING_SVM, 0x81, EXITSTAT_KIND_HYPERCALL },
	{ EXITSTAT_NUMBERING_SVM, 0x400, EXITSTAT_KIND_MEMORY },
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum exitstat_kind exitstat_detail_kind(uint32_t numbering, uint32_t number)
{
	size_t i;

	for (i = 0; i < LENGTH(kinds); i++) {
		if (kinds[i].numbering == numbering && kinds[i].number == number)
			return kinds[i].kind;
	}
	return EXITSTAT_KIND_NONE;
}

static int ram_name(uint64_t detail, char *text, size_t size)
{
	static const char * const accesses[] = {
		"", " read", " write", " read, write", " execute", " read, execute",
		" write, execute", " read, write, execute",
	};

	return snprintf(text, size, "ram%s", accesses[detail & 7]);
}

static int control_name(uint64_t detail, char *text, size_t size)
{
	unsigned int reg = detail & 0xf;

	switch (detail >> 4 & 3) {
	case 0:
		return snprintf(text, size, "to cr%u", reg);
	case 1:
		return snprintf(text, size, "from cr%u", reg);
	case 2:
		return snprintf(text, size, "clts");
	}
	return snprintf(text, size, "lmsw");
}

size_t exitstat_detail_name(uint32_t numbering, uint32_t number, uint64_t detail, char *text,
			    size_t size)
{
	uint32_t low = (uint32_t)detail;
	int length;

	if (detail == EXITSTAT_DETAIL_REST)
		return (size_t)snprintf(text, size, "rest");
	switch (exitstat_detail_kind(numbering, number)) {
	case EXITSTAT_KIND_PORT:
		length = snprintf(text, size, "%s 0x%x", low & EXITSTAT_DETAIL_IN ? "in" : "out",
				  low & 0xffff);
		break;
	case EXITSTAT_KIND_MSR:
		length = snprintf(text, size, "%s 0x%x",
				  detail & EXITSTAT_DETAIL_WRITE ? "wrmsr" : "rdmsr", low);
		break;
	case EXITSTAT_KIND_CPUID:
		length = snprintf(text, size, "cpuid 0x%x", low);
		break;
	case EXITSTAT_KIND_HYPERCALL:
		length = snprintf(text, size, "call 0x%llx", (unsigned long long)detail);
		break;
	case EXITSTAT_KIND_MEMORY:
		length = detail & EXITSTAT_DETAIL_MMIO ?
			 snprintf(text, size, "mmio 0x%llx",
				  (unsigned long long)(detail & ~EXITSTAT_DETAIL_MMIO)) :
			 ram_name(detail, text, size);
		break;
	case EXITSTAT_KIND_CONTROL:
		length = control_name(detail, text, size);
		break;
	case EXITSTAT_KIND_EXCEPTION:
		length = snprintf(text, size, "exception %u", low & 0xff);
		break;
	case EXITSTAT_KIND_INTERRUPT:
		length = snprintf(text, size, "vector %u", low & 0xff);
		break;
	default:
		length = snprintf(text, size, "0x%llx", (unsigned long long)detail);
	}
	return (size_t)length;
}

struct term {
	uint64_t first;
	uint64_t last;
	const char *name;
};

#define TERM(first, last, name) { first, last, name },
#define TERMS_MSR
static const struct term msrs[] = {
#include "detail_terms.h"
};

#define TERM(first, last, name) { first, last, name },
#define TERMS_CPUID
static const struct term leaves[] = {
#include "detail_terms.h"
};

#define TERM(first, last, name) { first, last, name },
#define TERMS_PORT
static const struct term ports[] = {
#include "detail_terms.h"
};

#define TERM(first, last, name) { first, last, name },
#define TERMS_MMIO
static const struct term addresses[] = {
#include "detail_terms.h"
};

#define TERM(first, last, name) { first, last, name },
#define TERMS_HYPERCALL
static const struct term hypercalls[] = {
#include "detail_terms.h"
};

#define TERM(first, last, name) { first, last, name },
#define TERMS_EXCEPTION
static const struct term exceptions[] = {
#include "detail_terms.h"
};

#define TERM(first, last, name) { first, last, name },
#define TERMS_INTERRUPT
static const struct term interrupts[] = {
#include "detail_terms.h"
};

#define TABLE(terms) { terms, LENGTH(terms) }

static const struct {
	const struct term *terms;
	size_t nr;
} tables[] = {
	[EXITSTAT_KIND_PORT] = TABLE(ports), [EXITSTAT_KIND_MSR] = TABLE(msrs),
	[EXITSTAT_KIND_CPUID] = TABLE(leaves), [EXITSTAT_KIND_HYPERCALL] = TABLE(hypercalls),
	[EXITSTAT_KIND_MEMORY] = TABLE(addresses), [EXITSTAT_KIND_EXCEPTION] = TABLE(exceptions),
	[EXITSTAT_KIND_INTERRUPT] = TABLE(interrupts), [EXITSTAT_KIND_CONTROL] = { NULL, 0 },
};

uint64_t exitstat_detail_value(uint32_t numbering, uint32_t number, uint64_t detail)
{
	switch (exitstat_detail_kind(numbering, number)) {
	case EXITSTAT_KIND_PORT:
		return detail & 0xffff;
	case EXITSTAT_KIND_MSR:
	case EXITSTAT_KIND_CPUID:
		return (uint32_t)detail;
	case EXITSTAT_KIND_MEMORY:
		return detail & ~EXITSTAT_DETAIL_MMIO;
	case EXITSTAT_KIND_EXCEPTION:
	case EXITSTAT_KIND_INTERRUPT:
		return detail & 0xff;
	default:
		return detail;
	}
}

const char *exitstat_detail_term(uint32_t numbering, uint32_t number, uint64_t detail)
{
	enum exitstat_kind kind = exitstat_detail_kind(numbering, number);
	uint64_t value = exitstat_detail_value(numbering, number, detail);
	size_t i;

	if (detail == EXITSTAT_DETAIL_REST)
		return NULL;
	/* What is no device's address is a kind of access. */
	if (kind == EXITSTAT_KIND_MEMORY && !(detail & EXITSTAT_DETAIL_MMIO))
		return NULL;
	for (i = 0; i < tables[kind].nr; i++) {
		if (value >= tables[kind].terms[i].first && value <= tables[kind].terms[i].last)
			return tables[kind].terms[i].name;
	}
	return NULL;
}
