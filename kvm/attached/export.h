/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core exports for the modules of a vendor, the attached module keeps
 * to itself: an older kernel needs no word for it.  Included by the Kbuild.
 */
#include <linux/kvm_types.h>

#ifndef EXPORT_SYMBOL_FOR_KVM_INTERNAL
#define EXPORT_SYMBOL_FOR_KVM_INTERNAL(symbol)
#endif
