# SPDX-License-Identifier: MIT
# What exitstat and exitstat-export are built with: the library, and what both share in command/.

include $(dir $(lastword $(MAKEFILE_LIST)))../flags.mk

VERSION := 0.1

OBJ := $(BUILD)/tools
CPPFLAGS += -DVERSION='"$(VERSION)"' -I$(TOP)/lib -I$(TOP)/tools
LIBRARIES := $(BUILD)/libexitstat-qmp.a $(BUILD)/libexitstat.a
COMMAND := $(patsubst %,$(OBJ)/command/%.o,options say numbers vendor clean)

all:

$(LIBRARIES) &: FORCE
	@$(MAKE) --no-print-directory -C $(TOP)/lib BUILD=$(BUILD) archives

.PHONY: all install FORCE

$(OBJ)/%.o: $(TOP)/tools/%.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

-include $(wildcard $(OBJ)/*/*.d $(OBJ)/*/*/*.d)
