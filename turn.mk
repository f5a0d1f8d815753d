# SPDX-License-Identifier: MIT
# The GNUmakefile of a directory that two may build at once, as both lanes of the tests do, and `make tools` beside them:
# one waits until the other is done, for both write the same files.  What is built is in the Makefile there.

turn = +@flock . $(MAKE) --no-print-directory -f Makefile $@

.PHONY: all FORCE
all: ; $(turn)
%: FORCE ; $(turn)

# Not made from anything, whatever the rule above says.
$(MAKEFILE_LIST): ;
