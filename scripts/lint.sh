#!/usr/bin/env bash
# Checks formatting, runs vet for every shipped platform, and runs a pinned
# version of golangci-lint.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh

unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
  printf 'not formatted (make fmt):\n%s\n' "$unformatted"
  exit 1
fi
go vet ./...
go vet -tags contract ./agent
GOOS=windows go vet ./agent/... ./host/... ./sdk/...
GOOS=wasip1 GOARCH=wasm go vet ./sdk/ ./sdk/abi/ ./plugins/pipedrive/ ./plugins/infobip/
if command -v shellcheck >/dev/null; then
  shellcheck -x scripts/*.sh .ci/run
fi
lint=$(tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0)
"$lint" run ./...
