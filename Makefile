# The habits of this repository. `make` alone lists them.

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The tools have a modfile of their own, so that users do not inherit them.
TOOL := go tool -modfile=tools.mod

# Modules beside the one of the root.
NESTED := $(patsubst %/go.mod,%,$(wildcard */go.mod */*/go.mod))

# The tests that need a browser, in modules of their own too.
E2E := $(patsubst %/go.mod,%,$(wildcard examples/*/e2e/go.mod))

# The race detector needs a C compiler.
RACE = $(shell command -v $$(go env CC) >/dev/null && echo -race)

TIMEOUT  ?= 5m
FUZZTIME ?= 20s
BENCH    ?= .
COUNT    ?= 6
PKG      ?= ./...

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: chat
chat: ## Run the chat, a service of two tenants with a page; on a live server with REDIS_URL=redis://...
	go run ./examples/chat

.PHONY: quickstart
quickstart: ## Run the first example; on a live server with REDIS_URL=redis://...
	go run ./examples/quickstart

.PHONY: test
test: redis ## Run all tests, with a real Redis; installs one where apt or brew can
	@$(if $(RACE),,echo "No C compiler: the tests run without the race detector.")
	@for module in $(NESTED); do (set -x; cd $$module && go test $(RACE) -count=1 -timeout=$(TIMEOUT) ./...) || exit; done
	go test $(RACE) -count=1 -timeout=$(TIMEOUT) $(PKG)

.PHONY: soak
soak: redis ## Run the long tests, in which servers and workers are killed for minutes
	SOAK=1 go test -count=1 -timeout=1h -run='^TestSoak' -v $(PKG)

.PHONY: slowlog
slowlog: redis ## Run all tests and print the scripts that kept a server busy longest, in microseconds
	@log=$$(mktemp) && REDISTEST_SLOWLOG=$$log go test -count=1 -timeout=$(TIMEOUT) $(PKG) && \
		grep -aiE '"(eval|evalsha)"' $$log | sort -rn | head -n 20; rm -f $$log

.PHONY: e2e
e2e: chromium ## Open the examples' pages in a headless Chromium; installs one where apt can
	@for module in $(E2E); do (set -x; cd $$module && go test -count=1 -timeout=$(TIMEOUT) ./...) || exit; done

.PHONY: check
check: fmt-check tidy vet lint test costs ## All that must pass before a change goes in

.PHONY: fmt
fmt: ## Format the code and order its imports
	$(TOOL) golangci-lint fmt

.PHONY: fmt-check
fmt-check: ## Show what fmt would change; fail if it would
	$(TOOL) golangci-lint fmt --diff

.PHONY: tidy
tidy: ## Show what `go mod tidy` would change; fail if it would
	go mod tidy -diff
	@for module in $(NESTED) $(E2E); do (set -x; cd $$module && go mod tidy -diff) || exit; done

.PHONY: vet
vet: ## Run go vet
	go vet ./...
	@for module in $(NESTED) $(E2E); do (set -x; cd $$module && go vet ./...) || exit; done

# golangci-lint runs the checks of staticcheck once more, on tests too, with the
# exceptions that .golangci.yml gives for them.
.PHONY: lint
lint: ## Run staticcheck and golangci-lint (the first build takes a few minutes)
	$(TOOL) staticcheck -tests=false -checks=inherit,-U1000 ./...
	$(TOOL) golangci-lint run
	@for module in $(NESTED) $(E2E); do (set -x; lint=$$($(TOOL) -n golangci-lint) && cd $$module && $$lint run) || exit; done

.PHONY: bench
bench: ## Run the benchmarks, BENCH=regexp PKG=./hashrepo COUNT=6; the output is for benchstat
	@go test -run='^$$' -bench='$(BENCH)' -benchmem -count=$(COUNT) $(PKG)

.PHONY: performance
performance: redis ## Measure the plots of docs/performance.md anew, beside other libraries (10 minutes on a machine at rest)
	cd bench && go run . -growth -report build
	cp bench/build/plots/*.svg docs/performance/

# The race detector allocates, so that this is no part of test.
.PHONY: costs
costs: redis ## Compare allocations and round trips with bench/baseline/baseline.txt; fail where one rose
	cd bench && go test -count=1 ./baseline

.PHONY: baseline
baseline: redis ## Measure baseline.txt anew, REASON="why a line changed"
	cd bench && BASELINE_UPDATE=1 go test -count=1 ./baseline

.PHONY: benchstat
benchstat: ## Compare two outputs of bench, OLD=old.txt NEW=new.txt
	@$(TOOL) benchstat $(OLD) $(NEW)

.PHONY: fuzz
fuzz: ## Run each fuzz test for FUZZTIME=20s
	@grep -rl '^func Fuzz' --include='*_test.go' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
			(set -x; go test -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZTIME) "$${file%/*}") || exit; \
		done || exit; \
	done

.PHONY: redis
redis: ## Install redis-server where it is missing
	@tools/install-redis

.PHONY: chromium
chromium: ## Install a Chromium where it is missing
	@tools/install-chromium
