/* SPDX-License-Identifier: MIT */
/* Disturb the vCPUs at random, while they may be disturbed. */
#ifndef LAB_VMM_DISTURB_H
#define LAB_VMM_DISTURB_H

/* Begin, once all options are known.  Without it the others do nothing. */
void disturb_begin(unsigned long seed);

/* On the thread of the vCPU: it may be disturbed, until it is calm again. */
void disturb_stir(unsigned long vcpu);

/* The last vCPU that calms down finds the module's parameter at its default. */
void disturb_calm(unsigned long vcpu);

/* On the thread of the vCPU, outside KVM_RUN: a place to sleep at. */
void disturb_here(unsigned long vcpu);

#endif /* LAB_VMM_DISTURB_H */
