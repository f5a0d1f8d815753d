# SPDX-License-Identifier: MIT
# How other directories link the library; included after flags.mk.

LIBRARIES := $(BUILD)/libexitstat-qmp.a $(BUILD)/libexitstat.a

LIBRARY_GOAL := archives

$(LIBRARIES) &: FORCE
	@$(MAKE) --no-print-directory -C $(TOP)/lib BUILD=$(BUILD) $(LIBRARY_GOAL)

.PHONY: FORCE
