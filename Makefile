# SPDX-License-Identifier: MIT
# A dispatcher and nothing more: each room knows how to build itself.

# The distribution kernel to build for; empty: the current one of the default series.
KERNEL ?=
MACHINE ?= amd

.DEFAULT_GOAL := help
.PHONY: help demo test bench soak modules tools lab lint clean

help: ## say what can be typed
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

demo: ## boot a host and a guest, print what the guest's boot cost in exits [MACHINE=amd|intel]
	@lab/demo --machine $(MACHINE)

test: ## run every test that takes minutes
	@tests/run

bench: ## what an exit costs, beside other ways to count exits [HARDWARE=1: on this machine]
	@bench/run $(if $(HARDWARE),--hardware) $(if $(KERNEL),--kernel $(KERNEL))

soak: ## run the long tests
	@tests/run --soak

modules: ## build kvm.ko, kvm-intel.ko, kvm-amd.ko for a distribution kernel [KERNEL=release]
	@kvm/build $(KERNEL)

tools: ## build libexitstat and exitstat
	@$(MAKE) --no-print-directory -C cli

lab: ## a shell in an emulated host with our KVM [MACHINE=amd|intel]
	@lab/run --machine $(MACHINE) --shell

lint: ## checkpatch, shellcheck, compiler warnings, spelling
	@tests/lint

clean: ## remove build/ (the downloads in ~/.cache/exitstat stay)
	rm -rf build
