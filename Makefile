# SPDX-License-Identifier: BSD-3-Clause
# The front door: every target forwards to Meson or to the test rig, tests/guest/rig. `make` alone
# lists the targets.
#   make check            everything: builds, native tests, guests (GUESTS=no leaves those out)
#   make coverage         what the unit tests reach of lib/tce (report: build/coverage/report)
#   make mutate           is each guard, comparison, error return of lib/tce held by a test (ARGS=)?
#   make demo             testpmd over libtce in a guest; DEV=<PCI address>: on this POWER machine
#   make bench            what it costs, beside its peers: table and plots (ARGS=PART ...)
#   make soak             10 million model-checked operations on each profile (ARGS=... as soak.c)
#   make lost-pages       kill programs in their traffic, and count the pages (ARGS=--kills 100 ...)
#   make guest            a shell in a guest (MACHINE=lpar or p9, ARGS=... as tests/guest/rig shell)
#   make conform          what kernels do beside what the model of them does, on every machine
#   make build            all builds, nothing run
#   make setup            only fetch what these need
#   make clean            remove the builds; what was fetched stays in the cache
GUESTS ?= yes
MACHINE ?= lpar
SETUP = tests/guest/rig setup $(if $(filter no,$(GUESTS)),--no-guests)

help:
	@sed -n 's/^#   //p' Makefile

setup:
	@$(SETUP)

build: setup
	@python3 -B tests/check.py --build-only

check: setup
	@GUESTS=$(GUESTS) python3 -B tests/check.py $(ARGS)

bench:
	@$(SETUP) --bench
	@python3 -B tests/check.py --build-only --only native-gcc --only ppc64le-gcc
	@LIBTCE_NO_BUILD=1 python3 -B tests/bench/bench.py $(ARGS)

coverage:
	@tests/guest/rig setup --no-guests
	@python3 -B tests/check.py --build-only --only coverage
	@python3 -B tests/mutate/coverage.py

soak:
	@tests/guest/rig setup --no-guests
	@python3 -B tests/check.py --build-only --only native-gcc
	@build/native-gcc/tests/program/program soak $(ARGS)

mutate:
	@tests/guest/rig setup --no-guests
	@python3 -B tests/mutate/mutate.py $(ARGS)

lost-pages: setup
	@python3 -B tests/check.py --build-only --only native-gcc --only ppc64le-gcc
	@LIBTCE_NO_BUILD=1 python3 -B tests/guest/lost_pages.py $(ARGS)

guest: setup
	@python3 -B tests/check.py --build-only --only ppc64le-gcc
	@tests/guest/rig shell $(MACHINE) $(ARGS)

conform:
	@$(SETUP) --conform
	@python3 -B tests/check.py --build-only --only native-gcc --only ppc64le-gcc
	@python3 -B tests/guest/conformance.py $(ARGS)

PLUGIN = build/native-gcc/drivers/attach/librte_net_tce_attach.so
ifdef DEV
demo:
	@tests/guest/rig setup --no-guests
	@python3 -B tests/check.py --build-only --only native-gcc
	@TCE_PLUGIN=$(CURDIR)/$(PLUGIN) tests/guest/hardware $(DEV)
else
demo: setup
	@python3 -B tests/check.py --build-only --only native-gcc --only ppc64le-gcc
	@python3 -B tests/guest/demo.py $(ARGS)
endif

clean:
	rm -rf build

.PHONY: help setup build check conform soak coverage mutate bench guest demo clean lost-pages
