/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Defines EXPORT_SYMBOL_FOR_KVM_INTERNAL() for kernels that lack it: the core
 * exports symbols to the vendor modules, the attached module exports nothing.
 * Included by the Kbuild.
 */
#include <linux/kvm_types.h>

#ifndef EXPORT_SYMBOL_FOR_KVM_INTERNAL
#define EXPORT_SYMBOL_FOR_KVM_INTERNAL(symbol)
#endif
