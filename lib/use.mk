# SPDX-License-Identifier: MIT
# How another room links the library: included behind flags.mk.

LIBRARIES := $(BUILD)/libexitstat-qmp.a $(BUILD)/libexitstat.a

$(LIBRARIES) &: FORCE
	@$(MAKE) --no-print-directory -C $(TOP)/lib BUILD=$(BUILD) $(LIBRARIES)

.PHONY: FORCE
