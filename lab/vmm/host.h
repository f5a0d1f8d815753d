/* SPDX-License-Identifier: MIT */
/* What the files of the VMM share. */
#ifndef LAB_VMM_HOST_H
#define LAB_VMM_HOST_H

#include <pthread.h>
#include <linux/kvm.h>

#include "steps.h"

struct vcpu {
	int fd;
	unsigned long index;
	struct kvm_run *run;
	pthread_t thread;
	unsigned long left_tsc;		/* when KVM_RUN returned */
	unsigned long outside_cycles[2];	/* between two KVM_RUNs; [1]: after a signal */
	unsigned long returns[2];
	struct step *kicked;		/* the step that waits for a signal */
};

/* Take the step that the guest hands to its VMM (actions.c). */
void do_step(struct vcpu *v, struct step *s);

/* Print what debugfs and KVM's statistics tell about the vCPU (stats.c). */
void print_host_side(struct vcpu *v);

/* KVM_RUN returned because of a signal. */
void after_signal(struct vcpu *v);

#endif /* LAB_VMM_HOST_H */
