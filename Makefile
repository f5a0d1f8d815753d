# SPDX-License-Identifier: MIT
# A dispatcher and nothing more: each room knows how to build itself.

# The distribution kernel to build for; empty: the current one of the default series.
KERNEL ?=
MACHINE ?= amd
CARRIER ?= attached

.DEFAULT_GOAL := help
.PHONY: help demo study test bench soak attach guest-module modules upstream-series tools static deb lab lint clean

help: ## say what can be typed
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

demo: ## boot a host and a guest, let the guest say what it costs in exits [MACHINE=amd|intel] [CARRIER=attached|patched]
	@lab/demo --machine $(MACHINE) --carrier $(CARRIER)

study: ## boot, reboot and work in a whole Debian, and say what each cost in exits; a quarter of an hour, as root
	@lab/study/run

test: ## run every test that takes minutes
	@tests/run

bench: ## what an exit costs, beside other ways to count exits [HARDWARE=1: on this machine]
	@bench/run $(if $(HARDWARE),--hardware) $(if $(KERNEL),--kernel $(KERNEL))

soak: ## run the long tests
	@tests/run --soak

attach: ## build exitstat_attach.ko, which works beside the distribution's KVM [KERNEL=release | HEADERS=directory]
	@kvm/attached/build $(or $(HEADERS),$(KERNEL))

guest-module: ## build exitstat_pmu.ko, exits as events of perf, for a guest's kernel [KERNEL=release | HEADERS=directory]
	@guest/build $(or $(HEADERS),$(KERNEL))

modules: ## build kvm.ko, kvm-intel.ko, kvm-amd.ko for a distribution kernel, or for a tree of your own
modules: ## ... [KERNEL=release] or [SOURCE=tree [HEADERS=its build directory, if that is another one]]
	@kvm/patched/build $(if $(SOURCE),--source $(SOURCE) $(HEADERS),$(KERNEL))

upstream-series: ## write the change as mails for upstream's trees, into build/upstream [SERIES=7.3]
	@kvm/patched/upstream $(SERIES)

tools: ## build libexitstat and exitstat
	@$(MAKE) --no-print-directory -C lib all
	@$(MAKE) --no-print-directory -C tools

static: ## build exitstat as one static file, for any guest, without top and the page [BITS=32] [CC=musl-gcc]
	@$(MAKE) --no-print-directory -C tools/exitstat static

deb: ## build the Debian packages into build/deb
	@packaging/deb

lab: ## a shell in an emulated host with our KVM [MACHINE=amd|intel]
	@lab/run --machine $(MACHINE) --shell

lint: ## checkpatch, sparse, compiler warnings, cppcheck, shellcheck, man pages, spelling
	@tests/lint

clean: ## remove build/ (the downloads in ~/.cache/exitstat stay)
	rm -rf build
