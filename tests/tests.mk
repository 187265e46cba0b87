# Targets that run something.  Included by the Makefile.

NODE_MODULES := tests/node_modules/.installed
$(NODE_MODULES): tests/package.json tests/package-lock.json
	cd tests && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

.PHONY: deps
deps:
	sh tools/deps.sh
	@$(MAKE) --no-print-directory $(NODE_MODULES)

.PHONY: run
run: deps all
	$(BIN)/vereda up --sandbox

# The default test build carries the sanitizers.
.PHONY: test test-busy test-api test-network unit e2e interop fault
test: deps
	$(MAKE) --no-print-directory SAN=1 -j2 all tools
	$(MAKE) --no-print-directory -j3 --output-sync=recurse test-busy test-api test-network

# Three at a time: what computes, and two that mostly wait for each other's processes.
test-busy:
	@$(MAKE) --no-print-directory SAN=1 -j2 unit
	@$(MAKE) --no-print-directory FUZZ_SECONDS=$${FUZZ_SECONDS:-4} fuzz
test-api:
	@$(MAKE) --no-print-directory SAN=1 -j1 e2e
test-network:
	@$(MAKE) --no-print-directory SAN=1 -j1 interop
	@$(MAKE) --no-print-directory SAN=1 -j1 fault

unit: $(UNIT_BIN)
	BUILD=$(BUILD) sh tests/unit/run.sh $(UNIT_BIN)

NODE_TEST := node --test --test-concurrency=1 --test-reporter=spec
e2e: all tools $(NODE_MODULES)
	VEREDA_BIN=$(abspath $(BIN)) VEREDA_TOOLS=$(abspath $(BUILD)/tools) $(NODE_TEST) tests/e2e/*.test.mjs
interop: all tools $(NODE_MODULES)
	VEREDA_BIN=$(abspath $(BIN)) VEREDA_TOOLS=$(abspath $(BUILD)/tools) $(NODE_TEST) tests/interop/*.test.mjs
fault: all tools $(NODE_MODULES)
	VEREDA_BIN=$(abspath $(BIN)) VEREDA_TOOLS=$(abspath $(BUILD)/tools) $(NODE_TEST) \
		$(filter-out $(DAY),$(wildcard tests/fault/*.test.mjs))
DAY := tests/fault/a-day.test.mjs
# A day of random faults, compressed: minutes, so not part of `make test`.  FAULT_SEED repeats one.
.PHONY: day
day: all tools $(NODE_MODULES)
	VEREDA_BIN=$(abspath $(BIN)) VEREDA_TOOLS=$(abspath $(BUILD)/tools) $(NODE_TEST) $(DAY)

# A campaign of 20,000 over three devices that are killed in turn; `make fault` does the same with 3,000.
.PHONY: campaign-proof
campaign-proof: all tools $(NODE_MODULES)
	CAMPAIGN_RECIPIENTS=$${CAMPAIGN_RECIPIENTS:-20000} VEREDA_BIN=$(abspath $(BIN)) \
		VEREDA_TOOLS=$(abspath $(BUILD)/tools) $(NODE_TEST) tests/fault/campaign.test.mjs

# ---- fuzzing: tests/fuzz/fuzz_*.c with libFuzzer, seeds in tests/fuzz/corpus/<name>/ ----
FUZZ_SECONDS ?= 60
FUZZ_BUILD   := build/fuzz
FUZZ_SRC     := $(wildcard tests/fuzz/fuzz_*.c)
.PHONY: fuzz
fuzz:
	FUZZ_SECONDS=$(FUZZ_SECONDS) sh tests/fuzz/run.sh $(patsubst tests/fuzz/%.c,%,$(FUZZ_SRC))

.PHONY: bench
bench: all tools $(NODE_MODULES)
	@VEREDA_BIN=$(abspath $(BIN)) VEREDA_TOOLS=$(abspath $(BUILD)/tools) node tests/load/bench.mjs

# ---- style ----
C_FILES = $(shell git ls-files '*.c' '*.h')
.PHONY: format lint
format:
	clang-format -i $(C_FILES)
lint:
	@clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --suppressions-list=tools/cppcheck.txt -I. apid senderd schedulerd webhookd sandboxd mediaconv mediaxfer cli common
