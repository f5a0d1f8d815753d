// SPDX-License-Identifier: MIT
/*
 * What a busy host does to a VM: signals that end KVM_RUN, pauses, moves between
 * CPUs, a parameter that root changes, a slow VMM.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disturb.h"
#include "steps.h"

/* The parameter of the module that counts: the attached one, or KVM itself. */
#define ATTACHED	"/sys/module/exitstat_attach/parameters/guest_exit_stats"
#define PATCHED		"/sys/module/kvm/parameters/guest_exit_stats"
#define REST_US		4000
#define PAUSE_US	5000
#define NAP_US		300
#define NAP_EVERY	32
#define VICTIMS		8	/* fewer vCPUs are disturbed less often, more are not disturbed */

static struct victim {
	pthread_t thread;
	bool stirred;
	unsigned int random;
	volatile unsigned int pause_us;
} victims[VMM_MAX_VCPUS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* stirred, and the parameter */
static unsigned int stirred;
static unsigned long first_seed;
static bool begun;
static int parameter = -1;

static void write_parameter(char value)
{
	if (pwrite(parameter, &value, 1, 0) != 1)
		die(1, "writing '%c' to the parameter guest_exit_stats failed", value);
}

static void move(const struct victim *v, unsigned int random)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(random % cpus, &set);
	if (pthread_setaffinity_np(v->thread, sizeof(set), &set))
		die(1, "moving a vCPU to CPU %ld failed", random % cpus);
}

/* If the parameter cannot be changed, leave it. */
static void act(unsigned int *random)
{
	struct victim *v = &victims[rand_r(random) % VICTIMS];

	if (!v->stirred)
		return;
	switch (rand_r(random) % 4) {
	case 0:
		v->pause_us = 1 + rand_r(random) % PAUSE_US;
		pthread_kill(v->thread, SIGUSR1);
		break;
	case 1:
		pthread_kill(v->thread, SIGUSR1);
		break;
	case 2:
		move(v, rand_r(random));
		break;
	case 3:
		if (parameter >= 0)
			write_parameter('0' + rand_r(random) % 3);
		break;
	}
}

static void *disturb(void *arg)
{
	unsigned int random = first_seed;

	(void)arg;
	for (;;) {
		pthread_mutex_lock(&lock);
		act(&random);
		pthread_mutex_unlock(&lock);
		usleep(1 + rand_r(&random) % REST_US);
	}
	return NULL;
}

void disturb_begin(unsigned long seed)
{
	pthread_t thread;

	begun = true;
	first_seed = seed;
	parameter = open(ATTACHED, O_WRONLY | O_CLOEXEC);
	if (parameter < 0)
		parameter = open(PATCHED, O_WRONLY | O_CLOEXEC);
	if (pthread_create(&thread, NULL, disturb, NULL))
		die(1, "no thread to disturb the vCPUs");
}

void disturb_stir(unsigned long vcpu)
{
	struct victim *v = &victims[vcpu];

	pthread_mutex_lock(&lock);
	v->thread = pthread_self();
	v->random = first_seed + vcpu;
	v->stirred = begun;
	stirred++;
	pthread_mutex_unlock(&lock);
}

void disturb_calm(unsigned long vcpu)
{
	pthread_mutex_lock(&lock);
	victims[vcpu].stirred = false;
	stirred--;
	if (!stirred && parameter >= 0)
		write_parameter('2');
	pthread_mutex_unlock(&lock);
}

void disturb_here(unsigned long vcpu)
{
	struct victim *v = &victims[vcpu];
	unsigned int pause_us = v->pause_us;

	if (!v->stirred)
		return;
	if (pause_us) {
		v->pause_us = 0;
		usleep(pause_us);
	} else if (rand_r(&v->random) % NAP_EVERY == 0) {
		usleep(rand_r(&v->random) % NAP_US);
	}
}
