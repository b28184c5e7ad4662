# Everything a contributor or a CI job runs. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help build demo test setup soak sdk bench bench-gateway lint fmt clean

# The packages that start goroutines. internal/arch holds this line against its table of layers.
RACE_PACKAGES := ./gateway ./gateway/entra ./gateway/identity ./gateway/upstream ./internal/authority ./internal/drive ./internal/histogram ./internal/keyfile ./internal/memo ./internal/otlp ./internal/pace ./internal/prompt ./internal/tokens ./loadgen ./scenarios/live ./simulator ./simulator/aoai ./simulator/identity ./simulator/replica
SCENARIO      := scenarios/library/ptu-outage.yaml
STATICCHECK   := go tool -modfile=tools/staticcheck/go.mod staticcheck

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/foundrylab, one static binary
	CGO_ENABLED=0 go build -trimpath -o bin/foundrylab ./cmd/foundrylab

demo: build ## run a provisioned deployment's outage in virtual time and write the report to out/demo
	./bin/foundrylab run $(SCENARIO) --out out/demo
	@echo; echo "The report:"; find "$(CURDIR)/out/demo" -type f | sort | sed 's/^/  /'

test: setup ## run all tests, then the shell packages under the race detector
	go test -timeout 10m ./...
	@if [ "$$(go env CGO_ENABLED)" = 1 ]; then set -x; go test -race -shuffle=on -timeout 10m $(RACE_PACKAGES); \
	else echo "SKIPPED: the race detector needs a C compiler (gcc or clang) in PATH"; fi

setup: ## install what some tests need (as root, with apt), or say what to install
	tools/setup-test.sh

soak: ## run the long tests, one package at a time: thousands of streams, a minute live beside virtual, overload, 100,000 patches, millions of token counts, seconds of fuzzing
	FOUNDRYLAB_SOAK=1 go test -count=1 -p 1 -v -timeout 60m ./gateway ./scenarios/live ./simulator ./simulator/replica ./internal/tokens
	tools/fuzz.sh 10 ./internal/ops ./simulator/content ./simulator/fixture ./simulator/structured ./simulator/filter ./gateway ./gateway/affinity ./gateway/identity ./gateway/tenancy ./gateway/upstream ./simulator/identity

sdk: ## install the SDKs of OpenAI and Anthropic for Python and Node, and LangChain, in a temporary folder, have them speak to a simulator, with and without a gateway before it, and run the Go SDKs' own tests
	FOUNDRYLAB_SDK=1 FOUNDRYLAB_SDK_DIR="$${FOUNDRYLAB_SDK_DIR:-$$(mktemp -d)}" go test -count=1 -v -timeout 30m -run 'TestSDKMatrix|TestGoMatrix|TestLangChainConversation|TestSDKsOwnTests' ./simulator

bench: ## hold the speed bounds (ten million requests, pacing), then run every benchmark; BENCH="-count 10 -benchtime 2s" is handed to go test
	tools/bench.sh $(BENCH)

bench-gateway: ## hold the gateway's speed beside ReverseProxy, nginx, haproxy and Portkey (installs the latter three where it can)
	tools/bench-gateway.sh

lint: ## gofmt, go vet and staticcheck; any finding fails
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not gofmt'ed (run make fmt):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(STATICCHECK) ./...

fmt: ## format all Go files
	gofmt -w .

clean: ## remove what the other targets made
	rm -rf bin out
