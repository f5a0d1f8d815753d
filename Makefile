# SPDX-License-Identifier: MIT
# Only a dispatcher: each directory can be built by itself.

# The distribution kernel to build for; if empty, the newest one of the default series.
KERNEL ?=
MACHINE ?= amd
CARRIER ?= attached

# On Debian, install what a target needs and this machine lacks; elsewhere, that is up to you.
need = @! command -v apt-get >/dev/null || packaging/need

.DEFAULT_GOAL := help
.PHONY: help demo study test bench soak attach guest-module modules upstream-series tools static deb lab lint clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

demo: ## boot a host and a guest, and let the guest read its own exits [MACHINE=amd|intel] [CARRIER=attached|patched]
	@lab/demo --machine $(MACHINE) --carrier $(CARRIER)

lab: ## open a shell on such a host [MACHINE=amd|intel] [CARRIER=attached|patched]
	@lab/demo --machine $(MACHINE) --carrier $(CARRIER) --shell

study: ## count the exits of a whole Debian that boots, reboots and works; takes a quarter of an hour, as root
	@lab/study/run

test: ## run all tests but the long ones; takes some 20 minutes, as root [AGAIN=1: files that fail run once more]
	@tests/run $(if $(AGAIN),--again)

bench: ## measure what counting adds to an exit, compared with other tools [KERNEL=release] [HARDWARE=1: on this machine]
	@bench/run $(if $(HARDWARE),--hardware) $(if $(KERNEL),--kernel $(KERNEL))

soak: ## run the long tests
	@tests/run --soak

attach: ## build exitstat_attach.ko, the module beside the distribution's KVM [KERNEL=release | SOURCE=built tree | HEADERS=build directory]
	@kvm/attached/build $(or $(abspath $(or $(HEADERS),$(SOURCE))),$(KERNEL))

guest-module: ## build exitstat_pmu.ko, which makes exits perf events in a guest [KERNEL=release | SOURCE=built tree | HEADERS=build directory]
	@guest/build $(or $(abspath $(or $(HEADERS),$(SOURCE))),$(KERNEL))

modules: ## build kvm.ko, kvm-intel.ko, kvm-amd.ko for a distribution kernel or for your own tree
modules: ## ... [KERNEL=release] or [SOURCE=tree [HEADERS=its build directory, if that is elsewhere]]
	@kvm/patched/build $(if $(SOURCE),--source $(SOURCE) $(HEADERS),$(KERNEL))

upstream-series: ## write the change as mails for the KVM list, in build/upstream [SERIES=7.3]
	@kvm/patched/upstream $(SERIES)

tools: ## build the library and the tools; V=1 prints the commands
	$(need) tools
	@$(MAKE) --no-print-directory -C lib all
	@$(MAKE) --no-print-directory -C tools

static: ## build exitstat as one static file for any guest, without top, diff and HTML [BITS=32] [CC=musl-gcc]
	$(need) static $(if $(filter 32,$(BITS)),+gcc-multilib) $(if $(filter musl-gcc,$(CC)),+musl-tools)
	@$(MAKE) --no-print-directory -C tools/exitstat static

deb: ## build the Debian packages in build/deb
	@packaging/deb

lint: ## run checkpatch, sparse, W=1, cppcheck, shellcheck, mandoc, codespell
	@tests/lint

clean: ## remove build/ (the downloads in ~/.cache/exitstat stay)
	rm -rf build
