# The commands of this repository. `make` lists them.

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The tools are in a separate modfile, so that users do not inherit them.
TOOL := go tool -modfile=tools.mod

# The modules other than that of the root.
NESTED := $(patsubst %/go.mod,%,$(wildcard */go.mod */*/go.mod))

# The tests that need a browser, which are modules too.
E2E := $(patsubst %/go.mod,%,$(wildcard examples/*/e2e/go.mod cmd/*/e2e/go.mod))

# The race detector needs a C compiler.
RACE = $(shell command -v $$(go env CC) >/dev/null && echo -race)

TIMEOUT  ?= 10m
FUZZTIME ?= 20s
BENCH    ?= .
COUNT    ?= 6
PKG      ?= ./...

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: chat
chat: ## Run the chat example, with a page; REDIS_URL=redis://... uses a live server
	go run -C examples/chat .

.PHONY: quickstart
quickstart: ## Run the first example; REDIS_URL=redis://... uses a live server
	go run ./examples/quickstart

# The library comes first, so that its failures show early.
.PHONY: test
test: redis ## Run all tests with a real Redis, which takes about 14 minutes; installs it with apt or brew if it is missing
	@echo "All tests take about 14 minutes on 2 cores. make test-fast takes less than one."
	@$(if $(RACE),,echo "No C compiler: the tests run without the race detector.")
	@SECONDS=0; (set -x; go test $(RACE) -count=1 -timeout=$(TIMEOUT) $(PKG)) || exit; \
	for module in $(NESTED); do (set -x; cd $$module && go test $(RACE) -count=1 -timeout=$(TIMEOUT) ./...) || exit; done; \
	echo "The tests took $$SECONDS s."

.PHONY: test-fast
test-fast: ## Run the short tests of the library, which start no servers, in less than a minute after the first build
	@SECONDS=0; go test -short -timeout=$(TIMEOUT) $$(go list $(PKG) | grep -v /examples) || exit; echo "The tests took $$SECONDS s."

.PHONY: soak
soak: redis ## Run the long tests, which kill servers and workers for minutes
	SOAK=1 go test -count=1 -timeout=1h -run='^TestSoak' -v $(PKG)

.PHONY: slowlog
slowlog: redis ## Run all tests and print the slowest scripts, in microseconds
	@log=$$(mktemp) && REDISTEST_SLOWLOG=$$log go test -count=1 -timeout=$(TIMEOUT) $(PKG) && \
		grep -aiE '"(eval|evalsha)"' $$log | sort -rn | head -n 20; rm -f $$log

.PHONY: e2e
e2e: chromium ## Test the pages of the inspector and the examples in a headless Chromium; installs it with apt if it is missing
	@for module in $(E2E); do (set -x; cd $$module && go test -count=1 -timeout=$(TIMEOUT) ./...) || exit; done

.PHONY: check
check: fmt-check tidy vet lint test costs ## Run everything that a change must pass

.PHONY: fmt
fmt: ## Format the code and order its imports
	$(TOOL) golangci-lint fmt

.PHONY: fmt-check
fmt-check: ## Show what fmt would change; fail if there is anything
	$(TOOL) golangci-lint fmt --diff

.PHONY: tidy
tidy: ## Show what `go mod tidy` would change; fail if there is anything
	go mod tidy -diff
	@for module in $(NESTED) $(E2E); do (set -x; cd $$module && go mod tidy -diff) || exit; done

.PHONY: vet
vet: ## Run go vet
	go vet ./...
	@for module in $(NESTED) $(E2E); do (set -x; cd $$module && go vet ./...) || exit; done

# golangci-lint also runs the checks of staticcheck, on tests too, with the
# exceptions in .golangci.yml.
.PHONY: lint
lint: ## Run staticcheck and golangci-lint (the first build takes a few minutes)
	$(TOOL) staticcheck -tests=false -checks=inherit,-U1000 ./...
	$(TOOL) golangci-lint run
	@for module in $(NESTED) $(E2E); do (set -x; lint=$$($(TOOL) -n golangci-lint) && cd $$module && $$lint run) || exit; done

.PHONY: bench
bench: ## Run the benchmarks, BENCH=regexp PKG=./hashrepo COUNT=6; the output is for benchstat
	@go test -run='^$$' -bench='$(BENCH)' -benchmem -count=$(COUNT) $(PKG)

.PHONY: performance
performance: redis ## Draw the plots of docs/performance.md again (10 minutes on an idle machine)
	cd bench && go run . -growth -report build
	cp bench/build/plots/*.svg docs/performance/

# The race detector allocates, so costs is not a part of test.
.PHONY: costs
costs: redis ## Compare allocations and round trips with bench/baseline/baseline.txt; fail if one is higher
	cd bench && go test -count=1 ./baseline

.PHONY: baseline
baseline: redis ## Update baseline.txt, REASON="why a line changed"
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

# The database of known vulnerabilities is a module too, so that only the module
# proxy is needed.
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
VULNDB      := golang.org/x/vulndb@latest
GO_LICENSES := github.com/google/go-licenses@v1.6.0
LICENSES    := Apache-2.0,BSD-2-Clause,BSD-3-Clause,BSL-1.0,ISC,MIT,MPL-2.0,Unlicense

.PHONY: audit
audit: ## Check the sums and the licences of all dependencies, and look for known vulnerabilities
	@for module in . $(NESTED); do (set -x; cd $$module && go mod verify) || exit; done
	@export GOROOT=$$(go env GOROOT); for module in . $(NESTED); do \
		(set -x; cd $$module && go run $(GO_LICENSES) check --allowed_licenses=$(LICENSES) --ignore=github.com/symphony-go/symphony ./... 2>&1 | grep -v 'non-Go code' | grep -v '\.s$$'; exit $${PIPESTATUS[0]}) || exit; done
	@db=$$(go mod download -json $(VULNDB) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/data/osv; failed=0; for module in . $(NESTED); do \
		(set -x; cd $$module && go run $(GOVULNCHECK) -db file://$$db ./...) || failed=1; done; exit $$failed

.PHONY: redis
redis: ## Install redis-server if it is missing
	@tools/install-redis

.PHONY: chromium
chromium: ## Install Chromium if it is missing
	@tools/install-chromium
