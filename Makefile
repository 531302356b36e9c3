# make help lists the targets.
SHELL   := /bin/bash
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help build cross demo test soak contract lint fmt bench fuzz clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

build: ## the command at bin/rollcall, the connectors at bin/modules
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/rollcall ./agent
	bin/rollcall connector build plugins/pipedrive --out bin/modules/pipedrive.wasm
	bin/rollcall connector build plugins/infobip --out bin/modules/infobip.wasm

cross: ## build for linux and windows, amd64 and arm64, into bin/cross
	@set -e; for os in linux windows; do for arch in amd64 arm64; do \
	  ext=; [ $$os = windows ] && ext=.exe; \
	  echo "build $$os/$$arch"; \
	  GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o bin/cross/rollcall-$$os-$$arch$$ext ./agent; done; done

demo: ## the main job at work: a real AD, a simulated Pipedrive, the whole story
	@scripts/demo.sh

test: ## unit, connector, real-DC and command tests, with the race detector
	@scripts/test.sh

soak: ## make test with every random, hostile and killed test at full size (long)
	@ROLLCALL_SOAK=1 scripts/test.sh

contract: ## connectors and simulators against the vendors' specifications: APIS=FOLDER
	@APIS="$(APIS)" scripts/contract.sh

lint: ## formatting, vet, golangci-lint
	@scripts/lint.sh

fmt: ## format the code
	@. scripts/tools.sh && "$$(tool golangci-lint $(GOLANGCI))" fmt ./...

bench: ## benchmarks as ratios against a baseline in the same run
	@scripts/bench.sh

fuzz: ## every fuzz target for 30 seconds each
	@scripts/fuzz.sh

clean: ## remove what was built
	rm -rf bin
