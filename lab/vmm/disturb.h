/* SPDX-License-Identifier: MIT */
/* Disturb the vCPUs at random, but only while that is allowed. */
#ifndef LAB_VMM_DISTURB_H
#define LAB_VMM_DISTURB_H

/* Begin, once all options are known.  Without this, the other functions do nothing. */
void disturb_begin(unsigned long seed);

/* On the vCPU's thread: allow it to be disturbed, until calm(). */
void disturb_stir(unsigned long vcpu);

/* The last vCPU that calms down finds the module's parameter at its default. */
void disturb_calm(unsigned long vcpu);

/* On the vCPU's thread, outside KVM_RUN: perhaps sleep here. */
void disturb_here(unsigned long vcpu);

#endif /* LAB_VMM_DISTURB_H */
