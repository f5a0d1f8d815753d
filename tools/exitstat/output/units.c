// SPDX-License-Identifier: MIT
/* Numbers for people, in columns of fixed width. */
#include <stdio.h>

#include "command/vendor.h"
#include "exitstat.h"
#include "output/units.h"

/* Seven columns, with as many decimals as fit, at most three. */
static const char *text_scaled(char text[TEXT_SIZE], double value, const char *unit)
{
	int decimals = value < 999.9995 ? 3 : value < 9999.995 ? 2 : value < 99999.95 ? 1 : 0;

	snprintf(text, TEXT_SIZE, "%7.*f %2s", decimals, value, unit);
	return text;
}

static const char *text_cycles(char text[TEXT_SIZE], double cycles)
{
	if (cycles < 1e3)
		return text_scaled(text, cycles, "c");
	if (cycles < 1e6)
		return text_scaled(text, cycles / 1e3, "kc");
	if (cycles < 1e9)
		return text_scaled(text, cycles / 1e6, "Mc");
	return text_scaled(text, cycles / 1e9, "Gc");
}

const char *text_ns(char text[TEXT_SIZE], double ns)
{
	if (ns < 1e3)
		return text_scaled(text, ns, "ns");
	if (ns < 1e6)
		return text_scaled(text, ns / 1e3, "us");
	if (ns < 1e9)
		return text_scaled(text, ns / 1e6, "ms");
	return text_scaled(text, ns / 1e9, "s");
}

const char *text_time(char text[TEXT_SIZE], const struct exitstat_description *desc, double cycles)
{
	if (!desc->tsc_khz)
		return text_cycles(text, cycles);
	return text_ns(text, cycles * 1e6 / desc->tsc_khz);
}

struct unit unit_for(const struct exitstat_description *desc, double largest_cycles)
{
	static const struct {
		const char *time;
		const char *cycles;
	} names[] = { { "us", "kc" }, { "ms", "Mc" }, { "s", "Gc" } };
	/* Cycles in a microsecond, or a thousand of them. */
	struct unit unit = { .cycles = desc->tsc_khz ? desc->tsc_khz / 1e3 : 1e3 };
	size_t i = 0;

	while (i < 2 && largest_cycles / unit.cycles >= 1e5) {
		unit.cycles *= 1e3;
		i++;
	}
	unit.name = desc->tsc_khz ? names[i].time : names[i].cycles;
	return unit;
}

const char *text_in(char text[TEXT_SIZE], const struct unit *unit, double cycles)
{
	if (cycles < 0)
		snprintf(text, TEXT_SIZE, "%10s", "-");
	else
		snprintf(text, TEXT_SIZE, "%10.3f", cycles / unit->cycles);
	return text;
}

const char *text_head(char text[TEXT_SIZE], const char *what, const struct unit *unit)
{
	char name[TEXT_SIZE];

	snprintf(name, sizeof(name), "%.20s(%.2s)", what, unit->name);
	snprintf(text, TEXT_SIZE, "%10s", name);
	return text;
}

char *text_unpad(char text[TEXT_SIZE])
{
	const char *from = text;
	char *to = text;

	for (; *from; from++) {
		if (*from != ' ' || (to != text && to[-1] != ' '))
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

const char *text_share(char text[TEXT_SIZE], double part, double whole)
{
	if (whole > 0)
		snprintf(text, TEXT_SIZE, "%6.1f", 100 * part / whole);
	else
		snprintf(text, TEXT_SIZE, "%6s", "-");
	return text;
}
