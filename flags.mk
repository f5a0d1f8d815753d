# SPDX-License-Identifier: MIT
# How to compile C, where to put the result, and how to test one directory; included by the directories' Makefiles.

.DEFAULT_GOAL := all

TOP := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
BUILD ?= $(TOP)/build
override BUILD := $(abspath $(BUILD))

CFLAGS ?= -O2 -g
WARNINGS := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2
COMPILE = $(CC) $(WARNINGS) $(HARDENING) -I$(TOP)/include $(CPPFLAGS) $(CFLAGS) -MMD -MP

# Before a command: a short line in its place; nothing with -s, the command with V=1.
V ?=
SILENT := $(findstring s,$(firstword -$(MAKEFLAGS)))
say = $(if $(V)$(SILENT),$(if $(V),,@),@printf '  %-4s %s\n' $(1) $(@:$(TOP)/%=%);)

# make install DESTDIR=... PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SHARE = $(DESTDIR)$(PREFIX)/share

# The same file for each program, since each package installs its own copy.
define install_completion
install -D -m 644 $(TOP)/tools/completion/exitstat.bash $(SHARE)/bash-completion/completions/$(1)
	install -D -m 644 $(TOP)/tools/completion/_exitstat $(SHARE)/zsh/vendor-completions/_$(1)
endef

# make -C DIRECTORY test: its unit tests, which its Makefile lists.
.PHONY: test
test:
	@$(TOP)/tests/run $(TESTS)
