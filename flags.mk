# SPDX-License-Identifier: MIT
# How a room compiles C, where it puts what it builds, and how it is tested alone: included by the Makefile of each.

.DEFAULT_GOAL := all

TOP := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
BUILD ?= $(TOP)/build
override BUILD := $(abspath $(BUILD))

CFLAGS ?= -O2 -g
WARNINGS := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2
COMPILE = $(CC) $(WARNINGS) $(HARDENING) -I$(TOP)/include $(CPPFLAGS) $(CFLAGS) -MMD -MP

# make install DESTDIR=... PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SHARE = $(DESTDIR)$(PREFIX)/share

# One for all programs, as each package brings its own.
define install_completion
install -D -m 644 $(TOP)/tools/completion/exitstat.bash $(SHARE)/bash-completion/completions/$(1)
	install -D -m 644 $(TOP)/tools/completion/_exitstat $(SHARE)/zsh/vendor-completions/_$(1)
endef

# make -C ROOM test: its unit tests, which its Makefile names.
.PHONY: test
test:
	@$(TOP)/tests/run $(TESTS)
