// SPDX-License-Identifier: MIT
/* The VMM's actions between two KVM_RUNs; rax tells how many cycles one took. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "host.h"

#define LOOK_EVERY_US	1000

static void sleep_ms(unsigned long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void do_sleep(struct vcpu *v, struct step *s)
{
	(void)v;
	sleep_ms(s->n);
}

static unsigned long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void do_spin(struct vcpu *v, struct step *s)
{
	unsigned long end = now_ms() + s->n;

	(void)v;
	while (now_ms() < end)
		;
}

/* Like KVM_RUN, these load and put the vCPU. */
static void do_ioctls(struct vcpu *v, struct step *s)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	for (unsigned long i = 0; i < s->n; i++) {
		if (ioctl(v->fd, KVM_GET_REGS, &regs) || ioctl(v->fd, KVM_GET_SREGS, &sregs))
			die(1, "reading the registers of vCPU %lu: %s", v->index, strerror(errno));
	}
}

/* Not before the guest has gone on: from then on only an interrupt takes it out of guest mode. */
static void *kick_later(void *arg)
{
	struct vcpu *v = arg;
	struct step *s = v->kicked;

	while (s && !__atomic_load_n(&s->rcx, __ATOMIC_ACQUIRE))
		usleep(LOOK_EVERY_US);
	pthread_kill(v->thread, SIGUSR1);
	return NULL;
}

/* In guest mode, the guest waits for after_signal(). */
static void do_kick(struct vcpu *v, struct step *s)
{
	pthread_t thread;

	v->kicked = s;
	if (pthread_create(&thread, NULL, kick_later, v) || pthread_detach(thread))
		die(1, "no thread to kick vCPU %lu", v->index);
}

void after_signal(struct vcpu *v)
{
	struct step *s = v->kicked;
	unsigned long start = __rdtsc();

	if (!s)
		return;
	v->kicked = NULL;
	sleep_ms(s->n);
	s->rax = __rdtsc() - start;
	__atomic_store_n(&s->rdx, 1, __ATOMIC_RELEASE);
}

/* How QEMU stops a vCPU: a KVM_RUN that only completes pending work. */
static void do_immediate(struct vcpu *v, struct step *s)
{
	v->run->immediate_exit = 1;
	if (!ioctl(v->fd, KVM_RUN, 0) || errno != EINTR)
		die(1, "an immediate exit of vCPU %lu: %s", v->index, strerror(errno));
	v->run->immediate_exit = 0;
	v->outside_cycles[0] += __rdtsc() - v->left_tsc;
	v->left_tsc = __rdtsc();
	sleep_ms(s->n);
	s->rax = __rdtsc() - v->left_tsc;
}

/* What the VMM itself has measured so far. */
static void do_tally(struct vcpu *v, struct step *s)
{
	s->rax = v->outside_cycles[0] + __rdtsc() - v->left_tsc;
	s->rbx = v->outside_cycles[1];
	s->rcx = v->returns[0];
	s->rdx = v->returns[1];
}

static void do_stats(struct vcpu *v, struct step *s)
{
	(void)s;
	print_host_side(v);
}

#define ACTION(name) do_##name,
static void (*const actions[])(struct vcpu *v, struct step *s) = { VMM_ACTIONS };
#undef ACTION

void do_step(struct vcpu *v, struct step *s)
{
	unsigned long start = __rdtsc();

	s->rax = 0;
	actions[s->kind](v, s);
	if (!s->rax)
		s->rax = __rdtsc() - start;
}
