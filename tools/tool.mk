# SPDX-License-Identifier: MIT
# What exitstat and exitstat-export are both built with: the library, and the shared code in command/.

include $(dir $(lastword $(MAKEFILE_LIST)))../flags.mk

VERSION := 0.1

OBJ := $(BUILD)/tools
CPPFLAGS += -DVERSION='"$(VERSION)"' -I$(TOP)/lib -I$(TOP)/tools
COMMAND := $(patsubst %,$(OBJ)/command/%.o,options say numbers vendor clean)

include $(TOP)/lib/use.mk

.PHONY: all install

$(OBJ)/%.o: $(TOP)/tools/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(COMPILE) -c -o $@ $<

-include $(wildcard $(OBJ)/*/*.d $(OBJ)/*/*/*.d)
