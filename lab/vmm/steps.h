/* SPDX-License-Identifier: MIT */
/* Steps between the command line, the guest and the output. */
#ifndef LAB_VMM_STEPS_H
#define LAB_VMM_STEPS_H

#include <stdbool.h>

#include "vmm.h"

/* Print `vmm: ` and the message, and end the whole process. */
void die(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

bool parse_number(const char *text, unsigned long *value);

/* The names and numbers are those of the vendor of the CPU this runs on. */
bool cpu_is_amd(void);

/* `kinds', `numbers' or `leaves'; false if there is no such list. */
bool print_list(const char *what);

/* Parse the words and append to steps; die if there are none. */
void parse_steps(char **words);

/* Print one line with the result of step s on a vCPU, if it has one. */
void print_step(unsigned long vcpu, const struct step *s, char *memory);

/* An OP_DONE follows the last one. */
extern struct step steps[VMM_MAX_STEPS];
extern unsigned int step_count;
extern const char steps_help[];

/* The guest's code that takes the steps (image.S), in long, protected and real mode. */
extern const char payload[], payload_end[];
extern const char payload32[], payload32_end[];
extern const char payload16[], payload16_end[];

#endif /* LAB_VMM_STEPS_H */
